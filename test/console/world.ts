/** A gateway with a life behind it, for the console: names as people give them, and as attackers do. */
import type { Control } from "../../src/api/contract/control.ts";
import type { RegionView, RolloutView } from "../../src/api/contract/region-views.ts";
import type { PluginSummary } from "../../src/api/contract/views.ts";
import { fail, ok } from "../../src/errors.ts";
import type { LinkStatus } from "../../src/mesh/link-status.ts";
import type { MeshNode } from "../../src/mesh/node.ts";
import type { MessageStatus } from "../../src/mesh/outgoing.ts";
import type { ReceivedText } from "../../src/mesh/received/store.ts";
import { fakeControl, HASH, LINK, status, summary } from "../api/fake-control.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const HOSTILE = "<img src=x onerror=alert(1)>\u202egnp.exe";
/** 64 characters without a place to break. */
export const LONG = "W".repeat(64);
export const RTL = "محطة الجبل";
export const EMOJI = "🏔️👩‍👩‍👧 Säntis";

const PEOPLE = [
  "Ridge",
  "Harbour",
  "Mill",
  "Säntis Relay",
  "Anna ✌️",
  "Old Barn",
  RTL,
  "Chapel",
  "Rescue 4",
  "Lena",
  "תחנה",
  "Weir",
  "Pass hut",
  EMOJI,
  LONG,
  HOSTILE,
];
const TALK = [
  "Good morning, how is the snow up there?",
  "ping",
  "40 cm fresh, wind from the west. Path to the hut is open until noon.",
  "!weather",
  "Has anybody seen the brown dog?",
  "مرحبا من القرية",
  "See you at 18:00 at the mill 🚲",
  "test",
];

export const idOf = (number: number): string => `!${number.toString(16).padStart(8, "0")}`;

export function makeNodes(count: number, now: number): MeshNode[] {
  return Array.from({ length: count }, (_, at): MeshNode => {
    const number = at === 0 ? 1 : 0x0a0b0000 + at;
    const angle = at * 2.4;
    const far = 0.022 * Math.sqrt(at) + (at % 7) * 0.006;
    return {
      number,
      id: idOf(number),
      longName: at === 0 ? "Summit Gateway" : `${PEOPLE[(at - 1) % PEOPLE.length] ?? "Node"}${at > PEOPLE.length ? ` ${at}` : ""}`,
      shortName: `N${at}`,
      hardware: ["TBEAM", "HELTEC_V3", "RAK4631", "T_ECHO"][at % 4] ?? "TBEAM",
      role: at % 9 === 0 ? "ROUTER" : "CLIENT",
      isOwn: at === 0,
      link: at % 3 === 2 ? "valley" : "roof",
      ...(at === 0
        ? {}
        : { lastHeard: now - (at % 40) * 7 * MINUTE - at * 1_000, snr: 9.5 - (at % 23), rssi: -60 - (at % 60), hopsAway: at % 5 }),
      batteryLevel: at === 0 ? 101 : 100 - ((at * 7) % 96),
      voltage: 3.3 + ((at * 13) % 90) / 100,
      position: {
        latitude: 47.25 + far * Math.sin(angle),
        longitude: 9.34 + far * 1.5 * Math.cos(angle),
        altitude: 900 + ((at * 37) % 1500),
        time: Math.floor((now - (at % 90) * MINUTE) / 1000),
        precisionBits: at % 4 === 0 ? 13 : 32,
      },
    };
  });
}

export function makeLinks(now: number): LinkStatus[] {
  const channels = [
    { index: 0, name: "LongFast", role: "primary" as const },
    { index: 1, name: "Rescue", role: "secondary" as const },
  ];
  const counters = { ...LINK.counters, packetsIn: 18_412, packetsOut: 2_207, reconnects: 3 };
  return [
    {
      ...LINK,
      name: "roof",
      type: "serial",
      target: "/dev/ttyUSB0",
      since: now - 9 * DAY,
      channels,
      counters,
      region: "EU_868",
      modemPreset: "LONG_FAST",
      dutyCycle: 0.1,
      channelUtilization: 0.124,
      airUtilTx: 0.021,
    },
    {
      ...LINK,
      name: "valley",
      type: "tcp",
      target: "10.0.4.7:4403",
      since: now - 5 * HOUR,
      channels,
      counters: { ...counters, packetsIn: 7_310 },
      region: "EU_868",
      modemPreset: "LONG_FAST",
      dutyCycle: 0.1,
      channelUtilization: 0.287,
      airUtilTx: 0.034,
    },
  ];
}

/** Oldest first; every eighth is direct. */
export function makeReceived(count: number, nodes: readonly MeshNode[], now: number): ReceivedText[] {
  return Array.from({ length: count }, (_, at): ReceivedText => {
    const node = nodes[1 + ((at * 7) % Math.min(nodes.length - 1, PEOPLE.length))] ?? nodes[0];
    const isDirect = at % 8 === 3;
    return {
      seq: at + 1,
      link: at % 5 === 4 ? "valley" : "roof",
      packetId: 10_000 + at,
      from: node?.number ?? 2,
      to: isDirect ? 1 : 0xffffffff,
      channel: !isDirect && at % 6 === 5 ? 1 : 0,
      isDirect,
      text: TALK[at % TALK.length] ?? "",
      isReaction: false,
      snr: 9.25 - (at % 17),
      hopsAway: at % 4,
      correlationId: `c_${at}`,
      receivedAt: now - (count - at) * (count > 1000 ? 3 * MINUTE : 23 * MINUTE),
    };
  });
}

/** Answers of plugins to some of the texts, in every state, and a few of the operator's own. */
export function makeSent(received: readonly ReceivedText[]): MessageStatus[] {
  const sent: MessageStatus[] = [];
  for (const [at, text] of received.entries()) {
    if (!["ping", "!weather", "test"].includes(text.text)) continue;
    const kinds: readonly Partial<MessageStatus>[] = [
      { state: "delivered", final: true },
      { state: "relayed" },
      { state: "sent", final: !text.isDirect },
      { state: "failed", final: true, reason: "not_heard" },
      { state: "queued", held: "duty_cycle" },
      { state: "delivered", final: true },
    ];
    const kind = at > received.length - 14 ? (kinds[at % kinds.length] ?? {}) : { state: "delivered" as const, final: true };
    const plugin = text.text === "!weather" ? "weather" : "bot";
    sent.push(
      status({
        id: `m_${String(sent.length + 1).padStart(26, "0")}`,
        text: plugin === "weather" ? "Säntis: -6 °C, wind W 45 km/h, snow 30 cm by evening. Avalanche level 3." : "pong: SNR 7.5 dB, 1 hop",
        to: text.isDirect ? text.from : 0xffffffff,
        link: text.link,
        channel: text.channel,
        sender: { kind: "plugin", plugin },
        correlationId: text.correlationId,
        queuedAt: text.receivedAt + 900,
        updatedAt: text.receivedAt + 9_000,
        ...kind,
      }),
    );
  }
  return sent;
}

const ABOUT: readonly (readonly [string, string])[] = [
  ["bbs", "A bulletin board: bulletins, mail between nodes, and channels of news"],
  ["bot", "Answers ping, whoami, motd and a dozen more"],
  ["emergency", "Takes care of calls for help until somebody has answered them"],
  ["weather", "Forecasts and warnings for where the asker is"],
  ["store_forward", "Gives nodes that were away what they missed"],
  ["checkin", "Who is out, and who is back"],
  ["avalanche", "Avalanche bulletins of the region, each evening"],
  ["bus_times", "Next departures of the valley's bus"],
];

export function makePlugins(count: number, now: number): PluginSummary[] {
  return Array.from({ length: count }, (_, at) => {
    const [name, description] = ABOUT[at] ?? [`plugin_${at}`, `The plugin number ${at}`];
    const base = summary(name, {
      description,
      version: `1.${at % 5}.${at % 3}`,
      bundled: at < 6,
      since: new Date(now - (at + 1) * 5 * HOUR).toISOString(),
    });
    const metrics = {
      ...base.metrics,
      calls: 40 * (at + 1),
      memory_bytes: 560_000 + at * 31_000,
      storage_bytes: at * 91_000,
      cpu_s: at * 1.7,
      messages_sent: 11 * at,
      uptime_s: (at + 1) * 18_000,
      latency_p50_s: 0.0011,
      latency_p99_s: 0.0069,
    };
    if (name === "avalanche")
      return {
        ...base,
        metrics,
        state: "awaiting_approval",
        reason: "asks for http_requests and schedule_tasks",
        health: { status: "unknown", consecutive_failures: 0 },
      };
    if (name === "bus_times")
      return {
        ...base,
        metrics,
        state: "failed",
        reason: "plugin.ts:14: TypeError: departures is not a function",
        failures: 3,
        health: { status: "unhealthy", consecutive_failures: 3, detail: "start failed" },
      };
    return { ...base, metrics };
  });
}

function logSome(log: ReturnType<typeof fakeControl>["log"], at: number): void {
  const mesh = log.logger.child("mesh");
  if (at % 11 === 7)
    log.forPlugin("bus_times").error("the handler of bus failed", { error: new TypeError("departures is not a function") });
  else if (at % 7 === 3) log.forPlugin("weather").warn("api.open-meteo.com answered with 503, trying again in 60 s");
  else if (at % 3 === 0) mesh.info(`<- Rescue 4 (!0a0b0009) on LongFast: ping ${at}`, { link: "roof", snr: 7.5 });
  else if (at % 3 === 1) mesh.info(`-> LongFast: pong: SNR 7.5 dB, 1 hop`, { link: "roof", correlation_id: `c_${at}` });
  else log.forPlugin("bbs").info(`bulletin ${at} was read by ${at} nodes`);
}

/** What sites say about themselves, one of them with all that a hostile one can. */
function makeRegion(now: number): RegionView {
  const ago = (ms: number) => new Date(now - ms).toISOString();
  const report = (more: object = {}) => ({
    uptime_s: 420_000,
    degraded: [],
    links: [{ name: "roof", type: "serial", state: "up" }],
    alerts: [],
    plugins: { running: 9, disabled: 2 },
    queue: { queued: 3, oldest_s: 12, failed: 1 },
    load: 0.31,
    memory_mb: 142,
    nodes: 61,
    silenced: false,
    ...more,
  });
  const hostile = report({
    uptime_s: -1,
    degraded: [HOSTILE, LONG, { not: "text" }],
    links: [{ name: LONG, type: HOSTILE, state: "waiting", reason: `${RTL} ${LONG}` }, { name: 5, state: "up" }, "no link"],
    alerts: [
      { time: "yesterday", code: "x", message: HOSTILE },
      { time: ago(DAY), code: "y", message: `${EMOJI} ${LONG}` },
    ],
    plugins: { [HOSTILE]: 3, running: "many" },
    queue: { queued: Number.MAX_VALUE, oldest_s: "long" },
    load: 1e9,
    nodes: null,
  });
  const site = (name: string, more: Partial<RegionView["sites"][number]>): RegionView["sites"][number] => ({
    id: name.padEnd(32, "0").slice(0, 32),
    name,
    state: "enrolled",
    online: true,
    heard_at: ago(20_000),
    version: "0.1.0",
    report: report() as never,
    ...more,
  });
  return {
    state: "enrolled",
    problem: null,
    region: "valley",
    site: "north",
    id: "n".padEnd(32, "0"),
    share: ["answers", "bbs", "sos", "nodes", "alerts"],
    broker: { url: "mqtts://broker.example.org:8883", state: "connected", reason: null, since: ago(3 * DAY), reconnects: 2 },
    key_number: 3,
    troubles: [`a site called ${LONG} speaks version 9 of the region's messages: update one of the two`],
    messages: { sent: 4_210, failed: 2, received: 12_530, refused: { replayed: 3, forged: 1 } },
    sites: [
      site("north", { state: "self" }),
      site("south", {}),
      site("hut", { online: false, heard_at: ago(5 * HOUR), report: report({ degraded: ["link roof is waiting"] }) as never }),
      site("stranger", { state: "waiting", report: null, version: null }),
      site("stolen", { state: "revoked", online: false, heard_at: null, report: [1, 2, 3] as never }),
      site("w".repeat(32), { report: hostile as never, version: HOSTILE }),
    ],
  };
}

export interface WorldSize {
  readonly nodes: number;
  readonly plugins: number;
  readonly received: number;
}

/** The fake gateway of the API's tests, filled. */
export function makeWorld(sizes: WorldSize, now = Date.now()) {
  const fake = fakeControl();
  const nodes = makeNodes(sizes.nodes, now);
  const received = makeReceived(sizes.received, nodes, now);
  const sent = makeSent(received);
  const links = makeLinks(now);
  fake.plugins.clear();
  for (const plugin of makePlugins(sizes.plugins, now)) fake.plugins.set(plugin.name, plugin);
  const alerts = [
    {
      id: "a1",
      time: new Date(now - 4 * MINUTE).toISOString(),
      code: "emergency",
      message: `${idOf(0x0a0b0009)} Rescue 4: SOS broken leg below the pass hut`,
      times: 1,
      acknowledged_at: null,
    },
    {
      id: "a2",
      time: new Date(now - 3 * HOUR).toISOString(),
      code: "plugin_disabled",
      plugin: "bus_times",
      message: "bus_times was disabled after 5 failures",
      times: 1,
      acknowledged_at: null,
    },
    {
      id: "a3",
      time: new Date(now - 2 * DAY).toISOString(),
      code: "disk_low",
      message: "the disk has 312 MB left",
      times: 4,
      acknowledged_at: new Date(now - DAY).toISOString(),
    },
  ] as ReturnType<Control["alerts"]["list"]>[number][];
  const base = fake.control;
  for (let at = 0; at < 60; at++) logSome(fake.log, at);
  const schema = {
    type: "object",
    additionalProperties: false,
    properties: {
      latitude: { type: "number", minimum: -90, maximum: 90, description: "Degrees north." },
      longitude: { type: "number", minimum: -180, maximum: 180, description: "Degrees east." },
      units: { enum: ["metric", "imperial"], description: "Units of distances." },
      severities: { type: "array", items: { enum: ["Minor", "Moderate", "Severe", "Extreme"] }, description: "Alerts that are broadcast." },
      huts: { type: "array", items: { type: "string" }, description: "Huts of the region." },
      welcome: {
        type: "object",
        properties: {
          enabled: { type: "boolean", description: "Greets a node that was never heard before." },
          text: { type: "string", maxLength: 190, description: "What it reads." },
        },
      },
      answers: {
        type: "array",
        items: {
          type: "object",
          required: ["keyword", "text"],
          properties: {
            keyword: { type: "string", maxLength: 40 },
            text: { type: "string", description: "What is answered." },
            loud: { type: "boolean", default: true },
            channels: { type: "array", items: { type: "string" } },
          },
        },
        description: "Answers to keywords.",
      },
      raw: { type: "array", items: { type: "object" }, description: "As JSON." },
    },
  };
  let own: Record<string, unknown> = { latitude: 47.25 };
  const defaults = {
    latitude: 46.9,
    longitude: 9.34,
    units: "metric",
    severities: ["Severe", "Extreme"],
    huts: ["Pass hut"],
    welcome: { enabled: true, text: "" },
    answers: [{ keyword: "hut", text: "open", loud: false, kept: 1 }],
    raw: [],
  };
  const permissions = {
    permission_hash: HASH,
    accepted_hash: null,
    requested: [
      { send_messages: { channels: ["Rescue"], rate: "6/h" } },
      { http_requests: { hosts: ["whiterisk.ch", "*.slf.ch"] } },
      { schedule_tasks: { min_interval_s: 3600 } },
      "receive_messages",
    ],
    granted: [{ send_messages: { channels: ["Rescue"], rate: "6/h" } }, { schedule_tasks: { min_interval_s: 3600 } }],
    denied: ["receive_messages"],
    held_back: [{ http_requests: { hosts: ["whiterisk.ch", "*.slf.ch"] } }],
  };
  const airtime = {
    total_s: 61.4,
    plugins: { bot: 20.1, weather: 31.2, bbs: 10.1 },
    channels: { "roof/0": 61.4 },
    links: { roof: 40.2, valley: 21.2 },
  };
  const newestFirst = <T>(items: readonly T[], { limit, cursor }: { limit: number; cursor?: string | undefined }) => {
    const from = Number(cursor ?? 0);
    const all = items.toReversed();
    return ok({ items: all.slice(from, from + limit), next: from + limit < all.length ? String(from + limit) : null });
  };
  const control: Control = {
    ...base,
    startedAt: now - 9 * DAY,
    region: {
      view: () => makeRegion(now),
      join: () => fail("conflict", "this site is in region valley already"),
      revoke: () => fail("not_found", "there is no such site"),
      leave: async () => fail("conflict", "this site is in no region"),
      nodes: () => [
        { id: "!0a0b0003", long_name: null, short_name: null, site: "hut", last_heard: new Date(now - 240_000).toISOString() },
        { id: "!0a0b0009", long_name: null, short_name: null, site: "south", last_heard: new Date(now).toISOString() },
      ],
    },
    rollouts: rollouts(now),
    status: () => ({
      ...base.status(),
      links,
      uptime_s: (9 * DAY) / 1000,
      region: { name: "valley", site: "north", state: "enrolled", broker: "connected", sites: 4, online: 3, troubles: [] },
      disk: { state: "ok", free_bytes: 21_400_000_000 },
      plugins: { running: sizes.plugins - 2, failed: 1, awaiting_approval: 1 },
      outbox: { queued: 2, sent: 311, delivered: 287, failed: 9, oldest_queued_s: 41, airtime },
      walls: ["capabilities", "no_new_privs", "limits", "files", "network", "signals", "seccomp", "watchdog"].map((wall) => ({
        wall,
        stands: true,
        detail: "tried at the start",
      })),
    }),
    links: () => ok(links),
    nodes: () => ok(nodes),
    alerts: {
      list: () => alerts,
      acknowledge(id, actor) {
        fake.calls.push({ what: "acknowledge", args: [id, actor] });
        const found = alerts.find((alert) => alert.id === id);
        if (found === undefined) return fail("not_found", "there is no such alert");
        const done = { ...found, acknowledged_at: new Date().toISOString() };
        alerts.splice(alerts.indexOf(found), 1, done);
        return ok(done);
      },
    },
    backups: {
      list: () =>
        [1, 2, 3].map((day) => ({
          name: `zephyrgate-${new Date(now - day * DAY).toISOString().slice(0, 10)}.zgb`,
          path: "/var/lib/zephyrgate/backups",
          kind: "daily",
          made_at: new Date(now - day * DAY).toISOString(),
          bytes: 4_200_000 + day * 31_000,
        })),
      make: async () => fail("unavailable", "the disk is full"),
      receive: async () => fail("invalid_argument", "the file is no backup of a gateway, or it is damaged"),
      review: async (name) =>
        ok({
          name,
          made_at: new Date(now - DAY).toISOString(),
          program: "0.1.0",
          files: 61,
          bytes: 21_400_000,
          plugins: ["avalanche", "bbs", "weather"],
          skipped: [{ plugin: "mail", reason: "the database is damaged" }],
          has_secrets: true,
          configuration: { state: "differs" as const, keys: ["operators", "mesh.interfaces"], reason: null },
          lost: ["311 texts received and 12 texts sent since then", "tokens revoked or renewed since then are VALID AGAIN: old-phone"],
        }),
      restore: async (name, choice, actor) => {
        fake.calls.push({ what: "restore", args: [name, choice, actor] });
        return fail("unauthorized", "the passphrase does not open the secrets of this backup");
      },
      path: (name) => fail("not_found", `there is no backup ${name}`),
    },
    configuration: () =>
      ok({
        file: "/etc/zephyrgate/config.yaml",
        values: [
          { key: "data_dir", value: "/var/lib/zephyrgate", from: "ZEPHYRGATE_DATA_DIR" },
          {
            key: "mesh.interfaces",
            value: links.map(({ name, type, target }) => ({ name, type, target })),
            from: "/etc/zephyrgate/config.yaml:2:3",
          },
          { key: "operators", value: ["!0a0b0005"], from: "/etc/zephyrgate/config.yaml:9:1" },
          { key: "api.port", value: 8080, from: "--port" },
          { key: "log.level", value: "info", from: "default" },
        ],
      }),
    plugins: {
      ...base.plugins,
      permissions: () => ok(permissions),
      config: () => ok({ config: { ...defaults, ...own }, own, schema }),
      setConfig(name, config, actor) {
        fake.calls.push({ what: "setConfig", args: [name, config, actor] });
        const answers = Array.isArray(config.answers) ? config.answers : [];
        const empty = answers.findIndex((each) => (each as { keyword?: string }).keyword === undefined);
        if (empty >= 0)
          return fail("config_invalid", "1 error", { data: { errors: [{ path: `answers.${empty}.keyword`, message: "is missing" }] } });
        if (typeof config.latitude === "number" && config.latitude > 90) {
          const errors = [
            { path: "latitude", message: "must be at most 90" },
            { path: "welcome.text", message: "is too long" },
          ];
          return fail("config_invalid", "2 errors", { data: { errors } });
        }
        const changed = Object.keys(config);
        own = { ...config };
        return ok({ config: { ...defaults, ...own }, changed });
      },
    },
    nodeHistory: (node) =>
      ok(
        Array.from({ length: 4 * 24 * 3 }, (_, at) => ({
          time: new Date(now - (4 * 24 * 3 - at) * 15 * MINUTE).toISOString(),
          battery_level: Math.round(70 + 25 * Math.sin(at / 15) + (String(node).length % 5)),
          voltage: 3.9,
          snr: Math.round((6 + 3 * Math.sin(at / 7) + ((at * 7) % 5) / 2) * 4) / 4,
          channel_utilization: 14 + 6 * Math.sin(at / 11),
          air_util_tx: 1.2 + Math.sin(at / 9),
        })),
      ),
    messages: {
      ...base.messages,
      list: (_, paging) => newestFirst(sent, paging),
      received: (_, paging) => newestFirst(received, paging),
      traffic: () =>
        ok(
          Array.from({ length: 14 * 24 }, (_, at) => ({
            hour: new Date(Math.floor((now - at * HOUR) / HOUR) * HOUR).toISOString(),
            received: Math.round(4 + 3 * Math.sin(at / 3.8) + ((at * 7) % 5)),
            sent: Math.round(2 + Math.sin(at / 5) + ((at * 3) % 3)),
            failed: at % 31 === 0 ? 1 : 0,
          })).reverse(),
        ),
      send(message, actor) {
        fake.calls.push({ what: "send", args: [message, actor] });
        const id = `m_${String(sent.length + 1).padStart(26, "0")}`;
        const to = typeof message.destination === "string" ? Number.parseInt(message.destination.slice(1), 16) : 0xffffffff;
        sent.push(
          status({
            id,
            text: message.text,
            to,
            link: "roof",
            state: "queued",
            held: "spacing",
            sender: { kind: "operator" },
            queuedAt: Date.now(),
            updatedAt: Date.now(),
          }),
        );
        return ok({ id });
      },
    },
  };
  return { ...fake, control, nodes, sent, alerts };
}

/** One that halted, and can be taken back; a new one is refused. */
function rollouts(now: number): NonNullable<Control["rollouts"]> {
  const site = { id: "e".repeat(32), name: "south", stage: 1 };
  let shown: RolloutView = {
    ...{ id: "0".repeat(16), way: "out", name: "weather", version: "1.2.0", state: "halted", stage: 1, stages: 2, left_out: ["hut"] },
    ...{ reason: "site south: failed: it is backing off: plugin.ts:3: TypeError", started_at: new Date(now - 60_000).toISOString() },
    sites: [{ ...site, step: "failed", reason: "it is backing off: plugin.ts:3: TypeError" }],
  };
  const set = (more: Partial<RolloutView>) => {
    shown = { ...shown, ...more };
    return ok(shown);
  };
  return {
    begin: async () => fail("permission_denied", "weather is not signed, and only signed packages are rolled out"),
    back: () => set({ way: "back", state: "running", reason: null, sites: [{ ...site, step: "offered", reason: null }] }),
    status: () => shown,
    halt: () => set({ state: "halted", reason: "an operator halted it" }),
  };
}
