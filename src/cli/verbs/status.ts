import * as v from "valibot";
import { type linkView, nodeView, routeView } from "../../api/contract/mesh-views.ts";
import { type RegionNodeView, regionNodeView } from "../../api/contract/region-views.ts";
import { type airtime, type PublishingView, scheduleTask } from "../../api/contract/views.ts";
import { logLine, statusView } from "../../api/routes/system.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { textLine } from "../../log/format.ts";
import type { LogLine } from "../../log/line.ts";
import { pluginPath } from "../client/paths.ts";
import { ago, json, line, span, table } from "../verb/output.ts";
import { type Call, done, textFlag, type Verb } from "../verb/verb.ts";

export const statusVerbs: readonly Verb[] = [
  {
    name: "status",
    summary: "show the gateway's state",
    run: status,
  },
  {
    name: "nodes",
    summary: "list the known nodes, and where else in the region they were heard",
    run: nodes,
  },
  {
    name: "send",
    summary: "send a text to all nodes, or to one node",
    args: [{ name: "TEXT", about: "the text" }],
    flags: {
      to: { about: "the node that it is for: an id, number or name", value: "NODE" },
      channel: { about: "the channel: an index or a name", value: "C" },
    },
    async run({ io, args, flags, client }) {
      const gateway = await client();
      if (!gateway.ok) return gateway;
      const channel = textFlag(flags, "channel");
      const body = { text: args[0], destination: textFlag(flags, "to"), channel: channel === undefined ? undefined : channelOf(channel) };
      const sent = await gateway.value.call("POST", "/api/v1/messages", v.object({ id: v.string() }), body);
      if (!sent.ok) return sent;
      if (flags.json === true) json(io, sent.value);
      else line(io, `${sent.value.id} is queued`);
      return done;
    },
  },
  {
    name: "traceroute",
    summary: "find the way to a node and back: by id, number or name",
    args: [{ name: "NODE", about: "an id, number or name" }],
    run: traceroute,
  },
  {
    name: "schedule",
    summary: "list the plugins' scheduled tasks",
    async run({ io, flags, client }) {
      const gateway = await client();
      if (!gateway.ok) return gateway;
      const tasks = await gateway.value.list("/api/v1/schedule", scheduleTask);
      if (!tasks.ok) return tasks;
      const rows = tasks.value.map((task) => [
        task.plugin,
        task.name,
        task.cron ?? `every ${span(task.interval_s ?? 0)}`,
        ago(task.last_run),
        task.next_run,
        task.runs,
        task.failures,
        task.last_error,
      ]);
      if (flags.json === true) json(io, tasks.value);
      else table(io, ["plugin", "task", "when", "last", "next", "runs", "failures", "last error"], rows);
      return done;
    },
  },
  {
    name: "schedule run",
    summary: "run a scheduled task now, beside its schedule",
    args: [
      { name: "PLUGIN", about: "the plugin that has the task", values: "plugin" },
      { name: "TASK", about: "the task's name, as `schedule` shows it" },
    ],
    async run({ io, args: [plugin, task], flags, client }) {
      const gateway = await client();
      if (!gateway.ok) return gateway;
      const begun = await gateway.value.call("POST", "/api/v1/schedule/run", v.object({ plugin: v.string(), task: v.string() }), {
        plugin,
        task,
      });
      if (!begun.ok) return begun;
      if (flags.json === true) json(io, begun.value);
      else line(io, `${task} of ${plugin} runs; its result is in: zephyrgate logs ${plugin}`);
      return done;
    },
  },
  {
    name: "logs",
    summary: "show the last log lines; -f follows new ones",
    args: [{ name: "PLUGIN", about: "only this plugin's lines", optional: true, values: "plugin" }],
    flags: {
      follow: { about: "show new lines as they come, until Ctrl-C", short: "f" },
      level: { about: "only lines of this level and above", value: "LEVEL", choices: ["debug", "info", "warn", "error"] },
      limit: { about: "how many entries at most (100)", value: "N" },
    },
    run: logs,
  },
];

async function traceroute({ io, args, flags, client }: Call): Promise<Result<number>> {
  const gateway = await client();
  if (!gateway.ok) return gateway;
  const name = args[0] ?? "";
  const found = await gateway.value.call("POST", "/api/v1/traceroute", routeView, { node: /^\d+$/.test(name) ? Number(name) : name });
  if (!found.ok) return found;
  const { node, towards, back } = found.value;
  const chain = (hops: typeof towards) => hops.map(({ node: hop, snr }) => (snr === undefined ? hop : `${hop} (${snr} dB)`));
  if (flags.json === true) json(io, found.value);
  else {
    line(io, ["there: gateway", ...chain(towards), node].join(" > "));
    line(io, ["back:  ".concat(node), ...chain(back), "gateway"].join(" > "));
  }
  return done;
}

/** A channel's index if it is a number, else its name. */
export function channelOf(text: string): number | string {
  return /^[0-7]$/.test(text) ? Number(text) : text;
}

function linkLines(link: v.InferOutput<typeof linkView>): string[] {
  return link.mqtt_proxy === undefined ? [linkLine(link)] : [linkLine(link), proxyLine(link.mqtt_proxy)];
}

function regionLine({ name, site, state, broker, sites, online }: NonNullable<v.InferOutput<typeof statusView>["region"]>): string {
  const rest = state === "enrolled" ? `${online} of ${sites} sites online` : state;
  return `region ${name}, site ${site}: ${broker === "connected" ? "" : "the broker is not connected; "}${rest}`;
}

/** Exit code of `status` for a gateway that runs but needs the operator. */
const DEGRADED = 1;

async function status({ io, flags, client }: Call): Promise<Result<number>> {
  const gateway = await client();
  if (!gateway.ok) return gateway;
  const answer = await gateway.value.get("/api/v1/status", statusView);
  if (!answer.ok) return answer;
  const { version, uptime_s, degraded, safe_mode, silence, disk, clock, links, plugins, stale_texts, walls, alerts, region } = answer.value;
  const code = ok(degraded.length === 0 ? 0 : DEGRADED);
  if (flags.json === true) {
    json(io, answer.value);
    return code;
  }
  line(io, `zephyrgate ${version}, up ${span(uptime_s)}, at ${gateway.value.url}${safe_mode ? ", in SAFE MODE" : ""}`);
  if (degraded.length > 0) line(io, `DEGRADED: ${degraded.join("; ")}`);
  if (silence.since !== null) line(io, `SILENCED since ${ago(silence.since)}: nothing but alarms is sent (zephyrgate silence off)`);
  for (const text of links.flatMap(linkLines).concat(region === undefined ? [] : [regionLine(region)])) line(io, text);
  line(
    io,
    `plugins: ${
      Object.entries(plugins)
        .map(([state, count]) => `${count} ${state}`)
        .join(", ") || "none"
    }`,
  );
  for (const text of trafficLines(answer.value)) line(io, text);
  if (stale_texts > 0) line(io, `texts too old to be answered: ${stale_texts}`);
  line(io, wallsLine(walls));
  if (clock.state !== "trusted") line(io, `clock: ${clock.state}: ${clock.reason}`);
  if (disk.state !== "ok") line(io, `disk: ${disk.state.replaceAll("_", " ")}, ${Math.floor(disk.free_bytes / 2 ** 20)} MB free`);
  for (const alert of alerts) line(io, `alert, ${ago(alert.time)}: ${alert.message}`);
  return code;
}

function trafficLines({ outbox, publishing }: v.InferOutput<typeof statusView>): string[] {
  const { queued, sent, delivered, failed } = outbox;
  const waits = outbox.oldest_queued_s === null ? "" : `, the oldest for ${span(outbox.oldest_queued_s)}`;
  const lines = [
    `messages: ${queued} waiting${waits}; ${sent} sent, ${delivered} delivered, ${failed} failed`,
    airtimeLine(outbox.airtime),
  ];
  return publishing === null ? lines : [...lines, publishingLine(publishing)];
}

function publishingLine({ broker, state, reason, nodes }: PublishingView): string {
  return `publishing on ${broker}: ${state}${reason === null ? `, ${nodes} nodes` : `: ${reason}`}`;
}

function wallsLine(walls: v.InferOutput<typeof statusView>["walls"]): string {
  const missing = walls.filter((wall) => !wall.stands);
  if (walls.length === 0) return "walls: no plugin host is running";
  return missing.length === 0 ? "walls: all active" : `walls MISSING: ${missing.map((wall) => wall.wall).join(", ")}`;
}

function airtimeLine({ total_s, plugins }: v.InferOutput<typeof airtime>): string {
  const used = Object.entries(plugins).sort(([, a], [, b]) => b - a);
  const by = used.map(([plugin, seconds]) => `${plugin} ${seconds.toFixed(1)} s`).join(", ");
  return `airtime in the last hour: ${total_s.toFixed(1)} s${by === "" ? "" : ` (${by})`}`;
}

function linkLine(link: v.InferOutput<typeof linkView>): string {
  const node = link.own_node === undefined ? "" : `, node ${link.own_node}`;
  const load = link.channel_utilization === undefined ? "" : `, channel ${Math.round(link.channel_utilization * 100)} % busy`;
  const limit = link.duty_cycle === undefined ? "" : `, sending ${percent(link.air_util_tx ?? 0)} of ${percent(link.duty_cycle)} allowed`;
  const radio = [link.region, link.modem_preset].filter((word) => word !== undefined).map((word) => `, ${word}`);
  return `link ${link.name} (${link.type} ${link.target}): ${link.state}${link.reason === undefined ? "" : `: ${link.reason}`}${node}${radio.join("")}${load}${limit}`;
}

function proxyLine(proxy: NonNullable<v.InferOutput<typeof linkView>["mqtt_proxy"]>): string {
  const { broker, state, reason, up, down, counters } = proxy;
  const head = `  MQTT of this radio over ${broker}: ${state}`;
  if (state !== "up") return `${head}${reason === undefined ? "" : `: ${reason}`}`;
  const passed = (way: string) => `${counters[`${way}_passed`] ?? 0} passed, ${dropped(counters, way)} dropped`;
  return `${head}, up ${up.join(" ") || "nothing"} (${passed("up")}), down ${down.join(" ") || "nothing"} (${passed("down")})`;
}

function dropped(counters: Readonly<Record<string, number>>, way: string): number {
  const others = Object.entries(counters).filter(([name]) => name.startsWith(`${way}_`) && name !== `${way}_passed`);
  return others.reduce((sum, [, count]) => sum + count, 0);
}

const percent = (share: number) => `${Math.round(share * 1000) / 10} %`;

async function nodes({ io, flags, client }: Call): Promise<Result<number>> {
  const gateway = await client();
  if (!gateway.ok) return gateway;
  const here = await gateway.value.list("/api/v1/nodes", nodeView);
  if (!here.ok) return here;
  // A gateway of an older version knows of no other sites.
  const there = await gateway.value.list("/api/v1/region/nodes", regionNodeView);
  const sites = Map.groupBy(there.ok ? there.value : [], ({ id }) => id);
  const sorted = here.value.sort((a, b) => (b.last_heard ?? "").localeCompare(a.last_heard ?? ""));
  const known = new Set(sorted.map(({ id }) => id));
  const elsewhere = [...sites].filter(([id]) => !known.has(id)).flatMap(([, heard]) => latest(heard).slice(0, 1));
  if (flags.json === true) {
    const all = [...sorted, ...elsewhere.map(({ id, long_name, short_name }) => ({ id, long_name, short_name }))];
    json(io, sites.size === 0 ? sorted : all.map((node) => ({ ...node, sites: latest(sites.get(node.id) ?? []) })));
    return done;
  }
  const head = ["id", "name", "short", "heard", "snr", "hops", "battery", "position", "link"];
  if (sites.size === 0) {
    table(io, head, sorted.map(nodeRow));
    return done;
  }
  const where = (id: string) => latest(sites.get(id) ?? []).map((heard) => `${heard.site} ${ago(heard.last_heard)}`);
  const rows = [
    ...sorted.map((node) => [...nodeRow(node), where(node.id).join(", ")]),
    ...elsewhere.map(({ id, long_name, short_name }) => {
      const names = [id, long_name ?? undefined, short_name ?? undefined];
      return [...names, ...Array.from({ length: head.length - names.length }, () => undefined), where(id).join(", ")];
    }),
  ];
  table(io, [...head, "other sites"], rows);
  return done;
}

function latest(heard: readonly RegionNodeView[]): RegionNodeView[] {
  return heard.toSorted((a, b) => b.last_heard.localeCompare(a.last_heard));
}

function nodeRow(node: v.InferOutput<typeof nodeView>): (string | number | undefined)[] {
  const { position, battery_level: battery } = node;
  const place = position === undefined ? undefined : `${position.latitude.toFixed(4)},${position.longitude.toFixed(4)}`;
  const power = battery === undefined ? undefined : battery > 100 ? "mains" : `${battery} %`;
  return [
    node.id,
    node.long_name,
    node.short_name,
    node.is_own ? "own" : ago(node.last_heard),
    node.snr,
    node.hops_away,
    power,
    place,
    node.link,
  ];
}

async function logs(call: Call): Promise<Result<number>> {
  const { io, args, flags, client } = call;
  const gateway = await client();
  if (!gateway.ok) return gateway;
  const level = textFlag(flags, "level");
  const end = new AbortController();
  io.signal?.addEventListener("abort", () => end.abort(), { once: true });
  const query = new URLSearchParams({
    types: "log",
    ...(level === undefined ? {} : { level }),
    ...(args[0] === undefined ? {} : { plugin: args[0] }),
  });
  // Subscribes before it reads the past lines, so that no line is missed.
  const stream = flags.follow === true ? await gateway.value.events(query.toString(), end.signal) : null;
  if (stream?.ok === false) return stream;
  try {
    const back = new URLSearchParams({ limit: textFlag(flags, "limit") ?? "100", ...(level === undefined ? {} : { level }) });
    const path = args[0] === undefined ? "/api/v1/logs" : `${pluginPath(args[0])}/logs`;
    const page = await gateway.value.get(`${path}?${back}`, v.object({ items: v.array(logLine), next: v.nullable(v.string()) }));
    if (!page.ok) return page;
    for (const one of page.value.items) show(call, one);
    if (stream === null) return done;
    for await (const event of stream.value) {
      const one = v.safeParse(logLine, event.data);
      if (one.success) show(call, one.output);
    }
    return io.signal?.aborted === true ? done : fail("unavailable", "the gateway ended the stream");
  } finally {
    end.abort();
  }
}

function show({ io, flags }: Call, one: v.InferOutput<typeof logLine>): void {
  if (flags.json === true) json(io, one);
  else io.stdout.write(`${textLine({ ...one, seq: 0 } as LogLine, io.colour === true)}\n`);
}
