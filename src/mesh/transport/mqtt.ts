/** A broker in a radio's place: one connection to it, and a node without a radio whose packets it carries. */
import { existsSync, readFileSync } from "node:fs";
import { BrokerConnection } from "../../broker/connection.ts";
import type { BrokerSettings } from "../../broker/login.ts";
import type { Random } from "../../clock.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { codeOf, createFileOnce } from "../../storage/atomic.ts";
import { parseNodeId } from "../ids.ts";
import { type MqttChannel, readChannelKey } from "../mqtt/channel-cipher.ts";
import { channelFilter, DIRECT } from "../mqtt/envelope.ts";
import { KeyPair } from "../mqtt/key-pair.ts";
import { MqttNode } from "../mqtt/node.ts";
import { MemoryConnection } from "./memory.ts";
import { type Connection, type ConnectionEvents, DEFAULT_TRANSPORT_LIMITS, type Transport, type TransportDeps } from "./port.ts";

/** As the configuration has it; checked by its schema. */
export interface MqttInterface extends BrokerSettings {
  readonly root: string;
  readonly node: string;
  readonly long_name: string;
  readonly short_name: string;
  readonly channels: readonly { readonly name: string; readonly key: string }[];
  /** Of the node's private key; made when it is not there. Absent: a key that ends with the connection. */
  readonly key_file?: string | undefined;
}

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
    const connected = await BrokerConnection.open(this.options, { clock: this.deps.clock, signal });
    if (!connected.ok) return connected;
    const broker = connected.value;
    const { root } = this.options;
    const subscribed = await broker.subscribe(
      [...settings.value.channels.map(({ name }) => name), DIRECT].map((name) => channelFilter(root, name)),
    );
    if (!subscribed.ok) return subscribed;
    return this.#attach(broker, settings.value, events);
  }

  #attach(broker: BrokerConnection, { channels, keys }: MqttSettings, events: ConnectionEvents): Result<Connection> {
    const { node: id, long_name: longName, short_name: shortName, root } = this.options;
    const { clock, random } = this.deps;
    const options = { number: parseNodeId(id) ?? 0, longName, shortName, root, channels, keys };
    const node = new MqttNode(options, { clock, random, publish: (topic, payload) => broker.publish(topic, payload).ok });
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
    broker.listen({ message: ({ payload }) => node.receive(payload), closed: (reason) => node.stop(reason.message) });
    node.start();
    return ok(connection);
  }

  #settings(): Result<MqttSettings> {
    const { channels } = this.options;
    const read: MqttChannel[] = [];
    for (const { name, key } of channels) {
      const bytes = readChannelKey(key);
      if (!bytes.ok)
        return fail("config_invalid", `channel ${name}: ${bytes.error.message}`, { where: this.target, hint: bytes.error.hint ?? "" });
      read.push({ name, key: bytes.value });
    }
    const keys = this.#keyPair();
    return keys.ok ? ok({ channels: read, keys: keys.value }) : keys;
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
}
