import type { AuditControl, Control, MessageControl, PluginControl } from "../../src/api/contract/control.ts";
import type { PluginDetail, PluginPermissions, PluginSummary, SilenceView } from "../../src/api/contract/views.ts";
import { EventBus } from "../../src/bus.ts";
import { fail, ok } from "../../src/errors.ts";
import type { CoreEvents } from "../../src/events/core.ts";
import { createLog } from "../../src/log/log.ts";
import type { LinkStatus } from "../../src/mesh/link-status.ts";
import type { MeshMessage } from "../../src/mesh/message.ts";
import type { MeshNode } from "../../src/mesh/node.ts";
import type { MessageStatus } from "../../src/mesh/outgoing.ts";
import { FakeClock } from "../fake-clock.ts";

export const HASH = "sha256-0123";
const AT = Date.parse("2026-01-15T10:30:00Z");

export function summary(name: string, change: Partial<PluginSummary> = {}): PluginSummary {
  return {
    name,
    version: "1.0.0",
    description: `The ${name} plugin`,
    state: "running",
    reason: null,
    since: "2026-01-15T10:30:00.000Z",
    failures: 0,
    restarts: 0,
    disabled_by: null,
    pending: null,
    bundled: false,
    health: { status: "healthy", consecutive_failures: 0 },
    metrics: {
      uptime_s: 5,
      failures: 0,
      restarts: 0,
      cpu_s: 0.1,
      memory_bytes: 600_000,
      storage_bytes: 0,
      calls: 3,
      call_errors: 0,
      latency_p50_s: 0.0001,
      latency_p99_s: null,
      queue_depth: 0,
      messages_sent: 1,
      replies_dropped: 0,
      http_requests: 0,
      log_lines_dropped: 0,
    },
    ...change,
  };
}

export const LINK: LinkStatus = {
  name: "sim",
  type: "simulated",
  target: "3",
  state: "up",
  since: AT,
  ownNode: 1,
  channels: [{ index: 0, name: "LongFast", role: "primary" }],
  counters: {
    framesIn: 1,
    framesOut: 1,
    packetsIn: 1,
    packetsOut: 1,
    garbageBytes: 0,
    undecodable: 0,
    impossibleSenders: 0,
    reconnects: 0,
    duplicates: 0,
  },
};

export function status(change: Partial<MessageStatus> = {}): MessageStatus {
  return {
    id: "m_00000000000000000000000001",
    state: "sent",
    final: false,
    packets: [77],
    parts: 1,
    text: "Hello two!",
    to: 2,
    link: "sim",
    channel: 0,
    priority: "normal",
    sender: { kind: "plugin", plugin: "hello_world" },
    correlationId: "c1",
    queuedAt: AT,
    updatedAt: AT,
    ...change,
  };
}

export function received(text: string, change: Partial<MeshMessage> = {}): MeshMessage {
  return {
    kind: "text",
    correlationId: "c1",
    link: "sim",
    packetId: 1234,
    from: 2,
    to: 1,
    channel: 0,
    isDirect: true,
    receivedAt: AT,
    pkiEncrypted: false,
    viaMqtt: false,
    text,
    isReaction: false,
    ...change,
  } as MeshMessage;
}

const ALERT = {
  id: "0a0b0c0d",
  time: "2026-01-15T10:30:00.000Z",
  code: "disk_low",
  message: "the disk is nearly full",
  times: 2,
  acknowledged_at: null,
};

/** A gateway of three plugins that records what it was asked. `simulate.say` is answered as hello_world would. */
export function fakeControl() {
  const calls: { what: string; args: readonly unknown[] }[] = [];
  const faults: unknown[] = [];
  const events = new EventBus<CoreEvents>((_, thrown) => void faults.push(thrown));
  const log = createLog(
    { level: "debug", format: "text", file: null, max_mb: 1, keep: 1, levels: {} },
    { clock: new FakeClock(), console: null },
  );
  const plugins = new Map([
    ["hello_world", summary("hello_world")],
    ["waiting", summary("waiting", { state: "awaiting_approval", reason: "asks for permissions" })],
    ["ping", summary("ping", { bundled: true })],
  ]);
  const permissions: PluginPermissions = {
    permission_hash: HASH,
    accepted_hash: null,
    requested: ["send_messages", { http_requests: { hosts: ["api.weather.gov"] } }],
    granted: ["send_messages"],
    denied: [],
    held_back: [{ http_requests: { hosts: ["api.weather.gov"] } }],
  };
  const secrets = new Map<string, string>();
  const note = (what: string, ...args: unknown[]) => void calls.push({ what, args });
  const known = (name: string) => plugins.get(name) ?? null;
  const missing = () => fail("not_found", "no such plugin", { hint: "zephyrgate plugin list" });
  const change = (what: string, state: PluginSummary["state"]) => (name: string, actor: unknown) => {
    note(what, name, actor);
    const plugin = known(name);
    if (plugin === null) return missing();
    const next = { ...plugin, state };
    plugins.set(name, next);
    return ok({ plugin: next, waits: false });
  };
  const detail = (plugin: PluginSummary): PluginDetail => ({
    ...plugin,
    permission_hash: HASH,
    permissions,
    capabilities: { commands: [{ name: "hello" }] },
    dependencies: {},
    limits: { memory_mb: 16 },
    registrations: { command: 1 },
    conflicts: [],
  });

  const pluginControl: PluginControl = {
    list: () => ok([...plugins.values()]),
    get(name) {
      const plugin = known(name);
      return plugin === null ? missing() : ok(detail(plugin));
    },
    enable(name, accept, actor) {
      note("enable", name, accept, actor);
      const plugin = known(name);
      if (plugin === null) return missing();
      if (plugin.state === "awaiting_approval" && accept === undefined) return ok({ plugin, waits: true });
      if (accept !== undefined && accept !== HASH) return fail("conflict", "the permission set is another by now");
      const next = { ...plugin, state: "running" as const };
      plugins.set(name, next);
      return ok({ plugin: next, waits: false });
    },
    disable: change("disable", "disabled"),
    ask(name, type, data, actor) {
      note("ask", name, type, data, actor);
      if (known(name) === null) return missing();
      if (type === "pages")
        return ok(data === null ? { text: "first\nsecond \u001b[31m", next: { from: 2 } } : { text: "last", next: null });
      return type === "echo" ? ok(data) : fail("not_found", `${name} does not answer "${type}"`);
    },
    adopt(name, path, actor) {
      note("adopt", name, path, actor);
      const plugin = known(name);
      return plugin === null ? missing() : ok({ plugin, waits: false });
    },
    restart: change("restart", "running"),
    startRecording: (name) => (known(name) === null ? missing() : fail("conflict", `${name} is being recorded already`)),
    recording: (name) => (known(name) === null ? missing() : ok({ running: true, size: 10, reason: "" })),
    profile: (name) => (known(name) === null ? missing() : ok([{ what: "command hello", calls: 2, cpu_ms: 1.5, max_ms: 1 }])),
    exportRecording: (name) => (known(name) === null ? missing() : ok('{"zephyrgate":"recording"}\n')),
    dropRecording: (name) => (known(name) === null ? missing() : ok(null)),
    reload(name, actor) {
      note("reload", name, actor);
      if (name === "ping") throw new RangeError("secret detail of the gateway");
      return fail("load_failed", "plugin.ts does not parse", { where: "plugin.ts:3:7", data: { running_version: "1.0.0" } });
    },
    config: (name) => (known(name) === null ? missing() : ok({ config: { a: 1 } })),
    setConfig(name, config, actor) {
      note("setConfig", name, config, actor);
      if (config.bad !== undefined)
        return fail("config_invalid", "1 error", { data: { errors: [{ path: "bad", message: "not allowed" }] } });
      return ok({ config, changed: Object.keys(config) });
    },
    secrets: () => ok([...secrets.keys()]),
    setSecret(name, key, value, actor) {
      note("setSecret", name, key, actor);
      secrets.set(key, value);
      return ok(null);
    },
    deleteSecret: (_, key) => (secrets.delete(key) ? ok(null) : fail("not_found", "no such secret")),
    permissions: (name) => (known(name) === null ? missing() : ok(permissions)),
    grant(name, entry, actor) {
      note("grant", name, entry, actor);
      return ok(permissions);
    },
    revoke(name, entry, actor) {
      note("revoke", name, entry, actor);
      return ok(permissions);
    },
    deny(name, entry, actor) {
      note("deny", name, entry, actor);
      return ok(permissions);
    },
    why: (_, permission, subject) =>
      ok({ allowed: false, rule: "not requested", permission, scope: subject ?? "", hint: "add it to the manifest" }),
  };

  const sent: MessageStatus[] = [];
  const messages: MessageControl = {
    list: (_, { limit, cursor }) => {
      const from = Number(cursor ?? 0);
      if (!Number.isSafeInteger(from)) return fail("invalid_argument", "the cursor is not one this API gave out");
      return ok({ items: sent.slice(from, from + limit), next: from + limit < sent.length ? String(from + limit) : null });
    },
    received: ({ from }) => {
      const place = { link: "sim", packetId: 7, from: 2, to: 1, channel: 0, isDirect: true, isReaction: false };
      const text = { ...place, seq: 1, text: `kept of ${from ?? "all"}\u001b[31m`, snr: 5.5, correlationId: "c_1", receivedAt: AT };
      return ok({ items: [text], next: null });
    },
    traffic: () => ok([{ hour: "2026-01-15T10:00:00.000Z", received: 3, sent: 2, failed: 1 }]),
    get: (id) => {
      const message = sent.find((one) => one.id === id);
      return message === undefined ? fail("not_found", "no such message") : ok(message);
    },
    send(message, actor) {
      note("send", message, actor);
      const id = `m_${String(sent.length + 1).padStart(26, "0")}`;
      sent.unshift(status({ id, text: message.text, state: "queued", sender: { kind: "operator" } }));
      return ok({ id });
    },
  };

  const audit: AuditControl = {
    query(filter, paging) {
      note("audit", filter, paging);
      return ok({
        items: [
          {
            seq: 1,
            time: "2026-01-15T10:30:00.000Z",
            kind: "decision",
            plugin: "hello_world",
            permission: "http_requests",
            scope: "example.org:443",
            result: "deny",
            rule: "not requested",
            correlation_id: "c1",
          },
        ],
        next: null,
      });
    },
    verify: () => ok({ intact: true, entries: 3, broken_at: null }),
  };

  const nodes: MeshNode[] = [1, 2, 3].map((number) => ({
    number,
    id: `!${number.toString(16).padStart(8, "0")}`,
    longName: number === 3 ? "\u001b[31mEvil\u202e" : `Node ${number}`,
    isOwn: number === 1,
    link: "sim",
    lastHeard: AT,
  }));

  let silence: SilenceView = { silenced: false, since: null, by: null };
  const control: Control = {
    silence: {
      get: () => silence,
      set(on, actor) {
        note("silence", on, actor);
        silence = on
          ? { silenced: true, since: "2026-01-15T10:30:00.000Z", by: "page 127.0.0.1" }
          : { silenced: false, since: null, by: null };
        return ok(silence);
      },
    },
    version: "0.1.0",
    startedAt: AT,
    events,
    log: log.book,
    status: () => ({
      uptime_s: 60,
      degraded: [],
      safeMode: false,
      silence,
      disk: { state: "ok", free_bytes: 1_000_000 },
      clock: { state: "trusted", reason: "a time service keeps it" },
      links: [LINK],
      plugins: { running: 2, awaiting_approval: 1 },
      outbox: {
        queued: 0,
        sent: 1,
        delivered: 0,
        failed: 0,
        oldest_queued_s: null,
        airtime: { total_s: 0, plugins: {}, channels: {}, links: {} },
      },
      publishing: null,
      stale_texts: 0,
      walls: [{ wall: "seccomp", stands: true, detail: "tried" }],
      alerts: [],
    }),
    readiness: () => ({ ready: true, degraded: [], links: [{ name: "sim", state: "up" }] }),
    metrics: () => ok("# HELP zephyrgate_up Always 1.\n# TYPE zephyrgate_up gauge\nzephyrgate_up 1\n"),
    alerts: {
      list: () => [ALERT],
      acknowledge(id, actor) {
        note("acknowledge", id, actor);
        return id === ALERT.id ? ok({ ...ALERT, acknowledged_at: ALERT.time }) : fail("not_found", "there is no such alert");
      },
    },
    plugins: pluginControl,
    messages,
    traceroute: (node) => ok({ node: String(node), towards: [{ node: "!00000002", snr: 5.5 }], back: [] }),
    nodes: () => ok(nodes),
    links: () => ok([LINK]),
    schedule: () =>
      ok([
        {
          plugin: "hello_world",
          name: "tick",
          interval_s: 60,
          last_run: null,
          next_run: "2026-01-15T10:31:00.000Z",
          runs: 0,
          failures: 0,
          missed: 0,
          skipped: 0,
          running: false,
          paused: false,
          last_error: null,
        },
      ]),
    runTask(plugin, task, actor) {
      note("runTask", plugin, task, actor);
      return task === "tick" ? ok(null) : fail("not_found", "there is no such task");
    },
    nodeHistory: () =>
      ok([{ time: "2026-01-15T10:30:00.000Z", battery_level: 90, voltage: 4.1, snr: 5.5, channel_utilization: 12, air_util_tx: 1 }]),
    askNode(node, what, actor) {
      note("askNode", node, what, actor);
      return ok(null);
    },
    configuration: () =>
      ok({
        file: "/etc/zephyrgate/config.yaml",
        values: [
          { key: "api.port", value: 8080, from: "/etc/zephyrgate/config.yaml:3:3" },
          { key: "log.level", value: "info", from: "default" },
        ],
      }),
    menus: () => ok([{ menu: "main", label: "Hello", plugin: "hello_world", order: 100, admin_only: false }]),
    audit,
    simulate: {
      say(message, actor) {
        note("say", message, actor);
        const packetId = 1000 + calls.length;
        // After the answer, as in the gateway: the packet goes through the radio's stream first.
        setTimeout(() => {
          events.emit("message_received", received(message.text, { packetId, correlationId: `c${packetId}` }));
          if (message.text === "silence") {
            events.emit("message_processed", { correlationId: `c${packetId}`, plugin: null, outcome: "unhandled" });
            return;
          }
          const answer = status({ correlationId: `c${packetId}`, text: "Hello \u001b[31mtwo!", state: "queued" });
          events.emit("message_status", answer);
          events.emit("message_status", { ...answer, state: "sent" });
          events.emit("message_processed", { correlationId: `c${packetId}`, plugin: "hello_world", outcome: "replied" });
        }, 5);
        return ok({ packetId });
      },
    },
  };
  return { control, calls, events, log, faults, plugins, secrets };
}
