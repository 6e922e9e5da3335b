import type { CoreBus, EventName } from "../events/core.ts";
import type { Subscription } from "../lifetime.ts";
import type { MeshMessage, MessageStatus } from "../mesh/types.ts";
import type { Ask } from "../permissions/types.ts";
import type { Json } from "../sdk/wire.ts";
import type { Dispatch } from "./dispatch.ts";
import type { Instance } from "./instance.ts";
import { eventAsk } from "./operations/registering.ts";
import type { Plugin } from "./plugin.ts";

/** Events that plugins may hear from the core. */
const CORE: readonly EventName[] = [
  "message_received",
  "message_processed",
  "message_status",
  "node_seen",
  "link_state",
  "plugin_started",
  "plugin_stopped",
  "plugin_failed",
  "alert",
];
/** Events that wait for one plugin; more are dropped and counted. */
const MAX_WAITING = 64;
const DEADLINE_MS = 10_000;

export interface FeedDeps {
  readonly bus: CoreBus;
  readonly dispatch: Dispatch;
  plugins(): readonly Plugin[];
  channelName(index: number): string | undefined;
  dropped(plugin: string, type: string): void;
}

/** Carries events to the plugins that subscribed, each through its own bounded line. */
export class Feed {
  readonly #subscriptions: Subscription[] = [];
  readonly #waiting = new Map<string, number>();

  constructor(private readonly deps: FeedDeps) {}

  start(): void {
    for (const type of CORE) this.#subscriptions.push(this.deps.bus.on(type, (data) => this.#carry(type, data, null)));
    this.#subscriptions.push(
      this.deps.bus.on("plugin_event", ({ plugin, type, data }) => this.#carry(type, { source: plugin, type, data }, plugin)),
    );
  }

  stop(): void {
    for (const subscription of this.#subscriptions.splice(0)) subscription.dispose();
  }

  #carry(type: string, data: unknown, emitter: string | null): void {
    for (const plugin of this.deps.plugins()) {
      const instance = plugin.instance;
      if (instance === null || plugin.state !== "running" || plugin.name === emitter) continue;
      for (const entry of instance.registrations.entries()) {
        if (entry.registration.kind !== "event" || entry.registration.type !== type) continue;
        if (this.#mayHear(plugin, instance, type, data)) void this.#deliver(plugin, entry.handle, type, data);
      }
    }
  }

  /** Judged at each event: a revocation holds from the next one on. */
  #mayHear(plugin: Plugin, instance: Instance, type: string, data: unknown): boolean {
    if (type === "message_status") {
      const { sender } = data as MessageStatus;
      return sender.kind === "plugin" && sender.plugin === plugin.name;
    }
    const ask = type === "message_received" ? this.#messageAsk(data as MeshMessage) : eventAsk(type);
    return ask === null || instance.lease.checkOwn(ask, instance.background().correlationId).allowed;
  }

  #messageAsk(message: MeshMessage): Ask {
    const name = this.deps.channelName(message.channel);
    const channel = name === undefined ? { index: message.channel } : { index: message.channel, name };
    return { permission: "receive_messages", isDirect: message.isDirect, channel };
  }

  async #deliver(plugin: Plugin, handle: number, type: string, data: unknown): Promise<void> {
    const waiting = this.#waiting.get(plugin.name) ?? 0;
    if (waiting >= MAX_WAITING) {
      this.deps.dropped(plugin.name, type);
      return;
    }
    this.#waiting.set(plugin.name, waiting + 1);
    const origin = plugin.instance?.background();
    const event = JSON.parse(JSON.stringify(data ?? null)) as Json;
    if (origin !== undefined) await this.deps.dispatch.invoke(plugin.name, handle, [event], DEADLINE_MS, origin, { event: type });
    const left = (this.#waiting.get(plugin.name) ?? 1) - 1;
    if (left === 0) this.#waiting.delete(plugin.name);
    else this.#waiting.set(plugin.name, left);
  }
}
