import type { Clock, Random, Timer } from "../../clock.ts";
import { asGatewayError, fail, type Result } from "../../errors.ts";
import { markHop } from "../../hops.ts";
import { Framer } from "../codec/framer.ts";
import { type RadioEvent, readFromRadio } from "../codec/from-radio.ts";
import { decodeFromRadio, type FromRadio } from "../codec/protobuf.ts";
import { disconnectFrame, heartbeatFrame, setTimeFrame, WAKE_BYTES, wantConfigFrame } from "../codec/to-radio.ts";
import type { LinkCounter } from "../link-status.ts";
import type { Connection, ConnectionEnd, ConnectionEvents } from "../transport/port.ts";
import { RadioClock } from "./radio-clock.ts";
import type { RadioFacts } from "./radio-facts.ts";

/** A radio that boots or sleeps misses the request. Repeating it with the same number does no harm. */
const ASK_EVERY_MS = 5_000;
/** How long the radio may send no frame while its configuration is awaited. */
const HANDSHAKE_SILENCE_MS = 20_000;
/** A full node list at 9,600 baud takes less. */
const HANDSHAKE_MAX_MS = 120_000;
/** The radio closes the connection after 15 minutes without a byte from its client. */
const HEARTBEAT_MS = 30_000;
/** The first one soon, to learn how the radio answers. */
const FIRST_HEARTBEAT_MS = 5_000;
/** The radio answers a heartbeat within a second or so. */
const LIVENESS_MS = 20_000;
/** After this pause within a frame, the framer checks whether the frame was cut short. */
const SALVAGE_MS = 500;
const CLOSE_MAX_MS = 1_900;
/** Numbers with which the firmware sends only the nodes, or everything but the nodes. */
const SPECIAL_NONCES = [69_420, 69_421];

export interface RadioSessionDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly link: string;
  readonly isSerial: boolean;
  readonly facts: RadioFacts;
  /** Incremented by the session. */
  readonly counters: Record<LinkCounter, number>;
  /** Whether our own clock is right: a wrong one must not be given to a radio, which keeps it for twelve hours. */
  isClockTrusted(): boolean;
}

export interface RadioSessionHooks {
  /** The configuration is complete: texts may be sent. */
  configured(): void;
  rebooted(): void;
  /** Every frame, before it is handled. */
  frame(frame: FromRadio): void;
  /** The radio is told the time. `isRepeated`: the second time in this session, because it did not take the first. */
  timeSet(told: { readonly isRepeated: boolean }): void;
  /** Packets, nodes and queue reports, in the order of the frames. */
  event(event: RadioEvent): void;
  garbage(garbageBytes: number, undecodable: number): void;
  /** Called once, when the connection is closed. `by` comes from the transport, or is `session` when this session gave up. */
  ended(by: ConnectionEnd["by"] | "session", reason: string): void;
}

type TimerName = "handshake" | "heartbeat" | "liveness" | "salvage";

/** One connection to a radio: handshake, heartbeats, liveness and disconnect. It receives the connection's events. */
export class RadioSession implements ConnectionEvents {
  #connection: Connection | null = null;
  #isConfigured = false;
  readonly #radioClock: RadioClock;
  #isEnded = false;
  #gaveUp: string | null = null;
  #nonce = 0;
  #handshakeSince = 0;
  #lastByte = 0;
  #lastAnswer = Number.NEGATIVE_INFINITY;
  /** It answers heartbeats by a queue report about packet 0; older firmware is believed by any frame. */
  #answersHeartbeats = false;
  #lastFrame = 0;
  readonly #timers = new Map<TimerName, Timer>();
  readonly #framer = new Framer<FromRadio>(decodeFromRadio, (frame) => this.#frame(frame));

  constructor(
    private readonly deps: RadioSessionDeps,
    private readonly hooks: RadioSessionHooks,
  ) {
    this.#radioClock = new RadioClock(deps.clock);
  }

  /** Starts on the connection that was opened with this session as the receiver of its events. */
  begin(connection: Connection): void {
    this.#connection = connection;
    this.#lastByte = this.deps.clock.monotonic();
    this.#handshake();
  }

  /** Writes one whole frame. Fails as {@link Connection.write} does. */
  async write(frame: Uint8Array): Promise<Result<null>> {
    if (this.#connection === null || this.#isEnded) return fail("link_down", "the connection is closed");
    const written = await this.#connection.write(frame);
    if (written.ok) this.deps.counters.framesOut++;
    return written;
  }

  /** Asks the radio whether it still answers: it reports about packet 0, or the session ends. */
  probe(): void {
    if (this.#isConfigured && !this.#isEnded) this.#heartbeat();
  }

  /** Writes without waiting. A failed write needs no handling here: the end of the connection is reported by `closed`. */
  #send(frame: Uint8Array): void {
    this.write(frame).catch((thrown: unknown) => this.#giveUp(asGatewayError(thrown).message));
  }

  /** Sends disconnect, so that the radio does not lose texts it has not sent yet, and closes within two seconds. */
  async close(): Promise<void> {
    this.#cancelAll();
    const connection = this.#connection;
    if (connection === null || this.#isEnded) return;
    const deadline = Promise.withResolvers<void>();
    const timer = this.deps.clock.after(CLOSE_MAX_MS, deadline.resolve);
    // Not awaited: close() waits for it, or gives up on a peer that takes nothing.
    this.#send(disconnectFrame());
    await Promise.race([connection.close(), deadline.promise]);
    timer.cancel();
    // If the connection never reports its end, the link must still be able to open the next one.
    this.closed({ by: "local" });
  }

  data(bytes: Uint8Array): void {
    if (this.#isEnded || this.#gaveUp !== null) return;
    markHop("bytes");
    const { garbageBytes, rejected } = this.#framer;
    this.#lastByte = this.deps.clock.monotonic();
    this.#framer.push(bytes);
    this.#count(garbageBytes, rejected);
    if (this.#framer.pending > 0 && !this.#timers.has("salvage")) this.#set("salvage", SALVAGE_MS, () => this.#salvage());
  }

  closed(end: ConnectionEnd): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#cancelAll();
    if (this.#gaveUp !== null) this.hooks.ended("session", this.#gaveUp);
    else this.hooks.ended(end.by, end.error?.message ?? ENDINGS[end.by]);
  }

  #frame(frame: FromRadio): void {
    // One chunk may hold frames behind the one that ended this session.
    if (this.#isEnded || this.#gaveUp !== null) return;
    const { facts, counters, link, clock } = this.deps;
    counters.framesIn++;
    this.#lastFrame = clock.monotonic();
    this.hooks.frame(frame);
    const event = readFromRadio(frame, link, facts.ownNode);
    facts.learn(event);
    if (event.kind === "queue" && event.report.packetId === 0) {
      this.#answersHeartbeats = true;
      this.#lastAnswer = clock.monotonic();
    }
    switch (event.kind) {
      case "config_complete":
        if (!this.#isConfigured && event.nonce === this.#nonce) this.#complete();
        break;
      case "rebooted":
        this.hooks.rebooted();
        this.#handshake();
        break;
      case "unknown":
        // A message of a later firmware is no fault of the link.
        break;
      default:
        this.hooks.event(event);
        break;
    }
    this.#followClock(event);
  }

  #followClock(event: RadioEvent): void {
    if (event.kind === "node" && event.facts.lastHeard !== undefined) this.#radioClock.remembers(event.facts.lastHeard);
    if (event.kind !== "packet" || !this.#isConfigured) return;
    this.#radioClock.heard(event.packet.rxTime || undefined);
    this.#setTime();
  }

  #handshake(): void {
    this.#cancelAll();
    this.#isConfigured = false;
    this.#radioClock.begin();
    this.#handshakeSince = this.#lastFrame = this.deps.clock.monotonic();
    do this.#nonce = this.deps.random.u32();
    while (this.#nonce === 0 || SPECIAL_NONCES.includes(this.#nonce));
    this.#ask();
  }

  #ask(): void {
    const frame = wantConfigFrame(this.#nonce);
    this.#send(this.deps.isSerial ? Buffer.concat([WAKE_BYTES, frame]) : frame);
    const askedAt = this.deps.clock.monotonic();
    const check = () => {
      const now = this.deps.clock.monotonic();
      if (now - this.#lastFrame >= HANDSHAKE_SILENCE_MS) this.#giveUp(NO_ANSWER);
      else if (now - this.#handshakeSince >= HANDSHAKE_MAX_MS) this.#giveUp("the radio did not finish sending its configuration");
      else if (this.#lastFrame <= askedAt) this.#ask();
      else this.#set("handshake", ASK_EVERY_MS, check);
    };
    this.#set("handshake", ASK_EVERY_MS, check);
  }

  #complete(): void {
    if (this.deps.facts.ownNode === null) {
      this.#giveUp("the radio did not send its own node number");
      return;
    }
    this.#cancel("handshake");
    this.#isConfigured = true;
    this.#radioClock.configured();
    this.#setTime();
    this.hooks.configured();
    this.#set("heartbeat", FIRST_HEARTBEAT_MS, () => this.#heartbeat());
  }

  /** The radio loses its clock at every reboot; without it, no packet has a time of reception. */
  #setTime(): void {
    const { clock, facts, random } = this.deps;
    if (facts.ownNode === null || !this.#radioClock.isDue() || !this.deps.isClockTrusted()) return;
    this.hooks.timeSet(this.#radioClock.wasSet());
    this.#send(setTimeFrame(facts.ownNode, random.u32() || 1, Math.floor(clock.now() / 1000)));
  }

  #heartbeat(): void {
    const sentAt = this.deps.clock.monotonic();
    this.#send(heartbeatFrame());
    this.#setTime();
    this.#set("heartbeat", HEARTBEAT_MS, () => this.#heartbeat());
    // A question that is open keeps its deadline, however often it is asked again.
    if (this.#timers.has("liveness")) return;
    this.#set("liveness", LIVENESS_MS, () => {
      if ((this.#answersHeartbeats ? this.#lastAnswer : this.#lastFrame) < sentAt)
        this.#giveUp(`the radio was silent for ${LIVENESS_MS / 1000} s after a heartbeat`);
    });
  }

  #salvage(): void {
    const left = this.#lastByte + SALVAGE_MS - this.deps.clock.monotonic();
    if (left > 0) {
      this.#set("salvage", left, () => this.#salvage());
      return;
    }
    const { garbageBytes, rejected } = this.#framer;
    this.#framer.salvage();
    this.#count(garbageBytes, rejected);
  }

  #count(garbageBefore: number, rejectedBefore: number): void {
    const garbage = this.#framer.garbageBytes - garbageBefore;
    const rejected = this.#framer.rejected - rejectedBefore;
    this.deps.counters.garbageBytes += garbage;
    this.deps.counters.undecodable += rejected;
    if (garbage + rejected > 0) this.hooks.garbage(garbage, rejected);
  }

  /** The end is reported once the connection is closed, so that the device is free for the next one. */
  #giveUp(reason: string): void {
    this.#gaveUp ??= reason;
    this.close().catch((thrown: unknown) => this.closed({ by: "error", error: asGatewayError(thrown) }));
  }

  #set(name: TimerName, ms: number, run: () => void): void {
    this.#cancel(name);
    const timer = this.deps.clock.after(ms, () => {
      this.#timers.delete(name);
      run();
    });
    this.#timers.set(name, timer);
  }

  #cancel(name: TimerName): void {
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
  }

  #cancelAll(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }
}

const NO_ANSWER = "no answer: check that it is a Meshtastic radio, that the speed is right, and that its serial or network API is enabled";
const ENDINGS: Readonly<Record<ConnectionEnd["by"], string>> = {
  local: "closed",
  remote: "the radio closed the connection",
  stalled: "the radio took no more bytes",
  error: "the connection failed",
};
