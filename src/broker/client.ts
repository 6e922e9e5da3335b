/** A broker that is used for months: connects again by itself, with growing pauses, and says once why it cannot. */
import { Backoff } from "../backoff.ts";
import type { Clock, Random, Timer } from "../clock.ts";
import { fail, type GatewayError, type Result } from "../errors.ts";
import { inBackground } from "../log/background.ts";
import type { Logger } from "../log/logger.ts";
import { BrokerConnection, type BrokerMessage, type LastWill, type PublishOptions } from "./connection.ts";
import type { BrokerSettings } from "./login.ts";

export interface BrokerClientOptions {
  readonly settings: BrokerSettings;
  /** Topics that are read, with wildcards. */
  readonly filters: readonly string[];
  /** Made anew for each connection. */
  will?(): LastWill;
  message(message: BrokerMessage): void;
  /** After the subscriptions of a new connection. */
  connected(): void;
  /** A connection that was up ended. */
  disconnected?(reason: GatewayError): void;
}

export interface BrokerState {
  readonly kind: "stopped" | "connecting" | "connected" | "waiting";
  /** Why there is no connection: one line with what to do. */
  readonly reason: string | null;
  /** By the wall clock, ms. */
  readonly since: number;
}

export interface BrokerClientDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** A connection that was up for this long starts the pauses from the shortest again. */
const STABLE_MS = 10_000;
/** The same reason is logged again only after this. */
const REPEAT_REASON_MS = 15 * 60_000;

export class BrokerClient {
  readonly #backoff: Backoff;
  #connection: BrokerConnection | null = null;
  #opening: AbortController | null = null;
  #timer: Timer | null = null;
  #state: BrokerState;
  #upAt = 0;
  #told: { readonly reason: string; readonly at: number } | null = null;
  /** Times that a connection was opened again. */
  reconnects = 0;

  constructor(
    private readonly options: BrokerClientOptions,
    private readonly deps: BrokerClientDeps,
  ) {
    this.#backoff = new Backoff(deps.random);
    this.#state = { kind: "stopped", reason: null, since: deps.clock.now() };
  }

  get state(): BrokerState {
    return this.#state;
  }

  get isConnected(): boolean {
    return this.#state.kind === "connected";
  }

  start(): void {
    if (this.#state.kind === "stopped") this.#open();
  }

  /** Waits a moment for what was published. Idempotent. */
  async stop(): Promise<void> {
    this.#set("stopped", null);
    this.#timer?.cancel();
    this.#opening?.abort();
    const connection = this.#connection;
    this.#connection = null;
    await connection?.close();
  }

  /** Fails with `unavailable` (not connected), `rate_limited` (too many that the broker has not acknowledged) or `too_large` (for the broker). */
  publish(topic: string, payload: Uint8Array, options: PublishOptions = {}): Result<null> {
    if (this.#connection === null) return fail("unavailable", "the broker is not connected", { where: this.options.settings.url });
    return this.#connection.publish(topic, payload, options);
  }

  #open(): void {
    this.#set("connecting", this.#state.reason);
    const opening = new AbortController();
    this.#opening = opening;
    inBackground(
      this.deps.log,
      "connecting to the broker",
      this.#connect(opening.signal).then((outcome) => {
        if (!outcome.ok && !opening.signal.aborted) this.#retry(outcome.error);
      }),
    );
  }

  async #connect(signal: AbortSignal): Promise<Result<null>> {
    const { settings, filters } = this.options;
    const will = this.options.will?.();
    const opened = await BrokerConnection.open(settings, { clock: this.deps.clock, signal, ...(will === undefined ? {} : { will }) });
    if (!opened.ok) return opened;
    const connection = opened.value;
    // Before the subscription: what the broker has kept comes at once.
    connection.listen({ message: (message) => this.options.message(message), closed: (reason) => this.#lost(connection, reason) });
    const subscribed = await connection.subscribe(filters, 1);
    if (signal.aborted) connection.end();
    if (!subscribed.ok || signal.aborted) return subscribed.ok ? fail("cancelled", "stopped while it was opened") : subscribed;
    this.#connection = connection;
    this.#up();
    return subscribed;
  }

  #up(): void {
    this.#upAt = this.deps.clock.monotonic();
    this.#told = null;
    this.#set("connected", null);
    this.deps.log.info(`connected to the broker ${this.options.settings.url}`);
    this.options.connected();
  }

  #lost(connection: BrokerConnection, reason: GatewayError): void {
    // While it is being opened, the failed subscription reports.
    if (this.#connection !== connection) return;
    this.#connection = null;
    if (this.deps.clock.monotonic() - this.#upAt >= STABLE_MS) this.#backoff.reset();
    this.reconnects += 1;
    this.#retry(reason);
    this.options.disconnected?.(reason);
  }

  #retry(reason: GatewayError): void {
    if (this.#state.kind === "stopped") return;
    const pause = this.#backoff.next();
    const line = reason.summary();
    this.#set("waiting", line);
    const now = this.deps.clock.monotonic();
    if (this.#told?.reason !== line || now - this.#told.at >= REPEAT_REASON_MS) {
      this.#told = { reason: line, at: now };
      this.deps.log.warn(`no connection to the broker: ${line}`, { retry_in_s: Math.round(pause / 100) / 10 });
    }
    this.#timer = this.deps.clock.after(pause, () => this.#open());
  }

  #set(kind: BrokerState["kind"], reason: string | null): void {
    const since = kind === this.#state.kind ? this.#state.since : this.deps.clock.now();
    this.#state = { kind, reason, since };
  }
}
