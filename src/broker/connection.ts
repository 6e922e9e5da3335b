/**
 * One connection to an MQTT broker, bounded in what waits and in what is read. It does not connect again by itself: a link has
 * pauses of its own, and {@link BrokerClient} has them for everybody else.
 */
import type { IClientOptions, IConnackPacket, IDisconnectPacket, MqttClient } from "mqtt";
import type { Clock } from "../clock.ts";
import { asGatewayError, fail, type GatewayError, ok, type Result } from "../errors.ts";
import type { BrokerSettings } from "./login.ts";
import { readLogin } from "./login.ts";
import { codeOfRefusal, refusal, refusedMessage } from "./refusal.ts";

/** Milliseconds from the first packet to the broker's welcome. */
export const CONNECT_DEADLINE_MS = 10_000;
export const KEEPALIVE_S = 30;
/** Messages that the broker has not acknowledged; more are refused. */
export const IN_FLIGHT_MAX = 64;
/** The largest packet that is read; a broker that sends a larger one is left. */
export const MAX_PACKET_BYTES = 1024 * 1024;
/** Longest wait for what was published when the connection is closed in order. */
const CLOSE_FLUSH_MS = 500;

/** What the broker publishes when the connection ends without a farewell. */
export interface LastWill {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
}

export interface BrokerMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** The broker had kept it; it is not of now. */
  readonly retained: boolean;
}

export interface ConnectionHandlers {
  message(message: BrokerMessage): void;
  /** Once, unless it was closed by {@link BrokerConnection.end} or {@link BrokerConnection.close}. */
  closed(reason: GatewayError): void;
}

export interface PublishOptions {
  readonly retain?: boolean;
  /** What became of it, once: the broker has it, or why not. */
  readonly done?: (outcome: Result<null>) => void;
}

export interface ConnectOptions {
  readonly clock: Clock;
  readonly will?: LastWill;
  readonly signal?: AbortSignal | undefined;
  readonly inFlightMax?: number;
}

export class BrokerConnection {
  #handlers: ConnectionHandlers | null = null;
  #inFlight = 0;
  #ended: GatewayError | null = null;

  private constructor(
    private readonly url: string,
    private readonly client: MqttClient,
    private readonly clock: Clock,
    private readonly limits: { readonly inFlight: number; readonly packetBytes: number },
  ) {
    client.on("message", (topic, payload, { retain }) =>
      this.#handlers?.message({ topic, payload: new Uint8Array(payload), retained: retain }),
    );
    client.on("disconnect", (packet: IDisconnectPacket) => this.#end(refusal(withCode(packet.reasonCode), url).error));
    client.on("error", (error) => this.#end(isBreak(error) ? closedByBroker(url, BROKEN, "check the network") : refusal(error, url).error));
    client.on("close", () =>
      this.#end(closedByBroker(url, "the broker closed the connection", "it is tried again by itself; see the broker's log")),
    );
  }

  /** Fails with `config_invalid`, `permission_denied`, `link_down`, `timeout` or `cancelled`; never throws, and leaves nothing open. */
  static async open(settings: BrokerSettings, options: ConnectOptions): Promise<Result<BrokerConnection>> {
    const login = readLogin(settings);
    if (!login.ok) return login;
    const { username, password, ca } = login.value;
    const given = {
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(ca === undefined ? {} : { ca }),
    };
    const first = await tryOpen(settings.url, { ...given, ...VERSION_5 }, options);
    if (first.ok || !isOldBroker(first.error)) return first.ok ? ok(BrokerConnection.#of(settings, first.value, options)) : first;
    const second = await tryOpen(settings.url, { ...given, protocolVersion: 4 }, options);
    return second.ok ? ok(BrokerConnection.#of(settings, second.value, options)) : second;
  }

  static #of(
    { url }: BrokerSettings,
    { client, packetBytes }: Opened,
    { clock, inFlightMax = IN_FLIGHT_MAX }: ConnectOptions,
  ): BrokerConnection {
    return new BrokerConnection(url, client, clock, { inFlight: inFlightMax, packetBytes });
  }

  /** Fails with `permission_denied` naming the first filter that the broker refuses. A failure ends the connection. */
  async subscribe(filters: readonly string[], qos: 0 | 1 = 0): Promise<Result<null>> {
    const deadline = this.clock.after(CONNECT_DEADLINE_MS, () =>
      this.#end(fail("timeout", `the broker answered no subscription within ${CONNECT_DEADLINE_MS / 1000} s`, { where: this.url }).error),
    );
    try {
      const granted = await this.client.subscribeAsync([...filters], { qos });
      const refused = granted.find(({ qos: given }) => given > 2);
      return refused === undefined ? ok(null) : this.#notReadable(refused.topic);
    } catch (cause) {
      const code = cause instanceof Error ? codeOfRefusal(cause) : "";
      if (this.#ended === null && (code === "135" || code === "128")) return this.#notReadable(filters.join(", "), cause);
      const why = this.#ended ?? asGatewayError(cause);
      this.end();
      return fail("link_down", `the broker took no subscription: ${why.message}`, {
        where: this.url,
        cause,
        hint: "check the broker's access list",
      });
    } finally {
      deadline.cancel();
    }
  }

  #notReadable(topics: string, cause?: unknown): Result<never> {
    this.end();
    return fail("permission_denied", `the broker does not let this user read ${topics}`, {
      where: this.url,
      cause,
      hint: "allow it in the broker's access list",
    });
  }

  /** From now on. `closed` is called at once where the connection has ended already. */
  listen(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
    if (this.#ended !== null || !this.client.connected)
      this.#report(this.#ended ?? closedByBroker(this.url, "the broker closed the connection", ""));
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Fails with `unavailable` (not connected), `rate_limited` (too many that the broker has not acknowledged) or `too_large` (for the broker). */
  publish(topic: string, payload: Uint8Array, { retain = false, done }: PublishOptions = {}): Result<null> {
    if (this.#ended !== null || !this.client.connected) return fail("unavailable", "the broker is not connected", { where: this.url });
    const { inFlight, packetBytes } = this.limits;
    if (this.#inFlight >= inFlight) {
      return fail("rate_limited", `the broker has not acknowledged ${inFlight} messages`, { where: this.url });
    }
    // A broker ends the connection for such a packet.
    if (payload.length + Buffer.byteLength(topic) + HEAD_BYTES > packetBytes) {
      return fail("too_large", `the broker takes packets of at most ${packetBytes} bytes`, { where: this.url, hint: SIZE_HINT });
    }
    this.#inFlight += 1;
    this.client.publish(topic, Buffer.from(payload), { qos: 1, retain }, (error) => {
      this.#inFlight -= 1;
      done?.(error instanceof Error ? this.#notTaken(error, topic) : ok(null));
    });
    return ok(null);
  }

  #notTaken(error: Error & { readonly code?: unknown }, topic: string): Result<never> {
    // Without a code of its own it is lost with the connection.
    if (codeOfRefusal(error) !== "" || this.#ended === null) return refusedMessage(error, topic);
    return { ok: false, error: this.#ended };
  }

  /** Takes its leave of the broker, which then does not publish the last will; waits a moment for what was published. */
  async close(): Promise<void> {
    this.#handlers = null;
    if (this.#ended !== null) return this.end();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.clock.after(CLOSE_FLUSH_MS, resolve);
    this.client.end(false, {}, () => resolve());
    await promise;
    timer.cancel();
    this.end();
  }

  /** At once, without a farewell; the last will is published. Idempotent. */
  end(): void {
    this.#handlers = null;
    this.client.end(true);
  }

  #end(reason: GatewayError): void {
    if (this.#ended !== null) return;
    this.#ended = reason;
    this.client.end(true);
    this.#report(reason);
  }

  #report(reason: GatewayError): void {
    const handlers = this.#handlers;
    this.#handlers = null;
    handlers?.closed(reason);
  }
}

interface Opened {
  readonly client: MqttClient;
  /** The largest packet that the broker takes. */
  readonly packetBytes: number;
}

const SIZE_HINT = "raise its limit on the size of messages (Mosquitto: max_packet_size, message_size_limit)";
/** Of a published packet, beside topic and payload. */
const HEAD_BYTES = 16;
const VERSION_5 = { protocolVersion: 5, properties: { maximumPacketSize: MAX_PACKET_BYTES } } as const;
const OLD_BROKER = new Set(["1", "132"]);

function isOldBroker({ cause }: GatewayError): boolean {
  return cause instanceof Error && OLD_BROKER.has(codeOfRefusal(cause));
}

async function tryOpen(url: string, own: IClientOptions, { clock, will, signal }: ConnectOptions): Promise<Result<Opened>> {
  if (signal?.aborted) return fail("cancelled", "cancelled before it was opened", { where: url });
  // Only gateways that use a broker need it.
  const { connect } = await import("mqtt");
  const { promise, resolve } = Promise.withResolvers<Result<number>>();
  const timer = clock.after(CONNECT_DEADLINE_MS, () => resolve(silent(url)));
  const onAbort = () => resolve(fail("cancelled", "cancelled while it was opened", { where: url }));
  signal?.addEventListener("abort", onAbort, { once: true });
  const client = connect(url, {
    ...own,
    reconnectPeriod: 0,
    connectTimeout: CONNECT_DEADLINE_MS * 2,
    keepalive: KEEPALIVE_S,
    clean: true,
    ...(will === undefined ? {} : { will: { ...will, payload: Buffer.from(will.payload), qos: 1 as const } }),
  });
  boundReading(client);
  const onConnect = ({ properties }: IConnackPacket) => resolve(ok(properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY));
  const onError = (error: Error) => resolve(refusal(error, url));
  const onClose = () =>
    resolve({ ok: false, error: closedByBroker(url, "the broker closed the connection", "is this the port of an MQTT broker?") });
  client.on("connect", onConnect).on("error", onError).on("close", onClose);
  const outcome = await promise;
  timer.cancel();
  signal?.removeEventListener("abort", onAbort);
  if (outcome.ok) {
    client.off("connect", onConnect).off("close", onClose);
    return ok({ client, packetBytes: outcome.value });
  }
  client.end(true);
  return outcome;
}

/** The library collects a packet until it is whole, and a broker may say that it has 256 MB. */
function boundReading(client: MqttClient): void {
  let collected = 0;
  client.on("packetreceive", () => {
    collected = 0;
  });
  client.stream.on("data", (chunk: Uint8Array) => {
    collected += chunk.length;
    if (collected > MAX_PACKET_BYTES * 2) client.stream.destroy(new Error(`a packet of more than ${MAX_PACKET_BYTES} bytes`));
  });
}

const BROKEN = "the connection to the broker broke";

/** A connection that was up ended on the way. */
function isBreak(error: Error & { readonly code?: unknown }): boolean {
  return ["EPIPE", "ECONNRESET", "ETIMEDOUT"].includes(codeOfRefusal(error)) || /\b(?:EPIPE|ECONNRESET)\b/.test(error.message);
}

function silent(where: string): Result<never> {
  return fail("timeout", `the broker did not answer within ${CONNECT_DEADLINE_MS / 1000} s`, {
    where,
    hint: "check address, port and network, and that mqtt:// or mqtts:// fits the port",
  });
}

function closedByBroker(where: string, message: string, hint: string): GatewayError {
  return fail("link_down", message, { where, hint }).error;
}

function withCode(code: number | undefined): Error & { code: number } {
  return Object.assign(new Error("the broker closed the connection"), { code: code ?? 0 });
}
