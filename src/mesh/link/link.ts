import { Backoff } from "../../backoff.ts";
import { EventBus } from "../../bus.ts";
import type { Clock, Random, Timer } from "../../clock.ts";
import { asGatewayError, fail, type Result } from "../../errors.ts";
import { markHop } from "../../hops.ts";
import type { Subscription } from "../../lifetime.ts";
import type { Logger } from "../../log/logger.ts";
import type { RadioEvent } from "../codec/from-radio.ts";
import { readPacket } from "../codec/message.ts";
import { factsOf, type NodeFacts } from "../codec/node-facts.ts";
import type { FromRadio, MeshPacket } from "../codec/protobuf.ts";
import { announceFrame, brokerFrame, otherFrame, textFrame } from "../codec/to-radio.ts";
import { BROADCAST, formatNodeId, type NodeNumber } from "../ids.ts";
import type { LinkCounter, LinkState, LinkStatus } from "../link-status.ts";
import type { MeshMessage } from "../message.ts";
import type { OutgoingPacket, OutgoingText, PacketRadio, QueueReport, RoutingReport } from "../radio.ts";
import { GarbageLog } from "../session/garbage-log.ts";
import { RadioFacts } from "../session/radio-facts.ts";
import { RadioSession, type RadioSessionHooks } from "../session/radio-session.ts";
import type { Transport } from "../transport/port.ts";
import { DeviceWatch } from "./device-watch.ts";
import { LinkClock } from "./link-clock.ts";
import { type LinkEvent, nextState } from "./states.ts";

export interface LinkDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Makes the id that names a message in every log line. */
  readonly correlationId: () => string;
  /** While true nothing but emergencies goes on the air. */
  isSilenced?(): boolean;
  /** Receives what this link learns about nodes; a NodeDirectory. */
  readonly nodes?: { merge(facts: NodeFacts): void };
  /** Whether this machine's clock is right. Absent: it is. */
  readonly isClockTrusted?: () => boolean;
}

interface LinkEvents {
  frame: FromRadio;
  message: MeshMessage;
  routing: RoutingReport;
  queue: QueueReport;
  state: LinkStatus;
}

/** More bytes than any radio takes in one packet. */
const MAX_TEXT_BYTES = 237;
/** A link that was up for this long starts its reconnect pauses from the shortest again. */
const STABLE_MS = 10_000;
/** When the radio repeatedly closes connections sooner than this, another program probably takes them. */
const SHORT_MS = 30_000;
const SHORT_LIVES_TO_WARN = 3;
/** The same reason is logged again only after this. */
const REPEAT_REASON_MS = 15 * 60_000;

/** One radio behind one transport: keeps the link up, and turns frames into messages and texts into frames. */
export class MeshLink implements PacketRadio {
  #state: LinkState = "stopped";
  #reason: string | null = null;
  #since: number;
  #session: RadioSession | null = null;
  #openedAt = 0;
  #upAt = 0;
  #upUntil: number | null = null;
  readonly #clock = new LinkClock();
  #shortLives = 0;
  #timer: Timer | null = null;
  readonly #watch: DeviceWatch;
  #opening: { readonly abort: AbortController; readonly done: Promise<void> } | null = null;
  #lastWarning: { reason: string; at: number } | null = null;
  readonly #facts: RadioFacts;
  readonly #events: EventBus<LinkEvents>;
  readonly #backoff: Backoff;
  readonly #garbage: GarbageLog;
  readonly #counters: Record<LinkCounter, number> = {
    framesIn: 0,
    framesOut: 0,
    packetsIn: 0,
    packetsOut: 0,
    garbageBytes: 0,
    undecodable: 0,
    impossibleSenders: 0,
    reconnects: 0,
    duplicates: 0,
  };

  constructor(
    readonly name: string,
    private readonly transport: Transport,
    private readonly deps: LinkDeps,
  ) {
    const { clock, log, random } = deps;
    this.#since = clock.now();
    this.#facts = new RadioFacts(clock);
    this.#watch = new DeviceWatch(clock, transport, { came: () => this.#deviceCame(), went: () => this.#deviceWent() });
    this.#events = new EventBus((event, thrown) => log.error(`a listener for ${event} failed`, { link: name, error: thrown }));
    this.#backoff = new Backoff(random);
    this.#garbage = new GarbageLog(clock, log, name);
  }

  status(): LinkStatus {
    return {
      name: this.name,
      type: this.transport.type,
      target: this.transport.target,
      state: this.#state,
      since: this.#since,
      ...(this.#reason === null ? {} : { reason: this.#reason }),
      ...this.#facts.status(),
      counters: { ...this.#counters },
    };
  }

  /** False only after a mistake of ours: the link is down, and nothing will open it again. */
  get isAttended(): boolean {
    const isTried = this.#session !== null || this.#opening !== null || this.#timer !== null;
    return this.#state === "stopped" || isTried || this.#watch.isRunning;
  }

  onMessage(listener: (message: MeshMessage) => void): Subscription {
    return this.#events.on("message", listener);
  }

  onRouting(listener: (report: RoutingReport) => void): Subscription {
    return this.#events.on("routing", listener);
  }

  onQueue(listener: (report: QueueReport) => void): Subscription {
    return this.#events.on("queue", listener);
  }

  onState(listener: (status: LinkStatus) => void): Subscription {
    return this.#events.on("state", listener);
  }

  /** Every frame of the radio, its configuration with all secrets included, before it is handled. */
  onFrame(listener: (frame: FromRadio) => void): Subscription {
    return this.#events.on("frame", listener);
  }

  probe(): void {
    this.#session?.probe();
  }

  start(): void {
    if (this.#move("start", null)) this.#open();
  }

  async stop(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    this.#move("stop", null);
    this.#timer?.cancel();
    this.#timer = null;
    this.#watch.stop();
    this.#opening?.abort.abort();
    await Promise.all([session?.close(), this.#opening?.done]);
    this.#garbage.flush();
  }

  async sendText(text: OutgoingText): Promise<Result<null>> {
    if (Buffer.byteLength(text.text) > MAX_TEXT_BYTES) return fail("too_large", `a radio takes at most ${MAX_TEXT_BYTES} bytes of text`);
    if (text.priority !== "emergency" && this.#isSilenced) return silenced();
    return this.#write((ownNode, hopLimit) => textFrame(text, ownNode, hopLimit));
  }

  async sendPacket(packet: OutgoingPacket): Promise<Result<null>> {
    // A packet for the radio itself does not go on the air.
    if (packet.to !== this.#facts.ownNode && this.#isSilenced) return silenced();
    return this.#write((ownNode, hopLimit) => otherFrame(packet, ownNode, hopLimit));
  }

  /** Has the radio broadcast its NodeInfo, without which nobody can write to it directly. */
  async announce(): Promise<Result<null>> {
    if (this.#isSilenced) return silenced();
    return this.#write(announceFrame);
  }

  /** Gives a radio that uses the gateway's network a message of its MQTT broker. What it does with it is up to its settings. */
  async passDown(topic: string, payload: Uint8Array): Promise<Result<null>> {
    return this.#write(() => brokerFrame(topic, payload));
  }

  get #isSilenced(): boolean {
    return this.deps.isSilenced?.() === true;
  }

  async #write(frame: (ownNode: NodeNumber, hopLimit: number) => Uint8Array): Promise<Result<null>> {
    const session = this.#session;
    const { ownNode, hopLimit } = this.#facts;
    if (this.#state !== "up" || session === null || ownNode === null) {
      return fail("link_down", `link ${this.name} is ${this.#state}`, { ...(this.#reason === null ? {} : { hint: this.#reason }) });
    }
    const writing = session.write(frame(ownNode, hopLimit));
    markHop("written");
    const written = await writing;
    if (written.ok) this.#counters.packetsOut++;
    return written;
  }

  #open(): void {
    const abort = new AbortController();
    const done = this.#connect(abort.signal)
      .catch((thrown: unknown) => this.#lost(asGatewayError(thrown).message))
      .finally(() => {
        if (this.#opening?.abort === abort) this.#opening = null;
      });
    this.#opening = { abort, done };
  }

  async #connect(signal: AbortSignal): Promise<void> {
    const { clock, random, isClockTrusted = () => true } = this.deps;
    const isSerial = this.transport.type === "serial";
    const deps = { clock, random, link: this.name, isSerial, facts: this.#facts, counters: this.#counters, isClockTrusted };
    const session: RadioSession = new RadioSession(
      deps,
      this.#hooks(() => this.#session === session),
    );
    const opened = await this.transport.open(session, signal);
    if (signal.aborted) {
      if (opened.ok) await opened.value.close();
      return;
    }
    if (!opened.ok) {
      const { message, hint } = opened.error;
      this.#lost(hint === undefined ? message : `${message} (${hint})`);
      return;
    }
    this.#session = session;
    this.#openedAt = clock.monotonic();
    this.#move("opened", this.#reason);
    session.begin(opened.value);
  }

  /** Events of a session are ignored unless it is the current one, for instance after a stop. */
  #hooks(isCurrent: () => boolean): RadioSessionHooks {
    const whenCurrent = (run: () => void) => {
      if (isCurrent()) run();
    };
    return {
      configured: () => whenCurrent(() => this.#configured()),
      rebooted: () => whenCurrent(() => this.#rebooted()),
      timeSet: ({ isRepeated }) => this.#timeSet(isRepeated),
      frame: (frame) => whenCurrent(() => this.#events.emit("frame", frame)),
      event: (event) => whenCurrent(() => this.#handleSafely(event)),
      garbage: (garbageBytes, undecodable) => this.#garbage.note(garbageBytes, undecodable),
      ended: (by, reason) => whenCurrent(() => this.#ended(by, reason)),
    };
  }

  #timeSet(isRepeated: boolean): void {
    this.#clock.timeSet();
    if (!isRepeated) return;
    const hint =
      "its firmware takes a second setting of the same kind only after 12 hours; ages are right all the same; a restart of the radio helps";
    this.deps.log.info("the radio's clock is wrong, and it did not take the time that it was given", { link: this.name, hint });
  }

  #rebooted(): void {
    if (this.#state === "up") this.#upUntil = this.deps.clock.monotonic();
    this.deps.log.info("the radio has rebooted", { link: this.name });
    this.#move("rebooted", "the radio has rebooted");
  }

  #ended(by: Parameters<RadioSessionHooks["ended"]>[0], reason: string): void {
    this.#session = null;
    const lived = this.deps.clock.monotonic() - this.#openedAt;
    if (this.#state === "up") this.#upUntil = this.deps.clock.monotonic();
    if (this.#state === "up" && this.deps.clock.monotonic() - this.#upAt >= STABLE_MS) this.#backoff.reset();
    this.#judgeShortLife(by === "remote" && lived < SHORT_MS);
    this.#lost(reason);
  }

  #configured(): void {
    const { ownNode, firmware, modemPreset, region } = this.#facts.status();
    this.#lastWarning = null;
    this.#upAt = this.deps.clock.monotonic();
    this.#clock.begin(this.#upAt, this.#upUntil);
    this.#move("configured", null);
    const facts = { link: this.name, firmware, modem_preset: modemPreset, region };
    this.deps.log.info(`link ${this.name} is up as ${formatNodeId(ownNode ?? 0)}`, facts);
  }

  /** A node serves one TCP client and drops the one before, so two programs that both reconnect at once fight for ever. */
  #judgeShortLife(isShort: boolean): void {
    this.#shortLives = isShort ? this.#shortLives + 1 : 0;
    if (this.transport.type !== "tcp" || this.#shortLives < SHORT_LIVES_TO_WARN) return;
    if (this.#shortLives % SHORT_LIVES_TO_WARN !== 0) return;
    const hint = "a node serves only one TCP client: close the other program, or connect it in another way";
    this.deps.log.warn("the node keeps closing new connections: another program seems to use it too", {
      link: this.name,
      target: this.transport.target,
      times: this.#shortLives,
      hint,
    });
  }

  #lost(error: string): void {
    const device = this.#watch.device();
    const isGone = device === null && this.#upUntil !== null;
    const reason = isGone ? this.#goneReason() : error;
    if (!this.#move("lost", reason)) return;
    if (isGone) {
      this.#warn(reason, null);
    } else {
      const pause = this.#backoff.next();
      this.#warn(reason, pause);
      this.#timer = this.deps.clock.after(pause, () => this.#retry());
    }
    if (device !== undefined) this.#watch.start(device);
  }

  #retry(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#watch.stop();
    this.#counters.reconnects++;
    if (this.#move("retry", this.#reason)) this.#open();
  }

  #goneReason(): string {
    return `the device ${this.transport.target} is gone: it is watched for`;
  }

  #deviceCame(): void {
    this.#backoff.reset();
    this.#retry();
  }

  /** The connection ended, and then the device went away: there is nothing to open before it is back. */
  #deviceWent(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#reason = this.#goneReason();
    this.#warn(this.#reason, null);
  }

  /** Logs a reason once per {@link REPEAT_REASON_MS}, not at every attempt. */
  #warn(reason: string, pauseMs: number | null): void {
    const now = this.deps.clock.monotonic();
    const isKnown = this.#lastWarning?.reason === reason && now - this.#lastWarning.at < REPEAT_REASON_MS;
    const retry = pauseMs === null ? {} : { retry_in_s: Math.round(pauseMs / 100) / 10 };
    const fields = { link: this.name, target: this.transport.target, ...retry };
    if (isKnown) {
      this.deps.log.debug(`link ${this.name} is still down`, { ...fields, reason });
      return;
    }
    this.#lastWarning = { reason, at: now };
    this.deps.log.warn(`link ${this.name} is down: ${reason}`, fields);
  }

  /** A bug in handling one frame must not lose the frames behind it. */
  #handleSafely(event: RadioEvent): void {
    try {
      this.#handle(event);
    } catch (thrown) {
      this.deps.log.error("handling a frame of the radio failed", { link: this.name, kind: event.kind, error: thrown });
    }
  }

  #handle(event: RadioEvent): void {
    if (event.kind === "packet") this.#packet(event.packet);
    else if (event.kind === "queue") this.#events.emit("queue", event.report);
    else if (event.kind === "node") this.deps.nodes?.merge(event.facts);
  }

  readonly #ageOf = (rxTimeS: number | undefined) => this.#clock.age(rxTimeS, this.deps.clock.monotonic(), this.deps.clock.now());

  #packet(packet: MeshPacket): void {
    const { clock, correlationId, nodes } = this.deps;
    const { ownNode } = this.#facts;
    this.#counters.packetsIn++;
    if (ownNode === null) return;
    const reading = readPacket(packet, { link: this.name, ownNode, now: clock.now(), correlationId, ageOf: this.#ageOf });
    if (reading.kind === "routing") this.#events.emit("routing", reading.report);
    if (reading.kind === "undecodable") {
      this.#counters.undecodable++;
      this.#garbage.note(0, 1);
    }
    if (reading.kind === "impossible_sender") this.#counters.impossibleSenders++;
    if (reading.kind !== "message") return;
    const { message, airtime } = reading;
    const isOwn = message.from === ownNode;
    nodes?.merge(factsOf(message, isOwn));
    if (isOwn) {
      // The radio reports its own measurements; any other packet from it is an echo of what the gateway sent.
      this.#facts.learnAirtime(airtime);
      if (message.kind === "text") this.#counters.duplicates++;
      return;
    }
    const isForUs = message.isDirect || message.to === BROADCAST;
    if (message.kind !== "text" || isForUs) this.#events.emit("message", message);
  }

  /** False when the event has no meaning in the current state. */
  #move(event: LinkEvent, reason: string | null): boolean {
    const next = nextState(this.#state, event);
    if (next === null) return false;
    const isChange = next !== this.#state;
    this.#state = next;
    this.#reason = reason;
    if (isChange) this.#since = this.deps.clock.now();
    if (isChange) this.#events.emit("state", this.status());
    return true;
  }
}

function silenced(): Result<never> {
  return fail("unavailable", "the operator has silenced all transmissions but alarms", { hint: "zephyrgate silence off" });
}
