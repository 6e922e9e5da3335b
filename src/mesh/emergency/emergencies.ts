import type { Clock, Timer } from "../../clock.ts";
import type { Result } from "../../errors.ts";
import type { Logger } from "../../log/logger.ts";
import { BROADCAST, formatNodeId, parseNodeId } from "../ids.ts";
import type { TextMessage } from "../message.ts";
import type { MessageStatus, OutboxRequest } from "../outgoing.ts";
import { AlertReport, type AlertTarget } from "./alert.ts";
import { CASE_MS, type EmergencyCase, EmergencyCases } from "./cases.ts";
import { describeEmergency } from "./describe.ts";
import { KnownCalls, keyOf, remember } from "./known-calls.ts";
import { OperatorAlerts, type OperatorAlertsDeps, urgentRequest } from "./operator-alerts.ts";
import type { OtherSite, OtherSites, SharedCall, SiteReach } from "./other-sites.ts";
import type { EmergencyRecord, EmergencyRecords } from "./records.ts";
import { type Reach, type UrgentText, UrgentTexts } from "./urgent-texts.ts";
import { type EmergencyCall, isDrill, parseEmergency } from "./words.ts";

export interface EmergencyDeps extends Omit<OperatorAlertsDeps, "texts"> {
  readonly clock: Clock;
  readonly log: Logger;
  /** Prefixes of commands: `!sos` is a cry for help too. */
  readonly prefixes: readonly string[];
  /** Announces it to the rest of the gateway. `case`: texts of one case have it in common; `site`: the other site that heard it. */
  alert(event: { readonly code: "emergency"; readonly message: string; readonly case: string; readonly site?: string }): void;
  send(request: OutboxRequest): Result<{ readonly id: string }>;
  /** What became of a message of the outbox; null: it is not known. */
  status(id: string): Pick<MessageStatus, "id" | "state" | "to"> | null;
  /** Whether a plugin takes answers to an alert: `responding` and `ack`. */
  isAnswerable(): boolean;
  /** Whether a text only asks the plugin about the sender's case, or ends it: `status`, `cancel 3`. It is no further cry for help. */
  isAboutCase(message: TextMessage): boolean;
  readonly records: Pick<EmergencyRecords, "save" | "recent">;
  /** Absent: the gateway is in no region. */
  readonly others?: OtherSites;
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
  readonly #alerts: OperatorAlerts;
  readonly #timers = new Set<Timer>();
  readonly #known: KnownCalls;
  /** Calls heard here, by their key, whose senders hear of other sites. */
  readonly #shared = new Map<string, FollowedCall>();
  readonly counts = { calls: 0, followUps: 0, overRate: 0 };

  constructor(private readonly deps: EmergencyDeps) {
    this.#cases = new EmergencyCases(deps.clock);
    this.#texts = new UrgentTexts((request) => this.#queue(request));
    this.#alerts = new OperatorAlerts({ ...deps, texts: this.#texts });
    this.#known = new KnownCalls(this.#alerts);
  }

  /** Handles a text. `banned`: its sender is banned, so the operator is told and nothing is sent. */
  receive(message: TextMessage, banned: boolean): EmergencyMark {
    if (message.isReaction || (!message.isDirect && message.to !== BROADCAST)) return NONE;
    const call = parseEmergency(message.text, this.deps.prefixes);
    if (call !== null) return { kind: "call", call, isActedOn: this.#called(message, call, banned) };
    const open = banned || message.text.trim() === "" ? null : this.#cases.get(message.from);
    if (open === null || this.deps.isAboutCase(message) || open.followUps.take(1) > 0) return NONE;
    this.#followUp(message, open);
    return { kind: "follow_up" };
  }

  /** Goes on with the emergencies of the last run: alerts that are under way, what the sender is told, and what it writes next. */
  resume(): void {
    for (const record of this.deps.records.recent(LATE_MS)) {
      const { message, word } = record;
      const age = Math.max(0, this.deps.clock.now() - message.receivedAt);
      if (age < CASE_MS) this.#cases.resume(message.from, word, keyOf(message), CASE_MS - age);
      this.#resumeAlert(record, Math.max(REPORT_MS - age, RESUMED_MS));
    }
  }

  #resumeAlert({ message, word, content, targets, told }: EmergencyRecord, waitMs: number): void {
    const own = targets.filter(({ place }) => place.kind !== "site");
    const resumed = own.map(({ name, place, ids }): AlertTarget & { readonly text: UrgentText } => {
      const ways = this.#alerts.waysFor(message, place, this.#answerable(place, content));
      for (let tried = 0; tried < ids.length; tried++) ways.next();
      // Nobody watches before all of them are known.
      const changed = (): void => this.#known.changed(keyOf(message));
      return { name, place, text: { ways, ids: [...ids], reach: "pending", changed } };
    });
    const sites = targets.flatMap(({ name, place }) =>
      place.kind === "site" ? [this.#siteTarget({ id: place.site, name }, () => this.#changed(call))] : [],
    );
    const call: FollowedCall = { message, word, content, report: new AlertReport([...resumed, ...sites], this.deps.say, told) };
    remember(this.#shared, keyOf(message), call);
    for (const { text } of resumed) {
      const statuses = text.ids.flatMap((id) => this.deps.status(id) ?? []);
      this.#texts.resume(text, statuses);
    }
    this.#known.resume(keyOf(message), resumed, () => this.#changed(call));
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
    const opened = this.#cases.open(message.from, word, keyOf(message));
    if (opened === null) {
      this.counts.overRate++;
      this.deps.log.warn(`an emergency was only logged: its sender is over the rate: ${text}`, { correlation_id: message.correlationId });
      return false;
    }
    this.counts.calls++;
    this.#announce(message, banned ? `${text} (this node is banned: nothing is answered)` : text, opened.key);
    if (banned) return false;
    const own = this.#known.heardHere(
      message,
      (place) => this.#answerable(place, content),
      () => this.#changed(followed),
    );
    const others = this.#share(message, { word, content: text, isFollowUp: false, caseKey: opened.key });
    const report = new AlertReport(
      [
        ...own,
        ...others.map(({ id, name }) => this.#siteTarget({ id, name: this.deps.say("sos_site", { name }) }, () => this.#changed(followed))),
      ],
      this.deps.say,
    );
    const followed: FollowedCall = { message, word, content, report };
    this.#tell(message, report.received(word));
    if (report.targets.length === 0) return true;
    remember(this.#shared, keyOf(message), followed);
    this.#record(followed);
    this.#tellLater(REPORT_MS, followed);
    return true;
  }

  /**
   * Another site heard a text of a person in need: alerts this gateway's operators, unless they were alerted of the same text
   * already. `site`: its name. `changed` is told who was reached here, also at once.
   */
  receiveShared(call: SharedCall, site: string, changed: (reach: SiteReach) => void): void {
    const from = parseNodeId(call.sender);
    if (from === null) return;
    const text = this.deps.say("at_site", { site, text: call.content });
    if (!this.#known.has(call.key)) this.#announce(call, text, call.caseKey, site);
    const content = this.deps.say("alert", { message: text });
    this.#known.heardElsewhere(call.key, { from, correlationId: call.correlationId }, content, changed);
  }

  /** Another site says who was reached there by a call that was heard here. */
  siteReached(key: string, site: string, { reached, isSettled }: SiteReach): void {
    const target = this.#shared.get(key)?.report.targets.find(({ place }) => place.kind === "site" && place.site === site);
    if (target === undefined || target.place.kind !== "site") return;
    target.place.move(reached.length > 0 ? "reached" : isSettled ? "failed" : "pending");
  }

  #share(message: TextMessage, call: Pick<SharedCall, "word" | "content" | "isFollowUp" | "caseKey">): readonly OtherSite[] {
    const { from, correlationId } = message;
    return this.deps.others?.share({ key: keyOf(message), sender: formatNodeId(from), correlationId, ...call }) ?? [];
  }

  /** `name`: as its sender is told. */
  #siteTarget({ id, name }: OtherSite, changed: () => void): AlertTarget {
    const text: { reach: Reach; ids: string[] } = { reach: "pending", ids: [] };
    const move = (reach: Reach): void => {
      if (text.reach === reach || text.reach === "reached") return;
      text.reach = reach;
      changed();
    };
    return { name, place: { kind: "site", site: id, move }, text };
  }

  #followUp(message: TextMessage, open: EmergencyCase): void {
    this.counts.followUps++;
    const content = this.#describe(message, this.deps.say("sos_more", { word: open.word }), message.text.trim());
    const text = withoutMark(content);
    this.#announce(message, text, open.key);
    this.#known.heardHere(
      message,
      () => content,
      () => undefined,
    );
    this.#share(message, { word: open.word, content: text, isFollowUp: true, caseKey: open.key });
  }

  #describe(message: TextMessage, what: string, rest: string): string {
    const { say, clock } = this.deps;
    return describeEmergency({ message, node: this.deps.node(message.from), now: clock.now(), say }, what, rest);
  }

  /** One text for an operator says what happened and how to answer: a plugin need not alert him again. */
  #answerable(place: AlertTarget["place"], content: string): string {
    return place.kind === "operator" && this.deps.isAnswerable() ? this.deps.say("sos_answerable", { alert: content }) : content;
  }

  #announce({ correlationId }: Pick<TextMessage, "correlationId">, text: string, caseKey: string, site?: string): void {
    this.deps.log.warn(text, { correlation_id: correlationId });
    this.deps.alert({ code: "emergency", message: text, case: caseKey, ...(site === undefined ? {} : { site }) });
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
    const request = { ...urgentRequest(message, from, text), ...reply };
    yield request;
    if (!isDirect) yield { ...request, to: BROADCAST, channel, link, wantAck: false };
  }

  #queue(request: OutboxRequest): string | null {
    const queued = this.deps.send(request);
    if (queued.ok) return queued.value.id;
    this.deps.log.error(`an emergency text could not be queued: ${queued.error.summary()}`, { correlation_id: request.correlationId });
    return null;
  }
}

/** The log and the console mark an alert in their own way. */
function withoutMark(content: string): string {
  return content.slice(content.indexOf(" ") + 1);
}
