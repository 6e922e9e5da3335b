/** Sends what is kept when its receiver is heard, follows it up, and tells its sender the truth. */
import { cutText, type MessageStatusEvent, type NodeInfo, type Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";
import type { Kept, Store } from "./store.ts";
import type { T } from "./texts.ts";

/** A node that was heard longer ago may be out of reach again, ms. */
const FRESH_MS = 120_000;
/** Between two tries of one message, ms. */
const AGAIN_MS = 600_000;
/** Messages sent to one node at once: others want the air too. */
const AT_ONCE = 3;
const NAME_BYTES = 24;

export interface DeliveryDeps {
  readonly plugin: Plugin<Config>;
  readonly t: T;
  readonly store: Store;
}

export class Delivery {
  /** Nodes for which something waits: most packets are of others, and cost nothing. */
  readonly #receivers = new Set<string>();
  readonly #busy = new Set<string>();

  constructor(private readonly deps: DeliveryDeps) {}

  /** Asks what became of the texts that were on the air when the plugin ended. */
  async start(): Promise<void> {
    const { plugin, store } = this.deps;
    for (const { receiver } of await store.receivers()) this.#receivers.add(receiver);
    for (const kept of await store.onTheAir()) {
      const status = kept.message === null ? null : await plugin.getMessageStatus(kept.message);
      if (status === null) await this.#failed(kept);
      else await this.#settle(kept, status.state);
    }
  }

  add(receiver: string): void {
    this.#receivers.add(receiver);
  }

  async heard({ id, isOwn, lastHeard }: NodeInfo): Promise<void> {
    if (isOwn || !this.#receivers.has(id)) return;
    if (lastHeard === undefined || Date.now() - lastHeard > FRESH_MS) return;
    await this.deliver(id);
  }

  /** Sends what waits for a node. */
  async deliver(receiver: string): Promise<void> {
    if (this.#busy.has(receiver)) return;
    this.#busy.add(receiver);
    try {
      const waiting = await this.deps.store.waitingFor(receiver, Date.now() - AGAIN_MS, AT_ONCE);
      for (const kept of waiting) await this.#send(kept);
      if (waiting.length === 0 && (await this.deps.store.countFor(receiver, 1)) === 0) this.#receivers.delete(receiver);
    } finally {
      this.#busy.delete(receiver);
    }
  }

  /** A text of the plugin changed its state. */
  async follow({ id, state, note }: Pick<MessageStatusEvent, "id" | "state" | "note">): Promise<void> {
    if (state !== "delivered" && state !== "failed") return;
    const kept = await this.deps.store.byMessage(id);
    if (kept === null) return;
    // Its receiver has it after all: it is not sent again, and its sender learns the truth.
    if (note === "acknowledged_late") await this.#settle(kept, "delivered");
    else if (kept.state === "sent") await this.#settle(kept, state);
  }

  /** Gives up what has waited since before a time. */
  async expire(before: number): Promise<void> {
    for (const kept of await this.deps.store.waitedSince(before)) {
      await this.deps.store.become(kept.id, "expired");
      await this.#tell(kept, "receipt_expired");
    }
  }

  async #send(kept: Kept): Promise<void> {
    const { plugin, t, store } = this.deps;
    const facts = { from: cutText(kept.sender_name, NAME_BYTES), text: kept.text };
    const age = ageOf(t, kept.at);
    try {
      const text = age === null ? t("message_now", facts) : t("message", { ...facts, age });
      const { id } = await plugin.sendMessage(cutText(text), { destination: kept.receiver, wantAck: true });
      await store.sent(kept.id, id, Date.now());
    } catch (error) {
      plugin.log.warn("a kept message was not sent", { to: kept.receiver, error });
      await store.tried(kept.id, Date.now());
    }
  }

  async #settle(kept: Kept, state: string): Promise<void> {
    if (state === "failed") return this.#failed(kept);
    if (state !== "delivered") return;
    await this.deps.store.become(kept.id, "delivered");
    await this.#tell(kept, "receipt_delivered");
  }

  /** Nobody confirmed it: it waits again, or is given up. */
  async #failed(kept: Kept): Promise<void> {
    const { plugin, store } = this.deps;
    if (kept.attempts < plugin.getConfig("attempts", 3)) {
      await store.become(kept.id, "waiting");
      this.#receivers.add(kept.receiver);
      return;
    }
    await store.become(kept.id, "failed");
    await this.#tell(kept, "receipt_failed");
  }

  async #tell(kept: Kept, key: "receipt_delivered" | "receipt_failed" | "receipt_expired"): Promise<void> {
    const { plugin, t } = this.deps;
    if (!plugin.getConfig("receipts", true)) return;
    const text = t(key, { name: cutText(kept.receiver_name, NAME_BYTES), id: kept.id, text: cutText(kept.text, 30) });
    try {
      await plugin.sendMessage(text, { destination: kept.sender });
    } catch (error) {
      plugin.log.warn("a receipt was not sent", { to: kept.sender, error });
    }
  }
}

/** How long ago; null where it is no age to speak of. */
export function ageOf(t: T, at: number): string | null {
  const minutes = Math.floor(Math.max(0, Date.now() - at) / 60_000);
  if (minutes < 1) return null;
  if (minutes < 60) return t("age_minutes", { n: minutes });
  return minutes < 48 * 60 ? t("age_hours", { n: Math.floor(minutes / 60) }) : t("age_days", { n: Math.floor(minutes / 1440) });
}
