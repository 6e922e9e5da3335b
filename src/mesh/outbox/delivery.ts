import type { Clock, Random } from "../../clock.ts";
import { BROADCAST, type NodeNumber, type PacketId, packetId } from "../ids.ts";
import type { QueueReport, RoutingReport } from "../radio.ts";
import type { Place } from "../routes.ts";
import {
  type Copy,
  type FailureReason,
  hasWaiting,
  newPart,
  type OutMessage,
  type Part,
  packetIdsOf,
  RANK,
  stateOf,
} from "./message/message.ts";
import { judgeNak, judgeQueueStatus, type SendOutcome } from "./message/outcome.ts";

export interface DeliveryDeps {
  readonly clock: Clock;
  readonly random: Random;
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

/** Attempts after the first, each with a new id. */
const RETRIES_MAX = 2;
const RETRY_MS = 30_000;
const RESENDS_MAX = 3;
const EARLIER_KEPT = 8;
/** A radio that reports about its queue does so at once; after this long it did not get the text. */
const UNANSWERED_MS = 30_000;
/** How long answers are awaited when everything is sent. */
const SETTLE_ACK_MS = 5 * 60_000;
const SETTLE_MS = 60_000;

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

  /** Gives a route of the message to a link. All copies begin with the same ids. */
  assign(message: OutMessage, route: number, { link, index: channel }: Place): void {
    message.copies.push({ link, channel, route, parts: message.packetIds.map(newPart) });
  }

  /** The part to send next over this link. */
  nextPart(message: OutMessage, link: string): { copy: Copy; part: Part; index: number } | null {
    const copy = message.copies.find((each) => each.link === link);
    if (copy === undefined || message.reason !== null) return null;
    const now = this.deps.clock.monotonic();
    const index = copy.parts.findIndex((part) => part.state === "waiting" && part.notBefore <= now);
    const part = copy.parts[index];
    return part === undefined ? null : { copy, part, index };
  }

  /** The link has finished writing a part. An answer about it may have come before this. */
  written(message: OutMessage, part: Part, index: number, written: boolean): void {
    part.writtenAt = this.deps.clock.monotonic();
    if (part.state === "writing") this.#move(message, part, index, written ? "written" : "waiting");
  }

  /** Returns how long the link must wait, ms. */
  onQueue(report: QueueReport): number {
    const found = this.#find(report.link, report.packetId);
    if (found === null || found.part.packetId !== report.packetId) return 0;
    return this.#apply(found, judgeQueueStatus(report.res), report.res);
  }

  /** Returns how long the link must wait, ms. */
  onRouting(report: RoutingReport, ownNode: NodeNumber | undefined): number {
    const found = this.#find(report.link, report.packetId);
    if (found === null) return 0;
    const { message, part, index } = found;
    const fromDestination = report.from === message.request.to;
    if (!fromDestination && report.from !== ownNode) return 0;
    if (report.errorReason === 0) {
      // Only an ack from the destination means delivery; one from the own node means that another node relayed it.
      const state = fromDestination ? "delivered" : "relayed";
      const late = part.state === "failed" && state === "delivered" && message.reason === "not_heard";
      if (late) this.#clearFailure(message);
      if (late || RANK[state] > RANK[part.state]) this.#move(message, part, index, state);
      return 0;
    }
    if (part.packetId !== report.packetId) return 0; // it is about an attempt that was given up
    return this.#apply(found, judgeNak(report.errorReason), report.errorReason);
  }

  /** The link went down. Unconfirmed parts are sent again under the same id, which the radio ignores if it has them. */
  linkLost(messages: Iterable<OutMessage>, link: string): void {
    const now = this.deps.clock.monotonic();
    for (const message of messages) {
      this.#resend(message, (copy, part) => copy.link === link && now - part.writtenAt < SETTLE_MS);
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

  /** Sends parts again about which a radio that reports about its queue (`answers`) was silent for too long. */
  resendUnanswered(message: OutMessage, answers: (link: string) => boolean): void {
    const now = this.deps.clock.monotonic();
    this.#resend(message, (copy, part) => answers(copy.link) && now - part.writtenAt >= UNANSWERED_MS);
  }

  /** Fails the parts that still wait. The message fails when every copy has a failed part. False: nothing waited. */
  giveUp(message: OutMessage, reason: FailureReason): boolean {
    const waiting = message.copies.flatMap((copy) => copy.parts.filter((part) => part.state === "waiting"));
    if (message.reason !== null || (waiting.length === 0 && message.copies.length > 0)) return false;
    for (const part of waiting) part.state = "failed";
    if (message.copies.every(isFailed)) message.reason = reason;
    this.#settle(message);
    this.deps.changed(message, undefined, true);
    return true;
  }

  /** Updates the message's state, and until when answers are awaited once everything is sent. */
  #settle(message: OutMessage): void {
    message.state = stateOf(message);
    if (hasWaiting(message)) {
      message.settleAt = null;
      return;
    }
    const awaited = message.reason === null || message.reason === "not_heard";
    if (message.state === "delivered" || !awaited) message.final = true;
    const { wantAck, to } = message.request;
    message.settleAt = this.deps.clock.monotonic() + (wantAck && to !== BROADCAST && message.reason === null ? SETTLE_ACK_MS : SETTLE_MS);
  }

  /** After a restart: unconfirmed parts are sent again under their ids, unless the message's deadline has passed (`late`). */
  restore(message: OutMessage, late: boolean): void {
    if (!late) for (const copy of message.copies) for (const part of copy.parts) if (part.state === "written") part.state = "waiting";
    for (const copy of message.copies) for (const part of copy.parts) if (part.state === "writing") part.state = "waiting";
    this.#settle(message);
    this.track(message);
  }

  #find(link: string, id: PacketId): PartOfCopy | null {
    const message = id === 0 ? undefined : this.#byPacket.get(id);
    if (message === undefined) return null;
    const copy = message.copies.find((each) => each.link === link);
    const index = copy?.parts.findIndex((part) => part.packetId === id || part.earlier.includes(id)) ?? -1;
    const part = copy?.parts[index];
    return copy === undefined || part === undefined ? null : { message, copy, part, index };
  }

  #apply(found: PartOfCopy, outcome: SendOutcome, code: number): number {
    const { message, part, index } = found;
    if (part.state === "waiting" || part.state === "failed" || part.state === "delivered") return 0;
    switch (outcome.kind) {
      case "taken":
        if (part.state === "writing" || part.state === "written") this.#move(message, part, index, "taken");
        return 0;
      case "dropped":
        message.code = code;
        this.#renew(message, part);
        this.#move(message, part, index, "waiting");
        return outcome.holdMs;
      case "unheard":
        if (part.state !== "relayed") this.#unheard(found, code);
        return 0;
      case "failed":
        this.#fail(found, outcome.reason, code);
        return 0;
    }
  }

  /**
   * The radio transmitted it three times without an acknowledgement. It would ignore the same id, so another attempt needs
   * a new one. That doubles the text if only the ack was lost. Therefore there are few attempts, only for direct messages
   * with `wantAck`, and none once another node relayed it. An ack for an earlier id ends them.
   */
  #unheard(found: PartOfCopy, code: number): void {
    const { message, part, index } = found;
    const { wantAck, to } = message.request;
    if (!wantAck || to === BROADCAST || part.retries >= RETRIES_MAX) {
      this.#fail(found, "not_heard", code);
      return;
    }
    message.code = code;
    const jitter = 0.75 + this.deps.random.fraction() / 2;
    part.notBefore = this.deps.clock.monotonic() + RETRY_MS * 2 ** part.retries * jitter;
    part.retries++;
    this.#renew(message, part);
    this.#move(message, part, index, "waiting");
  }

  #fail({ message, copy, part, index }: PartOfCopy, reason: FailureReason, code: number): void {
    // A text with a missing part is of no use, so its other parts are not sent.
    for (const each of copy.parts) if (each.state === "waiting") each.state = "failed";
    part.state = "failed";
    message.code = code;
    if (message.copies.every(isFailed)) message.reason = reason;
    this.#settle(message);
    this.deps.changed(message, index + 1, true);
  }

  #clearFailure(message: OutMessage): void {
    message.reason = null;
    message.code = null;
  }

  /** Gives the part a new id, which must be stored before it is used. */
  #renew(message: OutMessage, part: Part): void {
    part.earlier.push(part.packetId);
    for (const id of part.earlier.splice(0, Math.max(0, part.earlier.length - EARLIER_KEPT))) this.#byPacket.delete(id);
    part.packetId = this.newPacketId();
    this.#byPacket.set(part.packetId, message);
    message.idsStored = false;
  }

  #resend(message: OutMessage, which: (copy: Copy, part: Part) => boolean): void {
    for (const copy of message.copies) {
      for (const [index, part] of copy.parts.entries()) {
        if (part.state !== "written" || part.resends >= RESENDS_MAX || !which(copy, part)) continue;
        part.resends++;
        this.#move(message, part, index, "waiting");
      }
    }
  }

  #move(message: OutMessage, part: Part, index: number, state: Part["state"]): void {
    const announce = RANK[state] !== RANK[part.state];
    part.state = state;
    this.#settle(message);
    this.deps.changed(message, index + 1, announce);
  }
}

function isFailed(copy: Copy): boolean {
  return copy.parts.some((part) => part.state === "failed");
}

function isUntouched(part: Part): boolean {
  return part.state === "waiting" && part.writtenAt === Number.NEGATIVE_INFINITY && part.earlier.length === 0;
}
