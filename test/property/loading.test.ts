import { afterAll, afterEach, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { Json } from "../../src/json.ts";
import { VERSION } from "../../src/version.ts";
import { DEADLINE_MS, fcRuns } from "./runs.ts";
import { ACTOR, Machine, must, type PluginSource, World } from "./world.ts";

const machine = new Machine();
let world: World | null = null;

afterEach(async () => {
  await world?.stop();
  world = null;
});

afterAll(() => machine.close());

/** Without a radio, and with plugins only looked at unless said otherwise. */
const quietly = (plugins: { readonly [key: string]: Json }) => ({ mesh: { interfaces: [] }, plugins });

const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,20}$/);
const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }).filter((value) => value.trim() !== "" && value.isWellFormed());
const version = fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99)).map((parts) => parts.join("."));

async function once<T>(options: Parameters<typeof World.start>[1], use: (world: World) => Promise<T>): Promise<T> {
  const made = await World.start(machine, options);
  world = made;
  const result = await use(made);
  await made.stop();
  world = null;
  return result;
}

// Feature: third-party-plugin-system, Property 11: Plugin discovery
test(
  "whatever valid plugin lies in a configured path is found, and nothing else is",
  async () => {
    const cases = fc.record({
      plugins: fc.uniqueArray(
        fc.record({ name, version, description: text, author: text, main: fc.constantFrom("plugin.ts", "plugin.js", "entry.mjs") }),
        {
          minLength: 1,
          maxLength: 5,
          selector: (plugin) => plugin.name,
        },
      ),
      empty: fc.array(fc.stringMatching(/^[A-Z][a-z]{1,8}$/), { maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ plugins, empty }) => {
        const sources = plugins.map(({ name, main, ...manifest }): [string, PluginSource] => [
          name,
          {
            manifest: { ...manifest, ...(main === "plugin.ts" ? {} : { main }) },
            code: "",
            files: { [main]: 'import { Plugin } from "zephyrgate";\nexport default class extends Plugin {}\n' },
          },
        ]);
        const dir = machine.folder();
        for (const folder of empty) mkdirSync(join(dir, "more", folder), { recursive: true });
        const paths = empty.length === 0 ? ["./plugins"] : [join(dir, "more"), "./plugins"];
        await once({ plugins: Object.fromEntries(sources), config: quietly({ paths, auto_load: false }) }, async (world) => {
          const found = must(await world.control.plugins.list());
          expect(found.map((plugin) => plugin.name)).toEqual(plugins.map((plugin) => plugin.name).sort((a, b) => a.localeCompare(b)));
          for (const { name, version, description } of plugins)
            expect(found.find((plugin) => plugin.name === name)).toMatchObject({
              version,
              description,
              state: "discovered",
              bundled: false,
            });
        });
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);

const POOL = ["alpha", "beta", "gamma", "delta", "epsilon"];
const need = fc.record({
  name: fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...POOL) },
    { weight: 1, arbitrary: fc.constantFrom("missing_one", "missing_two") },
  ),
  version: fc.constantFrom("*", "^1.0.0", ">=1.0.0 <3.0.0", "^2.0.0", ">=9.0.0"),
  optional: fc.boolean(),
});
const graph = fc.array(
  fc.record({
    version: fc.constantFrom("1.0.0", "1.4.2", "2.1.0"),
    needs: fc.uniqueArray(need, { maxLength: 3, selector: (entry) => entry.name }),
  }),
  { minLength: 2, maxLength: POOL.length },
);
type Graph = readonly {
  readonly version: string;
  readonly needs: readonly { readonly name: string; readonly version: string; readonly optional: boolean }[];
}[];

/** The model: what each plugin lacks by itself, and who can run at all. */
function judge(graph: Graph): { lacks: Map<string, string[]>; runs: Set<string> } {
  const names = POOL.slice(0, graph.length);
  const versionOf = (name: string) => graph[names.indexOf(name)]?.version;
  const lacks = new Map(
    names.map((name, index): [string, string[]] => [
      name,
      (graph[index]?.needs ?? [])
        .filter(({ optional }) => !optional)
        .filter((need) => {
          const there = versionOf(need.name);
          return there === undefined || !Bun.semver.satisfies(there, need.version);
        })
        .map((need) => need.name),
    ]),
  );
  // Only what rests on plugins that run can run; what goes in a circle never begins to.
  const runs = new Set<string>();
  for (let grown = true; grown; ) {
    grown = false;
    for (const [index, name] of names.entries()) {
      const required = (graph[index]?.needs ?? []).filter(({ optional }) => !optional).map((need) => need.name);
      if (runs.has(name) || lacks.get(name)?.length !== 0 || !required.every((each) => runs.has(each))) continue;
      runs.add(name);
      grown = true;
    }
  }
  return { lacks, runs };
}

// Feature: third-party-plugin-system, Property 12: Dependency validation
test(
  "a plugin loads only when all that it requires is there, and whatever is missing is named",
  async () => {
    await fc.assert(
      fc.asyncProperty(graph, async (graph) => {
        const code = 'import { Plugin } from "zephyrgate";\nexport default class extends Plugin {}\n';
        const plugins = Object.fromEntries(
          graph.map(({ version, needs }, index) => [
            POOL[index] ?? "",
            {
              code,
              manifest: {
                version,
                dependencies: { plugins: needs.filter((need) => need.name !== POOL[index]).map((need) => ({ ...need })) },
              },
            },
          ]),
        );
        const plain = graph.map((entry, index) => ({ ...entry, needs: entry.needs.filter((need) => need.name !== POOL[index]) }));
        const { lacks, runs } = judge(plain);
        await once({ plugins, config: quietly({}) }, async (world) => {
          const list = must(await world.control.plugins.list());
          expect(
            list
              .filter(({ state }) => state === "running")
              .map((plugin) => plugin.name)
              .sort(),
          ).toEqual([...runs].sort());
          for (const [name, missing] of lacks) {
            const plugin = list.find((each) => each.name === name);
            for (const each of missing) expect(plugin?.reason).toContain(each);
            if (!runs.has(name)) expect(plugin?.state).toBe("failed");
          }
          // Those that are required were up before those that require them.
          const started = world.lines.filter(({ message }) => message.includes("-> running")).map(({ plugin }) => plugin ?? "");
          for (const name of runs)
            for (const { name: before, optional } of plain[POOL.indexOf(name)]?.needs ?? [])
              if (!optional) expect(started.indexOf(before)).toBeLessThan(started.indexOf(name));
        });
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);

// Feature: third-party-plugin-system, Property 13: Dynamic plugin lifecycle
test(
  "enabling starts a plugin and disabling takes away all that it had, while the gateway runs on",
  async () => {
    const here = await World.start(machine, { plugins: { subject: {} } });
    world = here;
    const count = fc.integer({ min: 0, max: 4 });
    const cases = fc.record({
      commands: count,
      keywords: count,
      tasks: count,
      menus: count,
      events: count,
      cycles: fc.integer({ min: 1, max: 2 }),
    });
    const named = (what: string, howMany: number) => Array.from({ length: howMany }, (_, index) => `${what}${index}`);
    await fc.assert(
      fc.asyncProperty(cases, async ({ cycles, ...counts }) => {
        const commands = named("word", counts.commands).map((name) => ({ name }));
        const keywords = named("key", counts.keywords).map((pattern) => ({ pattern }));
        const tasks = named("task", counts.tasks).map((name) => ({ name, interval: 60 }));
        const menus = named("Item ", counts.menus).map((label) => ({ menu: "utilities", label }));
        const events = named("subject.custom", counts.events).map((type) => ({ type }));
        const manifest = {
          permissions: ["inter_plugin_messaging", "receive_messages", "schedule_tasks", "send_messages"],
          capabilities: { commands, keywords, scheduled_tasks: tasks, menu_items: menus },
        };
        const open = { on: { stop: {}, cleanup: {} } };
        must(await here.reload("subject", { manifest, plan: { commands, keywords, tasks, menus, events, ...open } }));
        const pid = (await here.detail("subject")).host_pid;
        const shown = async () => ({
          tasks: must(await here.control.schedule()).length,
          menus: must(await here.control.menus()).filter(({ plugin }) => plugin !== null).length,
          realms: here.gateway.plugins.filter(({ instance }) => instance !== null).length,
          state: here.state("subject"),
        });
        const up = { tasks: counts.tasks, menus: counts.menus, realms: 1, state: "running" };
        for (let cycle = 0; cycle < cycles; cycle++) {
          expect(await shown()).toEqual(up);
          const { registrations } = await here.detail("subject");
          const has = (kind: string) => Number((registrations as Record<string, number> | undefined)?.[kind] ?? 0);
          expect([has("command"), has("keyword"), has("event")]).toEqual([counts.commands, counts.keywords, counts.events]);
          here.events.length = 0;
          must(await here.drive(here.control.plugins.disable("subject", ACTOR)));
          expect(here.events.map(({ type }) => type)).toEqual(["stop", "cleanup"]);
          expect(await shown()).toEqual({ tasks: 0, menus: 0, realms: 0, state: "disabled" });
          if (counts.commands > 0) {
            await here.tell(2, "!word0");
            expect(here.events.filter(({ type }) => type === "command")).toEqual([]);
          }
          must(await here.drive(here.control.plugins.enable("subject", undefined, ACTOR)));
        }
        expect(await shown()).toEqual(up);
        // The same host: nothing was restarted for it.
        expect((await here.detail("subject")).host_pid).toBe(pid);
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);

const REQUIRED = ["name", "version", "description", "author"] as const;

// Feature: third-party-plugin-system, Property 24: Manifest completeness
test(
  "a plugin whose manifest lacks required fields is refused with every one of them named, a whole one passes",
  async () => {
    const cases = fc.record({
      whole: fc.record({ version, description: text, author: text }),
      missing: fc.subarray([...REQUIRED]),
      blank: fc.boolean(),
      more: fc.record(
        {
          author_email: fc.constant("a@example.org"),
          license: fc.constant("MIT"),
          homepage: fc.constant("https://example.org"),
          zephyrgate: fc.constant({ min_version: "0.0.1", max_version: VERSION }),
          "x-mine": fc.constant(1),
        },
        { requiredKeys: [] },
      ),
    });
    const code = 'import { Plugin } from "zephyrgate";\nexport default class extends Plugin {}\n';
    const here = await World.start(machine, { plugins: { subject: { code } }, config: quietly({}) });
    world = here;
    await fc.assert(
      fc.asyncProperty(cases, async ({ whole, missing, blank, more }) => {
        const empty: Record<string, Json> = Object.fromEntries(missing.map((field) => [field, blank ? "" : null]));
        const before = (await here.detail("subject")).version;
        const loaded = await here.reload("subject", { manifest: { ...whole, ...more, ...empty }, code });
        expect(loaded.ok).toBe(missing.length === 0);
        expect((await here.detail("subject")).version).toBe(missing.length === 0 ? whole.version : before);
        if (!loaded.ok) for (const field of missing) expect(loaded.error.message).toContain(`${field}: `);
        expect(here.state("subject")).toBe("running");
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);
