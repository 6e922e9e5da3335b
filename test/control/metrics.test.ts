import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RegionView } from "../../src/api/contract/region-views.ts";
import { EventBus } from "../../src/bus.ts";
import { metricsText } from "../../src/control/metrics.ts";
import { processUse } from "../../src/control/processes.ts";
import { regionFamilies } from "../../src/control/region-metrics.ts";
import { TrafficCounts } from "../../src/control/traffic-counts.ts";
import type { CoreEvents } from "../../src/events/core.ts";
import { LINK, received, status, summary } from "../api/fake-control.ts";
import { serve } from "../api/serve.ts";

const PROMTOOL = Bun.which("promtool");
if (PROMTOOL === null) console.warn("skipped: promtool check metrics (no promtool here; on Debian: apt-get install prometheus)");

/** As after a text, its answer, and the answer's late acknowledgement. */
function traffic() {
  const bus = new EventBus<CoreEvents>(() => undefined);
  const counts = new TrafficCounts(bus);
  bus.emit("message_received", received("hello"));
  bus.emit("message_processed", { correlationId: "c", plugin: "ping", outcome: "replied" });
  const ended = status({ state: "failed", reason: "no_ack", final: true });
  for (const each of [
    ended,
    { ...ended, note: "acknowledged_late" as const },
    status({ id: "m_2", state: "delivered", final: true }),
    status({ id: "m_3" }),
  ]) {
    bus.emit("message_status", each);
  }
  return counts.families();
}

const RECORDS = {
  ...{ kept: 0, flooded: 0, refused: { malformed: 0, forged: 0, expired: 0, ahead: 0, removed: 0, crowded: 0, known: 0 } },
  ...{ records: 0, bytes: 0, digest: "", dropped: 0, unreadable: 0, pulls: 0, unfinishedPulls: 0, isCatchingUp: false },
};
const SITE = { id: "a".repeat(32), name: "south", state: "enrolled", online: true, heard_at: null, version: null, report: null } as const;
const REGION: RegionView = {
  ...{ state: "enrolled", problem: null, region: "valley", site: "north", id: "b".repeat(32), share: [], key_number: 2, troubles: [] },
  broker: { url: "mqtt://b", state: "connected", reason: null, since: "", reconnects: 1 },
  messages: { sent: 1, failed: 0, received: 2, refused: { forged: 8 } },
  sites: [SITE],
};

/** Of a plugin that has been called; the others are in the summary. */
const FIGURES = { call_timeouts: 1, latency_p99_s: 0.002, storage_calls: 5, timers: 2, events_dropped: 0 };

const facts = metricsText({
  version: "1.0.0",
  startedAt: 1,
  links: [{ ...LINK, channelUtilization: 0.1, airUtilTx: 0.01, dutyCycle: 0.1 }],
  outbox: {
    queued: 0,
    sent: 1,
    delivered: 0,
    failed: 0,
    oldest_queued_s: null,
    airtime: { total_s: 0, plugins: { ping: 1 }, channels: { LongFast: 1 }, links: { sim: 1 } },
  },
  plugins: [{ name: "ping", state: "running", metrics: { ...summary("ping").metrics, ...FIGURES } }],
  staleTexts: 0,
  overloads: 0,
  nodes: 3,
  nodesHeard: 2,
  processes: processUse([process.pid]),
  hostExits: new Map([["crashed", 1]]),
  databaseBytes: 4096,
  held: new Map([["no_link", 2]]),
  traffic: traffic(),
  webhook: { sent: 1, failed: 0, dropped: 0 },
  publishing: { broker: "mqtt://b", state: "up", reason: null, nodes: 3, counters: { node_published: 4, send_rate_limited: 1 } },
  safeMode: false,
  silenced: true,
  disk: { isWritable: true, freeBytes: 1 },
  walls: [{ wall: "seccomp", stands: true }],
  region: regionFamilies(REGION, {
    records: { ...RECORDS, records: 7, bytes: 900, flooded: 3, unreadable: 2, dropped: 1, refused: { ...RECORDS.refused, forged: 4 } },
    topics: { too_large: 0, rate_limited: 5, unknown_site: 0 },
    valuesRefused: 6,
  }),
  alerts: { open: [{ code: 'disk"full\n', acknowledged_at: null }], raised: new Map([['disk"full\n', 2]]), dropped: 0 },
});

/** The gateway's metrics and those of the API itself. */
async function all(): Promise<string> {
  const api = serve();
  await api.call("/health/live");
  const own = await (await api.call("/metrics")).text();
  await api.close();
  return facts + own;
}

test("every family of metrics has its help and its type, once, before its samples", async () => {
  const text = await all();
  const described = new Set<string>();
  const lines = text.trimEnd().split("\n");
  for (const [at, line] of lines.entries()) {
    const [, help] = /^# HELP (\w+) \S/.exec(line) ?? [];
    if (help !== undefined) {
      expect(lines[at + 1]).toMatch(new RegExp(`^# TYPE ${help} (?:gauge|counter)$`));
      expect(described.has(help)).toBe(false);
      described.add(help);
    } else if (!line.startsWith("#")) expect(described).toContain(/^\w+/.exec(line)?.[0] ?? line);
  }
  expect(described.size).toBeGreaterThan(30);
  expect(text).toContain('zephyrgate_alerts{code="disk\\"full\\n"} 1');
  for (const line of [
    'zephyrgate_messages_received_total{kind="text"} 1',
    'zephyrgate_texts_processed_total{outcome="replied"} 1',
    'zephyrgate_messages_ended_total{sender="plugin",outcome="no_ack"} 1',
    'zephyrgate_messages_ended_total{sender="plugin",outcome="delivered"} 1',
    'zephyrgate_outbox_held{reason="no_link"} 2',
    'zephyrgate_plugin_host_exits_total{reason="crashed"} 1',
    'zephyrgate_alert_posts_total{outcome="sent"} 1',
  ]) {
    expect(text.split("\n")).toContain(line);
  }
  const [gateway, host] = ["gateway", "plugin_host"].map((name) =>
    Number(new RegExp(`resident_memory_bytes{process="${name}"} (\\d+)`).exec(text)?.[1]),
  );
  // Both are this test's own process, read in two ways.
  expect(Math.abs((gateway ?? 0) / (host ?? 1) - 1)).toBeLessThan(0.5);
});

test("each metric of a gateway with one of everything: name, type and value", () => {
  const isCounter = new Set([...facts.matchAll(/^# TYPE (\w+) counter$/gm)].map(([, name]) => name));
  const lines = facts.split("\n").filter((line) => line !== "" && !line.startsWith("#") && !line.includes("_process_"));
  const shown = lines.map(
    (line) => `${isCounter.has(/^\w+/.exec(line)?.[0] ?? "") ? "counter" : "gauge"} ${line.replace("zephyrgate_", "")}`,
  );
  expect(`\n${shown.join("\n")}\n`).toMatchInlineSnapshot(`
    "
    gauge info{version="1.0.0"} 1
    gauge start_time_seconds 0.001
    counter plugin_host_exits_total{reason="crashed"} 1
    gauge safe_mode 0
    gauge silenced 1
    gauge disk_writable 1
    gauge disk_free_bytes 1
    gauge database_bytes 4096
    gauge nodes 3
    gauge nodes_heard 2
    gauge wall_stands{wall="seccomp"} 1
    gauge link_up{link="sim"} 1
    gauge link_channel_utilization_ratio{link="sim"} 0.1
    gauge link_air_util_tx_ratio{link="sim"} 0.01
    gauge link_duty_cycle_limit_ratio{link="sim"} 0.1
    counter link_frames_in_total{link="sim"} 1
    counter link_frames_out_total{link="sim"} 1
    counter link_packets_in_total{link="sim"} 1
    counter link_packets_out_total{link="sim"} 1
    counter link_garbage_bytes_total{link="sim"} 0
    counter link_undecodable_total{link="sim"} 0
    counter link_impossible_senders_total{link="sim"} 0
    counter link_reconnects_total{link="sim"} 0
    counter link_duplicates_total{link="sim"} 0
    gauge airtime_seconds 0
    gauge plugin_airtime_seconds{plugin="ping"} 1
    gauge channel_airtime_seconds{channel="LongFast"} 1
    gauge link_airtime_seconds{link="sim"} 1
    gauge outbox_queued 0
    gauge outbox_oldest_seconds 0
    gauge outbox_held{reason="no_link"} 2
    counter outbox_sent_total 1
    counter outbox_delivered_total 0
    counter outbox_failed_total 0
    counter messages_received_total{kind="text"} 1
    counter texts_processed_total{outcome="replied"} 1
    counter answers_suppressed_total{reason="answered_elsewhere"} 0
    counter answers_suppressed_total{reason="sender_budget"} 0
    counter answers_suppressed_total{reason="channel_rate"} 0
    counter answers_suppressed_total{reason="sender_rate"} 0
    counter answers_suppressed_total{reason="refused"} 0
    counter answers_suppressed_total{reason="failed"} 0
    counter answers_suppressed_total{reason="busy"} 0
    counter answers_suppressed_total{reason="unknown_command"} 0
    counter answers_suppressed_total{reason="stale"} 0
    counter answers_suppressed_total{reason="from_program"} 0
    counter messages_ended_total{sender="plugin",outcome="no_ack"} 1
    counter messages_ended_total{sender="plugin",outcome="delivered"} 1
    counter stale_texts_total 0
    counter messages_unhandled_total 0
    gauge alerts{code="disk\\"full\\n"} 1
    counter alerts_raised_total{code="disk\\"full\\n"} 2
    counter alerts_dropped_total 0
    counter alert_posts_total{outcome="sent"} 1
    counter alert_posts_total{outcome="failed"} 0
    counter alert_posts_total{outcome="dropped"} 0
    gauge publish_up 1
    gauge publish_nodes 3
    counter publish_messages_total{kind="node",outcome="published"} 4
    counter publish_messages_total{kind="send",outcome="rate_limited"} 1
    gauge plugin_state{plugin="ping",state="running"} 1
    gauge plugin_uptime_seconds{plugin="ping"} 5
    counter plugin_failures_total{plugin="ping"} 0
    counter plugin_restarts_total{plugin="ping"} 0
    counter plugin_cpu_seconds_total{plugin="ping"} 0.1
    gauge plugin_memory_bytes{plugin="ping"} 600000
    gauge plugin_storage_bytes{plugin="ping"} 0
    counter plugin_calls_total{plugin="ping"} 3
    counter plugin_call_errors_total{plugin="ping"} 0
    gauge plugin_latency_p50_seconds{plugin="ping"} 0.0001
    gauge plugin_latency_p99_seconds{plugin="ping"} 0.002
    gauge plugin_queue_depth{plugin="ping"} 0
    counter plugin_messages_sent_total{plugin="ping"} 1
    counter plugin_replies_dropped_total{plugin="ping"} 0
    counter plugin_http_requests_total{plugin="ping"} 0
    counter plugin_log_lines_dropped_total{plugin="ping"} 0
    counter plugin_call_timeouts_total{plugin="ping"} 1
    counter plugin_storage_calls_total{plugin="ping"} 5
    gauge plugin_timers{plugin="ping"} 2
    counter plugin_events_dropped_total{plugin="ping"} 0
    gauge region_connected 1
    counter region_reconnects_total 1
    gauge region_key_number 2
    gauge region_sites{state="enrolled"} 1
    gauge region_sites{state="waiting"} 0
    gauge region_sites{state="revoked"} 0
    gauge region_sites{state="left"} 0
    gauge region_site_online{site="south"} 1
    counter region_messages_total{outcome="sent"} 1
    counter region_messages_total{outcome="failed"} 0
    counter region_messages_total{outcome="received"} 2
    counter region_refused_total{reason="forged"} 8
    gauge region_records 7
    gauge region_record_bytes 900
    counter region_records_pushed_out_total 1
    counter region_records_refused_total{reason="malformed"} 0
    counter region_records_refused_total{reason="forged"} 4
    counter region_records_refused_total{reason="expired"} 0
    counter region_records_refused_total{reason="ahead"} 0
    counter region_records_refused_total{reason="removed"} 0
    counter region_records_refused_total{reason="crowded"} 0
    counter region_records_refused_total{reason="known"} 0
    counter region_records_refused_total{reason="flooded"} 3
    counter region_records_refused_total{reason="unreadable"} 2
    counter region_plugin_messages_dropped_total{reason="too_large"} 0
    counter region_plugin_messages_dropped_total{reason="rate_limited"} 5
    counter region_plugin_messages_dropped_total{reason="unknown_site"} 0
    counter region_values_refused_total 6
    "
  `);
});

test.skipIf(PROMTOOL === null)("promtool finds nothing wrong", async () => {
  const child = Bun.spawn([PROMTOOL ?? "", "check", "metrics"], { stdin: new Blob([await all()]), stdout: "pipe", stderr: "pipe" });
  const said = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  expect([await child.exited, ...said]).toEqual([0, "", ""]);
});

const MONITORING = join(import.meta.dir, "../../docs/monitoring");

test("the dashboard, the alert rules and their description name no metric that the gateway does not send", async () => {
  const known = new Set([...(await all()).matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name));
  for (const file of ["alerts.yaml", "dashboard.json", "README.md"]) {
    const names = new Set(readFileSync(join(MONITORING, file), "utf8").match(/\bzephyrgate_\w+/g));
    expect(names.size).toBeGreaterThan(10);
    expect([file, [...names].filter((name) => !known.has(name))]).toEqual([file, []]);
  }
  const dashboard: { panels: { title: string; targets: { expr: string }[] }[] } = JSON.parse(
    readFileSync(join(MONITORING, "dashboard.json"), "utf8"),
  );
  expect(dashboard.panels.length).toBeGreaterThan(10);
  for (const { title, targets } of dashboard.panels)
    expect([title, targets.every(({ expr }) => expr.includes('instance=~"$instance"'))]).toEqual([title, true]);
});

test("each metric stands in the table of the description, with its type, its labels and what it says", async () => {
  const text = await all();
  const rows = [...text.matchAll(/^# HELP (\w+) (.*)\n# TYPE \w+ (\w+)$/gm)].map(([, name = "", help, type]) => {
    const labels = new Set(
      [...text.matchAll(new RegExp(`^${name}\\{(.*)\\} `, "gm"))].flatMap(([, each = ""]) =>
        [...each.matchAll(/(\w+)="/g)].map(([, key]) => key),
      ),
    );
    return `| \`${name}\` | ${type} | ${[...labels].join(", ") || "-"} | ${help} |`;
  });
  expect(rows.length).toBeGreaterThan(50);
  const described = new Set(readFileSync(join(MONITORING, "README.md"), "utf8").split("\n"));
  expect(rows.filter((row) => !described.has(row))).toEqual([]);
});

test.skipIf(PROMTOOL === null)("promtool accepts the alert rules, and the dashboard's expressions as rules", async () => {
  const folder = mkdtempSync(join(tmpdir(), "rules-"));
  try {
    const dashboard: { panels: { targets: { expr: string }[] }[] } = JSON.parse(readFileSync(join(MONITORING, "dashboard.json"), "utf8"));
    const rules = dashboard.panels.flatMap(({ targets }) => targets).map(({ expr }, at) => ({ record: `dashboard:${at}`, expr }));
    writeFileSync(join(folder, "dashboard.yaml"), JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
    for (const file of [join(MONITORING, "alerts.yaml"), join(folder, "dashboard.yaml")]) {
      const child = Bun.spawn([PROMTOOL ?? "", "check", "rules", file], { stdout: "pipe", stderr: "pipe" });
      const said = (await new Response(child.stdout).text()) + (await new Response(child.stderr).text());
      expect([await child.exited, said]).toEqual([0, expect.stringMatching(/SUCCESS: \d+ rules found/)]);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("what a region refuses and drops is counted by its reason", () => {
  for (const line of [
    'zephyrgate_region_refused_total{reason="forged"} 8',
    'zephyrgate_region_records_refused_total{reason="forged"} 4',
    'zephyrgate_region_records_refused_total{reason="flooded"} 3',
    'zephyrgate_region_records_refused_total{reason="unreadable"} 2',
    "zephyrgate_region_records_pushed_out_total 1",
    'zephyrgate_region_plugin_messages_dropped_total{reason="rate_limited"} 5',
    "zephyrgate_region_values_refused_total 6",
    'zephyrgate_region_site_online{site="south"} 1',
  ])
    expect(facts).toContain(`${line}\n`);
});
