import { ok, type Result } from "../../../errors.ts";
import type { Handle } from "../../../ids.ts";
import { copyJson } from "../../../json-reader.ts";
import type { Subscription } from "../../../lifetime.ts";
import { inBackground } from "../../../log/background.ts";
import type { Logger } from "../../../log/logger.ts";
import type { RegionMessage } from "../../../sdk/types/region.ts";
import { AdmissionLimit } from "../../calls/admission-limit.ts";
import type { Dispatch } from "../../calls/dispatch.ts";
import type { Plugin } from "../../plugin/plugin.ts";
import type { Registrar } from "../../registrations/registrar.ts";
import type { CheckedRegistration } from "../../registrations/registration.ts";
import type { WayIn } from "../call/capability.ts";

export const regionMessage: WayIn = {
  asks: ["region"],
  words: "hears the same plugin at other sites",
  methods: ["region.subscribe"],
};

/** Messages that wait for one plugin: from all sites, and from one of them; more are dropped and counted. */
const MAX_WAITING = 24;
const MAX_OF_ONE = 8;
const DEADLINE_MS = 10_000;

export interface RegionFeedDeps {
  readonly log: Logger;
  readonly dispatch: Pick<Dispatch, "invoke">;
  plugin(name: string): Plugin | null;
  /** Messages of other sites to a plugin, within their bounds. */
  subscribe(plugin: string, topic: string, handler: (message: RegionMessage) => void): Subscription;
}

/** Carries messages of other sites to the plugins that subscribed; each plugin gets those of its own name alone. */
export class RegionFeed implements Registrar {
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #limit = new AdmissionLimit(MAX_WAITING, MAX_OF_ONE);

  constructor(private readonly deps: RegionFeedDeps) {}

  check(): Result<null> {
    return ok(null);
  }

  add(plugin: string, handle: Handle, registration: CheckedRegistration): Result<null> {
    if (registration.kind !== "region") return ok(null);
    this.remove(plugin, handle);
    const subscription = this.deps.subscribe(plugin, registration.topic, (message) => this.#carry(plugin, handle, message));
    this.#subscriptions.set(`${plugin} ${handle}`, subscription);
    return ok(null);
  }

  remove(plugin: string, handle: Handle): void {
    this.#subscriptions.get(`${plugin} ${handle}`)?.dispose();
    this.#subscriptions.delete(`${plugin} ${handle}`);
  }

  stop(): void {
    for (const subscription of this.#subscriptions.values()) subscription.dispose();
    this.#subscriptions.clear();
  }

  /** Decided for each message: a revocation holds from the next one on. */
  #carry(name: string, handle: Handle, message: RegionMessage): void {
    const plugin = this.deps.plugin(name);
    const instance = plugin?.instance ?? null;
    if (plugin === null || instance === null || plugin.state !== "running") return;
    const origin = instance.background();
    if (!instance.capabilitySet.checkOwn({ permission: "region", topic: message.topic }, origin.correlationId).allowed) return;
    if (!this.#limit.enter(name, message.site.id)) {
      plugin.metrics.eventsDropped += 1;
      this.deps.log.debug("a message of another site was dropped: too many wait", { plugin: name, site: message.site.name });
      return;
    }
    const call = { plugin: name, handle, args: [copyJson(message)], timeoutMs: DEADLINE_MS, origin, what: { topic: message.topic } };
    const delivered = this.deps.dispatch.invoke(call).finally(() => this.#limit.leave(name, message.site.id));
    inBackground(this.deps.log, "delivering a message of another site", delivered, { plugin: name });
  }
}
