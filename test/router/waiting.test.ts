/** How many commands and calls wait, in which order they go on, and who is turned away. */
import { describe, expect, test } from "bun:test";
import { handleNumber } from "../../src/ids.ts";
import { Mailboxes } from "../../src/router/mailbox.ts";
import { compileKeyword } from "../../src/router/match/keywords.ts";
import { parseArguments } from "../../src/router/match/parse.ts";
import { Registry } from "../../src/router/match/registry.ts";
import { SenderGate } from "../../src/router/sender-gate.ts";
import { FakeClock, settle } from "../fake-clock.ts";

const rate = (count: number, periodS: number) => ({ count, periodS, text: `${count}/${periodS}` });

describe("a sender's commands", () => {
  function gate(count: number, periodS: number) {
    const clock = new FakeClock();
    const senders = new SenderGate(clock, rate(count, periodS));
    const order: string[] = [];
    /** `now`, `no`, or `later`. */
    const admit = (sender: number, name = "") => {
      const admitted = senders.admit(sender);
      if (typeof admitted === "boolean") return admitted ? "now" : "no";
      void admitted.then((yes) => order.push(`${name} ${yes ? "admitted" : "refused"}`));
      return "later";
    };
    return { clock, senders, order, admit };
  }

  test("beyond the rate three wait, each for its turn, and the rest is refused", async () => {
    const { clock, order, admit } = gate(2, 10);
    expect(["a", "b", "c", "d", "e", "f"].map((name) => admit(1, name))).toEqual(["now", "now", "later", "later", "later", "no"]);
    expect(admit(2)).toBe("now");
    await clock.advance(4_999);
    expect(order).toEqual([]);
    await clock.advance(2);
    expect(order).toEqual(["c admitted"]);
    expect(admit(1, "g")).toBe("later");
    await clock.advance(5_000);
    expect(order).toEqual(["c admitted", "d admitted"]);
    await clock.advance(10_000);
    expect(order).toEqual(["c admitted", "d admitted", "e admitted", "g admitted"]);
    expect(clock.pending).toBe(0);
    await clock.advance(10_000);
    expect(["h", "i", "j"].map((name) => admit(1, name))).toEqual(["now", "now", "later"]);
  });

  test("of all senders two hundred wait; a stop refuses them, and others may wait then", async () => {
    const { senders, order, admit, clock } = gate(1, 60);
    const outcomes = Array.from({ length: 67 }, (_, sender) => Array.from({ length: 4 }, () => admit(sender))).flat();
    expect(outcomes.filter((each) => each === "later")).toHaveLength(200);
    expect(outcomes.slice(-4)).toEqual(["now", "later", "later", "no"]);
    senders.stop();
    await settle();
    expect(order).toHaveLength(200);
    expect(new Set(order)).toEqual(new Set([" refused"]));
    expect(clock.pending).toBe(0);
    expect(admit(0)).toBe("later");
    senders.stop();
  });

  test("a new rate counts at once for all, known or not", () => {
    const { senders, admit } = gate(1, 60);
    expect([admit(1), admit(1)]).toEqual(["now", "later"]);
    senders.stop();
    senders.setRate(rate(2, 60));
    expect([admit(1), admit(1), admit(1)]).toEqual(["now", "now", "later"]);
    expect([admit(2), admit(2), admit(2)]).toEqual(["now", "now", "later"]);
    senders.stop();
  });

  test("a thousand senders are known; the one heard longest ago is forgotten, unless it waits", () => {
    for (const [others, outcome] of [
      [999, "later"],
      [1_000, "now"],
    ] as const) {
      const { admit, senders } = gate(1, 3_600);
      admit(1);
      for (let n = 0; n < others; n++) admit(100 + n);
      expect(admit(1)).toBe(outcome);
      senders.stop();
    }
    const { admit, senders } = gate(1, 3_600);
    admit(1);
    expect(admit(1)).toBe("later");
    for (let n = 0; n < 1_500; n++) admit(100 + n);
    expect(admit(1)).toBe("later");
    senders.stop();
  });
});

describe("a plugin's calls", () => {
  test("eight run, sixty-four wait, of strangers thirty-two, of one sender eight; the rest is not made", async () => {
    for (const [isStranger, waiting] of [
      [false, 64],
      [true, 32],
    ] as const) {
      const boxes = new Mailboxes(new FakeClock());
      const end = Promise.withResolvers<void>();
      const posted = Array.from({ length: 80 }, (_, sender) => boxes.post("p", sender, () => end.promise, isStranger));
      expect([boxes.depth("p"), boxes.overflows]).toEqual([{ inFlight: 8, waiting }, 72 - waiting]);
      expect(boxes.depth("q")).toEqual({ inFlight: 0, waiting: 0 });
      end.resolve();
      expect((await Promise.all(posted)).filter(({ run }) => run)).toHaveLength(8 + waiting);
      await settle();
      expect(boxes.depth("p")).toEqual({ inFlight: 0, waiting: 0 });
    }
  });

  test("strangers who were served leave their places to others", async () => {
    const boxes = new Mailboxes(new FakeClock(), { inFlight: 1, waitingStrangers: 2 });
    const ends = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
    const post = (at: number) => boxes.post("p", at, () => ends[at]?.promise ?? Promise.resolve(), true);
    const posted = [post(0), post(1), post(2), post(3)];
    expect(boxes.overflows).toBe(1);
    ends[0]?.resolve();
    await settle();
    expect(boxes.depth("p")).toEqual({ inFlight: 1, waiting: 1 });
    posted.push(post(3));
    expect([boxes.overflows, boxes.depth("p").waiting]).toEqual([1, 2]);
    for (const { resolve } of ends) resolve();
    expect((await Promise.all(posted)).map(({ run }) => run)).toEqual([true, true, true, false, true]);
  });
});

describe("what a plugin may not register", () => {
  const refusal = (registration: { readonly kind: string; readonly [key: string]: unknown }, mayOverride = false) => {
    const checked = new Registry("!").check("p", registration, { mayOverride });
    return checked.ok ? "taken" : `${checked.error.code}: ${checked.error.summary()}`;
  };
  const aliases = (count: number) => Array.from({ length: count }, (_, n) => `a${n}`);

  test.each<[string, { readonly [key: string]: unknown }, string]>([
    ["an empty name", { name: "" }, 'invalid_argument: "" cannot be a command: it is empty (use one short word)'],
    ["32 characters", { name: "x".repeat(32) }, "taken"],
    [
      "33 characters",
      { name: "x".repeat(33) },
      `invalid_argument: "${"x".repeat(32)}" cannot be a command: it has over 32 characters (use one short word)`,
    ],
    [
      "two words",
      { name: "two words" },
      'invalid_argument: "two words" cannot be a command: it has blanks, quotes or control characters (use one short word)',
    ],
    [
      "the prefix",
      { name: "!x" },
      'invalid_argument: "!x" cannot be a command: it begins with the prefix !, which users write before it (use one short word)',
    ],
    ["20 aliases", { name: "x", aliases: aliases(20) }, "taken"],
    ["21 aliases", { name: "x", aliases: aliases(21) }, 'invalid_argument: command "x" has over 20 aliases'],
    [
      "an alias of two words",
      { name: "x", aliases: ["a b"] },
      'invalid_argument: "a b" cannot be a command: it has blanks, quotes or control characters (use one short word)',
    ],
    [
      "a reserved name",
      { name: "help" },
      'permission_denied: the command "help" is reserved (request it in the manifest: permissions: [{ override_commands: { names: [help] } }])',
    ],
    [
      "a reserved alias",
      { name: "x", aliases: ["help"] },
      'permission_denied: "help" is reserved and cannot be an alias (register it as a command of its own)',
    ],
  ])("a command with %s", (_, registration, expected) => {
    expect(refusal({ kind: "command", ...registration })).toBe(expected);
  });

  test("a kind that is none of the router's, and a handle twice", () => {
    expect(refusal({ kind: "task" })).toBe('invalid_argument: the router takes no "task"');
    const registry = new Registry(() => "");
    const add = () => registry.add("p", handleNumber(4), { kind: "command", name: "!x" }, { mayOverride: false });
    expect(add().ok).toBe(true);
    const again = add();
    expect(again.ok ? "" : `${again.error.code}: ${again.error.message}`).toBe("conflict: handler 4 of p is registered already");
  });

  test.each([
    ["x".repeat(64), "taken"],
    ["x".repeat(65), "a keyword pattern has at most 64 characters"],
    ["a b c d e f g h", "taken"],
    ["a b c d e f g h i", "a keyword pattern has 1 to 8 words"],
    ["  ", "a keyword pattern has 1 to 8 words"],
    ["a*b*c", '"a*b*c" is not a word that a keyword can match'],
    ["* *", "a keyword of * alone would match everything"],
  ])("the keyword %.20s", (pattern, expected) => {
    const compiled = compileKeyword(pattern);
    expect(compiled.ok ? "taken" : compiled.error.message).toBe(expected);
  });
});

test("handlers without a priority come after those below a hundred, before those above, in the order of registration", () => {
  const registry = new Registry("!");
  const add = (plugin: string, priority?: number) =>
    registry.add(
      plugin,
      handleNumber(1),
      { kind: "command", name: "x", ...(priority === undefined ? {} : { priority }) },
      { mayOverride: false },
    );
  add("usual");
  add("after", 101);
  add("same", 100);
  add("before", 99);
  expect(registry.commands("x").map(({ plugin }) => plugin)).toEqual(["before", "usual", "same", "after"]);
  for (const plugin of ["usual", "same"]) registry.remove(plugin, handleNumber(1));
  expect(registry.commands("x").map(({ plugin }) => plugin)).toEqual(["before", "after"]);
});

test("what is beyond the hundredth argument is part of it", () => {
  const words = Array.from({ length: 102 }, (_, n) => `w${n}`);
  expect(parseArguments(words.slice(0, 100).join(" "))).toEqual(words.slice(0, 100));
  expect(parseArguments(`${words.join(" ")}  `)).toEqual([...words.slice(0, 99), words.slice(99).join(" ")]);
});
