import type { LinkStatus, MeshMessage, MeshNode, MessageStatus } from "../mesh/types.ts";

/** What the core announces. Names are those plugins subscribe to with onEvent, and the API streams. */
export interface CoreEvents {
  message_received: MeshMessage;
  message_processed: { correlationId: string; plugin: string | null; outcome: "replied" | "silent" | "unhandled" | "failed" };
  message_status: MessageStatus;
  node_seen: MeshNode;
  link_state: LinkStatus;
  plugin_started: { plugin: string };
  plugin_stopped: { plugin: string; reason: string };
  plugin_failed: { plugin: string; reason: string };
  plugin_event: { plugin: string; type: string; data: unknown };
  permission_requested: { plugin: string; permission: unknown };
  permission_changed: { plugin: string };
  config_changed: { plugin: string; keys: string[] };
  alert: { code: string; message: string; plugin?: string };
  log: { timestamp: string; level: string; plugin?: string; category: string; message: string };
}

export type EventName = keyof CoreEvents;
export type Listener<T> = (data: T) => void;

export interface Subscription {
  dispose(): void;
}

/**
 * Synchronous announcements inside the gateway process. A listener must be quick and must not throw; one that throws
 * is reported to `onFault` and the others still run. Nothing is queued here: who needs a queue bounds its own.
 */
export class EventBus {
  readonly #listeners = new Map<EventName, Set<Listener<never>>>();

  constructor(private readonly onFault: (event: EventName, thrown: unknown) => void) {}

  on<E extends EventName>(event: E, listener: Listener<CoreEvents[E]>): Subscription {
    const set = this.#listeners.get(event) ?? new Set<Listener<never>>();
    this.#listeners.set(event, set);
    set.add(listener);
    return { dispose: () => void set.delete(listener) };
  }

  emit<E extends EventName>(event: E, data: CoreEvents[E]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      try {
        (listener as Listener<CoreEvents[E]>)(data);
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
