import type { OutboxRequest, Priority } from "../outgoing.ts";
import { type OutMessage, senderKey } from "./message/message.ts";
import { Turns } from "./turns.ts";

const URGENT_FIRST: readonly Priority[] = ["emergency", "high", "normal", "low"];

type Lane = Turns<string, Turns<string, Set<OutMessage>>>;

/**
 * Messages that wait for a link, in one lane for each priority; higher ones go first. Within a lane turns go by asker: an
 * answer takes the turn of the node that asked, any other text that of its sender. Within one asker's turns the plugins that
 * answer take turns. A turn is one part, so a one-part answer never waits for all parts of a long one. The messages of one
 * asker and plugin keep their order.
 */
export class SendQueue {
  readonly #lanes: ReadonlyMap<Priority, Lane> = new Map(URGENT_FIRST.map((priority) => [priority, new Turns()]));
  readonly #counts = new Map<string, number>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** How many messages of one sender wait in the lane of this priority. */
  countOf(sender: string, priority: Priority): number {
    return this.#counts.get(`${priority} ${sender}`) ?? 0;
  }

  /** How many of them are answers to strangers. */
  strangersOf(sender: string, priority: Priority): number {
    return this.#counts.get(`${priority} ${sender} strangers`) ?? 0;
  }

  /** A message that already waits keeps its place. */
  add(message: OutMessage): void {
    const { asker, sender } = keysOf(message.request);
    const senders = this.#lane(message).getOrAdd(asker, () => new Turns());
    const queue = senders.getOrAdd(sender, () => new Set());
    if (queue.has(message)) return;
    queue.add(message);
    this.#count(message, 1);
  }

  remove(message: OutMessage): void {
    const { asker, sender } = keysOf(message.request);
    const lane = this.#lane(message);
    const senders = lane.get(asker);
    const queue = senders?.get(sender);
    if (senders === undefined || queue?.delete(message) !== true) return;
    if (queue.size === 0) senders.delete(sender);
    if (senders.size === 0) lane.delete(asker);
    this.#count(message, -1);
  }

  /** The first message that `accept` accepts, asked in the order of service; its asker and sender then go to the end of the round. */
  pick<T>(accept: (message: OutMessage) => T | null): { readonly message: OutMessage; readonly accepted: T } | null {
    for (const lane of this.#lanes.values()) {
      const picked = lane.pick((senders) => senders.pick((queue) => firstAccepted(queue, accept)));
      if (picked !== null) return picked;
    }
    return null;
  }

  /** Every waiting message, in no particular order. */
  *[Symbol.iterator](): Generator<OutMessage> {
    for (const lane of this.#lanes.values()) for (const senders of lane) for (const queue of senders) yield* queue;
  }

  #lane(message: OutMessage): Lane {
    return this.#lanes.get(message.request.priority) ?? new Turns();
  }

  #count(message: OutMessage, change: 1 | -1): void {
    const { priority, sender, asker } = message.request;
    const key = `${priority} ${senderKey(sender)}`;
    this.#add(key, change);
    if (asker === "strangers") this.#add(`${key} strangers`, change);
    this.#size += change;
  }

  #add(key: string, change: 1 | -1): void {
    const count = (this.#counts.get(key) ?? 0) + change;
    if (count === 0) this.#counts.delete(key);
    else this.#counts.set(key, count);
  }
}

function keysOf({ sender, asker }: OutboxRequest): { readonly asker: string; readonly sender: string } {
  const key = senderKey(sender);
  return { asker: asker === undefined ? key : `asker:${asker}`, sender: key };
}

function firstAccepted<T>(queue: Iterable<OutMessage>, accept: (message: OutMessage) => T | null) {
  for (const message of queue) {
    const accepted = accept(message);
    if (accepted !== null) return { message, accepted };
  }
  return null;
}
