/** What plugins of one name at several sites send each other. */
import type { Json } from "../../json.ts";

/** A message of the same plugin at another site. */
export interface RegionMessage<Body = Json> {
  /** The topic it was published under. */
  readonly topic: string;
  /** Who sent it, checked by the gateway: the site's id, which stays, and its name, which an operator may change. */
  readonly site: { readonly id: string; readonly name: string };
  /** What was published. Check it: the other site may run another version of the plugin, or another plugin of this name. */
  readonly body: Body;
  /** When it was published, ms since 1970, by this gateway's clock. */
  readonly sentAt: number;
}

/** Options of region.publish. */
export interface PublishOptions {
  /** Id of the one site that can read it; without it all sites can. */
  site?: string;
}

/** Options of region.storeShared. */
export interface ShareOptions {
  /** Seconds, 60 to 2,592,000 (30 days); without it the value stays. */
  ttl?: number;
  /** Id of the one other site that can read it; without it all sites can. */
  site?: string;
  /** This site's own value under the key: each site may have one, and no other site can change or remove it. */
  own?: boolean;
}

/** Options of region.deleteShared. */
export interface DeleteSharedOptions {
  /** The value that was stored here with `own`. */
  own?: boolean;
}

/** Options of region.readShared. */
export interface ReadSharedOptions {
  /** `next` of the page before. */
  after?: string;
}
