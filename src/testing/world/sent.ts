import type { CoreBus } from "../../events/core.ts";
import { BROADCAST } from "../../mesh/ids.ts";
import type { MessageState, MessageStatus, Priority } from "../../mesh/outgoing.ts";

/** A message that was queued for the mesh, replies included. */
export interface SentMessage {
  readonly id: string;
  readonly text: string;
  /** Name of the node, its id where the name is not known, or `broadcast`. */
  readonly to: string;
  readonly channel: number;
  readonly state: MessageState;
  /** Why it failed. */
  readonly reason: string | null;
  /** How many texts it made on the air. */
  readonly parts: number;
  readonly priority: Priority;
  /** Whose it is; null for the gateway's own. */
  readonly plugin: string | null;
}

/** A call that the gateway refused for want of a permission. */
export interface Denial {
  readonly plugin: string;
  readonly permission: string;
  /** What was asked for: a host, a channel, an event. */
  readonly scope: string;
  /** Why it was refused. */
  readonly rule: string;
}

/** What has been sent, in the order of queueing, each with its newest state. */
export class Outgoing {
  readonly #messages = new Map<string, MessageStatus>();

  constructor(private readonly nameOf: (node: number) => string) {}

  watch(bus: CoreBus): void {
    bus.on("message_status", (status) => void this.#messages.set(status.id, status));
  }

  /** At least one message has neither left nor failed. */
  get waiting(): boolean {
    return [...this.#messages.values()].some(({ state }) => state === "queued");
  }

  list(): readonly SentMessage[] {
    return [...this.#messages.values()].map(({ id, text, to, channel, state, reason, parts, priority, sender }) => ({
      id,
      text,
      to: to === BROADCAST ? "broadcast" : this.nameOf(to),
      channel,
      state,
      reason: reason ?? null,
      parts,
      priority,
      plugin: sender.kind === "plugin" ? sender.plugin : null,
    }));
  }
}
