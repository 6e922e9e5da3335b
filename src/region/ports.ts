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
  /** `waiting`: it has the region's key, but no operator enrolled it yet; nothing else of it is read. `left`: by its own word. */
  readonly state: "self" | "enrolled" | "waiting" | "revoked" | "left";
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

/**
 * What this gateway does with its keys, and with those of the enrolled sites, for what is kept longer than a message lives: the
 * other site may be away now. `text` and what is sealed are any bytes, base64 what comes out.
 */
export interface SiteKeys {
  readonly self: SiteId;
  /** This site's Ed25519 signature over `bytes`. */
  sign(bytes: Uint8Array): string;
  /** False too when no enrolled site has this id: a site that waits or is revoked signs nothing. */
  verify(site: SiteId, bytes: Uint8Array, signature: string): boolean;
  /** Sealed to one enrolled site alone, online or not. `context` is authenticated with it. Error `not_found`: no such site is enrolled. */
  seal(to: SiteId, bytes: Uint8Array, context: Uint8Array): Result<string>;
  /** What another site (or this one) sealed to this site in this `context`; null: it was not, or was changed. */
  open(sealed: string, context: Uint8Array): Uint8Array | null;
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

export interface AddOptions {
  /** How long it lives, in ms: one minute to 400 days. */
  readonly ttlMs: number;
  /** The body is sealed to this site, and only its `read` and `onRecord` give the record; the others keep what they cannot open. */
  readonly to?: SiteId;
  /** On the disk, and not only in the write-ahead log, when `add` returns: for calls for help. */
  readonly isUrgent?: boolean;
}

/** Immutable records that every enrolled site keeps, those that were away too; a removal is a record of its own. */
export interface RegionRecords {
  /**
   * `body`: at most 8 KB as JSON. Kept before this returns, also while the broker is away. Adding is announced to `onRecord` here
   * as well. Errors: `invalid_argument`, `too_large`, `not_found` (no site `to`), `quota_exceeded` (too many streams of this
   * site), `unavailable` (the disk). Where a stream of this site is full, its oldest record goes.
   */
  add(stream: string, body: Json, options: AddOptions): Result<RecordId>;
  /**
   * Removes a record of this site everywhere; a record of another site only when `as` says that an operator asked. Errors:
   * `not_found`, `permission_denied`, `unavailable` (the disk).
   */
  remove(id: RecordId, as: "origin" | "operator"): Result<void>;
  /**
   * In the order in which they became known here, at most `limit` (500): `after` the last one seen gives what came since. When that
   * one is gone, from the start: whoever reads on knows records by their id.
   */
  read(stream: string, options?: { readonly after?: RecordId; readonly limit?: number }): readonly RegionRecord[];
  /**
   * Told once about each record that became known, or went (removed, expired, or pushed out by newer ones of its origin):
   * `removed` for the latter. Called after it is kept.
   */
  onRecord(stream: string, handler: (record: RegionRecord, what: "added" | "removed") => void): Subscription;
}

/** A gateway's place in a region, for the rooms that share through it. */
export interface JoinedRegion {
  readonly messages: SiteMessages;
  /** Null: nothing is kept together. */
  readonly records: RegionRecords | null;
}
