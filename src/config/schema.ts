/** One schema gives the configuration's type, defaults, checks, `docs/config.schema.json` and `docs/configuration.md`. */
import * as v from "valibot";
import type { Json } from "../json.ts";
import { PERMISSION_NAMES } from "../permissions/grammar/types.ts";
import { RATE_PATTERN } from "../rates.ts";
import { hostAddress, hostName, network, tileUrl, urlPath, webhook } from "./hosts.ts";

/** Names of the sandbox's walls; a test compares them with the jail's own. */
export const WALLS = ["jail", "capabilities", "no_new_privs", "limits", "files", "landlock", "seccomp", "watchdog"] as const;
export const MAX_CONFIG_BYTES = 1024 * 1024;

export interface JsonMap {
  readonly [key: string]: Json;
}

const about = <T extends v.GenericSchema>(schema: T, text: string) =>
  v.pipe(schema, v.description(text) as v.DescriptionAction<v.InferOutput<T>, string>);
const number = (least: number, most: number, text: string) =>
  v.pipe(v.number(), v.minValue(least, `must be at least ${least}`), v.maxValue(most, `must be at most ${most}`), v.description(text));
const whole = (least: number, most: number, text: string) =>
  v.pipe(
    v.number(),
    v.integer("must be a whole number"),
    v.minValue(least, `must be at least ${least}`),
    v.maxValue(most, `must be at most ${most}`),
    v.description(text),
  );
const text = (about: string, most = 500) =>
  v.pipe(v.string(), v.minLength(1, "must not be empty"), v.maxLength(most, `is longer than ${most} characters`), v.description(about));
const list = <T extends v.GenericSchema>(item: T, text: string) =>
  v.pipe(v.array(item), v.maxLength(1000, "has more than 1000 entries"), v.description(text));
const map = (text: string) =>
  v.pipe(
    v.custom<JsonMap>((value) => typeof value === "object" && value !== null && !Array.isArray(value), "must be a map"),
    v.description(text),
  );
const section = <T extends v.ObjectEntries>(entries: T, text: string) =>
  v.optional(v.pipe(v.strictObject(entries), v.description(text)), {} as never);

const rate = (text: string) =>
  v.pipe(v.string("is not a rate | for example 12/min"), v.regex(RATE_PATTERN, "is not a rate | for example 12/min"), v.description(text));
const NODE_HINT = 'is not a node id | write "!" and eight hex digits, in quotes';
const node = v.pipe(
  v.string(NODE_HINT),
  v.regex(/^!(?:[0-9a-fA-F]{8})$/, ({ input }) => (/^[0-9a-fA-F]{8}$/.test(input) ? `is not a node id | write "!${input}"` : NODE_HINT)),
  v.transform((id) => id.toLowerCase()),
  v.description("Node id."),
);
const pluginName = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_]{0,63}$/, "is not a plugin name | use lower-case letters, digits and _"));
const channel = v.union(
  [whole(0, 7, "Channel index."), text("Exact channel name, or LINK/INDEX for one channel of one link.", 64)],
  "must be a channel index (0-7), a name, or LINK/INDEX",
);
const level = v.picklist(["debug", "info", "warn", "error"]);
const linkName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/, "is not an interface name | use letters, digits, _ and -"),
  v.description("Name of the interface."),
);

function isChannelKey(text: string): boolean {
  const bytes = Buffer.from(text, "base64");
  return [1, 16, 32].includes(bytes.length) && bytes.toString("base64").replace(/=+$/, "") === text.replace(/=+$/, "");
}

/** Without user and password: a URL is shown in status and log. */
function isBrokerUrl(text: string): boolean {
  const url = URL.parse(text);
  const isPlain = url !== null && url.username === "" && url.password === "" && url.search === "" && url.hash === "";
  return isPlain && ["mqtt:", "mqtts:"].includes(url.protocol) && url.hostname !== "" && ["", "/"].includes(url.pathname);
}

const brokerUrl = v.pipe(
  v.string(),
  v.maxLength(512),
  v.check(isBrokerUrl, "is not a broker's address | write mqtt://HOST:1883 or mqtts://HOST:8883; user and password have keys of their own"),
  v.description("Broker: mqtt://HOST:PORT, or mqtts:// for TLS."),
);
const rootTopic = v.pipe(
  v.string(),
  v.regex(/^[^#+/\s][^#+\s]{0,199}[^#+/\s]$/, "is not a root topic | write for example msh/EU_868"),
  v.description("Topic above 2/e, as the nodes' MQTT settings have it."),
);
const meshChannelName = v.pipe(
  v.string(),
  v.regex(/^[^#+/\s]{1,11}$/, "is not a channel's name | an unnamed channel is called like its preset, for example LongFast"),
  v.description("Name of the channel."),
);
const login = {
  username: v.optional(text("User name at the broker.")),
  password_file: v.optional(text("File whose first line is the password.")),
  ca_file: v.optional(text("Certificate (PEM) of the authority that signed the broker's, when the system does not know it.")),
};

const NAME_IN_REGION = /^[a-z][a-z0-9_-]{0,31}$/;
/** What sites of a region can share. */
const SHARED = ["answers", "bbs", "sos", "nodes", "alerts"] as const;

const mqttProxy = v.optional(
  v.pipe(
    v.strictObject({
      url: brokerUrl,
      ...login,
      root: v.optional(about(rootTopic, "The radio's root topic. Absent: the radio's own, where it lies under msh.")),
      channels: v.optional(list(meshChannelName, "Channels that pass. Absent: all that have uplink or downlink on in the radio.")),
      direct_messages: v.optional(about(v.boolean(), "Pass direct messages, which are encrypted to their receiver's key."), true),
      map_reports: v.optional(about(v.boolean(), "Pass the radio's map reports, which hold its position and are not encrypted."), false),
      uplink_rate: v.optional(rate("Messages of the radio that the broker gets."), "60/min"),
      downlink_rate: v.optional(rate("Messages of the broker that the radio gets; it sends each on the air."), "12/min"),
    }),
    v.description("The radio's way to an MQTT broker, when it has `Proxy to client` on. Absent: off."),
  ),
);

const meshInterface = v.variant("type", [
  v.strictObject({
    name: linkName,
    type: v.literal("serial"),
    device: text("Path of the serial port, preferably under /dev/serial/by-id."),
    baud_rate: v.optional(whole(1200, 4_000_000, "Bits a second."), 115_200),
    mqtt_proxy: mqttProxy,
  }),
  v.strictObject({
    name: linkName,
    type: v.literal("tcp"),
    host: hostAddress("Host name or address of the node."),
    port: v.optional(whole(1, 65_535, "TCP port."), 4403),
    mqtt_proxy: mqttProxy,
  }),
  v.strictObject({
    name: linkName,
    type: v.literal("mqtt"),
    url: brokerUrl,
    root: v.optional(rootTopic, "msh"),
    node: v.pipe(
      v.string(),
      v.regex(/^!(?!0{8}|f{8})[0-9a-f]{8}$/i, "is not a node id | write ! and eight hexadecimal digits that no other node has"),
      v.description("Id of the gateway's own node on this mesh."),
    ),
    long_name: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(36), v.description("Name of that node.")), "ZephyrGate"),
    short_name: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(4), v.description("Its short name.")), "ZG"),
    channels: v.pipe(
      v.array(
        v.strictObject({
          name: meshChannelName,
          key: v.optional(
            v.pipe(
              v.string(),
              v.check(isChannelKey, "is not a channel's key | copy it from the app: 1, 16 or 32 bytes in base64; AQ== is the default key"),
              v.description("Its key in base64; AQ== is the default key."),
            ),
            "AQ==",
          ),
        }),
      ),
      v.minLength(1, "is empty | name at least one channel"),
      v.maxLength(8, "has more than 8 channels"),
      v.description("Channels, the primary one first."),
    ),
    ...login,
    key_file: v.optional(text("File of the node's private key; `mqtt-NAME.key` in the data folder by default, made at the first start.")),
  }),
  v.strictObject({
    name: linkName,
    type: v.literal("simulated"),
    nodes: v.optional(whole(1, 1000, "Number of simulated nodes."), 3),
    mqtt_proxy: mqttProxy,
  }),
]);

const permissionEntry = v.union(
  [v.picklist(PERMISSION_NAMES), v.custom<JsonMap>((value) => typeof value === "object" && value !== null && !Array.isArray(value))],
  "is not a permission | write it as in a manifest",
);

/** A scheme must protect what is read, so that nobody on the way can choose it; a text without a scheme is a folder. */
function isIndexPlace(place: string): boolean {
  if (!/^[a-z][a-z0-9+.-]*:/i.test(place)) return place !== "";
  const url = URL.parse(place);
  const isLocal = url !== null && ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
  return url !== null && url.username === "" && (url.protocol === "https:" || (url.protocol === "http:" && isLocal));
}

const plugins = {
  paths: v.optional(list(text("Folder."), "Further folders of plugin folders; bundled plugins are always found."), []),
  indexes: v.optional(
    list(
      v.pipe(v.string(), v.maxLength(1024), v.check(isIndexPlace, "must be https://HOST/PATH, http:// on this machine, or a folder")),
      "Package indexes for plugin search, install NAME and update: an https URL, or a folder. No other host is asked.",
    ),
    [],
  ),
  auto_discover: v.optional(about(v.boolean(), "Look for plugins in `paths`."), true),
  auto_load: v.optional(about(v.boolean(), "Start accepted plugins with the gateway."), true),
  enabled_plugins: v.optional(
    list(
      pluginName,
      "Third-party plugins accepted with the permission set that they ask for at first. Absent: the plugins accepted earlier. Also turns on bundled plugins that are off at first: broadcasts, bridge, checkin.",
    ),
  ),
  disabled_plugins: v.optional(list(pluginName, "Plugins that do not run, bundled ones included."), []),
  config: v.optional(
    v.pipe(
      v.record(pluginName, map("Configuration of one plugin.")),
      v.description("Configuration by plugin, over the plugin's own defaults."),
    ),
    {},
  ),
  permissions: v.optional(
    v.pipe(
      v.record(pluginName, v.strictObject({ deny: v.optional(list(permissionEntry, "Always refused, even if accepted."), []) })),
      v.description("Permissions by plugin."),
    ),
    {},
  ),
  health: section(
    {
      interval_s: v.optional(number(1, 86_400, "Seconds between health checks."), 30),
      timeout_s: v.optional(number(0.1, 600, "Deadline of a health check, seconds."), 10),
      max_failures: v.optional(whole(1, 1000, "Failures in a row after which a plugin is restarted."), 5),
      max_restarts: v.optional(whole(0, 1000, "Restarts after which a plugin is disabled."), 5),
      backoff_s: v.optional(number(0.01, 3600, "Wait before the first restart, seconds; doubles with each."), 1),
      backoff_max_s: v.optional(number(0.01, 86_400, "Longest wait before a restart, seconds."), 300),
      reset_after: v.optional(whole(1, 100_000, "Successes in a row that clear the failure count."), 10),
    },
    "Health checks and restarts.",
  ),
  limits: section(
    {
      memory_mb: v.optional(number(1, 1024, "Memory of a realm, megabytes."), 16),
      slice_ms: v.optional(number(1, 10_000, "Longest run without a pause, milliseconds."), 100),
      timeout_s: v.optional(number(0.1, 3600, "Deadline of a handler, seconds."), 10),
      storage_mb: v.optional(number(0.1, 65_536, "A plugin's database, megabytes."), 16),
      http: v.optional(rate("HTTP requests of one plugin."), "100/min"),
    },
    "Limits of each plugin. A manifest may ask for up to four times as much.",
  ),
  isolation: section(
    {
      allow_missing: v.optional(list(v.picklist(WALLS), "Walls that may be missing on this machine; landlock is the older name of files.")),
      own_host: v.optional(list(pluginName, "Plugins that get a process of their own."), []),
    },
    "Walls around the plugins.",
  ),
};

export const configSchema = v.strictObject({
  data_dir: v.optional(text("Folder for databases, keys and logs."), "./data"),
  mesh: section(
    {
      interfaces: v.optional(list(meshInterface, "Radio links. Absent: a device with a Meshtastic-only USB id, else simulated.")),
      text_spacing_s: v.optional(number(0, 600, "Seconds between two texts that are sent; radios drop texts less than 2 s apart."), 2.5),
      share: v.optional(
        v.pipe(
          v.strictObject({
            host: v.optional(hostAddress("Address to listen on; everybody who reaches it can use the radio."), "127.0.0.1"),
            port: v.optional(whole(0, 65_535, "TCP port; 0 takes a free one."), 4403),
            admin: v.optional(about(v.boolean(), "Let clients change the radio and administer other nodes."), false),
            secrets: v.optional(about(v.boolean(), "Give clients private key, admin keys and passwords of the radio."), false),
          }),
          v.description("Apps connect to the gateway as to the radio: the first interface. Absent: off."),
        ),
      ),
      retry_unheard: v.optional(
        about(
          v.boolean(),
          "Send a direct message that nobody acknowledged again, under a new id: it arrives twice where only the acknowledgement was lost.",
        ),
        false,
      ),
      airtime: section(
        {
          channel_utilization_polite: v.optional(
            number(0, 1, "Above this channel utilization only high and emergency messages are sent."),
            0.25,
          ),
          channel_utilization_max: v.optional(number(0, 1, "Above this channel utilization only emergency messages are sent."), 0.4),
          plugin_share: v.optional(number(0, 1, "Share of the airtime that one plugin may use."), 0.1),
          channel_share: v.optional(number(0, 1, "Share of the airtime that all texts on one channel may use; 1: no limit."), 1),
          link_share: v.optional(number(0, 1, "Share of the airtime that all texts over one link may use; 1: no limit."), 1),
          total_share: v.optional(number(0, 1, "Share of the airtime that all texts together may use; 1: no limit."), 1),
        },
        "Limits on airtime.",
      ),
    },
    "The mesh.",
  ),
  language: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[a-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,3}$/, "is not a language | write for example en or de"),
      v.description(
        "Language of what the gateway and its plugins write to people on the mesh, such as en or de. What is not there in it is English.",
      ),
    ),
    "en",
  ),
  operators: v.optional(list(node, "Nodes that may use admin commands and get alerts."), []),
  commands: section(
    {
      prefix: v.optional(
        v.pipe(
          v.string(),
          v.regex(/^[^\s\p{C}]{1,8}$/u, "must be 1 to 8 characters without blanks | for example !"),
          v.description("Prefix of a command on a channel."),
        ),
        "!",
      ),
      direct_prefix: v.optional(
        v.pipe(
          v.string(),
          v.regex(/^[^\s\p{C}]{0,8}$/u, "must be at most 8 characters without blanks"),
          v.description("Optional prefix of a command in a direct message."),
        ),
        "",
      ),
      channels: v.optional(
        v.pipe(
          v.union([v.literal("all"), v.array(channel)], "must be all, or a list of channels"),
          v.description("Channels on which commands are answered."),
        ),
        "all",
      ),
      ignore_channels: v.optional(
        list(channel, "Channels on which no message is answered: names (on any link), `LINK/INDEX`, or indexes (of every link)."),
        [],
      ),
      direct_only: v.optional(
        about(v.boolean(), "Hear texts in direct messages only. A cry for help on a channel still gets through."),
        false,
      ),
      channel_replies: v.optional(
        about(v.picklist(["channel", "direct"]), "Where to send the reply to a command on a channel."),
        "channel",
      ),
      sender_rate: v.optional(rate("Commands accepted from one sender. A few more wait, then the sender is told once."), "12/min"),
      channel_rate: v.optional(rate("Parts of replies on one channel. Absent: 30/min, or sender_rate where that is more.")),
      admin_commands: v.optional(
        about(
          v.picklist(["encrypted", "any"]),
          "When an operator's node may use admin commands: only in a direct message encrypted to the gateway's own key, or in any message. Anybody can forge a node number, except under such a key.",
        ),
        "encrypted",
      ),
      peers: v.optional(
        list(node, "Other gateways of the same operator on this mesh. A command on a channel is answered by one of them."),
        [],
      ),
      peer_slot_s: v.optional(
        number(0.1, 60, "Seconds that a gateway is given to answer before the next one does; longer than an answer takes to be heard."),
        3,
      ),
      ban: v.optional(list(node, "Nodes that are not heard."), []),
    },
    "Commands from the mesh.",
  ),
  menu: section({ idle_s: v.optional(number(1, 86_400, "Seconds after which an open menu closes."), 1800) }, "Menus."),
  plugins: section(plugins, "Plugins."),
  api: section(
    {
      host: v.optional(hostAddress("Address to listen on."), "127.0.0.1"),
      port: v.optional(whole(0, 65_535, "TCP port; 0 takes a free one."), 8080),
      allowed_hosts: v.optional(
        list(hostName, "Further names by which the gateway may be called, such as a reverse proxy's. Any other Host header is refused."),
        [],
      ),
      trusted_proxies: v.optional(
        list(network, "Reverse proxies, addresses or networks, that are believed in X-Forwarded-For and X-Forwarded-Proto."),
        [],
      ),
      tls: v.optional(
        v.pipe(
          v.strictObject({
            cert: text("PEM file: the server's certificate, then its chain."),
            key: text("PEM file: its private key, without a passphrase."),
          }),
          v.description("Serve https. The files are read again when they change. Absent: http."),
        ),
      ),
      position_digits: v.optional(
        whole(
          0,
          6,
          "Decimal places of a degree to which positions of others are rounded for tokens of the role read: 2 is about a kilometre, 3 a hundred metres; 6: not rounded.",
        ),
        2,
      ),
      map_tiles: v.optional(
        v.pipe(
          v.strictObject({
            url: about(
              tileUrl,
              "Address of a tile, with {z}, {x} and {y}; the browser asks this host, which learns what part of the map is looked at.",
            ),
            attribution: v.optional(text("Whose map it is; shown on it.", 200)),
            max_zoom: v.optional(whole(0, 24, "The finest zoom that there are tiles for."), 19),
          }),
          v.description("Tiles below the console's map. Absent: positions are drawn on a plain grid, and nothing is asked from elsewhere."),
        ),
      ),
      base_path: v.optional(about(urlPath, "Path of the page and the API below the host; a reverse proxy passes it on unchanged."), "/"),
    },
    "The control API.",
  ),
  alerts: section(
    {
      channels: v.optional(
        list(channel, "Channels on which emergencies are announced: a name, an index, or LINK/INDEX for a channel of one link."),
        [],
      ),
      webhook: v.optional(
        about(v.nullable(webhook), "Address to which each alert is posted as JSON when it is raised and when it is over."),
        null,
      ),
      link_down_s: v.optional(number(0, 604_800, "Seconds without a radio link after which an alert is raised; 0: never."), 600),
      from_sites: v.optional(
        about(v.boolean(), "Also texts alerts of the region's other sites to this gateway's operators; calls for help are always texted."),
        false,
      ),
    },
    "Alerts.",
  ),
  publish: v.optional(
    v.pipe(
      v.strictObject({
        url: brokerUrl,
        ...login,
        topic: v.optional(
          v.pipe(
            v.string(),
            v.regex(
              /^[A-Za-z0-9_-]{1,32}(?:\/[A-Za-z0-9_-]{1,32}){0,3}$/,
              "is not a topic of letters, digits, _ and - | for example zephyrgate/summit",
            ),
            v.description("Topic above json/1; each gateway on a broker needs its own."),
          ),
          "zephyrgate",
        ),
        nodes: v.optional(
          v.pipe(
            v.union([v.literal("all"), v.array(node)], "must be all, or a list of node ids"),
            v.description("Nodes whose state is published; `[]`: none, and what an earlier run published is removed."),
          ),
          "all",
        ),
        nodes_max: v.optional(whole(1, 2000, "So many nodes at most: anybody on the air can invent some."), 200),
        interval_s: v.optional(number(1, 86_400, "Least seconds between two states of one node."), 60),
        home_assistant: v.optional(
          v.pipe(
            v.strictObject({
              prefix: v.optional(
                v.pipe(
                  v.string(),
                  v.regex(/^[A-Za-z0-9_-]{1,32}$/, "is not a prefix | Home Assistant's own is homeassistant"),
                  v.description("Its discovery prefix."),
                ),
                "homeassistant",
              ),
            }),
            v.description("Make each published node a device in Home Assistant. Absent: off."),
          ),
        ),
        texts: v.optional(
          v.pipe(
            v.strictObject({
              out: v.optional(about(v.boolean(), "Publish texts that were received and sent."), true),
              in: v.optional(
                about(v.boolean(), "Send texts that are published under json/1/send: whoever may write that topic sends as the operator."),
                false,
              ),
              channels: v.optional(list(text("Name of a channel.", 32), "Channels whose texts pass, both ways. Absent: all.")),
              direct: v.optional(about(v.boolean(), "Direct messages, too, both ways: they are private."), false),
              rate: v.optional(rate("Texts from the broker."), "6/min"),
            }),
            v.description("Texts as JSON. Absent: off."),
          ),
        ),
      }),
      v.description("Nodes and texts on the operator's own MQTT broker. Absent: off."),
    ),
  ),
  backup: section(
    {
      at: v.optional(
        v.pipe(
          v.string(),
          v.regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day such as "03:30"'),
          v.description("Time of the daily backup, local time."),
        ),
        "03:30",
      ),
      keep: v.optional(whole(0, 1000, "Daily backups that are kept; 0 makes none."), 7),
    },
    "The daily backup of the whole gateway.",
  ),
  region: v.optional(
    v.pipe(
      v.strictObject({
        url: brokerUrl,
        ...login,
        name: v.pipe(
          v.string(),
          v.regex(NAME_IN_REGION, "is not a region's name | use a lower-case letter, then letters, digits, _ and -, at most 32"),
          v.description("Name of the region: the same at all its sites. It is part of the topics on the broker."),
        ),
        site: v.pipe(
          v.string(),
          v.regex(NAME_IN_REGION, "is not a site's name | use a lower-case letter, then letters, digits, _ and -, at most 32"),
          v.description("Name of this site, which no other of the region has."),
        ),
        share: v.optional(
          list(
            v.picklist(SHARED),
            "What this site shares with the others: who answers a command, boards and mail, calls for help, the directory of nodes, alerts.",
          ),
          [...SHARED],
        ),
        control: v.optional(
          list(
            v.pipe(
              v.string(),
              v.regex(
                /^[0-9a-f]{32}$/,
                "is not the fingerprint of a site | copy it from `zephyrgate region list`: a name can be taken by anybody",
              ),
              v.description("Fingerprint of a site."),
            ),
            "Sites whose operators may roll out signed plugins here, as far as this site trusts the signer and has accepted their permissions.",
          ),
          [],
        ),
        key_file: v.optional(text("File of the region's key; `region.key` in the data folder by default, made by `region join`.")),
      }),
      v.description("Other gateways on one MQTT broker that work as one service. Absent: this gateway is alone."),
    ),
  ),
  log: section(
    {
      level: v.optional(about(level, "Lowest level that is logged."), "info"),
      format: v.optional(about(v.picklist(["text", "json"]), "Format of a line."), "text"),
      file: v.optional(about(v.nullable(text("Path.")), "Log file, in addition to the terminal."), null),
      max_mb: v.optional(number(0.01, 10_000, "Size at which the file is rotated, megabytes."), 10),
      keep: v.optional(whole(0, 1000, "Rotated files that are kept."), 5),
      levels: v.optional(v.pipe(v.record(text("Category.", 64), level), v.description("Level by plugin or category.")), {}),
      message_text: v.optional(about(v.boolean(), "Log the texts of direct messages. False: only how long they are."), false),
    },
    "The log.",
  ),
  audit: section({ max_mb: v.optional(number(0.1, 100_000, "Size of the audit log, megabytes."), 50) }, "The audit log."),
});

export type Config = v.InferOutput<typeof configSchema>;
