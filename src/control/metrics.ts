import type { OutboxView, PluginMetrics } from "../api/contract/views.ts";
import type { LinkStatus } from "../mesh/link-status.ts";
import type { PluginState } from "../plugins/plugin/states.ts";
import type { PublisherStatus } from "../publish/publisher.ts";
import { byLabel, type Family, one } from "./family.ts";
import { type ProcessUse, processFamilies } from "./processes.ts";

export interface MetricFacts {
  readonly version: string;
  readonly startedAt: number;
  readonly links: readonly LinkStatus[];
  readonly outbox: OutboxView;
  readonly plugins: readonly { readonly name: string; readonly state: PluginState; readonly metrics: PluginMetrics }[];
  readonly staleTexts: number;
  /** Messages not handled because too many were being handled. */
  readonly overloads: number;
  readonly nodes: number;
  /** Of these, heard in the last hour. */
  readonly nodesHeard: number;
  readonly processes: readonly ProcessUse[];
  /** How often a plugin host ended by itself, by reason. */
  readonly hostExits: ReadonlyMap<string, number>;
  readonly databaseBytes: number;
  /** Messages that wait, by the reason. */
  readonly held: ReadonlyMap<string, number>;
  readonly traffic: readonly Family[];
  readonly webhook: { readonly sent: number; readonly failed: number; readonly dropped: number };
  readonly publishing: PublisherStatus | null;
  readonly safeMode: boolean;
  /** All transmissions but alarms. */
  readonly silenced: boolean;
  readonly disk: { readonly isWritable: boolean; readonly freeBytes: number };
  readonly walls: readonly { readonly wall: string; readonly stands: boolean }[];
  readonly alerts: {
    readonly open: readonly { readonly code: string; readonly acknowledged_at: string | null }[];
    readonly raised: ReadonlyMap<string, number>;
    readonly dropped: number;
  };
  readonly region: readonly Family[];
}

/** Prometheus text, format 0.0.4. */
export function metricsText(facts: MetricFacts): string {
  return families(facts)
    .filter((family) => family.samples.length > 0)
    .map(print)
    .join("");
}

function families(facts: MetricFacts): Family[] {
  return [
    ...gatewayFamilies(facts),
    ...linkFamilies(facts.links),
    ...outboxFamilies(facts),
    ...alertFamilies(facts.alerts),
    byLabel(
      { name: "zephyrgate_alert_posts_total", type: "counter", help: "Posts to alerts.webhook, by outcome." },
      "outcome",
      Object.entries(facts.webhook),
    ),
    ...publishFamilies(facts.publishing),
    ...pluginFamilies(facts.plugins),
    ...facts.region,
  ];
}

function publishFamilies(publishing: PublisherStatus | null): Family[] {
  if (publishing === null) return [];
  const samples = Object.entries(publishing.counters).map(([key, value]) => {
    const [kind = "", ...outcome] = key.split("_");
    return { labels: { kind, outcome: outcome.join("_") }, value };
  });
  return [
    one("zephyrgate_publish_up", "gauge", "1 while the operator's own broker is connected.", publishing.state === "up" ? 1 : 0),
    one("zephyrgate_publish_nodes", "gauge", "Nodes that the operator's own broker knows.", publishing.nodes),
    {
      name: "zephyrgate_publish_messages_total",
      type: "counter",
      help: "Messages to and from the operator's own broker, by kind and outcome.",
      samples,
    },
  ];
}

function gatewayFamilies(facts: MetricFacts): Family[] {
  return [
    { name: "zephyrgate_info", type: "gauge", help: "The running version.", samples: [{ labels: { version: facts.version }, value: 1 }] },
    one("zephyrgate_start_time_seconds", "gauge", "Start time, seconds since 1970.", facts.startedAt / 1000),
    ...processFamilies(facts.processes),
    byLabel(
      { name: "zephyrgate_plugin_host_exits_total", type: "counter", help: "Plugin hosts that ended without being told to, by reason." },
      "reason",
      facts.hostExits,
    ),
    one("zephyrgate_safe_mode", "gauge", "1 while plugins are held back after crashes.", facts.safeMode ? 1 : 0),
    one("zephyrgate_silenced", "gauge", "1 while all transmissions but alarms are silenced.", facts.silenced ? 1 : 0),
    one("zephyrgate_disk_writable", "gauge", "1 while the data folder can be written.", facts.disk.isWritable ? 1 : 0),
    one("zephyrgate_disk_free_bytes", "gauge", "Free space on the data folder's disk.", facts.disk.freeBytes),
    one("zephyrgate_database_bytes", "gauge", "Size of the gateway's database with its write-ahead log.", facts.databaseBytes),
    one("zephyrgate_nodes", "gauge", "Nodes known.", facts.nodes),
    one("zephyrgate_nodes_heard", "gauge", "Nodes heard in the last hour.", facts.nodesHeard),
    byLabel(
      { name: "zephyrgate_wall_stands", type: "gauge", help: "1 if this wall of the plugin jail is active." },
      "wall",
      facts.walls.map(({ wall, stands }) => [wall, stands ? 1 : 0] as const),
    ),
  ];
}

function linkFamilies(links: readonly LinkStatus[]): Family[] {
  return [
    perLink(links, { name: "link_up", type: "gauge", help: "1 while the radio link is up." }, (link) => (link.state === "up" ? 1 : 0)),
    perLink(
      links,
      { name: "link_channel_utilization_ratio", type: "gauge", help: "Channel utilization as the radio reports it, 0 to 1." },
      (link) => link.channelUtilization,
    ),
    perLink(
      links,
      { name: "link_air_util_tx_ratio", type: "gauge", help: "Share of the last hour in which the radio was sending, as it reports it." },
      (link) => link.airUtilTx,
    ),
    perLink(
      links,
      { name: "link_duty_cycle_limit_ratio", type: "gauge", help: "Share of an hour in which the region allows the radio to send." },
      (link) => link.dutyCycle,
    ),
    ...linkCounters(links),
    ...proxyFamilies(links),
  ];
}

function proxyFamilies(links: readonly LinkStatus[]): Family[] {
  const samples = links.flatMap(({ name: link, mqttProxy }) =>
    Object.entries(mqttProxy?.counters ?? {}).map(([key, value]) => {
      const [direction = "", ...outcome] = key.split("_");
      return { labels: { link, direction, outcome: outcome.join("_") }, value };
    }),
  );
  return [
    perLink(
      links,
      { name: "link_mqtt_proxy_up", type: "gauge", help: "1 while the radio's way to its MQTT broker is up." },
      ({ mqttProxy }) => (mqttProxy === undefined ? undefined : mqttProxy.state === "up" ? 1 : 0),
    ),
    {
      name: "zephyrgate_link_mqtt_proxy_messages_total",
      type: "counter",
      help: "MQTT messages between a radio and its broker, by direction and outcome.",
      samples,
    },
  ];
}

function outboxFamilies({ outbox, held, traffic, staleTexts, overloads }: MetricFacts): Family[] {
  return [
    ...airtimeFamilies(outbox.airtime),
    one("zephyrgate_outbox_queued", "gauge", "Messages waiting to be sent.", outbox.queued),
    one(
      "zephyrgate_outbox_oldest_seconds",
      "gauge",
      "How long the oldest of them has waited; 0 when none waits.",
      outbox.oldest_queued_s ?? 0,
    ),
    byLabel({ name: "zephyrgate_outbox_held", type: "gauge", help: "Messages that wait, by what holds them." }, "reason", held),
    one("zephyrgate_outbox_sent_total", "counter", "Messages sent.", outbox.sent),
    one("zephyrgate_outbox_delivered_total", "counter", "Messages acknowledged by their destination.", outbox.delivered),
    one("zephyrgate_outbox_failed_total", "counter", "Messages that could not be sent or were not acknowledged.", outbox.failed),
    ...traffic,
    one("zephyrgate_stale_texts_total", "counter", "Texts that were too old to be answered, such as a radio's backlog.", staleTexts),
    one("zephyrgate_messages_unhandled_total", "counter", "Messages not handled because too many came at once.", overloads),
  ];
}

function alertFamilies({ open, raised, dropped }: MetricFacts["alerts"]): Family[] {
  const codes = [...raised.keys()];
  const waiting = (code: string) => open.filter((alert) => alert.code === code && alert.acknowledged_at === null).length;
  return [
    {
      name: "zephyrgate_alerts",
      type: "gauge",
      help: "Alerts that are not over and not acknowledged.",
      samples: codes.map((code) => ({ labels: { code }, value: waiting(code) })),
    },
    {
      name: "zephyrgate_alerts_raised_total",
      type: "counter",
      help: "How often an alert was raised.",
      samples: codes.map((code) => ({ labels: { code }, value: raised.get(code) ?? 0 })),
    },
    one("zephyrgate_alerts_dropped_total", "counter", "Alerts that left the full list before anybody acknowledged them.", dropped),
  ];
}

function perLink(
  links: readonly LinkStatus[],
  { name, type, help }: Omit<Family, "samples">,
  read: (link: LinkStatus) => number | undefined,
): Family {
  const samples = links.flatMap((link) => {
    const value = read(link);
    return value === undefined ? [] : [{ labels: { link: link.name }, value }];
  });
  return { name: `zephyrgate_${name}`, type, help, samples };
}

/** Gauges, because what is older than an hour is left out. */
function airtimeFamilies({ total_s, plugins, channels, links }: OutboxView["airtime"]): Family[] {
  const by = (kind: string, used: Readonly<Record<string, number>>): Family => ({
    name: `zephyrgate_${kind}_airtime_seconds`,
    type: "gauge",
    help: `Estimated airtime of texts in the last hour, by ${kind}.`,
    samples: Object.entries(used).map(([name, value]) => ({ labels: { [kind]: name }, value })),
  });
  const total = one("zephyrgate_airtime_seconds", "gauge", "Estimated airtime of all texts in the last hour.", total_s);
  return [total, by("plugin", plugins), by("channel", channels), by("link", links)];
}

const LINK_HELP: Readonly<Record<keyof LinkStatus["counters"], string>> = {
  framesIn: "Frames received from the radio.",
  framesOut: "Frames sent to the radio.",
  packetsIn: "Packets received from the mesh.",
  packetsOut: "Packets sent to the mesh.",
  garbageBytes: "Bytes from the radio that are no frame.",
  undecodable: "Packets that could not be decoded.",
  impossibleSenders: "Packets whose sender is 0 or the broadcast address; they are dropped.",
  reconnects: "Times that the link was opened again.",
  duplicates: "Packets that were received before; they are dropped.",
};

function linkCounters(links: readonly LinkStatus[]): Family[] {
  const names = [...new Set(links.flatMap((link) => Object.keys(link.counters)))] as (keyof LinkStatus["counters"])[];
  return names.map((name) =>
    perLink(links, { name: `link_${snake(name)}_total`, type: "counter", help: LINK_HELP[name] }, (link) => link.counters[name]),
  );
}

const COUNTERS = new Set([
  "cpu_s",
  "calls",
  "call_errors",
  "call_timeouts",
  "messages_sent",
  "http_requests",
  "storage_calls",
  "failures",
  "restarts",
]);

function pluginFamilies(plugins: MetricFacts["plugins"]): Family[] {
  const states: Family = {
    name: "zephyrgate_plugin_state",
    type: "gauge",
    help: "1 for the state the plugin is in.",
    samples: plugins.map(({ name, state }) => ({ labels: { plugin: name, state }, value: 1 })),
  };
  return [states, ...pluginFigures(plugins)];
}

function pluginFigures(plugins: MetricFacts["plugins"]): Family[] {
  const names = [...new Set(plugins.flatMap(({ metrics }) => Object.keys(metrics)))];
  return names.map((name) => {
    const counter = COUNTERS.has(name) || name.endsWith("_dropped");
    const unit = name.replace(/_s$/, "_seconds");
    return {
      name: `zephyrgate_plugin_${unit}${counter ? "_total" : ""}`,
      type: counter ? ("counter" as const) : ("gauge" as const),
      help: `Per plugin: ${name.replaceAll("_", " ")}.`,
      samples: plugins.flatMap(({ name: plugin, metrics }) => {
        const value = metrics[name];
        return typeof value === "number" ? [{ labels: { plugin }, value }] : [];
      }),
    };
  });
}

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const escapeLabel = (value: string) => value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");

function print(family: Family): string {
  const lines = family.samples.map(({ labels, value }) => {
    const inner = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(text)}"`);
    return `${family.name}${inner.length === 0 ? "" : `{${inner.join(",")}}`} ${value}\n`;
  });
  return `# HELP ${family.name} ${family.help}\n# TYPE ${family.name} ${family.type}\n${lines.join("")}`;
}
