import type { Priority } from "../outgoing.ts";
import { type OutMessage, senderKey } from "./message/message.ts";

const URGENT_FIRST: readonly Priority[] = ["emergency", "high", "normal", "low"];

/** Messages that wait for a link: more urgent lanes first, within a lane the senders take turns, each sender's own in order. */
export class Lanes {
  readonly #lanes: ReadonlyMap<Priority, Map<string, Set<OutMessage>>> = new Map(URGENT_FIRST.map((priority) => [priority, new Map()]));
  readonly #bySender = new Map<string, number>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** How many messages of one sender wait, over all lanes. */
  countOf(sender: string): number {
    return this.#bySender.get(sender) ?? 0;
  }

  /** A message that waits already stays where it is. */
  add(message: OutMessage): void {
    const key = senderKey(message.request.sender);
    const lane = this.#lanes.get(message.request.priority);
    const queue = lane?.get(key) ?? new Set<OutMessage>();
    if (queue.has(message)) return;
    queue.add(message);
    lane?.set(key, queue);
    this.#size++;
    this.#bySender.set(key, this.countOf(key) + 1);
  }

  remove(message: OutMessage): void {
    const key = senderKey(message.request.sender);
    const lane = this.#lanes.get(message.request.priority);
    const queue = lane?.get(key);
    if (queue?.delete(message) !== true) return;
    if (queue.size === 0) lane?.delete(key);
    this.#size--;
    const left = this.countOf(key) - 1;
    if (left === 0) this.#bySender.delete(key);
    else this.#bySender.set(key, left);
  }

  /**
   * The first message that `take` wants, asked in the order of service; its sender then goes to the end of its lane. A
   * message whose parts are being sent (`current`, by lane) comes before others of its lane, so that parts follow one another.
   */
  pick<T>(
    current: (priority: Priority) => OutMessage | undefined,
    take: (message: OutMessage) => T | null,
  ): { readonly message: OutMessage; readonly taken: T } | null {
    for (const priority of URGENT_FIRST) {
      const begun = current(priority);
      const taken = begun === undefined ? null : take(begun);
      if (begun !== undefined && taken !== null) return { message: begun, taken };
      const found = this.#pickIn(this.#lanes.get(priority) ?? new Map(), take);
      if (found !== null) return found;
    }
    return null;
  }

  /** All that wait, in no order to rely on. */
  *[Symbol.iterator](): Generator<OutMessage> {
    for (const lane of this.#lanes.values()) for (const queue of lane.values()) yield* queue;
  }

  #pickIn<T>(
    lane: Map<string, Set<OutMessage>>,
    take: (message: OutMessage) => T | null,
  ): { readonly message: OutMessage; readonly taken: T } | null {
    for (const [key, queue] of lane) {
      for (const message of queue) {
        const taken = take(message);
        if (taken === null) continue;
        lane.delete(key);
        lane.set(key, queue);
        return { message, taken };
      }
    }
    return null;
  }
}
