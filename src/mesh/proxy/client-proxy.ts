import type { Clock } from "../../clock.ts";
import { asGatewayError, type Result } from "../../errors.ts";
import type { Subscription } from "../../lifetime.ts";
import { inBackground } from "../../log/background.ts";
import type { Logger } from "../../log/logger.ts";
import type { Rate } from "../../rates.ts";
import type { FromRadio } from "../codec/protobuf.ts";
import type { LinkStatus, ProxyState, ProxyStatus } from "../link-status.ts";
import { Downward } from "./downward.ts";
import { RadioSettings } from "./radio-settings.ts";
import { filtersOf, type ProxyMessage, type ProxyScope } from "./rules.ts";
import { planOf } from "./scope.ts";
import { Upward } from "./upward.ts";

/** A link whose radio may use the gateway's way to a broker. */
export interface ProxiedRadio {
  readonly name: string;
  status(): LinkStatus;
  onFrame(listener: (frame: FromRadio) => void): Subscription;
  onState(listener: (status: LinkStatus) => void): Subscription;
  /** Gives the radio a message of the broker. */
  passDown(topic: string, payload: Uint8Array): Promise<Result<null>>;
}

/** A connection to a broker that connects again by itself until it is stopped. */
export interface ProxyBroker {
  readonly state: { readonly kind: "stopped" | "connecting" | "connected" | "waiting"; readonly reason: string | null };
  start(): void;
  /** Fails when it is not connected, or too much is unacknowledged. */
  publish(topic: string, payload: Uint8Array): Result<null>;
  stop(): Promise<void>;
}

export interface ProxyBrokerEvents {
  message(message: ProxyMessage): void;
  /** Connected and subscribed, at first and after each interruption. */
  connected(): void;
}

export interface ProxyOptions {
  /** The broker's address, for people. */
  readonly broker: string;
  /** Null: the radio's own, where it lies under `msh`. */
  readonly root: string | null;
  /** Null: all that the radio itself passes. */
  readonly channels: readonly string[] | null;
  readonly direct: boolean;
  readonly map: boolean;
  readonly upRate: Rate;
  readonly downRate: Rate;
}

export interface ClientProxyDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Makes a connection, which is not started yet. */
  broker(filters: readonly string[], events: ProxyBrokerEvents): ProxyBroker;
  isSilenced(): boolean;
  politeUtilization(): number;
}

/** The same kind of refusal is logged again only after this. */
const REPEAT_MS = 3_600_000;
/** Outcomes that are no trouble. */
const USUAL: ReadonlySet<string> = new Set(["up_passed", "down_passed", "down_repeated", "up_from_mqtt", "down_from_mqtt"]);

/** Carries a radio's MQTT messages to a broker and back, as an app on a phone does, under the radio's settings and the operator's. */
export class ClientProxy {
  readonly #settings = new RadioSettings();
  readonly #counters = new Map<string, number>();
  readonly #loggedAt = new Map<string, number>();
  readonly #subscriptions: Subscription[] = [];
  readonly #upward: Upward;
  readonly #downward: Downward;
  #broker: ProxyBroker | null = null;
  #scope: ProxyScope | null = null;
  /** Why there is no scope. */
  #idle: { readonly state: ProxyState; readonly reason: string } = NOT_UP;
  #isFirst = true;

  constructor(
    private readonly radio: ProxiedRadio,
    private readonly options: ProxyOptions,
    private readonly deps: ClientProxyDeps,
  ) {
    const { clock } = deps;
    this.#upward = new Upward({
      clock,
      rate: options.upRate,
      publish: (topic, payload) => this.#broker?.publish(topic, payload).ok === true,
      count: (outcome) => this.#count("up", outcome),
    });
    this.#downward = new Downward({
      clock,
      rate: options.downRate,
      heldBack: () => this.#heldBack(),
      isEcho: (message) => this.#upward.isEcho(message),
      send: (message) => this.#passDown(message),
      count: (outcome) => this.#count("down", outcome),
    });
  }

  /** To be called before the link starts. */
  start(): void {
    this.#subscriptions.push(
      this.radio.onFrame((frame) => this.#frame(frame)),
      this.radio.onState((status) => this.#radioState(status)),
    );
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    for (const subscription of this.#subscriptions.splice(0)) subscription.dispose();
    await this.#disconnect();
  }

  status(): ProxyStatus {
    const [up, down] = [this.#scope?.up ?? [], this.#scope?.down ?? []];
    const { state, reason } = this.#broker === null ? this.#idle : STATES[this.#broker.state.kind](this.#broker.state.reason);
    return {
      broker: this.options.broker,
      state,
      ...(reason === null ? {} : { reason: reason.replace(`${this.options.broker}: `, "") }),
      up: [...up].sort(),
      down: [...down].sort(),
      counters: Object.fromEntries([...this.#counters].sort(([a], [b]) => a.localeCompare(b))),
    };
  }

  #frame(frame: FromRadio): void {
    this.#settings.learn(frame);
    const { payloadVariant: variant } = frame;
    if (variant.case !== "mqttClientProxyMessage") return;
    const { topic, payloadVariant: content } = variant.value;
    if (this.#scope === null) this.#count("up", "off");
    else if (content.case !== "data") this.#count("up", "not_an_envelope");
    else this.#upward.take(this.#scope, { topic, payload: content.value });
  }

  #radioState(status: LinkStatus): void {
    if (status.state !== "up") {
      this.#rest(NOT_UP);
      return;
    }
    const planned = planOf(this.#settings, status, this.options);
    if (planned.kind === "on") this.#connect(planned.scope);
    else {
      this.#rest({ state: "off", reason: planned.reason });
      this.deps.log.warn(`the radio's MQTT messages are not passed on: ${planned.reason}`, { link: this.radio.name });
    }
  }

  #rest(idle: { readonly state: ProxyState; readonly reason: string }): void {
    this.#idle = idle;
    inBackground(this.deps.log, "leaving the radio's broker", this.#disconnect());
  }

  #connect(scope: ProxyScope): void {
    inBackground(this.deps.log, "leaving the radio's broker", this.#disconnect());
    const isCurrent = () => this.#scope === scope;
    const broker = this.deps.broker(filtersOf(scope), {
      message: (message) => {
        if (isCurrent()) this.#downward.take(scope, message);
      },
      connected: () => {
        if (isCurrent()) this.#connected();
      },
    });
    this.#scope = scope;
    this.#broker = broker;
    this.#isFirst = true;
    broker.start();
  }

  #connected(): void {
    const { broker, up, down } = this.status();
    if (this.#isFirst)
      this.deps.log.info(`the radio's MQTT messages pass over ${broker}`, {
        link: this.radio.name,
        up: up.join(" "),
        down: down.join(" "),
      });
    this.#isFirst = false;
    this.#upward.flush();
  }

  async #disconnect(): Promise<void> {
    const broker = this.#broker;
    this.#scope = null;
    this.#broker = null;
    this.#upward.clear();
    this.#downward.clear();
    await broker?.stop();
  }

  #passDown({ topic, payload }: ProxyMessage): void {
    this.radio.passDown(topic, payload).then(
      (passed) => this.#count("down", passed.ok ? "passed" : "radio_gone"),
      (thrown: unknown) => this.deps.log.error("a message of the broker could not be passed", { error: asGatewayError(thrown) }),
    );
  }

  /** What comes from a broker goes on the air: the operator's silence and a busy channel hold for it, too. */
  #heldBack(): "silenced" | "busy" | null {
    if (this.deps.isSilenced()) return "silenced";
    return (this.radio.status().channelUtilization ?? 0) > this.deps.politeUtilization() ? "busy" : null;
  }

  #count(direction: "up" | "down", outcome: string): void {
    const key = `${direction}_${outcome}`;
    this.#counters.set(key, (this.#counters.get(key) ?? 0) + 1);
    if (USUAL.has(key)) return;
    const now = this.deps.clock.monotonic();
    if (now - (this.#loggedAt.get(key) ?? Number.NEGATIVE_INFINITY) < REPEAT_MS) return;
    this.#loggedAt.set(key, now);
    const from = direction === "up" ? "the radio's for its broker" : "the broker's for the radio";
    this.deps.log.warn(`an MQTT message of ${from} was dropped: ${WHY[outcome] ?? outcome}`, { link: this.radio.name, reason: outcome });
  }
}

const NOT_UP = { state: "waiting", reason: "the radio is not up" } as const;
const STATES: Record<
  ProxyBroker["state"]["kind"],
  (reason: string | null) => { readonly state: ProxyState; readonly reason: string | null }
> = {
  stopped: (reason) => ({ state: "down", reason }),
  connecting: (reason) => ({ state: reason === null ? "connecting" : "down", reason }),
  connected: () => ({ state: "up", reason: null }),
  waiting: (reason) => ({ state: "down", reason }),
};

const WHY: Readonly<Record<string, string>> = {
  topic: "it is not under the root topic and the radio's own id",
  channel: "it belongs to no channel that is passed on",
  malformed: "it is no envelope, or one that contradicts its topic",
  too_large: "it is larger than a radio's MQTT message can be",
  not_encrypted: "it is not encrypted",
  not_an_envelope: "it is a text; only packets are passed on",
  rate: "there are more of them than the rate in mqtt_proxy allows",
  full: "too many wait",
  flood: "there are more than 200 in a second",
  forged: "it says it is the radio's own, and the radio did not publish it",
  silenced: "the operator has silenced all transmissions",
  busy: "the channel is busy",
  too_old: "it waited more than ten minutes for the broker",
  radio_gone: "the radio went away",
  off: "the radio's settings do not fit, see the status",
};
