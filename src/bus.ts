import type { Subscription } from "./lifetime.ts";

export type Listener<T> = (data: T) => void;

/**
 * Synchronous announcements inside the gateway process. A listener must be quick and must not throw; one that throws
 * is reported to `onFault` and the others still run. Nothing is queued here: who needs a queue bounds its own.
 */
export class EventBus<Events> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>();

  constructor(private readonly onFault: (event: keyof Events, thrown: unknown) => void) {}

  on<E extends keyof Events>(event: E, listener: Listener<Events[E]>): Subscription {
    const set = this.#listeners.get(event) ?? new Set<Listener<never>>();
    this.#listeners.set(event, set);
    set.add(listener);
    return { dispose: () => void set.delete(listener) };
  }

  emit<E extends keyof Events>(event: E, data: Events[E]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      try {
        (listener as Listener<Events[E]>)(data);
      } catch (thrown) {
        this.onFault(event, thrown);
      }
    }
  }

  /** How many listeners there are, for tests that count leaks. */
  get size(): number {
    let count = 0;
    for (const set of this.#listeners.values()) count += set.size;
    return count;
  }
}
