import type { CoreBus, CoreEvents, EventName } from "../../../events/core.ts";
import type { Handle } from "../../../ids.ts";
import type { Json } from "../../../json.ts";
import { copyJson } from "../../../json-reader.ts";
import type { Subscription } from "../../../lifetime.ts";
import type { Logger } from "../../../log/logger.ts";
import type { MeshMessage } from "../../../mesh/message.ts";
import type { MessageStatus } from "../../../mesh/outgoing.ts";
import type { Ask } from "../../../permissions/grammar/types.ts";
import { permissionOfEvent } from "../../../sdk/boundary/operations.ts";
import { topicOfKey } from "../../../sdk/boundary/topics.ts";
import { AdmissionLimit } from "../../calls/admission-limit.ts";
import type { Dispatch } from "../../calls/dispatch.ts";
import type { Instance } from "../../plugin/instance.ts";
import type { Plugin } from "../../plugin/plugin.ts";
import type { WayIn } from "../call/capability.ts";
import { eventJson } from "./event-json.ts";
import { channelOf, mayHearMessage } from "./heard-message.ts";
import type { Subscribers } from "./subscribers.ts";

export const event: WayIn = {
  asks: ["system_state_read", "receive_messages", "inter_plugin_messaging", "region"],
  words: "hears events of the gateway and of other plugins",
  // Which permission onEvent needs depends on the event.
  methods: [],
};

/** Events of the core that are decided by their type alone. */
const BY_TYPE = [
  "message_processed",
  "node_seen",
  "link_state",
  "plugin_started",
  "plugin_stopped",
  "plugin_failed",
  "alert",
] as const satisfies readonly EventName[];

/** Events that wait for one plugin: of the core, of all other plugins, and of one of them; more are dropped and counted. */
const MAX_CORE = 32;
const MAX_OTHERS = 16;
const MAX_OF_ONE = 8;
/** No plugin can have this name. */
const CORE_ITSELF = "";
const DEADLINE_MS = 10_000;

export interface FeedDeps {
  readonly bus: CoreBus;
  readonly log: Logger;
  readonly dispatch: Pick<Dispatch, "invoke">;
  plugin(name: string): Plugin | null;
  readonly subscribers: Subscribers;
  /** "" when it has none. */
  channelName(link: string, index: number): string;
}

interface Announced {
  readonly type: string;
  /** What the plugins get; made once somebody hears it. */
  data(): Json;
  /** The plugin that emitted it; null for the core. */
  readonly emitter: string | null;
  mayHear(instance: Instance, correlationId: string): boolean;
}

/** Carries events to the plugins that subscribed, each through its own bounded queue. */
export class EventFeed {
  readonly #subscriptions: Subscription[] = [];
  readonly #ofCore = new AdmissionLimit(MAX_CORE, MAX_CORE);
  readonly #ofOthers = new AdmissionLimit(MAX_OTHERS, MAX_OF_ONE);

  constructor(private readonly deps: FeedDeps) {}

  start(): void {
    const { bus } = this.deps;
    this.#subscriptions.push(
      bus.on("message_received", (message) => this.#carryMessage(message)),
      bus.on("message_status", (status) => this.#carryStatus(status)),
      bus.on("region_shared_changed", (change) => this.#carryChange(change)),
      bus.on("plugin_event", ({ plugin, type, data }) => {
        this.#carry({ type, data: () => copyJson({ source: plugin, type, data }), emitter: plugin, mayHear: mayHearType(type) });
      }),
      ...BY_TYPE.map((type) =>
        bus.on(type, (data) => this.#carry({ type, data: () => eventJson(type, data), emitter: null, mayHear: mayHearType(type) })),
      ),
    );
  }

  stop(): void {
    for (const subscription of this.#subscriptions.splice(0)) subscription.dispose();
  }

  #carry(announced: Announced): void {
    for (const { plugin: name, handle } of this.deps.subscribers.of(announced.type)) {
      const plugin = this.deps.plugin(name);
      const instance = plugin?.instance ?? null;
      if (plugin === null || instance === null || plugin.state !== "running" || name === announced.emitter) continue;
      if (!announced.mayHear(instance, instance.background().correlationId)) continue;
      this.#deliver(plugin, instance, handle, announced).catch((thrown: unknown) => {
        this.deps.log.error(`the event ${announced.type} could not be delivered`, { plugin: name, error: thrown });
      });
    }
  }

  /** Within the scope's channels. */
  #carryMessage(message: MeshMessage): void {
    const channel = channelOf(message, this.deps.channelName);
    const mayHear = ({ capabilitySet }: Instance, id: string) => mayHearMessage(capabilitySet, message, channel, id);
    this.#carry({ type: "message_received", data: () => eventJson("message_received", message), emitter: null, mayHear });
  }

  /** Only to the plugin whose message it is. */
  #carryStatus(status: MessageStatus): void {
    const { sender } = status;
    const mayHear = ({ plugin }: Instance) => sender.kind === "plugin" && sender.plugin === plugin;
    this.#carry({ type: "message_status", data: () => eventJson("message_status", status), emitter: null, mayHear });
  }

  /** Only to the plugin whose value it is, within the scope's topics. */
  #carryChange(change: CoreEvents["region_shared_changed"]): void {
    const ask: Ask = { permission: "region", topic: topicOfKey(change.key) };
    const mayHear = ({ plugin, capabilitySet }: Instance, id: string) =>
      plugin === change.plugin && capabilitySet.checkOwn(ask, id).allowed;
    const data = () => eventJson("region_shared_changed", change);
    this.#carry({ type: "region_shared_changed", data, emitter: null, mayHear });
  }

  async #deliver(plugin: Plugin, instance: Instance, handle: Handle, { type, data, emitter }: Announced): Promise<void> {
    const limit = emitter === null ? this.#ofCore : this.#ofOthers;
    const from = emitter ?? CORE_ITSELF;
    if (!limit.enter(plugin.name, from)) {
      plugin.metrics.eventsDropped += 1;
      this.deps.log.debug(`an event ${type} was dropped: too many wait`, { plugin: plugin.name });
      return;
    }
    try {
      const args: Json[] = [data()];
      const origin = instance.background();
      await this.deps.dispatch.invoke({ plugin: plugin.name, handle, args, timeoutMs: DEADLINE_MS, origin, what: { event: type } });
    } finally {
      limit.leave(plugin.name, from);
    }
  }
}

/** Decided for each event, by the permission of its type: a revocation holds from the next event on. */
function mayHearType(type: string): Announced["mayHear"] {
  const ask = askOfEvent(type);
  return ({ capabilitySet }, correlationId) => ask !== null && capabilitySet.checkOwn(ask, correlationId).allowed;
}

/** What hearing any event of a type asks for; null for `message_status`, which goes to one plugin alone. */
export function askOfEvent(type: string): Ask | null {
  const permission = permissionOfEvent(type);
  switch (permission) {
    case null:
      return null;
    case "receive_messages":
      return { permission, any: true };
    case "region":
      return { permission, any: true };
    case "inter_plugin_messaging":
      return { permission, event: type };
    default:
      return { permission };
  }
}
