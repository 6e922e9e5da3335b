import type { Timer } from "../../clock.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { markHop } from "../../hops.ts";
import type { Subscription } from "../../lifetime.ts";
import { AirtimeLedger, type AirtimeReport, type Charged } from "../airtime/ledger.ts";
import { timeOnAir } from "../airtime/lora.ts";
import { countParts } from "../codec/text.ts";
import { BROADCAST } from "../ids.ts";
import type { LinkStatus } from "../link-status.ts";
import type { Hold, MessageStatus, OutboxRequest } from "../outgoing.ts";
import type { Radio, RoutingReport } from "../radio.ts";
import { placesNow, type Route } from "../routes.ts";
import { createMessage, refusal, remainingMs } from "./admission.ts";
import { Delivery, type LinkPause, type PartOfCopy } from "./delivery.ts";
import { holdOf } from "./held.ts";
import { LinkSender, type SendJob } from "./link-sender.ts";
import { messageIds } from "./message/id.ts";
import { hasWaiting, type OutMessage, outgoing, pluginOf, statusOf, untried } from "./message/message.ts";
import type { Enqueued, OutboxDeps, OutboxStats, WithdrawFilter } from "./outbox-port.ts";
import { SendQueue } from "./send-queue.ts";
import { Journal } from "./storage/journal.ts";
import { type HourCount, type ListQuery, OutboxStore } from "./storage/store.ts";

const COMMIT_MS = 1_000;
const TICK_MS = 1_000;
const SWEEP_MS = 3_600_000;
const SWEEP_AFTER_MESSAGES = 5_000;
const SETTLING_MAX = 1_000;
const STOP_MS = 2_000;
const HOUR_MS = 3_600_000;

/**
 * The durable queue of texts to be sent. Each is stored with its packet ids before the first byte leaves, sent by
 * priority with the senders served round robin, followed until it is delivered or has failed, and resumed after a crash.
 */
export class Outbox {
  readonly #store: OutboxStore;
  readonly #journal: Journal;
  readonly #queue = new SendQueue();
  readonly #delivery: Delivery;
  readonly #ledger: AirtimeLedger;
  readonly #nextId: () => string;
  readonly #live = new Map<string, OutMessage>();
  /** Everything is sent; answers are awaited. */
  readonly #settling = new Set<OutMessage>();
  readonly #links = new Map<string, LinkSender>();
  readonly #subscriptions: Subscription[] = [];
  readonly #counts = { sent: 0, delivered: 0, failed: 0 };
  #tickTimer: Timer | null = null;
  #sweptAt = 0;
  #messagesSinceSweep = 0;
  #running = false;

  constructor(private readonly deps: OutboxDeps) {
    const { clock, random, log } = deps;
    this.#store = new OutboxStore(deps.database);
    this.#ledger = new AirtimeLedger(clock, deps.config.airtime);
    this.#nextId = messageIds(clock, random);
    this.#delivery = new Delivery({
      clock,
      random,
      retryUnheard: () => deps.config.retry_unheard,
      changed: (...change) => this.#changed(...change),
    });
    this.#journal = new Journal(this.#store, {
      clock,
      log,
      // A link that sends a text every 2.5 s needs no more than one commit a second. Without spacing, one commit takes
      // everything that one turn of the event loop brought.
      intervalMs: Math.min(COMMIT_MS, this.#spacingMs),
      soon: deps.soon ?? ((run) => void setImmediate(run)),
      stored: () => this.#pump(),
      told: (message) => this.#tell(message),
      lost: (message) => this.#delivery.giveUp(message, "storage"),
    });
  }

  /**
   * Queues a text; an emergency is on the disk when this returns. Errors: `invalid_argument`, `not_found` (no such link),
   * `rate_limited` (too many of this plugin wait), `unavailable` (the queue is full), `conflict` (the packet id is in use).
   */
  enqueue(request: OutboxRequest): Result<Enqueued> {
    markHop("queued");
    const error = refusal(
      request,
      this.#queue,
      this.deps.radios().map((radio) => radio.name),
    );
    if (error !== null) return { ok: false, error };
    if (request.packetId !== undefined && this.#delivery.knows(request.packetId)) return fail("conflict", "the packet id is in use");
    const routes = request.routes ?? this.deps.routes(request.to, { link: request.link, channel: request.channel });
    if (routes.length === 0) return fail("not_found", "no interface reaches this destination");
    const message = createMessage({ id: this.#nextId(), request, routes }, this.deps.clock, () => this.#delivery.newPacketId());
    this.#messagesSinceSweep++;
    this.#delivery.track(message);
    const stored = this.#journal.add(message);
    this.#changed(message, undefined, true);
    if (request.priority === "emergency") this.#journal.commit("full");
    return ok({ id: message.id, stored });
  }

  /** How many packets a text needs. */
  parts(text: string): number {
    return countParts(text);
  }

  get(id: string): MessageStatus | null {
    const live = this.#live.get(id);
    return live === undefined ? this.#store.get(id) : this.#statusOf(live);
  }

  /** Newest first; commits every pending change before it reads. */
  list(query: ListQuery = {}): MessageStatus[] {
    this.#journal.settle();
    return this.#store.list(query).map((status) => {
      const live = this.#live.get(status.id);
      return live === undefined ? status : this.#statusOf(live);
    });
  }

  /** How many messages of each hour since `since` (ms since 1970) were sent, and how many failed. */
  countByHour(since: number): HourCount[] {
    this.#journal.settle();
    return this.#store.countByHour(since);
  }

  #statusOf(message: OutMessage): MessageStatus {
    if (!hasWaiting(message)) return statusOf(message);
    const held = holdOf(message, {
      now: this.deps.clock.monotonic(),
      isSilenced: this.deps.isSilenced?.() === true,
      isUp: (link) => this.#links.get(link)?.isUp === true,
      linkHold: (link, isUrgent) => this.#links.get(link)?.heldBy(isUrgent) ?? null,
      airtimeHold: (_, link) => {
        const { request } = message;
        const sender = this.#links.get(link);
        return sender === undefined ? null : this.#ledger.holds(request.priority, chargedFor(message, link), sender.status());
      },
    });
    return { ...statusOf(message), held };
  }

  /** Fails waiting messages with the reason `withdrawn`; parts already sent are not affected. Returns how many messages. */
  withdraw(filter: WithdrawFilter): number {
    const chosen = [...this.#queue].filter((message) => {
      return pluginOf(message.request.sender) === filter.plugin && (filter.where?.(statusOf(message)) ?? true);
    });
    return chosen.filter((message) => this.#delivery.giveUp(message, "withdrawn")).length;
  }

  stats(): OutboxStats {
    let oldest = Number.POSITIVE_INFINITY;
    for (const message of this.#queue) oldest = Math.min(oldest, message.queuedAt);
    const oldestQueuedS = this.#queue.size === 0 ? null : Math.max(0, (this.deps.clock.now() - oldest) / 1000);
    return { queued: this.#queue.size, ...this.#counts, oldestQueuedS };
  }

  /** How many messages wait, by what holds them. */
  held(): Map<Hold, number> {
    const counts = new Map<Hold, number>();
    for (const message of this.#queue) {
      const { held } = this.#statusOf(message);
      if (held !== undefined) counts.set(held, (counts.get(held) ?? 0) + 1);
    }
    return counts;
  }

  /** Estimated airtime of a plugin's messages in the last hour, ms. */
  airtimeOf(plugin: string): number {
    return this.#ledger.used(plugin);
  }

  airtime(): AirtimeReport {
    return this.#ledger.report();
  }

  /** Resumes the messages of the last run, and begins to send. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#sweep();
    const radios = this.deps.radios();
    const left = this.#store.open().filter((message) => !this.#live.has(message.id));
    for (const message of left) this.#restore(message, radios);
    this.#restoreAirtime(radios);
    // The last run may have sent a text just before it ended.
    const isRecent = left.length > 0 || this.deps.clock.now() - this.#store.newestAt() < this.#spacingMs + COMMIT_MS;
    for (const radio of radios) this.#attach(radio, isRecent ? this.#spacingMs : 0);
    if (left.length > 0) this.deps.log.info("resuming messages of the last run", { messages: left.length });
    if (this.#live.size > 0) this.#tickSoon();
    this.#pump();
  }

  /** Looks again for what may be sent: the operator ended a silence. */
  resume(): void {
    if (this.#running) this.#pump();
  }

  /** Stops sending. Waiting messages are stored and resumed at the next start. Idempotent. */
  async stop(): Promise<void> {
    if (!this.#running) return;
    this.#running = false;
    this.#tickTimer?.cancel();
    this.#tickTimer = null;
    const stopped = Promise.all([...this.#links.values()].map((link) => link.stop()));
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const deadline = this.deps.clock.after(STOP_MS, resolve);
    await Promise.race([stopped, late]);
    deadline.cancel();
    for (const subscription of this.#subscriptions.splice(0)) subscription.dispose();
    this.#links.clear();
    this.#journal.close();
  }

  get #spacingMs(): number {
    return this.deps.config.text_spacing_s * 1000;
  }

  #attach(radio: Radio, quietMs: number): void {
    const { clock, log } = this.deps;
    const link = new LinkSender(
      radio,
      { clock, log, spacingMs: () => this.#spacingMs, next: (_, status, urgentOnly) => this.#next(radio.name, status, urgentOnly) },
      quietMs,
    );
    this.#links.set(radio.name, link);
    this.#subscriptions.push(
      radio.onState((status) => {
        if (status.state !== "up") this.#delivery.linkLost([...this.#live.values()], radio.name);
        else this.#rename(status);
        link.changed(status);
        if (status.state === "up") this.#pump();
      }),
      radio.onQueue((report) => {
        link.reports = true;
        pause(link, this.#delivery.onQueue(report));
        if (report.maxlen > 0 && report.free === 0) link.hold(TICK_MS, TICK_MS, "radio_busy");
        link.reported(report.packetId);
      }),
      radio.onRouting((report) => {
        if (report.errorReason === 0 && !this.#delivery.knows(report.packetId)) this.#noteLate(report);
        else pause(link, this.#delivery.onRouting(report, link.status().ownNode));
        if (report.packetId !== 0) link.reported(report.packetId); // whoever knows of a text has it
      }),
    );
  }

  /** An ack for a message that was called failed. It stays failed: its sender may have acted on that. */
  #noteLate({ packetId, from }: RoutingReport): void {
    this.#journal.settle();
    const message = this.#store.failedUnder(packetId, from);
    if (message === null) return;
    message.note = "acknowledged_late";
    message.untold.push(statusOf(message));
    message.announced = message.state;
    this.#journal.touch(message);
    this.#journal.commitSoon();
  }

  #pump(): void {
    for (const link of this.#links.values()) link.pump();
  }

  #next(name: string, status: LinkStatus, urgentOnly: boolean): SendJob | null {
    const isUrgentOnly = urgentOnly || this.deps.isSilenced?.() === true;
    const picked = this.#queue.pick((message) => {
      const { priority } = message.request;
      if (!message.idsStored || message.final || (isUrgentOnly && priority !== "emergency")) return null;
      if (this.#ledger.holds(priority, chargedFor(message, name), status) !== null) return null;
      this.#assign(message, name);
      return message.idsStored ? this.#delivery.nextPart(message, name) : null;
    });
    if (picked === null) return null;
    return this.#sendJob(picked.message, picked.accepted, status);
  }

  #sendJob(message: OutMessage, { copy, part, index }: Omit<PartOfCopy, "message">, status: LinkStatus): SendJob {
    const text = outgoing(message, copy, part, index);
    part.state = "writing";
    part.writes++;
    part.writtenAt = this.deps.clock.monotonic(); // its report may come before the write is over
    return {
      text,
      isRepeat: part.writes > 1 || part.isUnsure,
      done: (written) => {
        if (written) this.#ledger.add(chargedFor(message, copy.link), timeOnAir(Buffer.byteLength(text.text), status));
        this.#delivery.written({ message, part, index }, written, this.#links.get(copy.link)?.reports === true);
        return part.state === "written" && part.awaitsReport;
      },
      unreported: () => this.#delivery.unreported({ message, part, index }),
    };
  }

  /** A radio is there and has told its channels: what waits for one of them by its name goes to that, whatever its number is now. */
  #rename({ name, channels }: LinkStatus): void {
    if (channels.length === 0) return;
    for (const message of [...this.#queue]) {
      if (message.copies.some((copy) => copy.link === name)) continue;
      const routes = message.routes.map((route) => placesNow(route, { name, channels }, message.request.to === BROADCAST));
      if (routes.every((route, at) => route === message.routes[at])) continue;
      this.deps.log.info("the channel of a waiting text is not where it was on its link", { link: name, message: message.id });
      if (message.copies.length === 0 && routes.every((route) => route.length === 0)) this.#delivery.giveUp(message, "no_channel");
      else {
        message.routes = routes;
        this.#changed(message, undefined, false);
      }
    }
  }

  /** Gives this link the routes of which it is the first that is up. */
  #assign(message: OutMessage, name: string): void {
    for (const index of message.routes.keys()) {
      const place = untried(message, index).find(({ link }) => this.#links.get(link)?.isUp === true);
      if (place?.link === name) this.#delivery.assign(message, index, place);
    }
  }

  #changed(message: OutMessage, part: number | undefined, announce: boolean): void {
    message.updatedAt = this.deps.clock.now();
    // What others act on is stored first: a gateway that is killed must not say something else when it is back.
    const isFact = announce && (message.final || message.state === "relayed");
    if (isFact) message.untold.push(statusOf(message, part));
    this.#journal.touch(message);
    if (!message.idsStored || isFact) this.#journal.commitSoon();
    this.#place(message);
    if (announce && !isFact) this.#announce(message, statusOf(message, part));
  }

  #tell(message: OutMessage): void {
    const untold = message.untold.splice(0);
    if (message.final) this.#drop(message);
    for (const status of untold) this.#announce(message, status);
  }

  #announce(message: OutMessage, status: MessageStatus): void {
    const { state } = status;
    if (state !== message.announced && (state === "sent" || state === "delivered" || state === "failed")) this.#counts[state]++;
    message.announced = state;
    this.deps.onStatus(status);
  }

  #place(message: OutMessage): void {
    this.#live.set(message.id, message);
    if (message.final) {
      this.#queue.remove(message);
      this.#settling.delete(message);
      return;
    }
    this.#tickSoon();
    if (hasWaiting(message)) {
      this.#settling.delete(message);
      this.#queue.add(message);
      return;
    }
    this.#queue.remove(message);
    this.#settling.add(message);
    for (const oldest of this.#settling) {
      if (this.#settling.size <= SETTLING_MAX) break;
      this.#delivery.conclude(oldest);
    }
  }

  #drop(message: OutMessage): void {
    this.#queue.remove(message);
    this.#settling.delete(message);
    this.#live.delete(message.id);
    this.#delivery.forget(message);
  }

  #tickSoon(): void {
    if (!this.#running) return;
    this.#tickTimer ??= this.deps.clock.after(TICK_MS, () => {
      this.#tickTimer = null;
      this.#tick();
      if (this.#live.size > 0) this.#tickSoon();
    });
  }

  /** Deadlines, parts without an answer, holds that ended, and the history. */
  #tick(): void {
    const now = this.deps.clock.monotonic();
    for (const message of [...this.#queue]) if (message.deadline <= now) this.#delivery.giveUp(message, "expired");
    for (const message of [...this.#settling]) if (message.settleAt !== null && message.settleAt <= now) this.#delivery.conclude(message);
    if (now - this.#sweptAt >= SWEEP_MS || this.#messagesSinceSweep >= SWEEP_AFTER_MESSAGES) this.#sweep();
    if (this.#queue.size > 0) this.#pump();
  }

  #sweep(): void {
    this.#sweptAt = this.deps.clock.monotonic();
    this.#messagesSinceSweep = 0;
    try {
      this.#store.sweep(this.deps.clock.now());
    } catch (thrown) {
      this.deps.log.error("old messages could not be removed", { error: thrown });
    }
  }

  #restore(message: OutMessage, radios: readonly Radio[]): void {
    const names = radios.map((radio) => radio.name);
    const left = remainingMs(message, this.deps.clock.now());
    const copies = message.copies.filter((copy) => names.includes(copy.link));
    const routes = this.#restoredRoutes(message, names);
    const restored = { ...message, routes, copies, deadline: this.deps.clock.monotonic() + left };
    this.#delivery.restore(restored);
    restored.announced = restored.state;
    this.#place(restored);
    if (routes.every((route) => route.length === 0)) this.#delivery.giveUp(restored, "no_link");
  }

  /** The routes without the interfaces that are gone. A node may be reached by any other; a channel is gone with its link. */
  #restoredRoutes({ routes, request }: OutMessage, names: readonly string[]): readonly Route[] {
    const left = routes.map((route) => route.filter(({ link }) => names.includes(link)));
    if (left.some((route) => route.length > 0)) return left;
    const { to, link, channel } = request;
    if (to !== BROADCAST) return this.deps.routes(to, {});
    return routes.length === 0 ? this.deps.routes(to, { link, channel }) : [];
  }

  #restoreAirtime(radios: readonly Radio[]): void {
    const now = this.deps.clock.now();
    const modems = new Map(radios.map((radio) => [radio.name, radio.status()]));
    for (const { plugin, link, channel, text, at } of this.#store.sentSince(now - HOUR_MS)) {
      this.#ledger.add({ plugin, link, channel }, timeOnAir(Buffer.byteLength(text), modems.get(link) ?? {}), Math.max(0, now - at));
    }
  }
}

function chargedFor({ request, routes, copies }: OutMessage, link: string): Charged {
  const copy = copies.findLast((each) => each.link === link);
  const place = routes.flat().find((each) => each.link === link);
  return { plugin: pluginOf(request.sender), link, channel: copy?.channel ?? place?.index ?? request.channel ?? 0 };
}

function pause(link: LinkSender, { ms, urgentMs, why }: LinkPause): void {
  if (ms > 0) link.hold(urgentMs, ms, why);
}
