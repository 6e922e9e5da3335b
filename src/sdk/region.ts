/** The same plugin at the other sites of the region: messages, and values that all of them keep. Needs `region`. */
import type { Json } from "../json.ts";
import { PluginError } from "./boundary/errors.ts";
import { topicProblem } from "./boundary/topics.ts";
import type { RegionSite, SharedPage } from "./boundary/wire.ts";
import { request, watched } from "./realm/link.ts";
import { NativeString } from "./realm/primordials.ts";
import { register } from "./registry.ts";
import type { Storable } from "./storable.ts";
import type { RegionHandler, RegistrationHandle } from "./types/handlers.ts";
import type { DeleteSharedOptions, PublishOptions, ReadSharedOptions, ShareOptions } from "./types/region.ts";
import type { Widened } from "./widened.ts";

async function done(work: Promise<unknown>): Promise<void> {
  await work;
}

async function valueOr(found: Promise<readonly [Json] | null>, fallback: unknown): Promise<unknown> {
  const value = await found;
  return value === null ? fallback : value[0];
}

/**
 * The region: several gateways of the operator that work as one. Topics and keys are the plugin's own, so only a plugin of the
 * same name sees them, at sites whose operator granted it `region`. A gateway without a region is its only site.
 */
export class Region {
  /**
   * Sends JSON (16 KB at most) to this plugin at all other sites that are online, or sealed to the one in `site`. It is not kept
   * and not repeated: what must arrive goes into the shared store. Resolves to the number of sites it was sent to, 0 where
   * there is no region or no connection. Throws PluginError `not_found` for a site that is not in the region, `too_large`, and
   * `rate_limited` above 10 messages or 64 KB a second.
   * @example const { sites } = await this.region.publish("scores", { best: 42 });
   */
  publish<T>(topic: string, body: T & Storable<T>, options: PublishOptions = {}): Promise<{ sites: number }> {
    return watched(request("region_publish", { ...options, topic: NativeString(topic), body: (body ?? null) as Json }));
  }
  /**
   * Messages that this plugin publishes under a topic at other sites; never its own. Throws PermissionDenied at once where
   * `region` does not cover the topic.
   * @example this.region.subscribe("scores", ({ site, body }) => this.log.info("a new best", { site: site.name, body }));
   */
  subscribe<Body = Json>(topic: string, handler: RegionHandler<Body>): RegistrationHandle {
    const name = NativeString(topic);
    const problem = topicProblem(name);
    if (problem !== null) throw new PluginError("invalid_argument", problem);
    return register({ kind: "region", topic: name }, handler);
  }
  /**
   * The sites of the region, this one first; alone where there is no region.
   * @example const others = (await this.region.sites()).filter((site) => !site.isSelf && site.isOnline);
   */
  sites(): Promise<RegionSite[]> {
    return watched(request("region_sites", {}));
  }
  /**
   * Stores JSON (6 KB at most) under a key (128 characters at most) at every site, also at those that are away now. The last
   * write counts; of two that did not know of each other the same one wins everywhere. With `ttl` (60 seconds to 30 days) it
   * ends then; without, it stays while this site is there, and 30 days longer. With `site` it is sealed to
   * one other site: only that one and this one can read it. With `own` it is this site's own value under the key, which no other
   * site can change or remove; {@link readShared} gives it. Without a region it is kept here, and shared when the gateway joins
   * one. Throws PluginError `quota_exceeded` above 1,000 keys or 1 MB of this site, `rate_limited` above 10 a minute once 100 were stored,
   * `not_found` for a site that is not in the region.
   * @example await this.region.storeShared("board/rules", { text: "Be kind" });
   */
  storeShared<T>(key: string, value: T & Storable<T>, options: ShareOptions = {}): Promise<void> {
    return watched(done(request("store_shared", { ...options, key: NativeString(key), value: (value ?? null) as Json })));
  }
  /**
   * What is stored under a key, by any site; `fallback` (without one undefined) when there is nothing. The type is the caller's
   * word: check what another site stored.
   * @example const rules = await this.region.retrieveShared("board/rules", { text: "" });
   */
  retrieveShared<T>(key: string, fallback: T): Promise<Widened<T>>;
  retrieveShared<T = unknown>(key: string): Promise<T | undefined>;
  retrieveShared(key: string, fallback?: unknown): Promise<unknown> {
    return watched(valueOr(request("retrieve_shared", { key: NativeString(key) }), fallback));
  }
  /** Removes what is stored under a key, at every site; with `own` this site's own value. True when there was something. */
  deleteShared(key: string, options: DeleteSharedOptions = {}): Promise<boolean> {
    return watched(request("delete_shared", { ...options, key: NativeString(key) }));
  }
  /** Keys that begin with `prefix`, in order; those that the permission covers, without sites' own values. */
  listShared(prefix = ""): Promise<string[]> {
    return watched(request("list_shared", { prefix: NativeString(prefix) }));
  }
  /**
   * Values under keys that begin with `prefix`, each with the site that wrote it: the values that all sites write, and each site's
   * own. In pages of at most 100 values and 100 KB; `next` goes on.
   * @example const { entries } = await this.region.readShared("score/");
   */
  readShared(prefix = "", options: ReadSharedOptions = {}): Promise<SharedPage> {
    return watched(request("read_shared", { ...options, prefix: NativeString(prefix) }));
  }
}

/** The one region of this realm. */
export const region = new Region();
