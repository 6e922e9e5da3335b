import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Json } from "../../src/json.ts";
import { PERMISSION_NAMES } from "../../src/permissions/grammar/types.ts";
import { CAPABILITIES, WAYS_IN } from "../../src/plugins/capabilities/table.ts";
import { CORE_EVENTS, OPERATIONS, type OperationName, permissionOf, permissionOfEvent } from "../../src/sdk/boundary/operations.ts";
import { callOf, callWith, grantedSet, instanceOf, manifestOf, recordedServices } from "./support.ts";

const SRC = join(import.meta.dir, "../../src");
const FOLDER = "plugins/capabilities/";
const names = Object.keys(OPERATIONS).sort() as OperationName[];

async function sources(pattern: string): Promise<[file: string, text: string][]> {
  const files = [...new Bun.Glob(pattern).scanSync(SRC)].sort();
  return Promise.all(files.map(async (file): Promise<[string, string]> => [file, await Bun.file(join(SRC, file)).text()]));
}

describe("the table is all there is", () => {
  test("every operation of the wire has one row, in a file of its own", async () => {
    expect(Object.keys(CAPABILITIES).sort()).toEqual(names);
    const declared: Record<string, string[]> = {};
    for (const [file, text] of await sources(`${FOLDER}**/*.ts`)) {
      for (const [, name = ""] of text.matchAll(/: Capability<"(\w+)"/g)) declared[name] = [...(declared[name] ?? []), file];
    }
    expect(Object.keys(declared).sort()).toEqual(names);
    for (const [name, files] of Object.entries(declared))
      expect(files).toEqual([expect.stringContaining(`/${name.replaceAll("_", "-")}.ts`)]);
  });

  test("a capability set is asked for a decision in this folder alone", async () => {
    const asks = /\.checkOwn\b|[cC]apabilitySet\??\.check\b|\bcheckOwn[,:( ]/;
    const found = (await sources("**/*.ts")).filter(([, text]) => asks.test(text)).map(([file]) => file);
    const outside = found.filter((file) => !file.startsWith(FOLDER));
    // Where the decision is made, and what it is called.
    expect(outside).toEqual(["permissions/capability-set.ts", "permissions/grammar/types.ts"]);
    expect(found.length).toBeGreaterThan(outside.length + 3);
  });

  test("every permission is asked for by a row, and no row asks for another", () => {
    const asked = [...Object.values(CAPABILITIES), ...Object.values(WAYS_IN)].flatMap((row) => row.asks);
    expect([...new Set(asked)].sort()).toEqual([...PERMISSION_NAMES].sort());
  });

  test("the token that the host presents is of the permission that the row asks for first", () => {
    for (const name of names) {
      if (name === "register") continue;
      expect([name, permissionOf(name, {})]).toEqual([name, CAPABILITIES[name].asks[0] ?? null]);
    }
    const kinds = ["command", "keyword", "message", "task", "menu", "plugin_message", "event", "region"];
    const presented = kinds.map((kind) => permissionOf("register", { kind, type: "other.event" }));
    expect(presented).toEqual([
      "override_commands",
      "receive_messages",
      "receive_messages",
      "schedule_tasks",
      null,
      null,
      "inter_plugin_messaging",
      "region",
    ]);
    for (const permission of presented) if (permission !== null) expect(CAPABILITIES.register.asks).toContain(permission as never);
    expect(permissionOf("register", null)).toBeNull();
    expect(permissionOf("constructor", {})).toBeNull();
  });

  test("events of the core need what they tell about, and no plugin can emit one", async () => {
    const needs = Object.fromEntries(CORE_EVENTS.map((type) => [type, permissionOfEvent(type)]));
    expect(needs).toEqual({
      message_received: "receive_messages",
      message_processed: "receive_messages",
      message_status: null,
      node_seen: "system_state_read",
      link_state: "system_state_read",
      plugin_started: "system_state_read",
      plugin_stopped: "system_state_read",
      plugin_failed: "system_state_read",
      alert: "system_state_read",
      region_shared_changed: "region",
    });
    for (const type of ["alerting", "messages", "node", "other.event", ""]) expect(permissionOfEvent(type)).toBe("inter_plugin_messaging");
    const { services, done } = recordedServices();
    const instance = instanceOf(grantedSet(["inter_plugin_messaging"]).capabilitySet);
    for (const type of [...CORE_EVENTS, "permission_changed", "config_changed", "log", "node_other"]) {
      expect(await callOf(instance, services, "emit_event", { type, data: null })).toMatchObject({
        ok: false,
        error: { code: "invalid_argument" },
      });
    }
    expect(done).toEqual([]);
  });
});

/** A call of each operation, and what is done when it is allowed. */
const CALLS: { readonly [O in OperationName]: { readonly args: Json; readonly done: readonly string[] } } = {
  register: { args: { kind: "message", id: 1 }, done: [] },
  dispose: { args: { registration: 1 }, done: [] },
  send_message: { args: { content: "hi", destination: "broadcast" }, done: ["enqueue hi normal"] },
  get_message_status: { args: { id: "m_1" }, done: ["status m_1"] },
  http_request: { args: { method: "GET", url: "https://a.org/" }, done: ["http mine https://a.org/"] },
  get_node_info: { args: { node: "!00000001" }, done: ["find !00000001"] },
  get_nodes: { args: {}, done: ["all nodes"] },
  get_network_status: { args: {}, done: ["all nodes"] },
  request_position: { args: { node: "!00000007" }, done: ["position 7"] },
  request_telemetry: { args: { node: 7, kind: "power" }, done: ["telemetry 7 power"] },
  traceroute: { args: { node: "!00000007" }, done: ["traceroute 7"] },
  get_plugins: { args: {}, done: ["list"] },
  send_to_plugin: { args: { plugin: "a", type: "t", data: null, timeout: 2 }, done: ["send mine a t 2000"] },
  broadcast_to_plugins: { args: { type: "t", data: 1 }, done: ["broadcast mine t a,b"] },
  emit_event: { args: { type: "mine.changed", data: {} }, done: ["event mine mine.changed"] },
  region_publish: { args: { topic: "t", body: 1 }, done: ["publish mine t 1 undefined"] },
  region_sites: { args: {}, done: ["sites"] },
  store_shared: { args: { key: "k/1", value: null, ttl: 60 }, done: ["store mine k/1 null 60 null"] },
  retrieve_shared: { args: { key: "k/1" }, done: ["retrieve mine k/1"] },
  delete_shared: { args: { key: "k/1" }, done: ["remove mine k/1"] },
  list_shared: { args: { prefix: "" }, done: ["list mine "] },
  read_shared: { args: { prefix: "" }, done: ["entries mine "] },
  get_secret: { args: { name: "key" }, done: ["secret mine key"] },
  request_permission: { args: { permission: "secrets" }, done: ["request mine"] },
  revoke_permission: { args: { permission: "secrets" }, done: ["revoke mine"] },
};

describe.each(names)("%s", (name) => {
  const { args, done: effects } = CALLS[name];
  const needsPermission = CAPABILITIES[name].asks.length > 0;

  test("granted: it is done, by decisions on the permissions of its row alone", async () => {
    const { capabilitySet, audited } = grantedSet(PERMISSION_NAMES);
    const { services, done } = recordedServices();
    expect(await callOf(instanceOf(capabilitySet), services, name, args)).toMatchObject({ ok: true });
    expect(done).toEqual([...effects]);
    expect(audited.length > 0).toBe(needsPermission);
    for (const { permission, result, correlationId } of audited) {
      expect(CAPABILITIES[name].asks).toContain(permission as never);
      expect([result, correlationId]).toEqual(["allow", "c1"]);
    }
  });

  if (needsPermission)
    test("not granted: nothing is done, and the plugin is told which line is missing", async () => {
      const { capabilitySet, audited } = grantedSet([]);
      const { services, done } = recordedServices();
      const outcome = await callOf(instanceOf(capabilitySet), services, name, args);
      expect(done).toEqual([]);
      expect(audited.map(({ result }) => result)).toEqual(["deny"]);
      expect(JSON.stringify(outcome)).toContain("permission_denied");
      expect(JSON.stringify(outcome)).toContain(`add to permissions in manifest.yaml: - ${audited[0]?.permission}`);
    });

  if (needsPermission)
    test("granted, and another's token or none presented: nothing is done", async () => {
      const mine = grantedSet(PERMISSION_NAMES);
      const other = grantedSet(PERMISSION_NAMES, "other");
      const tokens: Readonly<Record<string, string>> = other.capabilitySet.tokens;
      const { services, done } = recordedServices();
      const instance = instanceOf(mine.capabilitySet);
      const permission = permissionOf(name, args) ?? "";
      expect(JSON.stringify(await callWith(instance, services, { operation: name, args, token: tokens[permission] ?? null }))).toContain(
        "permission_denied",
      );
      expect(mine.forgeries).toEqual(["unknown"]);
      expect(JSON.stringify(await callWith(instance, services, { operation: name, args, token: null }))).toContain("permission_denied");
      expect(done).toEqual([]);
    });

  test("arguments that do not fit are refused before anything is decided", async () => {
    const { capabilitySet, audited } = grantedSet(PERMISSION_NAMES);
    const { services, done } = recordedServices();
    for (const wrong of [null, 1, "x", { ...(args as object), unknown_key: 1 }]) {
      expect(await callOf(instanceOf(capabilitySet), services, name, wrong as Json)).toMatchObject({
        ok: false,
        error: { name: "TypeError", code: "invalid_argument", message: expect.stringContaining(name) },
      });
    }
    expect([done, audited]).toEqual([[], []]);
  });
});

describe("what a scope lets through", () => {
  test("a broadcast reaches only the plugins that the scope names", async () => {
    const { services, done } = recordedServices();
    const instance = instanceOf(grantedSet([{ inter_plugin_messaging: { plugins: ["b"] } }]).capabilitySet);
    await callOf(instance, services, "broadcast_to_plugins", { type: "t", data: null });
    expect(done).toEqual(["broadcast mine t b"]);
  });

  test("an emergency needs an emergency word of its own", async () => {
    const { services, done } = recordedServices();
    const args = { content: "fire", destination: "broadcast", priority: "emergency" };
    await callOf(instanceOf(grantedSet(["send_messages"]).capabilitySet), services, "send_message", args);
    const sos = grantedSet(["send_messages", { override_commands: { names: ["sos"] } }]);
    await callOf(instanceOf(sos.capabilitySet), services, "send_message", args);
    expect(done).toEqual(["enqueue fire high", "enqueue fire emergency"]);
  });

  test("a command takes over reserved words only with all of its names in the scope", async () => {
    const { services } = recordedServices();
    const manifest = manifestOf({ capabilities: { commands: [{ name: "help", description: "x", aliases: ["h"] }] } });
    const facts = async (entries: unknown[]) => {
      const instance = instanceOf(grantedSet(entries).capabilitySet, manifest);
      const args = { kind: "command", id: 4, name: "HELP", aliases: ["h"] };
      expect(await callOf(instance, services, "register", args)).toEqual({ ok: true, value: null });
      return [...instance.registrations.entries()].map((entry) => entry.facts.mayOverride);
    };
    expect(await facts([])).toEqual([false]);
    expect(await facts([{ override_commands: { names: ["help"] } }])).toEqual([false]);
    expect(await facts([{ override_commands: { names: ["help", "h"] } }])).toEqual([true]);
  });

  test("what the manifest does not declare is not registered, whatever is granted", async () => {
    const { services } = recordedServices();
    const instance = instanceOf(grantedSet(PERMISSION_NAMES).capabilitySet);
    const undeclared: Json[] = [
      { kind: "command", id: 1, name: "x" },
      { kind: "keyword", id: 1, pattern: "x" },
      { kind: "task", id: 1, name: "x", interval: 60 },
      { kind: "menu", id: 1, menu: "main", label: "x" },
    ];
    for (const args of undeclared) {
      expect(await callOf(instance, services, "register", args)).toMatchObject({ ok: false, error: { code: "invalid_argument" } });
    }
    expect(instance.registrations.count()).toBe(0);
  });

  test("a registration is decided by the permission whose token is presented with it", async () => {
    const { services } = recordedServices();
    const manifest = manifestOf({
      capabilities: {
        commands: [
          { name: "x", description: "x" },
          { name: "sos", description: "x" },
        ],
        keywords: [{ pattern: "x", description: "x" }],
        scheduled_tasks: [{ name: "x", interval: 60 }],
        menu_items: [{ menu: "utilities", label: "x", command: "x" }],
      },
    });
    const registrations: Json[] = [
      { kind: "keyword", id: 1, pattern: "x" },
      { kind: "message", id: 2 },
      { kind: "task", id: 3, name: "x", interval: 60 },
      { kind: "event", id: 4, type: "message_received" },
      { kind: "event", id: 5, type: "node_seen" },
      { kind: "event", id: 6, type: "other.event" },
      { kind: "event", id: 7, type: "message_status" },
      { kind: "menu", id: 8, menu: "utilities", label: "x", command: "x" },
      { kind: "plugin_message", id: 9 },
      { kind: "command", id: 10, name: "sos" },
      { kind: "region", id: 11, topic: "x" },
    ];
    for (const args of registrations) {
      const permission = permissionOf("register", args);
      const { capabilitySet, audited } = grantedSet(permission === null ? [] : [permission]);
      expect(await callOf(instanceOf(capabilitySet, manifest), services, "register", args)).toEqual({ ok: true, value: null });
      expect([args, audited.map((entry) => entry.permission)]).toEqual([args, permission === null ? [] : [permission]]);
    }
  });

  test("a command that takes nothing over is not decided about", async () => {
    const { services } = recordedServices();
    const { capabilitySet, audited } = grantedSet([{ override_commands: { names: ["sos"] } }]);
    const manifest = manifestOf({ capabilities: { commands: [{ name: "x", description: "x" }] } });
    const outcome = await callOf(instanceOf(capabilitySet, manifest), services, "register", { kind: "command", id: 1, name: "x" });
    expect([outcome, audited]).toEqual([{ ok: true, value: null }, []]);
  });

  test("a task's interval must be within the scope", async () => {
    const { services } = recordedServices();
    const manifest = manifestOf({ capabilities: { scheduled_tasks: [{ name: "x", interval: 60 }] } });
    const register = (interval: number) => {
      const instance = instanceOf(grantedSet([{ schedule_tasks: { min_interval_s: 60 } }]).capabilitySet, manifest);
      return callOf(instance, services, "register", { kind: "task", id: 3, name: "x", interval });
    };
    expect((await register(60)).ok).toBe(true);
    expect(await register(59)).toMatchObject({ ok: false, error: { code: "permission_denied", permission: "schedule_tasks" } });
  });

  test("dispose forgets the handler", async () => {
    const { services } = recordedServices();
    const instance = instanceOf(grantedSet(PERMISSION_NAMES).capabilitySet);
    await callOf(instance, services, "register", { kind: "message", id: 9 });
    expect(instance.handlers.size).toBe(1);
    await callOf(instance, services, "dispose", { registration: 9 });
    expect([instance.handlers.size, instance.registrations.count()]).toEqual([0, 0]);
  });

  test("an unknown operation is refused", async () => {
    const { services } = recordedServices();
    const instance = instanceOf(grantedSet(PERMISSION_NAMES).capabilitySet);
    for (const operation of ["spawn", "constructor", "__proto__", ""]) {
      expect(await callOf(instance, services, operation, {})).toMatchObject({ ok: false, error: { code: "invalid_argument" } });
    }
  });
});
