/** What the API can do with plugins, on a whole gateway in this process: the answers, and what the audit log keeps of them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Actor, Answer, PluginControl } from "../../src/api/contract/control.ts";
import type { GatewayError, Result } from "../../src/errors.ts";
import { startTestGateway, type TestGateway } from "../../src/testing/index.ts";
import { removePlugins, writePlugin } from "../testing/plugins.ts";

const ACTOR: Actor = { via: "api", address: "192.0.2.9", token: "tester" };
const MANIFEST = `license: MIT
homepage: https://example.org/probe
capabilities:
  commands: [{ name: probe, description: Answers }, { name: ping, description: Clashes }]
  scheduled_tasks: [{ name: tick, interval: 60 }]
  menu_items: [{ menu: bbs, label: Probe, command: post }]
permissions: [send_messages, database_access, secrets, schedule_tasks, { http_requests: { hosts: [a.example, b.example] } }]
config: { schema_file: schema.json, defaults: { every: 5, color: red } }
`;
const SCHEMA = JSON.stringify({ type: "object", properties: { every: { type: "number", minimum: 1 }, color: { type: "string" } } });
const CODE = `
  override initialize() {
    this.registerCommand("probe", async () => "probed " + this.getConfig("every", 0));
    this.registerScheduledTask("tick", { interval: 60 }, () => {});
    this.registerMenuItem("bbs", "Probe", () => "x", { command: "post" });
    this.registerPluginMessageHandler(({ type, data }) => (type === "echo" ? { got: data } : type === "fail" ? Promise.reject(new Error("no")) : null));
  }`;

let gateway: TestGateway;
let plugins: PluginControl;
beforeAll(async () => {
  const probe = writePlugin("probe", MANIFEST, CODE, { "schema.json": SCHEMA });
  const other = writePlugin(
    "other",
    "capabilities: { commands: [{ name: ping }] }\npermissions: [send_messages]\n",
    'override initialize() { this.registerCommand("ping", () => "pong"); }',
  );
  gateway = await startTestGateway({ plugin: [probe, other] });
  ({ plugins } = gateway.control);
});
afterAll(async () => {
  await gateway.close();
  removePlugins();
});

/** Waits while the clock of the test goes on. */
async function done<T>(answer: Answer<T>): Promise<Result<T>> {
  const waiting = Promise.resolve(answer);
  await gateway.advance({ seconds: 2 });
  return waiting;
}
async function answerOf<T>(answer: Answer<T>): Promise<T> {
  const result = await done(answer);
  if (!result.ok) throw result.error;
  return result.value;
}
async function refusal(answer: Answer<unknown>): Promise<[string, string, string | undefined]> {
  const result = await done(answer);
  if (result.ok) throw new RangeError("it was not refused");
  const { code, message, hint }: GatewayError = result.error;
  return [code, message, hint];
}
async function folderOf(name: string): Promise<string> {
  return (await answerOf(plugins.get(name))).path ?? "";
}
/** What the audit log got by `work`, without decisions. */
async function audited(work: () => Promise<unknown>): Promise<string[]> {
  const since = (await answerOf(gateway.control.audit.query({ plugin: "probe" }, { limit: 1000 }))).items.length;
  await work();
  const { items } = await answerOf(gateway.control.audit.query({ plugin: "probe" }, { limit: 1000 }));
  return items
    .slice(0, items.length - since)
    .filter(({ kind }) => kind !== "decision")
    .map(({ kind, rule, detail }) => [kind, rule, detail].filter((each) => each !== "" && each !== null).join(" | "))
    .reverse();
}

test("all plugins, by name", async () => {
  const list = await answerOf(plugins.list());
  const names = list.map(({ name }) => name);
  expect(names).toEqual([...names].sort((a, b) => a.localeCompare(b)));
  expect(names).toContain("probe");
});

test("one plugin in full", async () => {
  const detail = await answerOf(plugins.get("probe"));
  const entries = [
    "send_messages",
    "database_access",
    { http_requests: { hosts: ["a.example", "b.example"] } },
    "schedule_tasks",
    "secrets",
  ];
  expect(detail).toEqual({
    name: "probe",
    version: "1.0.0",
    description: "test",
    author: "tests",
    license: "MIT",
    homepage: "https://example.org/probe",
    path: expect.stringMatching(/\/probe$/),
    host_pid: null,
    state: "running",
    reason: null,
    since: expect.stringMatching(/^2026-01-05T12:00:0/),
    failures: 0,
    restarts: 0,
    disabled_by: null,
    pending: null,
    bundled: false,
    requests: [],
    health: { status: "unknown", checked_at: null, consecutive_failures: 0, detail: null },
    metrics: {
      uptime_s: expect.any(Number),
      failures: 0,
      restarts: 0,
      cpu_s: expect.any(Number),
      memory_bytes: expect.any(Number),
      storage_bytes: 0,
      storage_calls: 0,
      timers: 0,
      calls: 2,
      call_errors: 0,
      call_timeouts: 0,
      latency_p50_s: expect.any(Number),
      latency_p99_s: expect.any(Number),
      queue_depth: 0,
      messages_sent: 0,
      replies_dropped: 0,
      http_requests: 0,
      log_lines_dropped: 0,
      events_dropped: 0,
    },
    permission_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    permissions: {
      permission_hash: detail.permission_hash,
      accepted_hash: detail.permission_hash,
      requested: entries,
      granted: entries,
      denied: [],
      held_back: [],
    },
    capabilities: {
      commands: [
        { name: "probe", description: "Answers", aliases: [] },
        { name: "ping", description: "Clashes", aliases: [] },
      ],
      keywords: [],
      menu_items: [{ menu: "bbs", label: "Probe", command: "post" }],
      provides: [],
      scheduled_tasks: [{ name: "tick", interval: 60 }],
    },
    dependencies: { packages: [], plugins: [] },
    limits: { memory_mb: 16, slice_ms: 100, timeout_s: 10, storage_mb: 16 },
    registrations: { command: 1, task: 1, menu: 1, plugin_message: 1 },
    conflicts: [{ command: "ping", plugins: ["other"] }],
  } as unknown as typeof detail);
  const other = await answerOf(plugins.get("other"));
  expect("license" in other || "homepage" in other).toBe(false);
  // The other's command is answered by it alone: probe only declares its own.
  expect(other.conflicts).toEqual([]);
});

test.each([
  ["get", () => plugins.get("nobody")],
  ["config", () => plugins.config("nobody")],
  ["setConfig", () => plugins.setConfig("nobody", {}, ACTOR)],
  ["secrets", () => plugins.secrets("nobody")],
  ["setSecret", () => plugins.setSecret("nobody", "a", "b", ACTOR)],
  ["deleteSecret", () => plugins.deleteSecret("nobody", "a", ACTOR)],
  ["startRecording", () => plugins.startRecording("nobody", 1, ACTOR)],
  ["recording", () => plugins.recording("nobody")],
  ["profile", () => plugins.profile("nobody")],
  ["exportRecording", () => plugins.exportRecording("nobody", ACTOR)],
  ["dropRecording", () => plugins.dropRecording("nobody", ACTOR)],
  ["permissions", () => plugins.permissions("nobody")],
  ["grant", () => plugins.grant("nobody", "secrets", ACTOR)],
  ["why", () => plugins.why("nobody", "secrets", undefined)],
  ["ask", () => plugins.ask("nobody", "echo", null, ACTOR)],
] as const)("%s of a plugin that is not there", async (_, call) => {
  expect(await refusal(call())).toEqual(["not_found", 'there is no plugin called "nobody"', "zephyrgate plugin list"]);
});

test("a name that is no name is repeated in part", async () => {
  expect((await refusal(plugins.get("n".repeat(100))))[1]).toBe(`there is no plugin called "${"n".repeat(64)}"`);
});

describe("changes", () => {
  test("disable, enable, restart and reload: the state, the audit log and the second time", async () => {
    const lines = await audited(async () => {
      expect(await answerOf(plugins.disable("probe", ACTOR))).toMatchObject({
        waits: false,
        plugin: { state: "disabled", disabled_by: "operator" },
      });
      expect(await answerOf(plugins.enable("probe", undefined, ACTOR))).toMatchObject({ waits: false, plugin: { state: "running" } });
      expect(await answerOf(plugins.restart("probe", ACTOR))).toMatchObject({ waits: false, plugin: { state: "running", name: "probe" } });
      expect(await answerOf(plugins.reload("probe", ACTOR))).toMatchObject({ waits: false, plugin: { state: "running" } });
    });
    expect(lines.filter((line) => /^(?:enable|disable|restart|reload) /.test(line)).map((line) => line.replace(/ \|.*\|?/, ""))).toEqual([
      "disable",
      "enable",
      "restart",
      "reload",
    ]);
    for (const line of lines.filter((each) => each.startsWith("restart"))) expect(line).toContain("tester");
  });

  test("a hash that is not the plugin's accepts nothing", async () => {
    const [code] = await refusal(plugins.enable("probe", "sha256-other", ACTOR));
    expect(code).toBe("conflict");
    expect(await answerOf(plugins.get("probe"))).toMatchObject({ state: "running" });
  });
});

describe("configuration", () => {
  test("what is in force, the operator's own part, and the schema", async () => {
    expect(await answerOf(plugins.config("probe"))).toEqual({ config: { every: 5, color: "red" }, own: {}, schema: JSON.parse(SCHEMA) });
    expect(await answerOf(plugins.config("other"))).toEqual({ config: {}, own: {}, schema: null });
  });

  test("a change names the keys that differ, reaches the plugin, and is audited by name only", async () => {
    const lines = await audited(async () => {
      expect(await answerOf(plugins.setConfig("probe", { every: 7 }, ACTOR))).toEqual({
        config: { every: 7, color: "red" },
        changed: ["every"],
      });
      expect(await answerOf(plugins.setConfig("probe", { every: 7 }, ACTOR))).toEqual({ config: { every: 7, color: "red" }, changed: [] });
    });
    expect(lines).toEqual([expect.stringContaining("changed every"), expect.stringContaining("changed nothing")]);
    expect(await gateway.node("Alice").asks("probe")).toBe("probed 7");
    expect(await answerOf(plugins.config("probe"))).toMatchObject({ own: { every: 7 } });
  });

  test("values that the schema refuses change nothing", async () => {
    const [code, message] = await refusal(plugins.setConfig("probe", { every: 0 }, ACTOR));
    expect([code, message]).toEqual(["config_invalid", expect.stringContaining("every: 0 is less than 1")]);
    expect(await answerOf(plugins.config("probe"))).toMatchObject({ own: { every: 7 } });
  });
});

test("secrets: named, never shown, audited by name; a refused one is not audited", async () => {
  const lines = await audited(async () => {
    expect(await answerOf(plugins.secrets("probe"))).toEqual([]);
    await answerOf(plugins.setSecret("probe", "key", "hunter22", ACTOR));
    await answerOf(plugins.setSecret("probe", "also", "hunter23", ACTOR));
    expect(await answerOf(plugins.secrets("probe"))).toEqual(["also", "key"]);
    expect(await refusal(plugins.setSecret("probe", "9", "x", ACTOR))).toContain("invalid_argument");
    await answerOf(plugins.deleteSecret("probe", "also", ACTOR));
    await refusal(plugins.deleteSecret("probe", "also", ACTOR));
    expect(await answerOf(plugins.secrets("probe"))).toEqual(["key"]);
  });
  expect(lines).toEqual([expect.stringContaining("set key"), expect.stringContaining("set also"), expect.stringContaining("removed also")]);
  expect(lines.join()).not.toContain("hunter");
});

describe("recording", () => {
  test("none is there before it is begun", async () => {
    const none = ["not_found", "probe is not being recorded", "zephyrgate record probe"];
    expect(await refusal(plugins.recording("probe"))).toEqual(none as [string, string, string]);
    expect(await refusal(plugins.exportRecording("probe", ACTOR))).toEqual(none as [string, string, string]);
    expect(await refusal(plugins.dropRecording("probe", ACTOR))).toEqual(none as [string, string, string]);
  });

  test("begun, taken and ended, each in the audit log", async () => {
    const lines = await audited(async () => {
      expect(await answerOf(plugins.startRecording("probe", 600, ACTOR))).toMatchObject({ plugin: { state: "running" } });
      expect(await answerOf(plugins.recording("probe"))).toMatchObject({ running: true });
      expect(await refusal(plugins.startRecording("probe", 600, ACTOR))).toEqual([
        "conflict",
        "probe is being recorded already",
        "DELETE /api/v1/plugins/probe/recording ends it",
      ]);
      await gateway.node("Alice").asks("probe");
      const [head = "", ...rest] = (await answerOf(plugins.exportRecording("probe", ACTOR))).trimEnd().split("\n");
      expect(JSON.parse(head)).toMatchObject({ plugin: "probe", version: "1.0.0" });
      expect(rest.join("\n")).toContain("probed 7");
      expect(rest.join("\n")).not.toContain("hunter22");
      await answerOf(plugins.dropRecording("probe", ACTOR));
      expect((await refusal(plugins.recording("probe")))[0]).toBe("not_found");
    });
    const record = lines.filter((line) => line.startsWith("record"));
    expect(record).toEqual([expect.stringContaining("begun"), expect.stringContaining("taken"), expect.stringContaining("ended")]);
  });

  test("a plugin that does not run is not recorded", async () => {
    await answerOf(plugins.disable("probe", ACTOR));
    expect(await refusal(plugins.startRecording("probe", 600, ACTOR))).toEqual([
      "conflict",
      "probe does not run: it is disabled",
      "zephyrgate plugin enable probe",
    ]);
    expect((await refusal(plugins.recording("probe")))[0]).toBe("not_found");
    await answerOf(plugins.enable("probe", undefined, ACTOR));
  });
});

test("the profile: what used the processor, the most first", async () => {
  await gateway.node("Alice").asks("probe");
  const items = await answerOf(plugins.profile("probe"));
  expect(items.map(({ what }) => what)).toContain("command probe");
  expect(items.map(({ cpu_ms }) => cpu_ms)).toEqual(items.map(({ cpu_ms }) => cpu_ms).sort((a, b) => b - a));
  for (const { calls, cpu_ms, max_ms } of items) {
    expect(calls).toBeGreaterThan(0);
    expect(cpu_ms).toBeGreaterThanOrEqual(max_ms);
    for (const ms of [cpu_ms, max_ms]) expect(Math.abs(ms * 100 - Math.round(ms * 100))).toBeLessThan(1e-6);
  }
});

describe("permissions", () => {
  test("revoke, grant and deny, in part and whole", async () => {
    const granted = async () => (await answerOf(plugins.permissions("probe"))).granted;
    const all = await granted();
    expect(await answerOf(plugins.revoke("probe", { http_requests: { hosts: ["a.example"] } }, ACTOR))).toMatchObject({
      granted: ["send_messages", "database_access", { http_requests: { hosts: ["b.example"] } }, "schedule_tasks", "secrets"],
    });
    await answerOf(plugins.grant("probe", { http_requests: { hosts: ["a.example"] } }, ACTOR));
    expect(await granted()).toEqual(all);
    expect(await answerOf(plugins.deny("probe", "secrets", ACTOR))).toMatchObject({ denied: ["secrets"] });
    expect(await granted()).not.toContain("secrets");
    expect((await refusal(plugins.grant("probe", "nonsense", ACTOR)))[0]).toBe("invalid_argument");
    expect((await answerOf(plugins.revoke("probe", undefined, ACTOR))).granted).toEqual([]);
  });

  test("why: the rule of one call, of all calls, and of what is unknown or does not run", async () => {
    expect(await answerOf(plugins.why("other", "send_messages", "direct"))).toMatchObject({
      allowed: true,
      permission: "send_messages",
      scope: "direct",
    });
    expect(await answerOf(plugins.why("other", "secrets", undefined))).toEqual({
      allowed: false,
      rule: "not requested in the manifest",
      permission: "secrets",
      scope: "",
    });
    const [code, message, hint] = await refusal(plugins.why("other", "x".repeat(50), undefined));
    expect([code, message]).toEqual(["invalid_argument", `there is no permission "${"x".repeat(40)}"`]);
    expect(hint).toStartWith("known: send_messages, receive_messages, ");
    await answerOf(plugins.disable("other", ACTOR));
    expect(await answerOf(plugins.why("other", "secrets", "k"))).toEqual({
      allowed: false,
      rule: "the plugin is not running",
      permission: "secrets",
      scope: "k",
    });
    await answerOf(plugins.enable("other", undefined, ACTOR));
  });
});

test("ask: the answer, no answer, a failure, and a message that is too large", async () => {
  const lines = await audited(async () => {
    expect(await answerOf(plugins.ask("probe", "echo", { a: [1] }, ACTOR))).toEqual({ got: { a: [1] } });
    expect(await refusal(plugins.ask("probe", "silence", null, ACTOR))).toContain('probe does not answer "silence"');
    expect(await refusal(plugins.ask("probe", "fail", null, ACTOR))).toContain("conflict");
  });
  expect(lines.filter((line) => line.startsWith("ask")).map((line) => /(echo|silence|fail)/.exec(line)?.[1])).toEqual([
    "echo",
    "silence",
    "fail",
  ]);
  expect(await answerOf(plugins.ask("probe", "echo", "x".repeat(65_534), ACTOR))).toEqual({ got: "x".repeat(65_534) });
  expect(await refusal(plugins.ask("probe", "echo", "x".repeat(65_535), ACTOR))).toEqual([
    "too_large",
    "a message to a plugin has at most 65536 characters of JSON",
    undefined,
  ]);
});

describe("a folder that moved", () => {
  test("is adopted by the path at which a plugin of this name lies, and by no other", async () => {
    const path = await folderOf("other");
    const [code, message] = await refusal(plugins.adopt("other", "/nowhere", ACTOR));
    expect([code, message]).toEqual(["not_found", "/nowhere is not a folder in which a plugin called other was found"]);
    expect((await refusal(plugins.adopt("probe", path, ACTOR)))[1]).toContain("a plugin called probe");
    const moved = await answerOf(plugins.adopt("other", path, ACTOR));
    expect(moved).toMatchObject({ waits: false, plugin: { name: "other", state: "running" } });
    await answerOf(plugins.disable("other", ACTOR));
    expect(await answerOf(plugins.adopt("other", path, ACTOR))).toMatchObject({ waits: false, plugin: { state: "disabled" } });
    await answerOf(plugins.enable("other", undefined, ACTOR));
  });
});

test("a new version that asks for more waits, with the difference; the old one goes on", async () => {
  const path = await folderOf("other");
  const manifest = join(path, "manifest.yaml");
  const text = await Bun.file(manifest).text();
  writeFileSync(manifest, text.replace("[send_messages]", "[secrets]").replace('"1.0.0"', '"1.1.0"'));
  const change = await answerOf(plugins.reload("other", ACTOR));
  expect(change.waits).toBe(true);
  const detail = await answerOf(plugins.get("other"));
  expect(detail).toMatchObject({
    state: "running",
    version: "1.0.0",
    pending: { kind: "awaiting_approval", version: "1.1.0", added: ["secrets"] },
    permissions: { requested: ["secrets"], granted: ["send_messages"], held_back: ["secrets"] },
  });
  expect(detail.pending?.permission_hash).toBe(detail.permission_hash);
  expect(detail.permissions.permission_hash).toBe(detail.permission_hash);
  expect(await answerOf(plugins.enable("other", detail.permission_hash, ACTOR))).toMatchObject({
    waits: false,
    plugin: { version: "1.1.0", pending: null, state: "running" },
  });
});
