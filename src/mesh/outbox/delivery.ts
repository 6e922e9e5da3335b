import type { Clock, Random } from "../../clock.ts";
import { BROADCAST, type NodeNumber, type PacketId, packetId } from "../ids.ts";
import type { Hold } from "../outgoing.ts";
import type { QueueReport, RoutingReport } from "../radio.ts";
import type { Place } from "../routes.ts";
import {
  type Copy,
  type FailureReason,
  hasWaiting,
  isAt,
  isFailed,
  newPart,
  type OutMessage,
  type Part,
  packetIdsOf,
  rankOf,
  stateOf,
  untried,
} from "./message/message.ts";
import { FOR_THIS_CHANNEL, HOLD_EMERGENCY_MAX_MS, judgeNak, judgeQueueStatus, NEVER_SENT, type SendOutcome } from "./message/outcome.ts";
import { advance } from "./message/states.ts";

export interface DeliveryDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Whether a direct message that nobody acknowledged is sent again under a new id, which may double it. */
  retryUnheard(): boolean;
  /** The message changed: in this part (from 1), or as a whole. `announce`: the change is reported to others. */
  changed(message: OutMessage, part: number | undefined, announce: boolean): void;
}

export interface PartOfCopy {
  readonly message: OutMessage;
  readonly copy: Copy;
  readonly part: Part;
  /** Of the part, from 0. */
  readonly index: number;
}

/** How long a link must wait after a report, ms. Emergencies wait `urgentMs`. */
export interface LinkPause {
  readonly ms: number;
  readonly urgentMs: number;
  readonly why: Hold;
}

type Dropped = Extract<SendOutcome, { kind: "dropped" }>;

const NO_PAUSE: LinkPause = { ms: 0, urgentMs: 0, why: "spacing" };
/** Attempts after the first, each with a new id, when nobody acknowledged it. */
const RETRIES_MAX = 2;
const RETRY_MS = 30_000;
/** Attempts after the first when the radio dropped it; an emergency is kept up longer. */
const RENEWALS_MAX = { usual: 8, emergency: 60 } as const;
/** How often one id is handed to a radio. */
const WRITES_MAX = 5;
const EARLIER_KEPT = 8;
/** How long answers are awaited when everything is sent: for an ack, else for the radio's own report or a nak. */
const SETTLE_ACK_MS = 5 * 60_000;
const SETTLE_MS = 60_000;
const SETTLE_TAKEN_MS = 5_000;
/** What a radio took so shortly before its link went down may have been lost with it. Longer than the detection of a dead link. */
const LOST_WITH_RADIO_MS = 3 * 60_000;
/** The next part of a direct message waits for the ack of the one before, and not for ever: the radio's nak comes after 21 s. */
const PART_ACK_MS = 30_000;
/** The radio says at once that a text came too soon. Later, the same word is about a repetition of a text that it has. */
const TOO_SOON_SAID_MS = 5_000;
const TOO_SOON = 38;

/** Tracks each part: what the radio and the mesh answer, what is sent again, and under which id. */
export class Delivery {
  readonly #byPacket = new Map<PacketId, OutMessage>();

  constructor(private readonly deps: DeliveryDeps) {}

  /** A non-zero, unpredictable id that no tracked message has. */
  newPacketId(): PacketId {
    for (;;) {
      const id = packetId(this.deps.random.u32());
      if (id !== 0 && !this.#byPacket.has(id)) return id;
    }
  }

  /** Whether a message that is not final has, or had, this packet id. */
  knows(id: PacketId): boolean {
    return this.#byPacket.has(id);
  }

  track(message: OutMessage): void {
    for (const id of packetIdsOf(message)) this.#byPacket.set(id, message);
  }

  forget(message: OutMessage): void {
    for (const id of packetIdsOf(message)) if (this.#byPacket.get(id) === message) this.#byPacket.delete(id);
  }

  /**
   * Gives a route of the message to a link. The first copies begin with the same ids, so that a node which hears several takes
   * them for one. A later copy has ids of its own: the radio before refused the first ones, and this one may be the same radio.
   */
  assign(message: OutMessage, route: number, { link, index: channel }: Place): void {
    const isFirst = message.copies.every((copy) => copy.route !== route);
    message.copies.push({ link, channel, route, parts: message.packetIds.map((id) => newPart(isFirst ? id : this.newPacketId())) });
    for (const part of message.copies.at(-1)?.parts ?? []) part.isUnsure = isFirst && message.isRestored;
    if (isFirst) return;
    this.track(message);
    message.idsStored = false;
    this.deps.changed(message, undefined, false);
  }

  /** The part to send next over this link: parts go in order, each after the radio has the one before. */
  nextPart(message: OutMessage, link: string): { copy: Copy; part: Part; index: number } | null {
    const copy = message.copies.find((each) => each.link === link && !isFailed(each));
    if (copy === undefined || message.reason !== null) return null;
    const now = this.deps.clock.monotonic();
    const index = copy.parts.findIndex((part) => part.state === "waiting");
    const part = copy.parts[index];
    if (part === undefined || part.notBefore > now) return null;
    return copy.parts.slice(0, index).every((before) => this.#isThrough(message, before, now)) ? { copy, part, index } : null;
  }

  /** The link has finished writing a part. An answer about it may have come before this. `reports`: the radio says what it takes. */
  written({ message, part, index }: Omit<PartOfCopy, "copy">, written: boolean, reports: boolean): void {
    part.writtenAt = this.deps.clock.monotonic();
    if (part.state !== "writing") return;
    part.awaitsReport = written && reports;
    this.#move(message, part, index, written ? "written" : "waiting");
  }

  /** The radio has answered what was sent after this part, and said nothing about the part: it has it, or knows its id. */
  unreported({ message, part, index }: Omit<PartOfCopy, "copy">): void {
    if (part.state !== "written" || !part.awaitsReport) return;
    const before = rankOf(part);
    part.awaitsReport = false;
    if (part.wasTaken) this.#move(message, part, index, "taken");
    else this.#update(message, index, rankOf(part) !== before);
  }

  onQueue(report: QueueReport): LinkPause {
    const found = this.#find(report.link, report.packetId);
    if (found === null || found.part.packetId !== report.packetId) return NO_PAUSE;
    const { part } = found;
    // A second report about a text that was taken says that it has left the radio's queue.
    if (part.state !== "writing" && part.state !== "written") {
      if (report.res === 0 && part.state === "taken") part.wasAired = true;
      return NO_PAUSE;
    }
    return this.#apply(found, judgeQueueStatus(report.res), report.res);
  }

  onRouting(report: RoutingReport, ownNode: NodeNumber | undefined): LinkPause {
    const found = this.#find(report.link, report.packetId);
    if (found === null) return NO_PAUSE;
    const { message, part, index } = found;
    const fromDestination = report.from === message.request.to;
    if (!fromDestination && report.from !== ownNode) return NO_PAUSE;
    if (report.errorReason === 0) {
      // Only an ack from the destination means delivery; one from the own node means that another node relayed it.
      const state = fromDestination ? "delivered" : "relayed";
      if (part.state !== "failed" && rankOf({ state, awaitsReport: false }) > rankOf(part)) this.#move(message, part, index, state);
      return NO_PAUSE;
    }
    if (part.packetId !== report.packetId) return NO_PAUSE; // it is about an attempt that was given up
    return this.#apply(found, judgeNak(report.errorReason), report.errorReason);
  }

  /**
   * The link went down. What the radio may have lost is sent again under the same id, which the radio and the mesh ignore if
   * they know it, and in the order of the parts.
   */
  linkLost(messages: Iterable<OutMessage>, link: string): void {
    const now = this.deps.clock.monotonic();
    for (const message of messages) {
      for (const copy of message.copies.filter((each) => each.link === link)) {
        const first = copy.parts.findIndex((part) => mayBeLost(part, now));
        if (first === -1 || copy.parts.slice(first).some(({ state }) => state === "relayed" || state === "delivered")) continue;
        for (const [at, part] of copy.parts.entries()) {
          if (at >= first && mayBeLost(part, now)) this.#move(message, part, at, "waiting");
        }
      }
      this.#takeBack(message, link);
    }
  }

  /** Copies that the lost link has not begun are given up, so that another link can send the message. */
  #takeBack(message: OutMessage, link: string): void {
    const kept = message.copies.filter((copy) => copy.link !== link || !copy.parts.every(isUntouched));
    if (kept.length === message.copies.length) return;
    message.copies = kept;
    this.#settle(message);
    this.deps.changed(message, undefined, false);
  }

  /** Fails the parts that still wait, and with them the message when no copy is through. False: nothing waited. */
  giveUp(message: OutMessage, reason: FailureReason): boolean {
    // After a restart, a message may have no place left to go to.
    const isNowhere = !message.final && message.reason === null && message.copies.length === 0;
    if (!hasWaiting(message) && !isNowhere) return false;
    const waiting = message.copies.flatMap((copy) => copy.parts.filter((part) => part.state === "waiting"));
    const wasWritten = waiting.some((part) => part.writes > 0);
    for (const part of waiting) part.state = "failed";
    message.routes = message.routes.map((route, at) => usedOf(route, message, at));
    if (message.copies.every(isFailed)) this.#end(message, wasWritten && reason === "expired" ? "unconfirmed" : reason);
    else this.#settle(message);
    this.deps.changed(message, undefined, true);
    return true;
  }

  /** The time for answers is over. Whatever was not confirmed has failed; a broadcast that the radio took has ended well. */
  conclude(message: OutMessage): void {
    if (message.final) return;
    const isThrough = message.copies.some((copy) => copy.parts.every((part) => part.state === "taken" || part.state === "relayed"));
    if (message.request.to !== BROADCAST || !isThrough) this.#end(message, "unconfirmed");
    message.final = true;
    this.deps.changed(message, undefined, true);
  }

  /** After a restart: what may not have reached the radio is sent again under its id. */
  restore(message: OutMessage): void {
    const unsure = (part: Part) => part.state === "written" || part.state === "writing";
    for (const part of message.copies.flatMap((copy) => copy.parts)) {
      part.isUnsure = true;
      if (unsure(part)) part.state = "waiting";
    }
    this.#settle(message);
    this.track(message);
  }

  #end(message: OutMessage, reason: FailureReason): void {
    message.reason = reason;
    message.state = advance(message.state, "failed");
    message.final = true;
  }

  /** Updates the message's state, and until when answers are awaited once everything is sent. */
  #settle(message: OutMessage): void {
    message.state = advance(message.state, stateOf(message));
    message.settleAt = null;
    if (message.state === "delivered") {
      message.final = true;
      message.code = null;
    }
    if (!message.final && !hasWaiting(message)) message.settleAt = this.deps.clock.monotonic() + settleMs(message);
  }

  #isThrough(message: OutMessage, part: Part, now: number): boolean {
    const { wantAck, to } = message.request;
    if (part.state === "relayed" || part.state === "delivered") return true;
    if (rankOf(part) < 1) return false;
    return !wantAck || to === BROADCAST || now - part.writtenAt >= PART_ACK_MS;
  }

  #find(link: string, id: PacketId): PartOfCopy | null {
    const message = id === 0 ? undefined : this.#byPacket.get(id);
    if (message === undefined) return null;
    for (const copy of message.copies) {
      if (copy.link !== link) continue;
      const index = copy.parts.findIndex((part) => part.packetId === id || part.earlier.some((each) => each.packetId === id));
      const part = copy.parts[index];
      if (part !== undefined) return { message, copy, part, index };
    }
    return null;
  }

  #apply(found: PartOfCopy, outcome: SendOutcome, code: number): LinkPause {
    const { message, part, index } = found;
    if (part.state === "waiting" || part.state === "failed" || part.state === "delivered") return NO_PAUSE;
    switch (outcome.kind) {
      case "taken":
        part.wasTaken = true;
        part.awaitsReport = false;
        this.#move(message, part, index, "taken");
        return NO_PAUSE;
      case "dropped":
        if (this.#wasDropped(found, code)) return this.#renewDropped(found, outcome, code);
        this.#doubt(found, code);
        return NO_PAUSE;
      case "unheard":
        if (part.state !== "relayed") this.#unheard(found, code);
        return NO_PAUSE;
      case "failed":
        this.#fail(found, outcome.reason, code);
        return NO_PAUSE;
    }
  }

  /**
   * Whether a report of a drop is about the only copy that a radio ever got. What was taken or relayed is on its way, and what
   * was handed over twice may have been sent the first time: a new id would double it. Only an emergency rather goes twice than
   * not at all. A text that came too soon is the one that a radio takes and drops in one breath.
   */
  #wasDropped({ message, part }: PartOfCopy, code: number): boolean {
    const isOnly = (part.writes === 1 && !part.isUnsure) || message.request.priority === "emergency";
    if (part.state === "writing" || part.state === "written") return isOnly;
    const isFresh = this.deps.clock.monotonic() - part.writtenAt <= TOO_SOON_SAID_MS;
    return isOnly && code === TOO_SOON && part.state === "taken" && !part.wasAired && isFresh;
  }

  /** It may have been sent before, and may not: it waits for an ack, and fails without one. Nothing is sent after such a part. */
  #doubt(found: PartOfCopy, code: number): void {
    const { message, part, index } = found;
    if (part.state !== "written") return;
    part.wasTaken = false;
    if (message.texts.length > 1) this.#fail(found, "unconfirmed", code);
    else this.unreported({ message, part, index });
  }

  /** It was never on the air, and the radio ignores its id from now on. */
  #renewDropped(found: PartOfCopy, { holdMs, hold }: Dropped, code: number): LinkPause {
    const { message, part, index } = found;
    const isUrgent = message.request.priority === "emergency";
    if (part.renewals >= RENEWALS_MAX[isUrgent ? "emergency" : "usual"]) {
      this.#fail(found, "refused", code);
      return NO_PAUSE;
    }
    part.renewals++;
    message.code = code;
    this.#renew(message, part, code);
    this.#move(message, part, index, "waiting");
    return { ms: holdMs, urgentMs: Math.min(holdMs, HOLD_EMERGENCY_MAX_MS), why: hold };
  }

  /**
   * The radio transmitted it three times without an acknowledgement. It would ignore the same id, so another attempt needs
   * a new one, which doubles the text if only the ack was lost. Nobody acknowledges a broadcast.
   */
  #unheard(found: PartOfCopy, code: number): void {
    const { message, part, index } = found;
    const { wantAck, to } = message.request;
    if (to === BROADCAST) return;
    if (!wantAck || !this.deps.retryUnheard() || part.retries >= RETRIES_MAX) {
      this.#fail(found, "not_heard", code);
      return;
    }
    message.code = code;
    const jitter = 0.75 + this.deps.random.fraction() / 2;
    part.notBefore = this.deps.clock.monotonic() + RETRY_MS * 2 ** part.retries * jitter;
    part.retries++;
    this.#renew(message, part, code);
    this.#move(message, part, index, "waiting");
  }

  #fail({ message, copy, part, index }: PartOfCopy, reason: FailureReason, code: number): void {
    const wasOnAir = copy.parts.some((each) => each !== part && rankOf(each) > 0);
    // A text with a missing part is of no use, so its other parts are not sent.
    for (const each of copy.parts) if (each.state === "waiting") each.state = "failed";
    part.state = "failed";
    message.code = code;
    // Another channel of this link is no better, unless this one was the reason.
    if (!FOR_THIS_CHANNEL.has(reason)) message.routes = message.routes.map((route) => withoutOthersOf(route, copy));
    const hasOther = NEVER_SENT.has(reason) && !wasOnAir && untried(message, copy.route).length > 0;
    if (!hasOther) message.routes = message.routes.map((route, at) => (at === copy.route ? usedOf(route, message, at) : route));
    if (!hasOther && message.copies.every(isFailed) && !hasWaiting(message)) this.#end(message, reason);
    else this.#settle(message);
    this.deps.changed(message, index + 1, true);
  }

  /** Gives the part a new id, which must be stored before it is used. */
  #renew(message: OutMessage, part: Part, code: number): void {
    part.earlier.push({ packetId: part.packetId, code });
    for (const { packetId: id } of part.earlier.splice(0, Math.max(0, part.earlier.length - EARLIER_KEPT))) this.#byPacket.delete(id);
    Object.assign(part, {
      packetId: this.newPacketId(),
      writes: 0,
      isUnsure: false,
      wasTaken: false,
      wasAired: false,
      awaitsReport: false,
    });
    this.#byPacket.set(part.packetId, message);
    message.idsStored = false;
  }

  #move(message: OutMessage, part: Part, index: number, state: Part["state"]): void {
    const before = rankOf(part);
    part.state = state;
    this.#update(message, index, rankOf(part) !== before);
  }

  #update(message: OutMessage, index: number, announce: boolean): void {
    this.#settle(message);
    this.deps.changed(message, index + 1, announce);
  }
}

/** The places of a route over which a copy was sent: the others are not used any more. */
function usedOf(route: readonly Place[], message: OutMessage, at: number): readonly Place[] {
  return route.filter((place) => message.copies.some((copy) => copy.route === at && isAt(copy, place)));
}

function withoutOthersOf(route: readonly Place[], copy: Copy): readonly Place[] {
  return route.filter((place) => place.link !== copy.link || isAt(copy, place));
}

/** What a radio that went away may have lost: what it did not report, and what it took shortly before and did not send yet. */
function mayBeLost(part: Part, now: number): boolean {
  if (part.writes >= WRITES_MAX) return false;
  if (part.state === "written") return true;
  return part.state === "taken" && !part.wasAired && now - part.writtenAt < LOST_WITH_RADIO_MS;
}

function isUntouched(part: Part): boolean {
  return part.state === "waiting" && part.writes === 0 && part.earlier.length === 0;
}

function settleMs({ request, copies }: OutMessage): number {
  if (request.wantAck) return request.to === BROADCAST ? SETTLE_MS : SETTLE_ACK_MS;
  const areTaken = copies.every((copy) => copy.parts.every((part) => rankOf(part) > 0 && part.state !== "written"));
  return request.to === BROADCAST && areTaken ? SETTLE_TAKEN_MS : SETTLE_MS;
}
