/** Radio links, their share with apps, and the limits of the air. */
import * as v from "valibot";
import { brokerUrl, login } from "./broker.ts";
import { hostAddress } from "./hosts.ts";
import { about, linkName, list, number, rate, section, text, whole } from "./values.ts";

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

function isChannelKey(text: string): boolean {
  const bytes = Buffer.from(text, "base64");
  return [1, 16, 32].includes(bytes.length) && bytes.toString("base64").replace(/=+$/, "") === text.replace(/=+$/, "");
}

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

export const mesh = section(
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
);
