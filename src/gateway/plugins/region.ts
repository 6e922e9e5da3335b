import type { Dispatch } from "../../plugins/calls/dispatch.ts";
import type { RegionPort } from "../../plugins/capabilities/call/ports.ts";
import { RegionFeed } from "../../plugins/capabilities/inward/region-message.ts";
import { SharedStore } from "../../region/plugins/shared-store.ts";
import { PluginTopics } from "../../region/plugins/topics.ts";
import type { JoinedRegion } from "../../region/ports.ts";
import type { RegionSite } from "../../sdk/boundary/wire.ts";
import type { GatewayContext } from "../context/context.ts";
import type { Storage } from "../context/storage.ts";
import type { SupervisorPort } from "./supervisor-port.ts";

export interface PluginRegion {
  readonly port: RegionPort;
  readonly feed: RegionFeed;
  /** A plugin subscribed to an event: what it wants to hear of has to be followed. */
  subscribed(plugin: string, event: string): void;
  /** What came of other sites and was not passed on. */
  counts(): { readonly topics: Readonly<Record<string, number>>; readonly valuesRefused: number };
  /** Forgets a plugin's shared values here; the other sites keep theirs. */
  purge(plugin: string): void;
}

/** What plugins have of the region; `joined` null: the gateway is alone, and each of its plugins, too. */
export function makePluginRegion(
  context: GatewayContext,
  { database }: Storage,
  joined: JoinedRegion | null,
  { dispatch, port }: { readonly dispatch: Dispatch; readonly port: SupervisorPort },
): PluginRegion {
  const { bus, clock, life } = context;
  const log = context.log.logger.child("region");
  const topics = new PluginTopics({ clock, log, messages: joined?.messages ?? null });
  const records = joined?.records ?? null;
  const find = (site: string) => joined?.messages.sites().find(({ id, state }) => id === site && state === "enrolled")?.id ?? null;
  const region = joined === null || records === null ? null : { self: joined.messages.self, records, find };
  const store = new SharedStore({
    database,
    clock,
    log,
    region,
    changed: (change) => void bus.emit("region_shared_changed", { ...change }),
  });
  store.start();
  life.add("shared values of plugins", () => store.stop());
  const feed = new RegionFeed({ log, dispatch, plugin: port.get, subscribe: topics.subscribe.bind(topics) });
  life.add("messages of other sites to plugins", () => feed.stop());
  return {
    feed,
    subscribed: (plugin, event) => {
      if (event === "region_shared_changed") store.follow(plugin);
    },
    counts: () => ({ topics: { ...topics.dropped }, valuesRefused: store.refused }),
    purge: (plugin) => store.purge(plugin),
    port: {
      sites: () => topics.sites(),
      publish: topics.publish.bind(topics),
      store: store.store.bind(store),
      retrieve: store.retrieve.bind(store),
      remove: store.remove.bind(store),
      list: store.list.bind(store),
      entries: (plugin, prefix, after) => {
        const { entries, next } = store.entries(plugin, prefix, after);
        const sites = topics.sites();
        return {
          next,
          entries: entries.map(({ origin, ...entry }) => ({ ...entry, isSelf: origin === null, site: writerOf(sites, origin) })),
        };
      },
    },
  };
}

/** `origin` null: this gateway. A site that is no longer enrolled is known by its id alone. */
function writerOf(sites: readonly RegionSite[], origin: string | null): { readonly id: string; readonly name: string } {
  const site = sites.find(({ id, isSelf }) => (origin === null ? isSelf : id === origin));
  return { id: site?.id ?? origin ?? "", name: site?.name ?? (origin ?? "").slice(0, 8) };
}
