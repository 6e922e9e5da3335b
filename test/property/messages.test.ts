import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import type { Json } from "../../src/json.ts";
import { splitText } from "../../src/mesh/codec/text.ts";
import { BROADCAST, formatNodeId } from "../../src/mesh/ids.ts";
import { DEADLINE_MS, fcRuns } from "./runs.ts";
import { Machine, must, World } from "./world.ts";

const machine = new Machine();
const INTERVAL_S = 60;
let world: World;

beforeAll(async () => {
  const capabilities = {
    commands: [{ name: "go" }],
    keywords: [{ pattern: "keyword" }],
    scheduled_tasks: [{ name: "tick", interval: INTERVAL_S }],
    menu_items: [{ menu: "utilities", label: "Post" }],
  };
  const permissions = ["send_messages", "inter_plugin_messaging", "receive_messages", "schedule_tasks"];
  world = await World.start(machine, { plugins: { sender: { manifest: { permissions, capabilities } } } });
}, 120_000);

afterAll(async () => {
  await world?.stop();
  await machine.close();
});

const KEYS = ["command:go", "keyword:keyword", "task:tick", "menu:Post"];

interface Send {
  readonly [key: string]: Json;
  readonly content: string;
}

/** Lets a handler of the given kind send, and returns what sendMessage answered. */
async function sendFrom(kind: "command" | "keyword" | "task" | "menu", send: Send): Promise<{ value?: { id: string } }> {
  const act = { quiet: true, steps: [{ op: "send", ...send }] };
  const install = {
    command: { commands: [{ name: "go", do: act }] },
    keyword: { keywords: [{ pattern: "keyword", do: act }] },
    task: { tasks: [{ name: "tick", interval: INTERVAL_S, do: act }] },
    menu: { menus: [{ menu: "utilities", label: "Post", do: act }] },
  }[kind];
  await world.configure("sender", { run: Math.random(), forget: KEYS, install });
  await world.settle();
  world.events.length = 0;
  world.heard.length = 0;
  if (kind === "command") world.say(2, "go");
  // A person's pause: whoever answers at once on a channel, again and again, is taken for another bot.
  if (kind === "keyword") await world.advance(61_000);
  if (kind === "keyword") world.say(2, "a keyword here", { channel: 0 });
  if (kind === "menu") world.say(2, "menu utilities post");
  if (kind === "task") await world.advance(INTERVAL_S * 1000);
  const step = () => world.events.find(({ type }) => type === "step");
  await world.until(`sendMessage in a ${kind}`, () => step() !== undefined);
  return step()?.data;
}

const content = fc
  .oneof(
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 80 }),
    fc.string({ unit: "grapheme-ascii", minLength: 150, maxLength: 900 }),
  )
  .filter((text) => text.trim() !== "" && text.isWellFormed());
const kind = fc.constantFrom<("command" | "keyword" | "task" | "menu")[]>("command", "keyword", "task", "menu");
const target = fc.oneof(
  fc.record({ to: fc.integer({ min: 2, max: 5 }), named: fc.constantFrom("number", "id", "name"), channel: fc.constant(undefined) }),
  fc.record({ to: fc.constant(BROADCAST), named: fc.constant("word"), channel: fc.constantFrom(0, 1, "Local") }),
  fc.record({ to: fc.constant(BROADCAST), named: fc.constant("nothing"), channel: fc.constantFrom(0, 1, "Local") }),
);

function options({ to, named, channel }: { to: number; named: string; channel: number | string | undefined }): { [key: string]: Json } {
  const names: Record<string, string | number | undefined> = {
    number: to,
    id: formatNodeId(to),
    name: world.mesh.nodes.find((node) => node.number === to)?.longName,
    word: "broadcast",
  };
  const destination = names[named];
  return { ...(destination === undefined ? {} : { destination }), ...(channel === undefined ? {} : { channel }) };
}

// Feature: third-party-plugin-system, Property 3: Message sending capability
test(
  "sendMessage in any handler queues the message, and it reaches the mesh",
  async () => {
    await fc.assert(
      fc.asyncProperty(kind, content, fc.boolean(), async (kind, content, here) => {
        // Where the question came from, unless nobody asked.
        const elsewhere = kind === "task" || !here;
        const sent = await sendFrom(kind, { content, options: elsewhere ? { channel: 1 } : {} });
        const id = sent.value?.id ?? "";
        expect(must(await world.control.messages.get(id))).toMatchObject({ id, sender: { kind: "plugin", plugin: "sender" } });
        const parts = splitText(content);
        await world.until("it is heard", () => world.heard.length >= parts.length);
        expect(world.heard.map(({ text }) => text)).toEqual(parts);
        const direct = kind !== "keyword" && !elsewhere;
        for (const { to, channel } of world.heard)
          expect({ to, channel }).toEqual({ to: direct ? 2 : BROADCAST, channel: elsewhere ? 1 : 0 });
        expect(must(await world.control.messages.get(id)).state).not.toBe("failed");
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);

// Feature: third-party-plugin-system, Property 21: Message routing to mesh
test(
  "a message goes where destination and channel say, however they are written",
  async () => {
    await fc.assert(
      fc.asyncProperty(kind, content, target, async (kind, content, target) => {
        const sent = await sendFrom(kind, { content, options: options(target) });
        const parts = splitText(content);
        await world.until("it is heard", () => world.heard.length >= parts.length);
        const channel = typeof target.channel === "number" ? target.channel : target.channel === "Local" ? 1 : 0;
        expect(world.heard.map(({ text, to, channel }) => ({ text, to, channel }))).toEqual(
          parts.map((text) => ({ text, to: target.to, channel })),
        );
        expect(must(await world.control.messages.get(sent.value?.id ?? ""))).toMatchObject({ to: target.to, channel, parts: parts.length });
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);
