import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { handleNumber } from "../../src/ids.ts";
import { parseEmergency } from "../../src/mesh/emergency/words.ts";
import { BROADCAST } from "../../src/mesh/ids.ts";
import { normalizeWord } from "../../src/mesh/words.ts";
import { settle } from "../fake-clock.ts";
import { BOB, OWN, RouterBench } from "./router-support.ts";

let b: RouterBench;
beforeEach(() => {
  b = new RouterBench();
});
afterEach(() => b.close());

const bang = () => Promise.reject(new TypeError("secret detail"));

describe("fairness", () => {
  test("a plugin that hangs delays no other plugin, and floods only its own mailbox", async () => {
    b.command("slow", "slow", () => new Promise<string>(() => {}));
    b.command("quick", "quick", () => "here");
    for (let i = 0; i < 200; i++) b.intake.receive(b.message("slow", { from: 1_000 + i }));
    await settle();
    expect(b.router.mailboxes.depth("slow")).toEqual({ inFlight: 8, waiting: 32 });
    expect(b.router.stats().overflows).toBe(160);
    const before = b.replies.length;
    b.intake.receive(b.message("quick"));
    await settle();
    expect(b.replies.slice(before).map((reply) => reply.text)).toEqual(["here"]);
  });

  test("a handler that dawdles keeps the next one's answer back for three seconds at most", async () => {
    const late = Promise.withResolvers<string>();
    b.command("dawdler", "hello", () => late.promise, { priority: -50 });
    b.command("greeter", "hello", () => "Hello");
    b.intake.receive(b.message("hello"));
    await b.clock.advance(2_900);
    expect(b.calls.map((call) => call.plugin)).toEqual(["dawdler"]);
    await b.clock.advance(200);
    expect(b.replies.map((reply) => reply.text)).toEqual(["Hello"]);
    late.resolve("too late");
    await b.router.idle();
    expect(b.replies.map((reply) => reply.text)).toEqual(["Hello"]);
  });

  test("a slow handler still answers when those after it stay silent or fail", async () => {
    const late = Promise.withResolvers<string>();
    b.command("slow", "hello", () => late.promise, { priority: -50 });
    b.command("silent", "hello", () => null);
    b.command("broken", "hello", bang);
    b.intake.receive(b.message("hello"));
    await b.clock.advance(5_000);
    expect(b.calls.map((call) => call.plugin)).toEqual(["slow", "silent", "broken"]);
    expect(b.replies).toEqual([]);
    late.resolve("at last");
    await b.router.idle();
    expect(b.replies.map((reply) => reply.text)).toEqual(["at last"]);
  });

  test("a port that never answers is given up after the handler's time", async () => {
    b.command("slow", "slow", () => new Promise<string>(() => {}));
    b.intake.receive(b.message("slow"));
    await b.clock.advance(12_000);
    expect(b.replies.map((reply) => reply.text.slice(0, 17))).toEqual(["slow failed (ref "]);
    expect(b.router.mailboxes.depth("slow")).toEqual({ inFlight: 0, waiting: 0 });
  });

  test("one user's commands stay in order, another user's overtake them", async () => {
    const order: string[] = [];
    let release = () => {};
    b.command("p", "do", async ({ args, context }) => {
      const [word = ""] = args[0] as string[];
      if (word === "first") await new Promise<void>((resolve) => (release = resolve));
      order.push(`${context.senderName} ${word}`);
      return null;
    });
    for (const word of ["first", "second"]) b.intake.receive(b.message(`do ${word}`));
    b.intake.receive(b.message("do third", { from: BOB }));
    await settle();
    release();
    await b.router.idle();
    expect(order).toEqual(["!00000003 third", "Alice first", "Alice second"]);
  });
});

// Feature: third-party-plugin-system, Property 1: Command routing completeness
test("every registered command reaches its handler with the whole context", async () => {
  const name = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
    .filter(
      (word) =>
        normalizeWord(word).length <= 32 &&
        /^[^\s\p{C}"“„!]+$/u.test(normalizeWord(word)) &&
        parseEmergency(word, []) === null &&
        !/^help[\p{P}\p{S}]*$/iu.test(word),
    );
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(name, { maxLength: 6, minLength: 1, selector: (word) => normalizeWord(word) }),
      fc.integer({ min: 1, max: 0xfffffffe }),
      fc.integer({ min: 0, max: 7 }),
      fc.boolean(),
      fc.float({ noNaN: true }),
      async (names, from, channel, isDirect, snr) => {
        if (from === OWN) return;
        for (const each of names) {
          const c = b;
          const handles = names.map((word, i) => c.command(`p${i}`, word, ({ plugin }) => plugin));
          c.calls.length = 0;
          const message = c.message(`!${each.toUpperCase().toLowerCase() === each ? each.toUpperCase() : each} one "two three"`, {
            from,
            channel,
            isDirect,
            to: isDirect ? OWN : BROADCAST,
            snr,
            hopsAway: 2,
          });
          c.intake.receive(message);
          await c.router.idle();
          for (const [i, handle] of handles.entries()) c.router.registry.remove(`p${i}`, handleNumber(handle));
          expect(c.calls).toMatchObject([
            {
              plugin: `p${names.indexOf(each)}`,
              args: [["one", "two three"]],
              context: {
                senderId: `!${from.toString(16).padStart(8, "0")}`,
                channel,
                isDirect,
                timestamp: message.receivedAt,
                correlationId: message.correlationId,
                message: { packetId: message.packetId, snr, hopsAway: 2, text: message.text },
              },
            },
          ]);
        }
      },
    ),
    { numRuns: 100 },
  );
}, 120_000);

// Feature: third-party-plugin-system, Property 2: Command priority ordering
test("handlers of one command run in the order of priority until one replies", async () => {
  const handler = fc.record({ priority: fc.integer({ min: -50, max: 50 }), does: fc.constantFrom("silent", "throws", "replies") });
  await fc.assert(
    fc.asyncProperty(fc.array(handler, { minLength: 1, maxLength: 12 }), async (handlers) => {
      const added = handlers.map(
        ({ priority, does }, i) =>
          [
            `p${i}`,
            b.command(`p${i}`, "shared", () => (does === "throws" ? bang() : does === "silent" ? null : `from p${i}`), { priority }),
          ] as const,
      );
      b.calls.length = 0;
      const answers = await b.onChannel("!shared");
      for (const [plugin, handle] of added) b.router.registry.remove(plugin, handleNumber(handle));
      const order = handlers.map((each, i) => ({ ...each, plugin: `p${i}`, i })).sort((x, y) => x.priority - y.priority || x.i - y.i);
      const last = order.findIndex((each) => each.does === "replies");
      const asked = last === -1 ? order : order.slice(0, last + 1);
      expect(b.calls.map((call) => call.plugin)).toEqual(asked.map((each) => each.plugin));
      expect(answers).toEqual(last === -1 ? [] : [`from ${order[last]?.plugin}`]);
    }),
    { numRuns: 200 },
  );
}, 120_000);
