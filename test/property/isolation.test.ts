import { afterAll, afterEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { Json } from "../../src/json.ts";
import { PERMISSION_NAMES } from "../../src/permissions/grammar/types.ts";
import { DEADLINE_MS, fcRuns } from "./runs.ts";
import { ACTOR, Machine, must, World } from "./world.ts";

const machine = new Machine();
let world: World | null = null;

afterEach(async () => {
  await world?.stop();
  world = null;
});

afterAll(() => machine.close());

type Step = { readonly [key: string]: Json };
const PEOPLE = ["alice", "bob", "carol"] as const;
const plugin = fc.constantFrom(...PEOPLE);
const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }).filter((value) => value.isWellFormed());
const { value: json } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom<Json>(null, true, 0, -1.5, "", "ünï"),
    text,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), tie("value"), { maxKeys: 3, noNullPrototype: true }),
  ),
}));

async function start(options: Parameters<typeof World.start>[1]): Promise<World> {
  world = await World.start(machine, options);
  return world;
}

/** Does the steps in that plugin, one after the other; how each ended. */
async function perform(world: World, name: string, steps: readonly Step[]) {
  world.events.length = 0;
  await world.pace("requests", 2 * steps.length);
  await world.configure(name, { run: Math.random(), now: { quiet: true, steps: [...steps] } });
  await world.settle();
  return world.events.filter(({ plugin, type }) => plugin === name && type === "step").map(({ data }) => data);
}

// Feature: third-party-plugin-system, Property 19: Log message routing
test(
  "what a plugin logs is in the central log, under its name and at its level",
  async () => {
    const permissions = ["inter_plugin_messaging"];
    const here = await start({ plugins: Object.fromEntries(PEOPLE.map((name) => [name, { manifest: { permissions } }])) });
    const level = fc.constantFrom("debug", "info", "warn", "error");
    const message = fc.stringMatching(/^[A-Za-z0-9äöü€ .,:-]{1,60}$/).filter((words) => words.trim() === words);
    await fc.assert(
      fc.asyncProperty(plugin, fc.array(fc.record({ level, message }), { minLength: 1, maxLength: 2 }), async (name, logged) => {
        here.lines.length = 0;
        await here.pace("lines", logged.length);
        await perform(
          here,
          name,
          logged.map((entry) => ({ op: "log", ...entry })),
        );
        const said = () => here.lines.filter(({ plugin, message }) => plugin === name && logged.some((entry) => entry.message === message));
        await here.until("it is in the log", () => said().length >= logged.length);
        expect(said().map(({ level, category, message }) => ({ level, category, message }))).toEqual(
          logged.map(({ level, message }) => ({ level: level.toUpperCase() as "INFO", category: name, message })),
        );
        const kept = here.control.log.tail({ plugin: name }, 50).map(({ message }) => message);
        for (const { message } of logged) expect(kept).toContain(message);
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);

const key = fc.constantFrom("key", "shared", "täst", "a/b", "x".repeat(40));
const sqlValue = fc.oneof(fc.integer({ min: -1000, max: 1000 }), text, fc.constant(null));
/** Ways to reach for what is another's; PATH is the file of another plugin's database. */
const REACHES = [
  "ATTACH 'PATH' AS other",
  "ATTACH DATABASE 'PATH' AS other",
  "SELECT * FROM pragma_database_list",
  "PRAGMA database_list",
  "VACUUM INTO 'PATH.copy'",
  "SELECT load_extension('PATH')",
  "SELECT * FROM other.notes",
  "; ATTACH 'PATH' AS other",
  "/* */ ATTACH 'PATH' AS other",
  "SELECT 1; ATTACH 'PATH' AS other",
  "CREATE VIRTUAL TABLE v USING csv(filename='PATH')",
  "SELECT writefile('PATH', 'x')",
  "SELECT readfile('PATH')",
];
const deed = fc.oneof(
  fc.record({ kind: fc.constant("store"), who: plugin, key, value: json }),
  fc.record({ kind: fc.constant("delete"), who: plugin, key }),
  fc.record({ kind: fc.constant("insert"), who: plugin, value: sqlValue }),
  fc.record({ kind: fc.constant("clear"), who: plugin }),
  fc.record({ kind: fc.constant("reach"), who: plugin, sql: fc.constantFrom(...REACHES), whose: plugin }),
);

// Feature: third-party-plugin-system, Property 20: Database isolation
test(
  "a plugin sees its own tables and data, and nothing of another's, by any key or SQL",
  async () => {
    const permissions = ["inter_plugin_messaging", "database_access"];
    const here = await start({ plugins: Object.fromEntries(PEOPLE.map((name) => [name, { manifest: { permissions } }])) });
    const file = (name: string) => join(here.dir, "data/plugins", name, "data.db");
    // The model: what each of them has put where.
    const kept = new Map<string, Map<string, Json>>(PEOPLE.map((name) => [name, new Map()]));
    const rows = new Map<string, Json[]>(PEOPLE.map((name) => [name, []]));
    for (const name of PEOPLE) await perform(here, name, [{ op: "run", sql: "CREATE TABLE notes (owner TEXT, value)" }]);
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { minLength: 1, maxLength: 5 }), async (deeds) => {
        for (const deed of deeds) {
          const { who } = deed;
          if (deed.kind === "store" && "value" in deed && "key" in deed) {
            await perform(here, who, [{ op: "store", key: deed.key, value: deed.value as Json }]);
            kept.get(who)?.set(deed.key, deed.value as Json);
          } else if (deed.kind === "delete" && "key" in deed) {
            await perform(here, who, [{ op: "delete", key: deed.key }]);
            kept.get(who)?.delete(deed.key);
          } else if (deed.kind === "insert" && "value" in deed) {
            await perform(here, who, [{ op: "run", sql: "INSERT INTO notes VALUES (?, ?)", values: [who, deed.value as Json] }]);
            rows.get(who)?.push(deed.value as Json);
          } else if (deed.kind === "clear") {
            await perform(here, who, [{ op: "run", sql: "DELETE FROM notes" }]);
            rows.set(who, []);
          } else if ("sql" in deed) {
            const sql = deed.sql.replaceAll("PATH", file(deed.whose));
            const [asked, ran] = await perform(here, who, [
              { op: "query", sql },
              { op: "run", sql },
            ]);
            expect(asked).toHaveProperty("error");
            expect(ran).toHaveProperty("error");
            expect(existsSync(`${file(deed.whose)}.copy`)).toBe(false);
          }
        }
        for (const name of PEOPLE) {
          const wanted = [...(kept.get(name) ?? [])];
          const [keys, notes, ...values] = await perform(here, name, [
            { op: "keys" },
            { op: "query", sql: "SELECT owner, value FROM notes ORDER BY rowid" },
            ...wanted.map(([key]) => ({ op: "retrieve", key })),
          ]);
          expect([...keys.value].sort()).toEqual(wanted.map(([key]) => key).sort());
          expect(notes.value).toEqual((rows.get(name) ?? []).map((value) => ({ owner: name, value })));
          expect(values.map(({ value }) => value)).toEqual(wanted.map(([, value]) => value));
        }
      }),
      fcRuns,
    );
    for (const name of PEOPLE) expect(here.state(name)).toBe("running");
  },
  DEADLINE_MS,
);

/** One use of each permission; what it needs besides is granted by the world. */
const USES: Readonly<Record<string, readonly Step[]>> = {
  send_messages: [{ op: "send", content: "hello", options: { channel: 0 } }],
  receive_messages: [
    { op: "register", plan: { messages: [{}] } },
    { op: "dispose", key: "message:" },
  ],
  database_access: [
    { op: "store", key: "k", value: 1 },
    { op: "query", sql: "SELECT 1 AS one" },
  ],
  http_requests: [{ op: "get", url: "http://public.example/" }],
  schedule_tasks: [
    { op: "register", plan: { tasks: [{ name: "tick", interval: 600 }] } },
    { op: "dispose", key: "task:tick" },
  ],
  system_state_read: [{ op: "nodes" }, { op: "network" }, { op: "plugins" }],
  inter_plugin_messaging: [{ op: "peer", plugin: "friend", type: "hello", data: 1 }],
  secrets: [{ op: "secret", name: "token" }],
  region: [{ op: "sites" }, { op: "shared", key: "k" }, { op: "shared_keys" }],
};
const GUARDED = Object.keys(USES);

/** Reports by its log, because events are among what it may be denied. */
const CLIENT = `import { Plugin } from "zephyrgate";
export default class Client extends Plugin {
  async onConfigChanged(_keys, config) {
    const outcomes = [];
    const kept = {};
    for (const step of config.steps) {
      try { outcomes.push({ value: (await this.step(step, kept)) ?? null }); }
      catch (error) { outcomes.push({ error: { name: error.name, permission: error.permission ?? null, hint: error.hint ?? "" } }); }
    }
    this.log.info(JSON.stringify({ run: config.run, outcomes }));
  }
  step(step, kept) {
    switch (step.op) {
      case "send": return this.sendMessage(step.content, step.options);
      case "store": return this.storeData(step.key, step.value);
      case "query": return this.db.query(step.sql);
      case "get": return this.httpGet(step.url);
      case "nodes": return this.getNodes();
      case "network": return this.getNetworkStatus();
      case "plugins": return this.getPlugins();
      case "peer": return this.sendToPlugin(step.plugin, step.type, step.data);
      case "secret": return this.getSecret(step.name);
      case "sites": return this.region.sites();
      case "shared": return this.retrieveShared(step.key, null);
      case "shared_keys": return this.listShared();
      case "register":
        for (const each of step.plan.messages ?? []) kept["message:"] = this.registerMessageHandler(() => undefined);
        for (const each of step.plan.tasks ?? []) kept["task:" + each.name] = this.registerScheduledTask(each.name, { interval: each.interval }, () => undefined);
        return null;
      case "dispose": kept[step.key]?.dispose(); return null;
    }
  }
}
`;

// Feature: third-party-plugin-system, Property 22: Permission enforcement
test(
  "without its permission every capability is denied with an error that names it, with it none is",
  async () => {
    const here = await start({
      allowAll: false,
      config: { plugins: { enabled_plugins: ["client", "friend"], limits: { http: "9999/s" } } },
      plugins: {
        client: {
          code: CLIENT,
          manifest: {
            permissions: PERMISSION_NAMES.filter((name) => name !== "override_commands"),
            capabilities: { scheduled_tasks: [{ name: "tick", interval: 600 }] },
          },
        },
        friend: {
          manifest: { permissions: ["inter_plugin_messaging"] },
          plan: { quiet: true, peers: [{ do: { reply: "hello yourself" } }] },
        },
      },
      parts: {
        resolve: async () => ["1.1.1.1"],
        exchange: async () => ({ ok: true, value: { status: 200, headers: {}, body: "fine" } }),
      },
    });
    let withheld: readonly string[] = [];
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.subarray(GUARDED), fc.shuffledSubarray(GUARDED, { minLength: 1, maxLength: 4 }), async (denied, used) => {
        for (const name of withheld) must(await here.drive(here.control.plugins.grant("client", name, ACTOR)));
        for (const name of denied) must(await here.drive(here.control.plugins.revoke("client", name, ACTOR)));
        withheld = denied;
        runs += 1;
        here.lines.length = 0;
        const steps = used.flatMap((permission) => (USES[permission] ?? []).map((step) => ({ ...step, permission })));
        await here.configure("client", { run: runs, steps });
        const report = () => here.lines.find(({ plugin, message }) => plugin === "client" && message.startsWith(`{"run":${runs},`));
        await here.until("the report", () => report() !== undefined);
        const { outcomes } = JSON.parse(report()?.message ?? "{}");
        expect(outcomes.length).toBe(steps.length);
        for (const [index, { permission, ...step }] of steps.entries()) {
          const { op } = step as Step;
          const outcome = outcomes[index];
          if (op === "dispose") continue;
          if (!denied.includes(permission)) {
            expect(outcome).not.toHaveProperty("error");
            continue;
          }
          // A request that is denied is an error result, as all that goes wrong with it.
          if (op === "get") expect(outcome.value).toMatchObject({ ok: false, error: { code: "permission_denied" } });
          else expect(outcome.error).toMatchObject({ name: "PermissionDenied", permission });
        }
        expect(here.state("client")).toBe("running");
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);

// Feature: third-party-plugin-system, Property 23: Inter-plugin messaging
test(
  "a message to another plugin reaches that plugin's handler, as it was sent, and its answer comes back",
  async () => {
    const permissions = ["inter_plugin_messaging"];
    const plan = (name: string) => ({ peers: [{ do: { reply: `answer of ${name}` } }] });
    const here = await start({
      plugins: Object.fromEntries(PEOPLE.map((name) => [name, { manifest: { permissions }, plan: plan(name) }])),
    });
    const type = fc.stringMatching(/^[a-z][a-z_.]{0,20}$/);
    await fc.assert(
      fc.asyncProperty(plugin, fc.option(plugin, { nil: null }), type, json, async (from, to, type, data) => {
        const step = to === null ? { op: "broadcast", type, data } : { op: "peer", plugin: to, type, data };
        const [outcome] = await perform(here, from, [step]);
        const received = here.events.filter((event) => event.type === "peer");
        const targets = to === null ? PEOPLE.filter((name) => name !== from) : [to];
        expect(received.map(({ plugin }) => plugin).sort()).toEqual([...targets].sort());
        for (const { plugin, data: seen } of received) expect(seen.message).toMatchObject({ type, source: from, target: plugin, data });
        if (to !== null) expect(outcome).toMatchObject({ value: `answer of ${to}` });
        else {
          const answers = targets.map((name) => ({ plugin: name, ok: true, data: `answer of ${name}` }));
          expect(outcome.value).toEqual(expect.arrayContaining(answers));
        }
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);
