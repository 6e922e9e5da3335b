import type { Priority } from "../outgoing.ts";
import { type OutMessage, senderKey } from "./message/message.ts";

const URGENT_FIRST: readonly Priority[] = ["emergency", "high", "normal", "low"];

/**
 * Messages that wait for a link. Higher priorities go first; within a priority the senders are served round robin, each
 * sender's own messages in order.
 */
export class SendQueue {
  readonly #queues: ReadonlyMap<Priority, Map<string, Set<OutMessage>>> = new Map(URGENT_FIRST.map((priority) => [priority, new Map()]));
  readonly #bySender = new Map<string, number>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** How many messages of one sender wait, over all priorities. */
  countOf(sender: string): number {
    return this.#bySender.get(sender) ?? 0;
  }

  /** A message that already waits keeps its place. */
  add(message: OutMessage): void {
    const key = senderKey(message.request.sender);
    const senders = this.#queues.get(message.request.priority);
    const queue = senders?.get(key) ?? new Set<OutMessage>();
    if (queue.has(message)) return;
    queue.add(message);
    senders?.set(key, queue);
    this.#size++;
    this.#bySender.set(key, this.countOf(key) + 1);
  }

  remove(message: OutMessage): void {
    const key = senderKey(message.request.sender);
    const senders = this.#queues.get(message.request.priority);
    const queue = senders?.get(key);
    if (queue?.delete(message) !== true) return;
    if (queue.size === 0) senders?.delete(key);
    this.#size--;
    const left = this.countOf(key) - 1;
    if (left === 0) this.#bySender.delete(key);
    else this.#bySender.set(key, left);
  }

  /**
   * The first message that `accept` accepts, asked in the order of service; its sender then goes to the end of the round.
   * A message whose parts are being sent (`current`) comes before others of its priority, so that its parts are not
   * separated.
   */
  pick<T>(
    current: (priority: Priority) => OutMessage | undefined,
    accept: (message: OutMessage) => T | null,
  ): { readonly message: OutMessage; readonly accepted: T } | null {
    for (const priority of URGENT_FIRST) {
      const begun = current(priority);
      const accepted = begun === undefined ? null : accept(begun);
      if (begun !== undefined && accepted !== null) return { message: begun, accepted };
      const found = this.#pickIn(this.#queues.get(priority) ?? new Map(), accept);
      if (found !== null) return found;
    }
    return null;
  }

  /** Every waiting message, in no particular order. */
  *[Symbol.iterator](): Generator<OutMessage> {
    for (const senders of this.#queues.values()) for (const queue of senders.values()) yield* queue;
  }

  #pickIn<T>(
    senders: Map<string, Set<OutMessage>>,
    accept: (message: OutMessage) => T | null,
  ): { readonly message: OutMessage; readonly accepted: T } | null {
    for (const [key, queue] of senders) {
      for (const message of queue) {
        const accepted = accept(message);
        if (accepted === null) continue;
        senders.delete(key);
        senders.set(key, queue);
        return { message, accepted };
      }
    }
    return null;
  }
}
