/** A broker in a radio's place: one connection to it, and a node without a radio whose packets it carries. */
import { existsSync, readFileSync } from "node:fs";
import type { MqttClient } from "mqtt";
import type { Random } from "../../clock.ts";
import { asGatewayError, fail, ok, type Result } from "../../errors.ts";
import { codeOf, createFileOnce } from "../../storage/atomic.ts";
import { parseNodeId } from "../ids.ts";
import { type MqttChannel, readChannelKey } from "../mqtt/channel-cipher.ts";
import { channelFilter, DIRECT } from "../mqtt/envelope.ts";
import { KeyPair } from "../mqtt/key-pair.ts";
import { MqttNode } from "../mqtt/node.ts";
import { MemoryConnection } from "./memory.ts";
import {
  type Connection,
  type ConnectionEvents,
  DEFAULT_TRANSPORT_LIMITS,
  OPEN_DEADLINE_MS,
  type Transport,
  type TransportDeps,
} from "./port.ts";

/** As the configuration has it; checked by its schema. */
export interface MqttInterface {
  readonly url: string;
  readonly root: string;
  readonly node: string;
  readonly long_name: string;
  readonly short_name: string;
  readonly channels: readonly { readonly name: string; readonly key: string }[];
  readonly username?: string | undefined;
  readonly password_file?: string | undefined;
  readonly ca_file?: string | undefined;
  /** Of the node's private key; made when it is not there. Absent: a key that ends with the connection. */
  readonly key_file?: string | undefined;
}

const KEEPALIVE_S = 30;
/** Messages that the broker has not acknowledged; more are refused, and the outbox keeps them. */
const IN_FLIGHT_MAX = 64;
const MAX_SECRET = 1024;
const KEY_BYTES = 32;

export class MqttTransport implements Transport {
  readonly type = "mqtt";
  readonly target: string;

  constructor(
    private readonly options: MqttInterface,
    private readonly deps: TransportDeps & { readonly random: Random },
  ) {
    this.target = options.url;
  }

  async open(events: ConnectionEvents, signal?: AbortSignal): Promise<Result<Connection>> {
    if (signal?.aborted) return fail("cancelled", "cancelled before it was opened", { where: this.target });
    const settings = this.#settings();
    if (!settings.ok) return settings;
    const broker = new Broker(this.target, this.deps.clock);
    const connected = await broker.connect(settings.value.login, signal);
    if (!connected.ok) return connected;
    const { root } = this.options;
    const subscribed = await broker.subscribe(
      [...settings.value.channels.map(({ name }) => name), DIRECT].map((name) => channelFilter(root, name)),
    );
    if (!subscribed.ok) return subscribed;
    return this.#attach(broker, settings.value, events);
  }

  #attach(broker: Broker, { channels, keys }: MqttSettings, events: ConnectionEvents): Result<Connection> {
    const { node: id, long_name: longName, short_name: shortName, root } = this.options;
    const { clock, random } = this.deps;
    const options = { number: parseNodeId(id) ?? 0, longName, shortName, root, channels, keys };
    const node = new MqttNode(options, { clock, random, publish: (topic, payload) => broker.publish(topic, payload) });
    const ends = {
      data: events.data.bind(events),
      closed: (end: Parameters<ConnectionEvents["closed"]>[0]) => {
        node.stop("closed");
        broker.end();
        events.closed(end);
      },
    };
    const connection = new MemoryConnection(node, ends, this.deps, { ...DEFAULT_TRANSPORT_LIMITS, ...this.deps.limits });
    const attached = connection.attach();
    if (!attached.ok) {
      broker.end();
      return attached;
    }
    broker.listen({ message: (payload) => node.receive(payload), closed: () => node.stop("the broker closed the connection") });
    node.start();
    return ok(connection);
  }

  #settings(): Result<MqttSettings> {
    const { channels, username, password_file, ca_file } = this.options;
    const read: MqttChannel[] = [];
    for (const { name, key } of channels) {
      const bytes = readChannelKey(key);
      if (!bytes.ok)
        return fail("config_invalid", `channel ${name}: ${bytes.error.message}`, { where: this.target, hint: bytes.error.hint ?? "" });
      read.push({ name, key: bytes.value });
    }
    const password = password_file === undefined ? ok(undefined) : readSecret(password_file);
    if (!password.ok) return password;
    const ca = ca_file === undefined ? ok(undefined) : readText(ca_file);
    if (!ca.ok) return ca;
    const keys = this.#keyPair();
    return keys.ok ? ok({ channels: read, keys: keys.value, login: { username, password: password.value, ca: ca.value } }) : keys;
  }

  /** The same at every start: other nodes keep its public half, and take no message under another. */
  #keyPair(): Result<KeyPair> {
    const { key_file: path } = this.options;
    const made = this.deps.random.bytes(KEY_BYTES);
    if (path === undefined) return ok(new KeyPair(made));
    try {
      if (!existsSync(path)) createFileOnce(path, `${Buffer.from(made).toString("base64")}\n`, { mode: 0o600 });
      const secret = Buffer.from(readFileSync(path, "utf8").trim(), "base64");
      if (secret.length === KEY_BYTES) return ok(new KeyPair(secret));
      return fail("data_unusable", `${path} holds no private key`, {
        hint: "restore it from a backup, or remove it: other nodes must then forget the old one",
      });
    } catch (cause) {
      return fail("data_unusable", `${path} cannot be used (${codeOf(cause)})`, { cause, hint: "check the folder's owner and free space" });
    }
  }
}

interface MqttSettings {
  readonly channels: readonly MqttChannel[];
  readonly keys: KeyPair;
  readonly login: Login;
}

interface Login {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly ca: string | undefined;
}

interface BrokerEvents {
  message(payload: Uint8Array): void;
  /** Once. */
  closed(): void;
}

/** One connection to a broker. It does not connect again by itself: the link does, with its own pauses. */
class Broker {
  #client: MqttClient | null = null;
  #events: BrokerEvents | null = null;
  #inFlight = 0;

  constructor(
    private readonly url: string,
    private readonly clock: TransportDeps["clock"],
  ) {}

  async connect({ username, password, ca }: Login, signal: AbortSignal | undefined): Promise<Result<null>> {
    // Only gateways with such an interface need it.
    const { connect } = await import("mqtt");
    const { promise, resolve } = Promise.withResolvers<Result<null>>();
    const where = this.url;
    const timer = this.clock.after(OPEN_DEADLINE_MS, () => {
      resolve(
        fail("timeout", `the broker did not answer within ${OPEN_DEADLINE_MS / 1000} s`, {
          where,
          hint: "check address, port and network",
        }),
      );
    });
    const onAbort = () => resolve(fail("cancelled", "cancelled while it was opened", { where }));
    signal?.addEventListener("abort", onAbort, { once: true });
    const client = connect(this.url, {
      reconnectPeriod: 0,
      connectTimeout: OPEN_DEADLINE_MS,
      keepalive: KEEPALIVE_S,
      clean: true,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(ca === undefined ? {} : { ca }),
    });
    this.#client = client;
    client.on("connect", () => resolve(ok(null)));
    client.on("error", (error) => resolve(refusal(error, where)));
    client.on("message", (_topic, payload) => this.#events?.message(new Uint8Array(payload)));
    client.on("close", () => {
      resolve(fail("link_down", "the broker closed the connection", { where, hint: "is this the port of an MQTT broker?" }));
      this.#events?.closed();
    });
    const outcome = await promise;
    timer.cancel();
    signal?.removeEventListener("abort", onAbort);
    if (!outcome.ok) this.end();
    return outcome;
  }

  async subscribe(filters: string[]): Promise<Result<null>> {
    const where = this.url;
    try {
      const granted = await this.#client?.subscribeAsync(filters, { qos: 0 });
      const refused = granted?.find(({ qos }) => qos > 2);
      if (refused === undefined) return ok(null);
      this.end();
      return fail("permission_denied", `the broker does not let this user read ${refused.topic}`, {
        where,
        hint: "allow it in the broker's access list",
      });
    } catch (cause) {
      this.end();
      return fail("link_down", `the broker took no subscription: ${asGatewayError(cause).message}`, {
        where,
        cause,
        hint: "check the broker's access list",
      });
    }
  }

  listen(events: BrokerEvents): void {
    this.#events = events;
    if (this.#client?.connected !== true) events.closed();
  }

  publish(topic: string, payload: Uint8Array): boolean {
    const client = this.#client;
    if (client?.connected !== true || this.#inFlight >= IN_FLIGHT_MAX) return false;
    this.#inFlight += 1;
    client.publish(topic, Buffer.from(payload), { qos: 1 }, () => {
      this.#inFlight -= 1;
    });
    return true;
  }

  /** Idempotent. */
  end(): void {
    this.#events = null;
    this.#client?.end(true);
    this.#client = null;
  }
}

/** Why a broker cannot be used, by the error's code: the library's own messages name no setting. */
function refusal(error: Error & { readonly code?: unknown }, where: string): Result<never> {
  const code = String(error.code ?? "");
  const [message, hint] = WORDS[code] ?? wordsOf(error);
  return fail(code === "4" || code === "5" ? "permission_denied" : "link_down", message, { where, hint, cause: error });
}

const LOGIN = "check username and password_file of this interface, and the broker's own list of users";
const WORDS: Readonly<Record<string, readonly [message: string, hint: string]>> = {
  "4": ["the broker refused user name or password", LOGIN],
  "5": ["the broker does not let this user connect", LOGIN],
  ECONNREFUSED: ["nothing listens at this address", "check host and port, and that the broker runs"],
  ENOTFOUND: ["there is no such host", "check the host's name"],
  EHOSTUNREACH: ["the host cannot be reached", "check the network"],
};

function wordsOf({ message }: Error): readonly [message: string, hint: string] {
  if (/certificate|self.signed|CERT_|UNABLE_TO/i.test(message)) {
    return [
      `the broker's certificate is not accepted: ${message}`,
      "name the certificate of its authority as ca_file, or use the name that the certificate holds",
    ];
  }
  return [`cannot connect: ${message || "the connection failed"}`, "check the address; mqtts:// is for TLS, mqtt:// without it"];
}

function readSecret(path: string): Result<string> {
  const text = readText(path);
  if (!text.ok) return text;
  const [line = ""] = text.value.split(/\r?\n/, 1);
  return line === "" || line.length > MAX_SECRET
    ? fail("config_invalid", `${path} holds no password in its first line`, {
        hint: "write the password into it, and make it readable for the gateway's user only",
      })
    : ok(line);
}

function readText(path: string): Result<string> {
  try {
    return ok(readFileSync(path, "utf8"));
  } catch (cause) {
    return fail("config_invalid", `${path} cannot be read (${(cause as NodeJS.ErrnoException).code ?? "unknown error"})`, {
      cause,
      hint: "check the path and its owner",
    });
  }
}
