import type { CoreBus, EventName } from "../../events/core.ts";
import type { Handle } from "../../ids.ts";
import type { Json } from "../../json.ts";
import type { Subscription } from "../../lifetime.ts";
import type { MeshMessage } from "../../mesh/message.ts";
import type { MessageStatus } from "../../mesh/outgoing.ts";
import type { Ask } from "../../permissions/grammar/types.ts";
import { AdmissionLimit } from "../calls/admission-limit.ts";
import type { Dispatch } from "../calls/dispatch.ts";
import type { Instance } from "../plugin/instance.ts";
import type { Plugin } from "../plugin/plugin.ts";
import { eventAsk } from "./registering.ts";
import type { Subscribers } from "./subscribers.ts";

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
/** Events that wait for one plugin: of the core, of all other plugins, and of one of them; more are dropped and counted. */
const MAX_CORE = 32;
const MAX_OTHERS = 16;
const MAX_OF_ONE = 8;
/** No plugin can be called so. */
const CORE_ITSELF = "";
const DEADLINE_MS = 10_000;

export interface FeedDeps {
  readonly bus: CoreBus;
  readonly dispatch: Dispatch;
  plugin(name: string): Plugin | null;
  readonly subscribers: Subscribers;
  channelName(index: number): string | undefined;
  dropped(plugin: string, type: string): void;
}

/** Carries events to the plugins that subscribed, each through its own bounded line. */
export class Feed {
  readonly #subscriptions: Subscription[] = [];
  readonly #ofCore = new AdmissionLimit(MAX_CORE, MAX_CORE);
  readonly #ofOthers = new AdmissionLimit(MAX_OTHERS, MAX_OF_ONE);

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
    for (const { plugin: name, handle } of this.deps.subscribers.of(type)) {
      const plugin = this.deps.plugin(name);
      const instance = plugin?.instance ?? null;
      if (plugin === null || instance === null || plugin.state !== "running" || name === emitter) continue;
      if (this.#mayHear(plugin, instance, type, data)) void this.#deliver(plugin, handle, type, data, emitter);
    }
  }

  /** Judged at each event: a revocation holds from the next one on. */
  #mayHear(plugin: Plugin, instance: Instance, type: string, data: unknown): boolean {
    if (type === "message_status") {
      const { sender } = data as MessageStatus;
      return sender.kind === "plugin" && sender.plugin === plugin.name;
    }
    const ask = type === "message_received" ? this.#messageAsk(data as MeshMessage) : eventAsk(type);
    return ask === null || instance.capabilitySet.checkOwn(ask, instance.background().correlationId).allowed;
  }

  #messageAsk(message: MeshMessage): Ask {
    const name = this.deps.channelName(message.channel);
    const channel = name === undefined ? { index: message.channel } : { index: message.channel, name };
    return { permission: "receive_messages", isDirect: message.isDirect, channel };
  }

  async #deliver(plugin: Plugin, handle: Handle, type: string, data: unknown, emitter: string | null): Promise<void> {
    const lines = emitter === null ? this.#ofCore : this.#ofOthers;
    const from = emitter ?? CORE_ITSELF;
    if (!lines.enter(plugin.name, from)) {
      this.deps.dropped(plugin.name, type);
      return;
    }
    try {
      const origin = plugin.instance?.background();
      const event = JSON.parse(JSON.stringify(data ?? null)) as Json;
      if (origin !== undefined) await this.deps.dispatch.invoke(plugin.name, handle, [event], DEADLINE_MS, origin, { event: type });
    } finally {
      lines.leave(plugin.name, from);
    }
  }
}
