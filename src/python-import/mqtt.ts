/** The original's ways to an MQTT broker as links of type mqtt. */
import type { Json } from "../json.ts";
import { defined, type Fields, fieldsOf, isTrue, listOf, type Note, numberOf, textOf } from "./values.ts";

type Settings = { [key: string]: Json };

export interface TakenLink {
  /** Null: it cannot be one. */
  readonly link: Settings | null;
  readonly notes: readonly Note[];
}

const CHANNEL = /^[^#+/\s]{1,11}$/;
const ROOT = /^[^#+/\s][^#+\s]{0,199}[^#+/\s]$/;
const KEY = /^[A-Za-z0-9+/]+={0,2}$/;
const USUAL_CHANNEL = "LongFast";
const PORT = 1883;
const TLS_PORT = 8883;

/** The section `mqtt_gateway`, which publishes what the radio hears; off there unless it says `enabled`. */
export function takeMqttGateway(section: Fields): TakenLink | null {
  if (Object.keys(section).length === 0) return null;
  if (!isTrue(section.enabled)) return { link: null, notes: [{ what: "mqtt_gateway", left: "it is switched off there" }] };
  return takeMqttLink("mqtt_gateway", "cloud", { ...section, host: section.broker_address, port: section.broker_port });
}

/** A broker by `host`, `broker` or `url` with `port`, `tls`, `username`, `root_topic` and `channels`, as such files have them. */
export function takeMqttLink(what: string, name: string, fields: Fields): TakenLink {
  const url = brokerOf(fields);
  if (url === null) return { link: null, notes: [{ what, left: "it names no broker by host and port" }] };
  const notes: Note[] = [{ what, left: null }];
  const leave = (key: string, left: string) => notes.push({ what: `${what}: ${key}`, left });
  const root = (textOf(fields.root_topic) || textOf(fields.root)).replace(/\/+$/, "");
  const given = listOf(fields.channels);
  const channels = given.map(channelOf).filter((each) => each !== null);
  if (channels.length < given.length) leave("channels", "some have no name of at most 11 letters, or no key in base64");
  if (channels.length > 8) leave("channels", "a link has at most 8");
  if (root !== "" && !ROOT.test(root)) leave("root_topic", "it is no topic");
  if (textOf(fields.password) !== "")
    leave("password", "write it into a file that only the gateway can read, and name that as password_file of the link");
  if (textOf(fields.client_cert) !== "") leave("client_cert", "brokers are told user and password here, not a certificate");
  if (channels.length === 0) leave("channels", `none is named there; ${USUAL_CHANNEL} with the default key is taken`);
  const link = defined({
    name,
    type: "mqtt",
    url,
    root: ROOT.test(root) ? root : undefined,
    node: nodeFor(url, name),
    username: textOf(fields.username) || undefined,
    ca_file: textOf(fields.ca_cert) || undefined,
    channels: channels.length === 0 ? [{ name: USUAL_CHANNEL }] : channels.slice(0, 8),
  }) as Settings;
  return { link, notes };
}

function brokerOf(fields: Fields): string | null {
  const { host, broker, broker_address, url, address, port, tls, tls_enabled, use_tls } = fields;
  const written = [host, broker, broker_address, url, address].map(textOf).find((each) => each !== "") ?? "";
  const parsed = URL.parse(written.includes("://") ? written : `mqtt://${written}`);
  if (written === "" || parsed === null || parsed.hostname === "" || !["mqtt:", "mqtts:", "tcp:", "ssl:"].includes(parsed.protocol))
    return null;
  const isTls = ["mqtts:", "ssl:"].includes(parsed.protocol) || [tls, tls_enabled, use_tls].some(isTrue);
  const number = numberOf(port, 1, 65_535) ?? (parsed.port === "" ? undefined : Number(parsed.port));
  return `${isTls ? "mqtts" : "mqtt"}://${parsed.hostname}:${number ?? (isTls ? TLS_PORT : PORT)}`;
}

function channelOf(each: Json): Settings | null {
  const fields = typeof each === "string" ? { name: each } : fieldsOf(each);
  const name = textOf(fields.name) || textOf(fields.channel_name) || textOf(fields.channel);
  const key = textOf(fields.key) || textOf(fields.psk);
  const isKey = key === "" || (KEY.test(key) && [1, 16, 32].includes(Buffer.from(key, "base64").length));
  return CHANNEL.test(name) && isKey ? (defined({ name, key: key === "" ? undefined : key }) as Settings) : null;
}

/** A number of its own, the same each time: another one would be another node to everybody who wrote to it. */
function nodeFor(url: string, name: string): string {
  const number = Number(BigInt(Bun.hash.xxHash32(`${url} ${name}`))) || 1;
  return `!${Math.min(number, 0xfffffffe).toString(16).padStart(8, "0")}`;
}
