import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import type { Json } from "../../src/json.ts";
import { DEADLINE_MS, fcRuns } from "./runs.ts";
import { ACTOR, Machine, must, World } from "./world.ts";

const machine = new Machine();
let world: World;

const MANIFEST = {
  permissions: ["inter_plugin_messaging", "receive_messages", "schedule_tasks", "send_messages"],
  capabilities: {
    commands: [{ name: "break" }, { name: "still_there" }],
    keywords: [{ pattern: "breaking" }],
    scheduled_tasks: [{ name: "breaking", interval: 60 }],
    menu_items: [{ menu: "utilities", label: "Break" }],
  },
};

beforeAll(async () => {
  const bystander = { manifest: MANIFEST, plan: { quiet: true, commands: [{ name: "still_there", do: { reply: "yes" } }] } };
  world = await World.start(machine, { plugins: { subject: { manifest: MANIFEST }, bystander } });
}, 120_000);

afterAll(async () => {
  await world?.stop();
  await machine.close();
});

type Plan = { readonly [key: string]: Json };

/** Where a plugin's code runs: the plan that lets it fail there, and what sets it off. */
const PLACES: Readonly<Record<string, { plan(act: Json): Plan; provoke(): Promise<unknown>; fatal?: true }>> = {
  initialize: { plan: (act) => ({ on: { initialize: act } }), provoke: async () => {}, fatal: true },
  start: { plan: (act) => ({ on: { start: act } }), provoke: async () => {}, fatal: true },
  command: { plan: (act) => ({ commands: [{ name: "break", do: act }] }), provoke: () => world.tell(2, "!break") },
  keyword: {
    plan: (act) => ({ keywords: [{ pattern: "breaking", do: act }] }),
    provoke: async () => world.say(2, "breaking", { channel: 0 }),
  },
  message: { plan: (act) => ({ messages: [{ do: act }] }), provoke: async () => world.say(3, "just talk", { channel: 1 }) },
  menu: {
    plan: (act) => ({ menus: [{ menu: "utilities", label: "Break", do: act }] }),
    provoke: () => world.tell(2, "menu utilities break"),
  },
  task: { plan: (act) => ({ tasks: [{ name: "breaking", interval: 60, do: act }] }), provoke: () => world.advance(60_000) },
  event: {
    plan: (act) => ({ events: [{ type: "test.poke", do: act }] }),
    provoke: () =>
      world.configure("bystander", { run: Math.random(), now: { quiet: true, steps: [{ op: "emit", type: "test.poke", data: 1 }] } }),
  },
  config: { plan: (act) => ({ on: { config: act } }), provoke: () => world.configure("subject", { run: Math.random() }) },
  stop: { plan: (act) => ({ on: { stop: act } }), provoke: () => world.drive(world.control.plugins.restart("subject", ACTOR)) },
};
const words = fc.stringMatching(/^[A-Za-zäöü]{3,20}$/);
const thrown = fc.oneof(
  fc.record({ kind: fc.constantFrom("Error", "TypeError", "RangeError", "own", "string", "object"), words }),
  fc.record({ kind: fc.constantFrom("null", "undefined_function", "recursion"), words: fc.constant("") }),
);

// Feature: third-party-plugin-system, Property 25: Error isolation
test(
  "an exception anywhere in a plugin is caught and logged, and the gateway and other plugins go on",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(PLACES)), thrown, async (where, how) => {
        const place = PLACES[where];
        if (place === undefined) return;
        // Down before, so that a new life begins with this plan and not beside the old one.
        must(await world.drive(world.control.plugins.disable("subject", ACTOR)));
        world.lines.length = 0;
        const act = { quiet: true, throw: how };
        const loaded = await world.reload("subject", { manifest: MANIFEST, plan: { quiet: true, ...place.plan(act) } });
        expect(loaded.ok).toBe(place.fatal !== true);
        await place.provoke();
        const log = () => world.lines.filter(({ plugin, level }) => plugin === "subject" && (level === "ERROR" || level === "WARN"));
        await world.until(`a log entry of the failure in ${where}`, () => log().length > 0);
        await world.settle();
        const said = log().map(({ message, error_message }) => `${message} ${error_message ?? ""}`);
        // What is no error has no message that could be told.
        if (how.kind !== "object") expect(said.join("\n")).toContain(how.words);
        // With type, message and the author's own line, where there is an error to have them.
        const isError = /Error|own|undefined|recursion/.test(how.kind);
        const entry = log().find(({ stack_trace }) => typeof stack_trace === "string" && stack_trace.includes("plugin.ts"));
        if (isError && !place.fatal && where !== "stop") {
          const types: Readonly<Record<string, string>> = { own: "Own", undefined_function: "TypeError" };
          // How deep recursion ends is the engine's choice of words.
          if (how.kind !== "recursion") expect(entry?.error_type).toBe(types[how.kind] ?? how.kind);
          expect(entry?.stack_trace).toMatch(/plugin\.ts:\d+/);
        }
        if (isError && place.fatal) expect(said.join("\n")).toMatch(/plugin\.ts:\d+/);
        expect(world.state("subject")).toBe(place.fatal ? "failed" : "running");
        expect(world.state("bystander")).toBe("running");
        expect(await world.tell(4, "!still_there")).toContain("yes");
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);
