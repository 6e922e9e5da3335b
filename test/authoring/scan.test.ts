/** What `plugin check` reads from an author's source by its words alone: first uses, forgotten promises, values that cannot be stored. */
import { describe, expect, test } from "bun:test";
import { scan } from "../../src/authoring/check/scan.ts";

const of = (text: string, file = "plugin.ts") => scan(new Map([[file, text]]));
/** `sendMessage 2:3` */
const at = ({ what, line, column }: { what: string; line: number; column: number }) => `${what} ${line}:${column}`;

describe("permissions", () => {
  const uses = (text: string) => Object.fromEntries([...of(text).uses].map(([permission, use]) => [permission, at(use)]));

  test("each by its first use, in the order of the files", () => {
    const { uses } = scan(
      new Map([
        ["a.ts", "class A {\n  a() {\n    return this.sendMessage('x');\n  }\n}"],
        ["b.ts", "await plugin.sendMessage('y');\nawait this.db.query('SELECT 1');"],
      ]),
    );
    expect([...uses]).toEqual([
      ["send_messages", { what: "sendMessage", words: "sends text to the mesh in the gateway's name", file: "a.ts", line: 3, column: 17 }],
      ["database_access", expect.objectContaining({ what: "db.query", file: "b.ts", line: 2, column: 15 })],
    ]);
  });

  test("a plain call says more than a registration, whichever comes first", () => {
    expect(uses("this.registerKeyword('a', f); await this.sendMessage('x');")).toEqual({
      receive_messages: "registerKeyword 1:6",
      send_messages: "sendMessage 1:42",
    });
    expect(uses("this.registerCommand('a', f);\nawait this.sendMessage('x');\nawait this.sendMessage('y');")).toMatchObject({
      send_messages: "sendMessage 2:12",
    });
    expect(uses("await this.sendMessage('x');\nthis.registerCommand('a', f);")).toMatchObject({ send_messages: "sendMessage 1:12" });
    expect(uses("this.registerCommand('a', f);\nthis.registerMenuItem('m', 'l', f);")).toMatchObject({
      send_messages: "registerCommand 1:6",
    });
  });

  test.each([
    ["fetch of the realm", "await fetch('https://a.org')", { http_requests: "fetch 1:7" }],
    ["a method called fetch", "await this.cache.fetch('a')", {}],
    ["a function of its own called fetch", "function fetch(a) { return a; }", {}],
    ["a method of its own called fetch", "class A { fetch(a): string { return a; } }", {}],
    ["a function named without a call", "const f = this.sendMessage;", {}],
    ["a function of the same name", "await sendMessage('a')", {}],
    ["query of something else", "await this.other.query('a')", {}],
    ["the database under another name", "await plugin.db.run('a')", { database_access: "db.run 1:17" }],
    ["words in a text or a comment", "// this.sendMessage('a')\nconst a = \"this.sendMessage('a')\";", {}],
  ])("%s", (_, text, expected) => {
    expect(uses(text)).toEqual(expected);
  });
});

describe("promises that nobody waits for", () => {
  const forgotten = (text: string) => of(text).forgotten.map(at);

  test.each([
    ["a statement of its own", "this.storeData('a', 1);", true],
    ["after a statement", "a();\nthis.storeData('a', 1);", true],
    ["after a block", "if (a) {}\nthis.storeData('a', 1);", true],
    ["as the body of if", "if (a) this.storeData('a', 1);", true],
    ["after else", "if (a) b(); else this.storeData('a', 1);", true],
    ["after do", "do this.storeData('a', 1); while (a);", true],
    ["inside a template", "`\u0024{this.retrieveData('a')}`", true],
    ["after a line without a semicolon", "const a = b\nthis.storeData('a', 1)", true],
    ["after a list without a semicolon", "const a = [b]\nthis.storeData('a', 1)", true],
    ["of a longer path", "this.plugin.storeData('a', 1);", true],
    ["awaited", "await this.storeData('a', 1);", false],
    ["returned", "return this.storeData('a', 1);", false],
    ["left on purpose", "void this.storeData('a', 1);", false],
    ["thrown", "throw this.storeData('a', 1);", false],
    ["yielded", "yield this.storeData('a', 1);", false],
    ["an argument", "wait(this.storeData('a', 1));", false],
    ["continued", "this.storeData('a', 1).catch(f);", false],
    ["the value of an arrow", "const f = () => this.storeData('a', 1);", false],
    ["in an expression on two lines", "const a = b +\nthis.storeData('a', 1)", false],
    ["a registration", "this.registerCommand('a', f);", false],
  ])("%s", (_, text, is) => {
    expect(forgotten(text)).toHaveLength(is ? 1 : 0);
  });

  test.each([
    ["kept and never awaited", "const a = this.retrieveData('a'); use(a);", true],
    ["kept and awaited later", "const a = this.retrieveData('a'); use(await a);", false],
    ["kept and returned", "const a = this.retrieveData('a'); return a;", false],
    ["kept and continued", "const a = this.retrieveData('a'); a.then(f);", false],
    ["kept and caught", "const a = this.retrieveData('a'); a.catch(f);", false],
    ["kept, and another member used", "const a = this.retrieveData('a'); a.length;", true],
    ["continued at once", "const a = this.retrieveData('a').then(f);", false],
    ["a field of an object", "a.b = this.retrieveData('a');", true],
    ["where the file has to do with Promise", "const a = this.retrieveData('a'); await Promise.all([a]);", false],
  ])("%s", (_, text, is) => {
    expect(forgotten(text)).toHaveLength(is ? 1 : 0);
  });

  test("each with its place, twenty at most", () => {
    expect(forgotten("this.storeData('a', 1);\n  this.deleteData('a');")).toEqual(["storeData 1:6", "deleteData 2:8"]);
    expect(forgotten("this.storeData('a', 1);\n".repeat(25))).toHaveLength(20);
  });
});

describe("values that cannot be stored", () => {
  const values = (text: string) => of(text).unstorable.map(({ value }) => value);
  test.each<[string, string | null]>([
    ["new Date()", "Date"],
    ["new Map([[1, 2]])", "Map"],
    ["new Set()", "Set"],
    ["new Set() as Json", "Set"],
    ["{ a: new Date() }", "Date"],
    ["{ a: 1, b: [1, new Map()] }", "Map"],
    ["{ a: function () {} }", "function"],
    ["function () {}", "function"],
    ["() => 1", "function"],
    ["(a, b) => a", "function"],
    ["{ a: () => 1 }", "function"],
    ["new Date().toISOString()", null],
    ["[...new Set(a)]", null],
    ["new Other()", null],
    ["list.map((a) => a.b)", null],
    ["sum(function () {})", null],
    ["{ a: list.map((a) => a.b) }", null],
    ["(1 + 2)", null],
    ["1", null],
  ])("%s", (value, expected) => {
    expect(values(`await this.storeData("key", ${value});`)).toEqual(expected === null ? [] : [expected as "Date"]);
  });

  test("the key is not the value, and other methods keep nothing", () => {
    expect(values("await this.storeData(new Date(), 1);")).toEqual([]);
    expect(values("await this.sendToPlugin('a', 'b', new Date());")).toEqual([]);
    expect(values("await this.storeData('a', new Date());\n".repeat(25))).toHaveLength(20);
  });
});

test("intervals, timers and questions for permissions", () => {
  const found = (text: string) => {
    const { intervals, timers, asks } = of(text);
    return { intervals: intervals.map(at), timers, asks };
  };
  const none = { intervals: [], timers: false, asks: false };
  expect(found("setInterval(f, 1000);")).toEqual({ ...none, intervals: ["setInterval 1:1"], timers: true });
  expect(found("globalThis.setInterval(f, 1000);")).toEqual({ ...none, intervals: ["setInterval 1:12"], timers: true });
  expect(found("clock.setInterval(f, 1000);")).toEqual({ ...none, timers: true });
  expect(found("const a = setInterval;")).toEqual({ ...none, timers: true });
  expect(found("setTimeout(f, 1);")).toEqual({ ...none, timers: true });
  expect(found("await this.permissions.request({});")).toEqual({ ...none, asks: true });
  expect(found("this.permissions.query({});")).toEqual({ ...none, asks: true });
  expect(found("this.permissions.list({});")).toEqual(none);
  expect(found("setInterval(f, 1);\n".repeat(25)).intervals).toHaveLength(20);
});

test("where each command and keyword is registered first, by a text that is written there", () => {
  const { registrations } = of(
    'this.registerCommand("hello", f);\nthis.registerKeyword("hi there", f);\nthis.registerCommand("hello", g);\nthis.registerCommand(name, f);\nregisterCommand;',
  );
  expect([...registrations].map(([label, { file, line, column }]) => `${label} ${file}:${line}:${column}`)).toEqual([
    'command "hello" plugin.ts:1:6',
    'keyword "hi there" plugin.ts:2:6',
  ]);
});
