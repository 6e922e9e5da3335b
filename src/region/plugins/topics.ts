import type { Clock } from "../../clock.ts";
import { fail, ok, type Result } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { Subscription } from "../../lifetime.ts";
import type { Logger } from "../../log/logger.ts";
import { type Rate, TokenBucket } from "../../rates.ts";
import type { RegionSite } from "../../sdk/boundary/wire.ts";
import type { RegionMessage } from "../../sdk/types/region.ts";
import type { SiteMessage, SiteMessages, SiteView } from "../ports.ts";
import { bounded, MESSAGE_LIMITS } from "./content.ts";

/** The only site of a gateway without a region. */
const ALONE: RegionSite = { id: "0".repeat(32), name: "alone", isSelf: true, isOnline: true, heardAt: null };

/** What one site may send to one plugin: twice what a plugin may publish, because what was delayed comes at once. */
const SITE_RATE: Rate = { count: 120, periodS: 6, text: "20/s" };
const COMPLAIN_MS = 60_000;

export interface TopicsDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Null: the gateway is in no region. */
  readonly messages: SiteMessages | null;
}

/** Messages that were not delivered to a plugin, by reason. */
export interface TopicDrops {
  too_large: number;
  rate_limited: number;
  unknown_site: number;
}

/** Messages between the plugins of one name at different sites. A topic belongs to one plugin: its name is a part of it. */
export class PluginTopics {
  readonly dropped: TopicDrops = { too_large: 0, rate_limited: 0, unknown_site: 0 };
  readonly #rates = new Map<string, TokenBucket>();
  #complainedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly deps: TopicsDeps) {}

  /** This site first, then those that are enrolled, by name. */
  sites(): RegionSite[] {
    const views = this.deps.messages?.sites() ?? [];
    const own = views.find(({ state }) => state === "self");
    const others = views.filter(({ state }) => state === "enrolled").sort((a, b) => (a.name < b.name ? -1 : 1));
    return [own === undefined ? ALONE : siteOf(own), ...others.map(siteOf)];
  }

  /** Answers to how many sites it went. Fails with `too_large`, `not_found`, `rate_limited`. */
  publish(plugin: string, topic: string, body: Json, to: string | undefined): Result<{ readonly sites: number }> {
    const checked = bounded(body, MESSAGE_LIMITS, "the message");
    if (!checked.ok) return checked;
    const others = this.sites().filter((site) => !site.isSelf);
    const target = to === undefined ? null : (others.find((site) => site.id === to) ?? null);
    if (to !== undefined && target === null)
      return fail("not_found", "there is no other site of this id in the region", { hint: "region.sites() lists them" });
    const reached = (target === null ? others : [target]).filter((site) => site.isOnline).length;
    const { messages } = this.deps;
    if (messages === null || reached === 0) return ok({ sites: 0 });
    const view = target === null ? undefined : messages.sites().find(({ id }) => id === target.id);
    const sent = messages.send(wireTopic(plugin, topic), checked.value.value, view?.id);
    if (sent.ok) return ok({ sites: reached });
    // Not reached for now is an outcome: messages are not kept, whether the broker or the site is away.
    return sent.error.code === "unavailable" ? ok({ sites: 0 }) : sent;
  }

  /** Messages of other sites, checked and within their rate. */
  subscribe(plugin: string, topic: string, handler: (message: RegionMessage) => void): Subscription {
    const { messages } = this.deps;
    if (messages === null) return { dispose: () => undefined };
    return messages.onMessage(wireTopic(plugin, topic), (message) => {
      const site = this.#sender(messages, message, plugin);
      if (site === null) return;
      const body = bounded(message.body, MESSAGE_LIMITS, "the message");
      if (body.ok) handler({ topic, site: { id: site.id, name: site.name }, body: body.value.value, sentAt: message.sentAt });
      else this.#drop("too_large", message, plugin);
    });
  }

  /** Null: it is not to be delivered. */
  #sender(messages: SiteMessages, message: SiteMessage, plugin: string): SiteView | null {
    const site = messages.sites().find(({ id, state }) => id === message.from && state === "enrolled");
    if (site === undefined) return this.#drop("unknown_site", message, plugin);
    const key = `${plugin} ${site.id}`;
    const bucket = this.#rates.get(key) ?? new TokenBucket(this.deps.clock, SITE_RATE);
    this.#rates.set(key, bucket);
    return bucket.take(1) === 0 ? site : this.#drop("rate_limited", message, plugin);
  }

  #drop(reason: keyof TopicDrops, { from }: SiteMessage, plugin: string): null {
    this.dropped[reason] += 1;
    const now = this.deps.clock.monotonic();
    if (now - this.#complainedAt < COMPLAIN_MS) return null;
    this.#complainedAt = now;
    this.deps.log.warn(`a message of another site was dropped: ${reason.replace("_", " ")}`, { plugin, site: from, ...this.dropped });
    return null;
  }
}

function siteOf({ id, name, state, online, heardAt }: SiteView): RegionSite {
  return { id, name, isSelf: state === "self", isOnline: online, heardAt };
}

function wireTopic(plugin: string, topic: string): string {
  return `plugin/${plugin}/${topic}`;
}
