import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import type { Json } from "../../src/json.ts";
import { DEADLINE_MS, fcRuns } from "./runs.ts";
import { ACTOR, Machine, must, World } from "./world.ts";

type Tree = { readonly [key: string]: Json };

const machine = new Machine();
const PERMISSIONS = ["inter_plugin_messaging"];
let world: World;

beforeAll(async () => {
  world = await World.start(machine, { plugins: { subject: {}, told: { manifest: { permissions: PERMISSIONS } } } });
}, 120_000);

afterAll(async () => {
  await world?.stop();
  await machine.close();
});

/** Not those by which the probe is told what to do. */
const key = fc.oneof(fc.constantFrom("alpha", "beta", "gamma", "constructor", "toString"), fc.stringMatching(/^[a-z][a-z_]{0,5}$/));
const SPOKEN = new Set(["now", "install", "forget", "healthy"]);
const { tree } = fc.letrec<{ value: Json; tree: Tree }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom<Json>(null, true, false, 0, 1, -2.5, "", "text", "ünï"),
    fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 3 }),
    tie("tree"),
  ),
  tree: fc.dictionary(
    key.filter((name) => !SPOKEN.has(name)),
    tie("value"),
    { maxKeys: 4, noNullPrototype: true },
  ),
}));

const isTree = (value: Json | undefined): value is Tree => typeof value === "object" && value !== null && !Array.isArray(value);
const own = (value: Tree, name: string): Json | undefined => (Object.hasOwn(value, name) ? value[name] : undefined);

/** The model: the operator's value wherever there is one. */
function merged(defaults: Tree, user: Tree): Tree {
  const keys = new Set([...Object.keys(defaults), ...Object.keys(user)]);
  return Object.fromEntries(
    [...keys].map((name): [string, Json] => {
      const [a, b] = [own(defaults, name), own(user, name)];
      if (isTree(a) && isTree(b)) return [name, merged(a, b)];
      return [name, (b === undefined ? a : b) ?? null];
    }),
  );
}

/** A tree that comes or goes differs in each of its leaves. */
function leaves(value: Json | undefined, path: string): string[] {
  if (!isTree(value) || Object.keys(value).length === 0) return [path];
  return Object.entries(value).flatMap(([name, inner]) => leaves(inner, `${path}.${name}`));
}

/** Dotted keys at which two trees differ; a value that turns into another kind differs as a whole. */
function differences(before: Tree, after: Tree, at = ""): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((name) => {
    const [a, b] = [own(before, name), own(after, name)];
    const path = at + name;
    if (isTree(a) && isTree(b)) return differences(a, b, `${path}.`);
    if (a === undefined || b === undefined) return leaves(a ?? b, path);
    return Bun.deepEquals(a, b) ? [] : [path];
  });
}

const PROPERTIES = {
  integer: { schema: { type: "integer", minimum: 1, maximum: 100 }, good: [1, 50, 100], bad: [0, 101, 1.5, "5", null] },
  text: { schema: { type: "string", minLength: 2, maxLength: 5 }, good: ["ab", "abcde"], bad: ["a", "abcdef", 7] },
  choice: { schema: { enum: ["low", "high"] }, good: ["low", "high"], bad: ["middle", 1] },
  flag: { schema: { type: "boolean" }, good: [true, false], bad: ["true", 0] },
  list: { schema: { type: "array", items: { type: "number" }, maxItems: 2 }, good: [[], [1, 2.5]], bad: [[1, 2, 3], ["x"], {}] },
  nested: {
    schema: { type: "object", properties: { deep: { type: "integer" } }, required: ["deep"], additionalProperties: false },
    good: [{ deep: 1 }],
    bad: [{}, { deep: "x" }],
  },
} as const;
type Name = keyof typeof PROPERTIES;
const NAMES = Object.keys(PROPERTIES) as Name[];
const choices = fc.array(fc.record({ isGood: fc.boolean(), which: fc.nat() }), { minLength: NAMES.length, maxLength: NAMES.length });

function sampleOf(name: Name, isGood: boolean, which: number): Json {
  const values: readonly Json[] = PROPERTIES[name][isGood ? "good" : "bad"];
  return values[which % values.length] ?? null;
}

// Feature: third-party-plugin-system, Property 14: Configuration validation
test(
  "a configuration that violates the schema keeps the plugin from starting, and every violation is logged",
  async () => {
    const cases = fc.record({ names: fc.subarray(NAMES, { minLength: 1 }), choices, dialect: fc.constantFrom("draft-07", "2020-12") });
    await fc.assert(
      fc.asyncProperty(cases, async ({ names, choices, dialect }) => {
        const chosen = names.map((name) => {
          const { isGood = false, which = 0 } = choices[NAMES.indexOf(name)] ?? {};
          return { name, isGood, value: sampleOf(name, isGood, which) };
        });
        const bad = chosen.filter(({ isGood }) => !isGood);
        const uri = dialect === "draft-07" ? "http://json-schema.org/draft-07/schema#" : "https://json-schema.org/draft/2020-12/schema";
        const properties = Object.fromEntries(names.map((name) => [name, PROPERTIES[name].schema]));
        const schema = { $schema: uri, type: "object", properties, required: names };
        const defaults = Object.fromEntries(chosen.map(({ name, value }) => [name, value]));
        // Without a schema nothing hinders the operator from taking his values back.
        must(await world.reload("subject", { manifest: { permissions: PERMISSIONS } }));
        await world.configure("subject", {});
        must(await world.drive(world.control.plugins.disable("subject", ACTOR)));
        world.write("subject", {
          manifest: { permissions: PERMISSIONS, config: { schema_file: "config_schema.json", defaults } },
          files: { "config_schema.json": JSON.stringify(schema) },
        });
        world.lines.length = 0;
        const enabled = await world.drive(world.control.plugins.reload("subject", ACTOR));
        expect(enabled.ok).toBe(bad.length === 0);
        expect(world.state("subject")).toBe(bad.length === 0 ? "running" : "failed");
        const log = world.lines.filter(({ plugin, level }) => plugin === "subject" && level === "ERROR").map(({ message }) => message);
        if (bad.length === 0) expect(log).toEqual([]);
        for (const { name } of bad) expect(log.join("\n")).toContain(name);
        // Mended by the operator, it starts.
        const mended = Object.fromEntries(names.map((name) => [name, PROPERTIES[name].good[0] as Json]));
        if (bad.length > 0) {
          await world.configure("subject", mended);
          must(await world.drive(world.control.plugins.restart("subject", ACTOR)));
          expect(world.state("subject")).toBe("running");
        }
        // And an invalid change of a running one is refused with every error, and changes nothing.
        const before = must(await world.control.plugins.config("subject")).config;
        const worse = Object.fromEntries(names.map((name) => [name, PROPERTIES[name].bad[1] as Json]));
        const refused = await world.drive(world.control.plugins.setConfig("subject", worse, ACTOR));
        expect(refused.ok).toBe(false);
        if (!refused.ok) for (const name of names) expect(refused.error.message).toContain(name);
        expect(must(await world.control.plugins.config("subject")).config).toEqual(before);
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);

// Feature: third-party-plugin-system, Property 15: Configuration merging
test(
  "a plugin sees its defaults with the operator's values over them",
  async () => {
    await fc.assert(
      fc.asyncProperty(tree, tree, async (defaults, user) => {
        must(await world.reload("subject", { manifest: { permissions: PERMISSIONS, config: { defaults } } }));
        await world.configure("subject", {});
        world.events.length = 0;
        const changed = await world.configure("subject", user);
        const expected = merged(defaults, user);
        expect(must(await world.control.plugins.config("subject")).config).toEqual(expected);
        const told = world.events.find(({ type }) => type === "config");
        if (changed.length > 0) expect(told?.data.config).toEqual(expected);
        // What a start with these values is given, by getConfig.
        const steps = Object.keys(expected).map((key) => ({ op: "config", key, fallback: null }));
        world.write("subject", { manifest: { permissions: PERMISSIONS, config: { defaults } }, plan: { on: { start: { steps } } } });
        world.events.length = 0;
        must(await world.drive(world.control.plugins.reload("subject", ACTOR)));
        const read = world.events.filter(({ type }) => type === "step").map(({ data }) => [data.step.key, data.value]);
        expect(Object.fromEntries(read)).toEqual(expected);
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);

// Feature: third-party-plugin-system, Property 16: Configuration change notification
test(
  "a running plugin is told the changed keys and the new values",
  async () => {
    let before: Tree = {};
    await fc.assert(
      fc.asyncProperty(tree, async (next) => {
        world.events.length = 0;
        const changed = await world.configure("told", next);
        const expected = differences(before, next).sort();
        expect([...changed].sort()).toEqual(expected);
        const told = world.events.filter(({ plugin, type }) => plugin === "told" && type === "config");
        if (expected.length > 0) expect(told.length).toBe(1);
        for (const { data } of told) {
          expect([...data.changedKeys].sort()).toEqual(expected);
          expect(data.config).toEqual(next);
        }
        before = next;
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);
