import { describe, expect, test } from "bun:test";
import { parseCommandLine } from "../../src/cli/parser/parse.ts";
import { done, type Flags, misuse, textFlag, type Verb } from "../../src/cli/verb/verb.ts";
import { VERBS } from "../../src/cli/verbs/all.ts";

const verb = (name: string, more: Partial<Verb> = {}): Verb => ({ name, summary: `does ${name}`, run: async () => done, ...more });
const TABLE: readonly Verb[] = [
  verb("list", {
    args: [{ name: "ITEM", about: "an item", optional: true, many: true }],
    flags: {
      follow: { about: "go on", short: "f" },
      output: { about: "where to", value: "FILE", short: "o" },
      limit: { about: "how many", value: "N" },
      level: { about: "how loud", value: "LEVEL", choices: ["low", "high"] },
    },
  }),
  verb("log", { args: [{ name: "PLUGIN", about: "whose", optional: true }] }),
  verb("log verify"),
  verb("plugin enable", { args: [{ name: "NAME", about: "which" }] }),
  verb("plugin index build", { args: [{ name: "DIR", about: "where" }] }),
  verb("serve", { flags: { port: { about: "its own port", value: "N", required: true } } }),
];
const parse = (...argv: string[]) => parseCommandLine(TABLE, argv, 80);

describe("flags and arguments", () => {
  test.each<[string[], string[], Flags]>([
    [[], [], {}],
    [["a", "b"], ["a", "b"], {}],
    [["--limit", "3", "a"], ["a"], { limit: "3" }],
    [["a", "--limit=3"], ["a"], { limit: "3" }],
    [["--limit=", "a"], ["a"], { limit: "" }],
    [["--limit=a=b=c"], [], { limit: "a=b=c" }],
    [["a", "--json", "b"], ["a", "b"], { json: true }],
    [["-f", "a"], ["a"], { follow: true }],
    [["-o", "file"], [], { output: "file" }],
    [["-fo", "file"], [], { follow: true, output: "file" }],
    [["-"], ["-"], {}],
    [["--limit", "-1"], [], { limit: "-1" }],
    [["--limit", "--json"], [], { limit: "--json" }],
    [["--limit", "1", "--limit", "2"], [], { limit: "2" }],
    [["--data-dir", "x", "--level", "high"], [], { "data-dir": "x", level: "high" }],
    [["a", "--", "--json", "-f", "--"], ["a", "--json", "-f", "--"], {}],
    [["--"], [], {}],
    [["constructor", "__proto__"], ["constructor", "__proto__"], {}],
  ])("%j: arguments %j, flags %j", (argv, args, flags) => {
    expect(parse("list", ...argv)).toMatchObject({ kind: "run", verb: { name: "list" }, args, flags });
  });

  test("flags may be given before the verb; those behind it win, and a verb's own flag is not the common one", () => {
    expect(parse("--config", "a", "--port", "1", "list", "--port", "2")).toMatchObject({ flags: { config: "a", port: "2" } });
    expect(parse("plugin", "--json", "enable", "x")).toMatchObject({ verb: { name: "plugin enable" }, flags: { json: true } });
    expect(parse("--port", "1", "serve")).toMatchObject({ kind: "wrong", message: "required option '--port <N>' not specified" });
  });

  test("a verb may have verbs of its own", () => {
    expect(parse("log", "x")).toMatchObject({ verb: { name: "log" }, args: ["x"] });
    expect(parse("log", "verify", "--json")).toMatchObject({ verb: { name: "log verify" }, flags: { json: true } });
    expect(parse("plugin", "index", "build", "d")).toMatchObject({ verb: { name: "plugin index build" }, args: ["d"] });
  });

  test.each<[string[], string]>([
    [["list", "--limt", "3"], "unknown option '--limt'; did you mean --limit?"],
    [["list", "--limt=3"], "unknown option '--limt=3'"],
    [["list", "-x"], "unknown option '-x'"],
    [["list", "--constructor", "x"], "unknown option '--constructor'"],
    [["list", "--__proto__=x"], "unknown option '--__proto__=x'"],
    [["list", "--limit"], "option '--limit <N>' argument missing"],
    [["list", "--json=yes"], "unknown option '--json=yes'"],
    [["list", "--level", "loud"], "option '--level <LEVEL>' argument 'loud' is invalid. Allowed choices are low, high."],
    [["lst"], "unknown verb 'lst'; did you mean list?"],
    [["enable", "x"], "unknown verb 'enable'; did you mean plugin enable?"],
    [["plugin", "enabel", "x"], "unknown verb 'enabel'; did you mean enable?"],
    [["plugin"], "plugin what?"],
    [["plugin", "index"], "plugin index what?"],
    [["plugin", "enable"], "missing required argument 'NAME'"],
    [["plugin", "enable", "a", "b"], "too many arguments for 'enable'. Expected 1 argument but got 2: a, b."],
    [["help", "nothing"], "unknown verb 'nothing'"],
    [["nothing"], "unknown verb 'nothing'"],
    [["constructor"], "unknown verb 'constructor'"],
  ])("%j: %s", (argv, message) => {
    const parsed = parse(...argv);
    expect(parsed).toMatchObject({ kind: "wrong", usage: expect.stringContaining("usage: zephyrgate") });
    expect(parsed.kind === "wrong" && parsed.message?.startsWith(message)).toBe(true);
    expect(parsed.kind === "wrong" && parsed.message?.includes("\n")).toBe(false);
  });

  test("a flag's text is read as text only", () => {
    const flags = { limit: "3", json: true } as const;
    expect(["limit", "json", "other"].map((name) => textFlag(flags, name))).toEqual(["3", undefined, undefined]);
  });

  test("a value that cannot be is a usage error", () => {
    const refused = misuse("--limit must be a number");
    expect(refused).toMatchObject({
      ok: false,
      error: { code: "invalid_argument", message: "--limit must be a number", data: { usage: true } },
    });
  });
});

describe("help", () => {
  const shown = (...argv: string[]) => {
    const parsed = parseCommandLine(VERBS, argv, 80);
    return parsed.kind === "show" ? parsed.text : JSON.stringify(parsed);
  };

  test.each(VERBS.map((each) => [each.name, each] as const))(
    "%s: help and --help say the same, with every flag and argument",
    (name, each) => {
      const words = name.split(" ");
      const text = shown("help", ...words);
      expect(shown(...words, "--help")).toBe(text);
      expect(shown(...words, "-h")).toBe(text);
      expect(text).toStartWith(`usage: zephyrgate ${name}`);
      for (const [flag, { about, hidden }] of Object.entries(each.flags ?? {})) {
        if (hidden === true) continue;
        expect(text).toContain(`--${flag}`);
        expect(about.length).toBeGreaterThan(5);
      }
      for (const argument of each.args ?? []) {
        expect(text).toContain(argument.name);
        expect(argument.about.length).toBeGreaterThan(5);
      }
      for (const flag of ["--config <FILE>", "--data-dir <DIR>", "--json"]) expect(text).toContain(flag);
      for (const row of text.split("\n")) expect(Bun.stringWidth(row)).toBeLessThanOrEqual(name.length > 20 ? 120 : 100);
    },
  );

  test("the overview names every verb and every group, and a group's help its verbs", () => {
    const text = shown("help");
    expect(shown("--help")).toBe(text);
    const first = new Set(VERBS.map(({ name }) => name.split(" ")[0] ?? ""));
    for (const word of first) expect(text).toMatch(new RegExp(`^  ${word} `, "m"));
    const group = shown("help", "plugin");
    expect(group.split("\n\n")[1]).toStartWith("verbs:\n  list ");
    expect(shown("plugin", "--help")).toBe(group);
    for (const { name } of VERBS.filter((each) => /^plugin \S+$/.test(each.name)))
      expect(group).toMatch(new RegExp(`^  ${name.slice("plugin ".length)} `, "m"));
  });
});
