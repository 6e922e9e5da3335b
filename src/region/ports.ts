/**
 * What the region gives to the other rooms of its gateway: the sites that the operator enrolled, messages to them, and
 * records that all of them keep. Whoever uses these sees checked content of an enrolled site: seals, signatures, replays and
 * bounds are the region's own matter.
 */
import type { Result } from "../errors.ts";
import type { Json } from "../json.ts";
import type { Subscription } from "../lifetime.ts";

/** The site's name in the configuration (`region.site`): `^[a-z][a-z0-9_-]{0,31}$`, unique among the enrolled sites of a region. */
export type SiteName = string & { readonly __names: "site" };
/** The fingerprint of a site's public key: 32 lower-case hex digits. It stays when the site is renamed. */
export type SiteId = string & { readonly __names: "site id" };
/** The content hash of a record: 32 lower-case hex digits, the same at every site. */
export type RecordId = string & { readonly __names: "record" };

/** What the configuration's `region.share` can switch. */
export type SharedKind = "answers" | "bbs" | "sos" | "nodes" | "alerts";

export interface SiteView {
  readonly id: SiteId;
  readonly name: SiteName;
  /** `waiting`: it has the region's key, but no operator enrolled it yet; nothing else of it is read. */
  readonly state: "self" | "enrolled" | "waiting" | "revoked";
  readonly online: boolean;
  /** When it was heard last, by this gateway's clock, in ms; null: never. */
  readonly heardAt: number | null;
  readonly version: string | null;
  /** What the site says about itself in its presence (links, alerts, load, queue): JSON of at most 4 KB. */
  readonly report: Json;
}

export interface SiteMessage {
  readonly from: SiteId;
  readonly topic: string;
  readonly body: Json;
  /** By the sender's clock corrected by its measured skew, in ms. */
  readonly sentAt: number;
}

/** Messages between sites: each at most once, in no order, to those that are online now. Nothing is kept. */
export interface SiteMessages {
  readonly self: SiteId;
  sites(): readonly SiteView[];
  /** Whether the broker is reached now. */
  connected(): boolean;
  /** `body`: at most 32 KB as JSON. To one site (sealed to it alone) or to all. Errors: `unavailable`, `too_large`, `rate_limited`. */
  send(topic: string, body: Json, to?: SiteId): Result<void>;
  onMessage(topic: string, handler: (message: SiteMessage) => void): Subscription;
  /** A site appeared, went, was enrolled or revoked; or the broker came or went. */
  onChange(handler: () => void): Subscription;
}

export interface RegionRecord {
  readonly id: RecordId;
  readonly stream: string;
  readonly origin: SiteId;
  readonly body: Json;
  /** By the origin's clock, in ms: orders records for people, decides nothing alone. */
  readonly madeAt: number;
  readonly expiresAt: number;
}

/** Immutable records that every enrolled site keeps, those that were away too; a removal is a record of its own. */
export interface RegionRecords {
  /** `body`: at most 8 KB as JSON. Kept before this returns, also while the broker is away. */
  add(stream: string, body: Json, options: { readonly ttlMs: number }): Result<RecordId>;
  /** Removes a record of this site everywhere; a record of another site only when `as` says that an operator asked. */
  remove(id: RecordId, as: "origin" | "operator"): Result<void>;
  read(stream: string, options?: { readonly after?: RecordId; readonly limit?: number }): readonly RegionRecord[];
  /** Told once about each record that became known, or went; `removed` for the latter. */
  onRecord(stream: string, handler: (record: RegionRecord, what: "added" | "removed") => void): Subscription;
}
