import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { BROADCAST, formatNodeId } from "../../src/mesh/ids.ts";
import { DEADLINE_MS, fcRuns } from "./runs.ts";
import { Machine, must, World } from "./world.ts";

const machine = new Machine();
const PERMISSIONS = ["send_messages", "inter_plugin_messaging", "receive_messages"];
const RIVALS = ["rival_a", "rival_b", "rival_c", "rival_d", "rival_e"];
let world: World;

beforeAll(async () => {
  const rival = { manifest: { permissions: PERMISSIONS, capabilities: { commands: [{ name: "shared" }] } } };
  const plugins = { subject: {}, ...Object.fromEntries(RIVALS.map((name) => [name, rival])) };
  world = await World.start(machine, { plugins });
}, 120_000);

afterAll(async () => {
  await world?.stop();
  await machine.close();
});

/** Words that mean something to the gateway itself. */
const TAKEN =
  /^(help|menu|bbs|\?|q|quit|sos|mayday|emergency|shared|cancel|clear|ack|responding|active|alert|incidents|checkin|safe|911|112|999)/i;
const word = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9_äöüßéñ-]{0,15}$/).filter((name) => !TAKEN.test(name));
const argument = fc.stringMatching(/^[a-zA-Z0-9_.,;:#äß€-]{1,8}$/);
const asker = fc.oneof(fc.integer({ min: 2, max: 5 }), fc.integer({ min: 0x1000, max: 0xfffffff0 }));
const place = fc.constantFrom<{ channel?: number }>({}, { channel: 0 }, { channel: 1 });
const question = fc
  .record({ which: fc.nat(), from: asker, place, args: fc.array(argument, { maxLength: 4 }), prefixed: fc.boolean() })
  // A stranger's key is unknown, so that nobody can answer it directly.
  .filter(({ from, place }) => from <= 5 || place.channel !== undefined);

// Feature: third-party-plugin-system, Property 1: Command routing completeness
test(
  "every registered command reaches its plugin's handler, with sender, channel and time",
  async () => {
    const cases = fc.record({
      names: fc.uniqueArray(word, { minLength: 1, maxLength: 5, selector: (name) => name.toLowerCase() }),
      questions: fc.array(question, { minLength: 1, maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ names, questions }) => {
        const commands = names.map((name) => ({ name, do: { reply: `answer of ${name}` } }));
        const manifest = { permissions: PERMISSIONS, capabilities: { commands: names.map((name) => ({ name })) } };
        must(await world.reload("subject", { manifest, plan: { commands } }));
        for (const { which, from, place, args, prefixed } of questions) {
          const name = names[which % names.length] ?? "";
          world.events.length = 0;
          world.heard.length = 0;
          const isDirect = place.channel === undefined;
          const text = [`${isDirect && !prefixed ? "" : "!"}${name}`, ...args].join(" ");
          const said = world.say(from, text, place);
          await world.until(`an answer to ${text}`, () => world.heard.length > 0);
          const [event, ...more] = world.events.filter(({ type }) => type === "command");
          expect(more).toEqual([]);
          expect(event).toMatchObject({ plugin: "subject", data: { name, args } });
          expect(event?.data.context).toMatchObject({
            senderId: formatNodeId(from),
            channel: place.channel ?? 0,
            isDirect,
            message: { packetId: said, text },
          });
          expect(event?.data.context.senderName).not.toBe("");
          expect(Math.abs(Date.parse(event?.data.context.timestamp) - world.clock.now())).toBeLessThan(10_000);
          const answer = { text: `answer of ${name}`, to: isDirect ? from : BROADCAST, channel: place.channel ?? 0 };
          expect(world.heard).toEqual([expect.objectContaining(answer)]);
        }
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);

const ORDER = fc.record({
  priorities: fc.array(fc.integer({ min: 0, max: 300 }), { minLength: RIVALS.length, maxLength: RIVALS.length }),
  /** Who answers; the others have nothing to say, or fail. */
  replies: fc.array(fc.constantFrom("answers", "silent", "fails"), { minLength: RIVALS.length, maxLength: RIVALS.length }),
});

// Feature: third-party-plugin-system, Property 2: Command priority ordering
test(
  "plugins that share a command run by priority, the lowest first, until one answers",
  async () => {
    await fc.assert(
      fc.asyncProperty(ORDER, async ({ priorities, replies }) => {
        for (const [index, name] of RIVALS.entries()) {
          const act = { answers: { reply: name }, silent: {}, fails: { throw: { words: "planned" } } }[replies[index] ?? "silent"];
          const command = { name: "shared", priority: priorities[index] ?? 0, do: act };
          await world.configure(name, { run: Math.random(), forget: ["command:shared"], install: { commands: [command] } });
        }
        await world.settle();
        world.events.length = 0;
        world.heard.length = 0;
        world.say(2, "shared");
        const winnerIs = (name: string) => replies[RIVALS.indexOf(name)] === "answers";
        const priorityOf = (name: string) => priorities[RIVALS.indexOf(name)] ?? 0;
        const isOver = () => world.heard.length > 0 || asked().length === RIVALS.length;
        const asked = () => world.events.filter(({ type }) => type === "command").map(({ plugin }) => plugin);
        await world.until("they were asked", isOver);
        await world.settle();
        const order = asked();
        const winner = order.findIndex(winnerIs);
        const known = order.map(priorityOf);
        expect(known).toEqual(known.toSorted((a, b) => a - b));
        // Nobody before the winner was left out, nobody behind it was asked.
        const due = RIVALS.filter((name) => winner < 0 || priorityOf(name) < priorityOf(order[winner] ?? ""));
        expect(order).toEqual(expect.arrayContaining(due));
        expect(order.length).toBe(winner < 0 ? RIVALS.length : winner + 1);
        if (winner >= 0) expect(world.heard.map(({ text }) => text)).toEqual([order[winner] ?? ""]);
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);
