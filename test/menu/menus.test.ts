import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { handleNumber } from "../../src/ids.ts";
import { layOut } from "../../src/menu/menu-page.ts";
import { SessionData } from "../../src/menu/session-data.ts";
import { gatewayTexts } from "../../src/texts/texts.ts";
import { FakeClock } from "../fake-clock.ts";
import { world } from "./world.ts";

const bytes = (text: string) => new TextEncoder().encode(text).length;

function bbs() {
  const made = world();
  made.add(
    { label: "Read mail", menu: "mail", command: "read", description: "Shows the letters for you" },
    { label: "Send mail", menu: "mail", command: "send" },
    { label: "Weather", menu: "utilities" },
    { label: "Today", menu: "utilities", parent: "weather" },
    { label: "Tomorrow", menu: "utilities", parent: "weather" },
    { label: "Restart", menu: "utilities", adminOnly: true },
    { label: "About", menu: "main", order: 200 },
  );
  return made;
}

describe("leaving", () => {
  test.each(["0", "q", "quit", "exit", "Exit!", "stop", "STOP.", "cancel", "q.", "ｑ"])("%p closes the menu", (word) => {
    const { add, say, menus } = world();
    add({ label: "About" });
    say("menu");
    expect(say(word)).toBe("Menu closed. Send menu to open it again.");
    expect(menus.openSessions).toBe(0);
    expect(say(word)).toBe("-");
  });

  test("two wrong words in a row close it with one line; a right one between them does not count", () => {
    const { add, say, menus } = world();
    add({ label: "About" });
    say("menu");
    const page = "MAIN\n1 About\nq=quit";
    for (let i = 0; i < 3; i++) {
      expect(say("wrong")).toBe(`No "wrong" here.\n${page}`);
      expect(say("?")).toBe(page);
    }
    say("wrong");
    expect(say("wrong again")).toBe('No "wrong" here. Menu closed. Send menu to open it again.');
    expect(menus.openSessions).toBe(0);
  });

  test("wrong words do not keep it open", async () => {
    const { add, say, clock } = world({ idleS: 60 });
    add({ label: "About" });
    say("menu");
    await clock.advance(40_000);
    expect(say("wrong")).toStartWith("No ");
    await clock.advance(20_000);
    expect(say("1")).toBe("-");
    say("menu");
    await clock.advance(40_000);
    expect(say("1")).toBe("demo/About()");
    await clock.advance(40_000);
    expect(say("1")).toBe("demo/About()");
  });

  test("a command that chooses nothing there runs as a command, and the menu stays; menu words come first", () => {
    const { add, say } = world({ isCommand: (word, isAdmin) => word === "ping" || word === "about" || (isAdmin && word === "reboot") });
    add({ label: "About" });
    say("menu");
    for (let i = 0; i < 3; i++) expect(say("ping me")).toBe("-");
    expect(say("about")).toBe("demo/About()");
    expect(say("reboot", { isAdmin: true })).toBe("-");
    expect(say("reboot")).toStartWith('No "reboot" here.');
    expect(say("1")).toBe("demo/About()");
  });

  test("a word behind bbs that no line has leaves the text to a command of that name, and the menu is as it was", () => {
    const { add, say, menus } = world({ isCommand: (word) => word === "bbs" || word === "mail" });
    add({ menu: "bulletins", label: "Post" });
    add({ menu: "mail", label: "Inbox" });
    expect(say("bbs read 12")).toBe("-");
    expect(menus.openSessions).toBe(0);
    expect(say("bbs bulletins post now")).toBe("demo/Post(now)");
    expect(say("mail send Ridge hello")).toBe("-");
    expect(say("post again")).toBe("demo/Post(again)");
    expect(say("b")).toStartWith("BBS");
    expect(say("mail nonsense")).toBe("-");
    expect(say("mail")).toStartWith("MAIL");
    expect(say("bbs read 12")).toBe("-");
    expect(say("nonsense")).toStartWith('No "nonsense" here.\nMAIL');
  });
});

describe("numbers", () => {
  test.each([
    "1",
    "1.",
    "1)",
    "#1",
    "(1)",
    "[1]",
    "1:",
    "1,",
    "１",
    "１．",
    "①",
    "⒈",
    "⑴",
    "1\ufe0f\u20e3",
    "1\u20e3",
    "\u200b1",
    "1\u200b",
    "١",
    "१",
  ])("%j is 1", (word) => {
    const { add, say } = world();
    add({ label: "About" }, { label: "News" });
    say("menu");
    expect(say(word)).toBe("demo/About()");
    expect(say(word.replaceAll(/[1１]/g, "2"))).toBe(/[1１]/.test(word) ? "demo/News()" : "demo/About()");
  });

  test("what is no number is none", () => {
    const { add, say } = world();
    add({ label: "About" });
    for (const word of ["1a", "a1", "1.1", "-1", "1/2", "12345"]) {
      say("menu");
      expect(say(word)).toStartWith("No ");
    }
  });
});

describe("pages", () => {
  test("every page fits 200 bytes, and together they show each line once under its own number", () => {
    const label = fc.oneof(fc.string({ maxLength: 40, minLength: 1, unit: "grapheme" }), fc.stringMatching(/^[a-z ]{1,64}$/));
    fc.assert(
      fc.property(
        fc.array(label, { maxLength: 120 }),
        fc.string({ maxLength: 80, unit: "grapheme" }),
        fc.boolean(),
        (labels, title, canGoBack) => {
          const entries = labels.map((text) => ({
            label: text.replace(/\s+/g, " "),
            command: null,
            description: null,
            adminOnly: false,
            order: 100,
            item: null,
            opens: null,
          }));
          const request = { title: title.replace(/\s+/g, " "), entries, canGoBack, say: gatewayTexts(() => "en") };
          const { pages } = layOut({ ...request, number: 0 });
          const numbers: number[] = [];
          for (let number = 0; number < pages; number++) {
            const page = layOut({ ...request, number });
            expect(bytes(page.text)).toBeLessThanOrEqual(200);
            expect(page.text.isWellFormed()).toBe(true);
            expect(page.number).toBe(number);
            expect(page.text.includes("n=more")).toBe(number < pages - 1);
            for (const line of page.text.split("\n").slice(1, -1)) {
              const match = /^(\d+) /.exec(line);
              if (match !== null) numbers.push(Number(match[1]));
            }
            expect(bytes(layOut({ ...request, number, notice: `No "${"é".repeat(50)}" here.` }).text)).toBeLessThanOrEqual(200);
          }
          expect(numbers).toEqual(labels.map((_, at) => at + 1));
        },
      ),
      { numRuns: 200 },
    );
  });

  test("n turns the page, and round to the first; a number on any page chooses; another place begins at its first page", () => {
    const { open, say, add } = world();
    for (let i = 1; i <= 40; i++) add({ label: `Entry number ${i}` });
    add({ label: "Sub", parent: "entry_number_40" });
    const first = open("menu");
    expect(first).toMatch(/^MAIN \(1\/\d\)\n1 Entry number 1\n/);
    const pages = Number(/\/(\d)\)/.exec(first)?.[1]);
    expect(say("n")).toStartWith(`MAIN (2/${pages})\n`);
    expect(say("?")).toStartWith(`MAIN (2/${pages})\n`);
    expect(say("1 x")).toBe("demo/Entry number 1(x)");
    expect(say("n")).toStartWith(`MAIN (3/${pages})\n`);
    for (let at = 3; at < pages; at++) say("next");
    expect(say("n")).toBe(first);
    expect(say("n n")).toStartWith(`MAIN (3/${pages})\n`);
    say("40");
    expect(say("b")).toBe(first);
  });
});

describe("sessions", () => {
  test("end after being idle, each word begins the time anew, and each node has its own", () => {
    const { open, say, clock, menus } = world({ idleS: 1800 });
    const made = bbs();
    expect(open("menu")).toBe("There is no menu yet.");
    made.open("menu");
    made.open("menu 2", { node: 7 });
    made.clock.pass(1_700_000);
    expect(made.say("1")).toStartWith("BBS");
    made.clock.pass(200_000);
    expect(made.say("1", { node: 7 })).toBe("-");
    expect(made.say("1")).toStartWith("MAIL");
    made.clock.pass(1_800_000);
    expect(made.say("1")).toBe("-");
    expect(made.menus.counters).toEqual({ opened: 2, closed: 0, expired: 2, evicted: 0 });
    expect([say("x"), clock.pending, menus.openSessions]).toEqual(["-", 0, 0]);
  });

  test("are bounded: the least recently used makes room, and is counted", () => {
    const { open, say, add, menus } = world({ maxSessions: 3 });
    add({ label: "About" });
    for (const node of [1, 2, 3]) open("menu", { node });
    say("?", { node: 1 });
    open("menu", { node: 4 });
    expect([1, 2, 3, 4].map((node) => say("?", { node }) !== "-")).toEqual([true, false, true, true]);
    expect(menus.counters.evicted).toBe(1);
  });

  test("a clock that is set leaves them alone", () => {
    const { open, say, add, clock } = world();
    add({ label: "About" });
    open("menu");
    clock.jumpWall(50 * 365 * 86_400_000);
    expect(say("1")).toBe("demo/About()");
  });

  test("whatever is said, the answer fits one message and nothing breaks", () => {
    const made = bbs();
    const step = fc.oneof(
      fc.constantFrom(
        "menu",
        "bbs",
        "1",
        "2",
        "3",
        "b",
        "0",
        "q",
        "n",
        "?",
        "help 1",
        "send",
        "read mail",
        '"Send mail"',
        "weather x",
        "about",
      ),
      fc.string({ maxLength: 60, unit: "grapheme" }),
      fc.string({ maxLength: 200, unit: "binary" }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        for (const text of steps) {
          const opened = made.open(text);
          const reply = opened === "-" ? made.raw(text) : null;
          if (reply?.kind === "page") expect(bytes(reply.text)).toBeLessThanOrEqual(200);
          if (reply?.kind === "invoke" && reply.fallback !== null) expect(bytes(reply.fallback)).toBeLessThanOrEqual(200);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("session data", () => {
  const make = (over: Partial<ConstructorParameters<typeof SessionData>[0]> = {}) => {
    const clock = new FakeClock();
    return { clock, data: new SessionData({ clock, idleS: 1800, ...over }) };
  };

  test("is kept per node and plugin while the node goes on, and ends with the idle time and the plugin", () => {
    const { clock, data } = make();
    expect(data.get(1, "game")).toEqual({});
    data.set(1, "game", { level: 2 });
    data.set(1, "quiz", { asked: [1, 2] });
    data.set(2, "game", { level: 9 });
    clock.pass(1_000_000);
    expect(data.get(1, "game")).toEqual({ level: 2 });
    clock.pass(1_000_000);
    expect([data.get(1, "quiz"), data.get(2, "game")]).toEqual([{ asked: [1, 2] }, {}]);
    data.forget("quiz");
    expect([data.get(1, "quiz"), data.get(1, "game")]).toEqual([{}, { level: 2 }]);
    data.forget("game");
    expect(data.size).toBe(0);
  });

  test("is bounded in size and in nodes", () => {
    const { data } = make({ maxNodes: 2, maxBytes: 20 });
    const large = data.set(1, "game", { text: "x".repeat(20) });
    expect(large.ok ? "ok" : large.error.code).toBe("quota_exceeded");
    for (const node of [1, 2, 3]) data.set(node, "game", { node });
    expect([1, 2, 3].map((node) => data.get(node, "game"))).toEqual([{}, { node: 2 }, { node: 3 }]);
    expect(data.evicted).toBe(1);
  });
});

test("a menu that was removed while its second page was open leads back to the first page of the one above", () => {
  const { add, registry, open, say } = world();
  add({ label: "Parent item", command: "parent" });
  add(...Array.from({ length: 20 }, (_, at) => ({ label: `Entry of the main menu ${at}` })));
  add(...Array.from({ length: 20 }, (_, at) => ({ label: `Entry under the parent ${at}`, parent: "parent" })));
  open("menu");
  say("parent");
  expect(say("n")).toContain("(2/");
  for (let handle = 22; handle <= 41; handle++) registry.remove("demo", handleNumber(handle));
  expect(say("?")).toStartWith("MAIN (1/");
});

test("five hundred nodes have a session unless configured otherwise; then the one idle longest is dropped", () => {
  const { add, menus, open } = world();
  add({ label: "Item" });
  for (let node = 1; node <= 500; node++) open("menu", { node });
  expect([menus.openSessions, menus.counters.evicted]).toEqual([500, 0]);
  open("menu", { node: 501 });
  expect([menus.openSessions, menus.counters.evicted]).toEqual([500, 1]);
});

test("session data is kept for five hundred nodes, the one used longest ago is dropped", () => {
  const { sessionData } = world();
  for (let node = 1; node <= 500; node++) expect(sessionData.set(node, "demo", { node }).ok).toBe(true);
  expect([sessionData.size, sessionData.evicted]).toEqual([500, 0]);
  sessionData.get(1, "demo");
  sessionData.set(501, "demo", { node: 501 });
  expect([sessionData.size, sessionData.evicted]).toEqual([500, 1]);
  expect([sessionData.get(1, "demo"), sessionData.get(2, "demo")]).toEqual([{ node: 1 }, {}]);
});
