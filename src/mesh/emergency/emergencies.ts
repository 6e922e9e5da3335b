import type { Clock, Timer } from "../../clock.ts";
import type { Result } from "../../errors.ts";
import type { Logger } from "../../log/logger.ts";
import type { GatewayTexts } from "../../texts/texts.ts";
import { BROADCAST, formatNodeId, type NodeNumber } from "../ids.ts";
import type { TextMessage } from "../message.ts";
import type { MeshNode } from "../node.ts";
import type { MessageStatus, OutboxRequest } from "../outgoing.ts";
import { type AlertChannel, AlertReport, type AlertTarget } from "./alert.ts";
import { CASE_MS, type EmergencyCase, EmergencyCases } from "./cases.ts";
import { describeEmergency } from "./describe.ts";
import type { EmergencyRecord, EmergencyRecords } from "./records.ts";
import { type UrgentText, UrgentTexts } from "./urgent-texts.ts";
import { type EmergencyCall, isDrill, parseEmergency } from "./words.ts";

export interface EmergencyDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Prefixes of commands: `!sos` is a cry for help too. */
  readonly prefixes: readonly string[];
  operators(): readonly NodeNumber[];
  /** The channels of `alerts.channels`. */
  channels(): readonly AlertChannel[];
  /** Names of the links that are up. */
  links(): readonly string[];
  node(number: NodeNumber): MeshNode | null;
  /** Announces it to the rest of the gateway. */
  alert(event: { readonly code: "emergency"; readonly message: string }): void;
  send(request: OutboxRequest): Result<{ readonly id: string }>;
  /** What became of a message of the outbox; null: it is not known. */
  status(id: string): Pick<MessageStatus, "id" | "state" | "to"> | null;
  /** Whether a plugin takes answers to an alert: `responding` and `ack`. */
  isAnswerable(): boolean;
  /** The gateway's own words. */
  readonly say: GatewayTexts;
  readonly records: Pick<EmergencyRecords, "save" | "recent">;
}

/** What the emergency room made of a text. */
export type EmergencyMark =
  | { readonly kind: "none" }
  /** It begins with an emergency word. `isActedOn`: false when its sender is over its rate. */
  | { readonly kind: "call"; readonly call: EmergencyCall; readonly isActedOn: boolean }
  /** It was passed on to the operators as part of the sender's open case. */
  | { readonly kind: "follow_up" };

/** A call for help whose alerts are followed. */
interface FollowedCall {
  readonly message: TextMessage;
  /** In capitals. */
  readonly word: string;
  /** The alert. */
  readonly content: string;
  readonly report: AlertReport;
}

const NONE: EmergencyMark = { kind: "none" };
/** When the sender is told who was reached, whatever is still pending. */
const REPORT_MS = 90_000;
/** How long an acknowledgement that comes late is still told to the sender. */
const LATE_MS = 15 * 60_000;
/** After a restart the links need some time before they can deliver anything. */
const RESUMED_MS = 45_000;

/**
 * What the gateway itself does about a cry for help, before any plugin is asked and whatever plugins answer: it alerts the
 * operators' nodes and the alert channels, tells the sender who was reached, and passes on what the sender writes in the
 * next ten minutes.
 */
export class Emergencies {
  readonly #cases: EmergencyCases;
  readonly #texts: UrgentTexts;
  readonly #timers = new Set<Timer>();
  readonly counts = { calls: 0, followUps: 0, overRate: 0 };

  constructor(private readonly deps: EmergencyDeps) {
    this.#cases = new EmergencyCases(deps.clock);
    this.#texts = new UrgentTexts((request) => this.#queue(request));
  }

  /** Handles a text. `banned`: its sender is banned, so the operator is told and nothing is sent. */
  receive(message: TextMessage, banned: boolean): EmergencyMark {
    if (message.isReaction || (!message.isDirect && message.to !== BROADCAST)) return NONE;
    const call = parseEmergency(message.text, this.deps.prefixes);
    if (call !== null) return { kind: "call", call, isActedOn: this.#called(message, call, banned) };
    const open = banned || message.text.trim() === "" ? null : this.#cases.get(message.from);
    if (open === null || open.followUps.take(1) > 0) return NONE;
    this.#followUp(message, open);
    return { kind: "follow_up" };
  }

  /** Goes on with the emergencies of the last run: alerts that are under way, what the sender is told, and what it writes next. */
  resume(): void {
    for (const record of this.deps.records.recent(LATE_MS)) {
      const { message, word } = record;
      const age = Math.max(0, this.deps.clock.now() - message.receivedAt);
      if (age < CASE_MS) this.#cases.resume(message.from, word, CASE_MS - age);
      this.#resumeAlert(record, Math.max(REPORT_MS - age, RESUMED_MS));
    }
  }

  #resumeAlert({ message, word, content, targets, told }: EmergencyRecord, waitMs: number): void {
    let isStarted = false;
    const resumed = targets.map(({ name, place, ids }): AlertTarget & { readonly text: UrgentText } => {
      const ways = this.#waysFor(message, place, this.#answerable(place, content));
      for (let tried = 0; tried < ids.length; tried++) ways.next();
      const changed = (): void => (isStarted ? this.#changed(call) : undefined);
      return { name, place, text: { ways, ids: [...ids], reach: "pending", changed } };
    });
    const call: FollowedCall = { message, word, content, report: new AlertReport(resumed, this.deps.say, told) };
    for (const { text } of resumed) {
      const statuses = text.ids.flatMap((id) => this.deps.status(id) ?? []);
      this.#texts.resume(text, statuses);
    }
    isStarted = true;
    this.#tellLater(waitMs, call);
  }

  /** The outbox reports about one of its messages. */
  report(status: Pick<MessageStatus, "id" | "state" | "to">): void {
    this.#texts.report(status);
  }

  /** Idempotent. Queued alerts stay in the outbox. */
  stop(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #called(message: TextMessage, call: EmergencyCall, banned: boolean): boolean {
    // A drill takes every step of an emergency, and each of its texts says what it is.
    const kind = call.word.toUpperCase();
    const word = isDrill(call.rest) ? this.deps.say("sos_test", { word: kind }) : kind;
    const content = this.#describe(message, word, call.rest);
    const text = withoutMark(content);
    if (this.#cases.open(message.from, word) === null) {
      this.counts.overRate++;
      this.deps.log.warn(`an emergency was only logged: its sender is over the rate: ${text}`, { correlation_id: message.correlationId });
      return false;
    }
    this.counts.calls++;
    this.#announce(message, banned ? `${text} (this node is banned: nothing is answered)` : text);
    if (banned) return false;
    const report = this.#alert(
      message,
      (place) => this.#answerable(place, content),
      () => this.#changed(followed),
    );
    const followed: FollowedCall = { message, word, content, report };
    this.#tell(message, report.received(word));
    if (report.targets.length === 0) return true;
    this.#record(followed);
    this.#tellLater(REPORT_MS, followed);
    return true;
  }

  #followUp(message: TextMessage, open: EmergencyCase): void {
    this.counts.followUps++;
    const content = this.#describe(message, this.deps.say("sos_more", { word: open.word }), message.text.trim());
    this.#announce(message, withoutMark(content));
    this.#alert(
      message,
      () => content,
      () => undefined,
    );
  }

  #describe(message: TextMessage, what: string, rest: string): string {
    const { say, clock } = this.deps;
    return describeEmergency({ message, node: this.deps.node(message.from), now: clock.now(), say }, what, rest);
  }

  #announce(message: TextMessage, text: string): void {
    this.deps.log.warn(text, { correlation_id: message.correlationId });
    this.deps.alert({ code: "emergency", message: text });
  }

  /** Sends the alert to everybody who is to know. `changed` is called, never before this returned, when one arrived or failed. */
  #alert(message: TextMessage, contentFor: (place: AlertTarget["place"]) => string, changed: () => void): AlertReport {
    let isStarted = false;
    const target = (name: string, place: AlertTarget["place"]): AlertTarget => {
      const ways = this.#waysFor(message, place, contentFor(place));
      const urgent: UrgentText = { ways, ids: [], reach: "pending", changed: () => (isStarted ? changed() : undefined) };
      this.#texts.start(urgent);
      return { name, place, text: urgent };
    };
    const operators = this.deps.operators().filter((operator) => operator !== message.from);
    const { say } = this.deps;
    const targets = [
      ...operators.map((node) => target(this.#nameOf(node), { kind: "operator", node })),
      ...this.deps.channels().map((channel) => target(say("sos_channel", { name: channel.name }), { kind: "channel", channel })),
    ];
    const report = new AlertReport(targets, say);
    isStarted = true;
    return report;
  }

  #waysFor(message: TextMessage, place: AlertTarget["place"], content: string): Generator<OutboxRequest> {
    return place.kind === "operator" ? this.#waysTo(message, place.node, content) : this.#waysToChannel(message, place.channel, content);
  }

  /** One text for an operator says what happened and how to answer: a plugin need not alert him again. */
  #answerable(place: AlertTarget["place"], content: string): string {
    return place.kind === "operator" && this.deps.isAnswerable() ? this.deps.say("sos_answerable", { alert: content }) : content;
  }

  /** As the outbox chooses, which knows where the operator was heard; then by each other link, and on the alert channels. */
  *#waysTo(message: TextMessage, to: NodeNumber, text: string): Generator<OutboxRequest> {
    const request = this.#request(message, to, text);
    yield request;
    const known = this.deps.node(to)?.link;
    const places = this.deps.channels().flatMap(({ route }) => route);
    for (const link of this.deps.links()) {
      if (link !== known) yield { ...request, link };
      for (const place of places) if (place.link === link) yield { ...request, link, channel: place.index };
    }
  }

  *#waysToChannel(message: TextMessage, { route }: AlertChannel, text: string): Generator<OutboxRequest> {
    yield { ...this.#request(message, BROADCAST, text), routes: [route], wantAck: false };
  }

  #request(message: TextMessage, to: NodeNumber, text: string): OutboxRequest {
    const { from: asker, correlationId } = message;
    return { text, to, priority: "emergency", wantAck: true, sender: { kind: "gateway" }, asker, correlationId };
  }

  #changed(call: FollowedCall): void {
    const isLate = this.deps.clock.now() - call.message.receivedAt > LATE_MS;
    if (call.report.isSettled && !isLate) this.#tellReached(call);
    this.#record(call);
  }

  #tellLater(ms: number, call: FollowedCall): void {
    const timer = this.deps.clock.after(ms, () => {
      this.#timers.delete(timer);
      this.#tellReached(call);
      this.#record(call);
    });
    this.#timers.add(timer);
  }

  #tellReached({ message, word, report }: FollowedCall): void {
    const text = report.reached(word);
    if (text !== null) this.#tell(message, text);
  }

  #record({ message, word, content, report }: FollowedCall): void {
    const targets = report.targets.map(({ name, place, text }) => ({ name, place, ids: text.ids }));
    this.deps.records.save({ message, word, content, targets, told: report.told });
  }

  /** Answers the sender in a direct message; where none can reach it, on the channel that it wrote on. */
  #tell(message: TextMessage, text: string): void {
    const changed = (): void => {
      if (answer.reach !== "failed") return;
      this.deps.log.error("an emergency could not be confirmed to its sender", {
        sender: formatNodeId(message.from),
        correlation_id: message.correlationId,
      });
    };
    const answer: UrgentText = { ways: this.#waysBack(message, text), ids: [], reach: "pending", changed };
    this.#texts.start(answer);
  }

  *#waysBack(message: TextMessage, text: string): Generator<OutboxRequest> {
    const { from, channel, link, packetId, isDirect } = message;
    const reply = packetId === 0 ? {} : { replyId: packetId };
    const request = { ...this.#request(message, from, text), ...reply };
    yield request;
    if (!isDirect) yield { ...request, to: BROADCAST, channel, link, wantAck: false };
  }

  #queue(request: OutboxRequest): string | null {
    const queued = this.deps.send(request);
    if (queued.ok) return queued.value.id;
    this.deps.log.error(`an emergency text could not be queued: ${queued.error.summary()}`, { correlation_id: request.correlationId });
    return null;
  }

  #nameOf(number: NodeNumber): string {
    const node = this.deps.node(number);
    return node?.longName || node?.shortName || formatNodeId(number);
  }
}

/** The log and the console mark an alert in their own way. */
function withoutMark(content: string): string {
  return content.slice(content.indexOf(" ") + 1);
}
