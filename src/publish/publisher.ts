import type { BrokerClient, BrokerClientOptions } from "../broker/client.ts";
import type { BrokerMessage } from "../broker/connection.ts";
import type { Clock } from "../clock.ts";
import { fail, type Result } from "../errors.ts";
import type { Json } from "../json.ts";
import { inBackground } from "../log/background.ts";
import type { Logger } from "../log/logger.ts";
import type { TextMessage } from "../mesh/message.ts";
import type { MeshNode } from "../mesh/node.ts";
import type { MessageStatus } from "../mesh/outgoing.ts";
import type { Rate } from "../rates.ts";
import { NodePublisher, type NodePublisherOptions } from "./node-publisher.ts";
import { type SendRequest, SendRequests } from "./send-requests.ts";
import { receivedText, sentText, type TextNames, type TextOptions } from "./texts.ts";
import { Topics } from "./topics.ts";

export interface PublisherOptions {
  /** The broker's address, for people. */
  readonly broker: string;
  readonly topic: string;
  readonly discoveryPrefix: string;
  readonly nodes: NodePublisherOptions;
  readonly texts: (TextOptions & { readonly out: boolean; readonly in: boolean; readonly rate: Rate }) | null;
}

export interface PublisherDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly version: string;
  readonly names: TextNames;
  nodes(): readonly MeshNode[];
  channelNames(channel: string | number): readonly string[];
  send(request: SendRequest): Promise<Result<{ readonly id: string }>>;
  /** Makes the connection, which is not started yet. */
  broker(options: Omit<BrokerClientOptions, "settings">): Pick<BrokerClient, "start" | "stop" | "publish" | "state">;
}

export interface PublisherStatus {
  /** Its address. */
  readonly broker: string;
  readonly state: "connecting" | "up" | "down";
  readonly reason: string | null;
  /** Nodes that the broker knows. */
  readonly nodes: number;
  /** Since the start, by `KIND_OUTCOME`. */
  readonly counters: Readonly<Record<string, number>>;
}

/** Of a broker's messages no more are looked at in a second. */
const PER_SECOND = 100;

/** The gateway on an operator's own broker: nodes for Home Assistant, texts out, and texts in where the operator wants that. */
export class Publisher {
  readonly #topics: Topics;
  readonly #nodes: NodePublisher;
  readonly #requests: SendRequests | null;
  readonly #counters = new Map<string, number>();
  readonly #broker: ReturnType<PublisherDeps["broker"]>;
  readonly #told = new Set<string>();
  #second = { at: Number.NEGATIVE_INFINITY, count: 0 };

  constructor(
    private readonly options: PublisherOptions,
    private readonly deps: PublisherDeps,
  ) {
    const topics = new Topics(options.topic, options.discoveryPrefix);
    this.#topics = topics;
    const { clock, log, version } = deps;
    const publish = (topic: string, value: Json | null) => this.#publish("node", topic, value, true);
    this.#nodes = new NodePublisher(options.nodes, { clock, log, topics, version, nodes: deps.nodes, publish });
    this.#requests = this.#makeRequests();
    this.#broker = deps.broker({
      // Kept nodes first: they are to be compared with those that are known.
      filters: [topics.anyNode, ...(this.#requests === null ? [] : [topics.send])],
      will: () => ({ topic: topics.status, payload: bytesOf({ state: "offline" }), retain: true }),
      message: (message) => this.#message(message),
      connected: () => this.#connected(),
    });
  }

  start(): void {
    this.#broker.start();
  }

  /** Says goodbye: a farewell publishes no last will. */
  async stop(): Promise<void> {
    this.#nodes.stop();
    this.#publish("status", this.#topics.status, { state: "offline" }, true);
    await this.#broker.stop();
  }

  seen(node: MeshNode): void {
    this.#nodes.seen(node);
  }

  received(message: TextMessage): void {
    const { texts } = this.options;
    const json = texts?.out === true ? receivedText(message, this.deps.names, texts) : null;
    if (json !== null) this.#publish("received", this.#topics.received, json, false);
  }

  sent(status: MessageStatus): void {
    const { texts } = this.options;
    const json = texts?.out === true ? sentText(status, this.deps.names, texts) : null;
    if (json !== null) this.#publish("sent", this.#topics.sent, json, false);
  }

  status(): PublisherStatus {
    const { kind, reason } = this.#broker.state;
    const state = kind === "connected" ? "up" : reason === null ? "connecting" : "down";
    const { broker } = this.options;
    return {
      broker,
      state,
      reason: state === "down" ? (reason?.replace(`${broker}: `, "") ?? null) : null,
      nodes: this.#nodes.size,
      counters: Object.fromEntries(this.#counters),
    };
  }

  #makeRequests(): SendRequests | null {
    const { texts } = this.options;
    if (texts === null || !texts.in) return null;
    const { clock, log, channelNames, send } = this.deps;
    return new SendRequests({
      clock,
      log,
      rate: texts.rate,
      channels: texts.channels,
      direct: texts.direct,
      channelNames,
      send,
      answer: (result) => void this.#publish("result", this.#topics.results, result, false),
      count: (outcome) => this.#count(`send_${outcome}`),
    });
  }

  #connected(): void {
    this.#told.clear();
    this.#publish("status", this.#topics.status, { state: "online", version: this.deps.version }, true);
    this.#nodes.connected();
  }

  #message({ topic, payload, retained }: BrokerMessage): void {
    const node = this.#topics.nodeOf(topic);
    if (node !== null) {
      // The echo of what this gateway publishes has no retain flag.
      if (retained && payload.length > 0) this.#nodes.kept(node);
      return;
    }
    if (topic !== this.#topics.send || this.#requests === null) return;
    if (this.#isFlooded()) {
      this.#count("send_flood");
      return;
    }
    inBackground(this.deps.log, "a text from the broker", this.#requests.take(payload, retained));
  }

  #isFlooded(): boolean {
    const now = this.deps.clock.monotonic();
    if (now - this.#second.at >= 1000) this.#second = { at: now, count: 0 };
    this.#second.count += 1;
    return this.#second.count > PER_SECOND;
  }

  #publish(kind: string, topic: string, value: Json | null, retain: boolean): Result<null> {
    if (this.#broker.state.kind !== "connected") {
      this.#count(`${kind}_away`);
      return fail("unavailable", "the broker is not connected");
    }
    const done = (outcome: Result<null>) => {
      this.#count(outcome.ok ? `${kind}_published` : `${kind}_refused`);
      if (!outcome.ok) this.#refused(kind, outcome.error.summary());
    };
    const taken = this.#broker.publish(topic, value === null ? new Uint8Array() : bytesOf(value), { retain, done });
    if (!taken.ok) this.#count(`${kind}_${taken.error.code}`);
    return taken;
  }

  /** Once for each kind and connection: an access list refuses all of a kind. */
  #refused(kind: string, reason: string): void {
    if (this.#told.has(kind)) return;
    this.#told.add(kind);
    this.deps.log.warn(`the broker did not take a message: ${reason}`);
  }

  #count(name: string): void {
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + 1);
  }
}

function bytesOf(value: Json): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
