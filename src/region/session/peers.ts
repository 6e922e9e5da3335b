/** The sites that were heard: what they say about themselves, when, and how far their messages were taken. */
import type { Clock } from "../../clock.ts";
import type { Json } from "../../json.ts";
import { TokenBucket } from "../../rates.ts";
import type { PublicKeys } from "../keys/identity.ts";
import type { SiteId } from "../ports.ts";
import type { MessageOf } from "../wire/message.ts";
import { ReplayWindow } from "./replay-window.ts";
import type { RegionStore, StoredPeer } from "./store.ts";

/** A site says its presence once a minute; without anything for this long it is offline. */
export const ONLINE_MS = 150_000;
/** Sites that nobody enrolled; more are not listed. Whoever has an invitation can make any number of them. */
export const WAITING_MAX = 32;
const PEERS_MAX = 2_000;
const SKEW_SAMPLES = 16;

export class Peer {
  readonly window: ReplayWindow;
  keys: PublicKeys;
  name: string;
  version: string;
  report: Json;
  roster = "";
  connection = 0;
  /** By the wall clock; null: never. */
  heardAt: number | null;
  /** By the monotonic clock: when it said something itself, and not the broker for it. */
  liveAt: number | null = null;
  isGone = false;
  /** By a presence of now, since this gateway started. */
  wasIntroduced = false;
  /** The name of the key under which it spoke last. */
  keyId = "";
  readonly #delays: number[] = [];

  constructor(
    readonly id: SiteId,
    stored: StoredPeer | null,
    said: Pick<MessageOf<"site">, "keys" | "name" | "version">,
  ) {
    this.window = new ReplayWindow(stored?.boot, stored?.number);
    this.keys = stored?.keys ?? said.keys;
    this.name = stored?.name ?? said.name;
    this.version = stored?.version ?? said.version;
    this.report = stored?.report ?? null;
    this.heardAt = stored?.heardAt ?? null;
  }

  /** `time` is the sender's clock, ms. The fastest of the last messages shows how far the clocks are apart. */
  heard(time: number, clock: Clock): void {
    this.heardAt = clock.now();
    this.liveAt = clock.monotonic();
    this.isGone = false;
    this.#delays.push(clock.now() - time);
    if (this.#delays.length > SKEW_SAMPLES) this.#delays.shift();
  }

  /** Ms to add to the sender's clock. */
  get skew(): number {
    return this.#delays.length === 0 ? 0 : Math.min(...this.#delays);
  }

  stored(): StoredPeer {
    const { id, keys, name, version, report, window, heardAt } = this;
    return { id, keys, name, version, report, boot: window.boot, number: window.highest, heardAt: heardAt ?? 0 };
  }
}

export class Peers {
  readonly #peers = new Map<SiteId, Peer>();
  readonly #buckets = new Map<SiteId, TokenBucket>();
  readonly #everybody: TokenBucket;

  constructor(
    private readonly deps: {
      readonly clock: Clock;
      readonly store: RegionStore;
      /** Whether the roster names it: it is kept whatever else is forgotten. */
      isKnown(site: SiteId): boolean;
    },
  ) {
    this.#everybody = new TokenBucket(deps.clock, ALL_RATE);
    for (const stored of deps.store.peers()) this.#peers.set(stored.id, new Peer(stored.id, stored, stored));
  }

  all(): readonly Peer[] {
    return [...this.#peers.values()];
  }

  get(id: SiteId): Peer | null {
    return this.#peers.get(id) ?? null;
  }

  /** Null: too many sites wait already. */
  meet(said: MessageOf<"site"> | MessageOf<"gone">): Peer | null {
    const known = this.#peers.get(said.from);
    if (known !== undefined) return known;
    if (!this.deps.isKnown(said.from) && !this.#makeRoom()) return null;
    if (this.#peers.size >= PEERS_MAX) return null;
    const peer = new Peer(said.from, null, said);
    this.#peers.set(peer.id, peer);
    return peer;
  }

  keep(peer: Peer): void {
    this.deps.store.keepPeer(peer.stored());
  }

  /** A site that waited, and gave it up. */
  forget({ id }: Peer): void {
    this.#peers.delete(id);
    this.deps.store.forgetPeer(id);
  }

  isOnline({ liveAt, isGone }: Peer): boolean {
    return !isGone && liveAt !== null && this.deps.clock.monotonic() - liveAt < ONLINE_MS;
  }

  /** False: this site, or all together, sent too much. Asked before anything is decrypted. */
  mayTake(from: SiteId, bytes: number): boolean {
    const bucket = this.#buckets.get(from) ?? new TokenBucket(this.deps.clock, SITE_RATE);
    if (this.#buckets.size < PEERS_MAX || this.#buckets.has(from)) this.#buckets.set(from, bucket);
    const cost = 1 + Math.floor(bytes / BYTES_A_TOKEN);
    return bucket.take(cost) === 0 && this.#everybody.take(cost) === 0;
  }

  /** The one that was not heard for longest goes, unless it was heard lately. */
  #makeRoom(): boolean {
    const waiting = this.all().filter(({ id }) => !this.deps.isKnown(id));
    if (waiting.length < WAITING_MAX) return true;
    const oldest = waiting.filter((peer) => !this.isOnline(peer)).sort((a, b) => (a.heardAt ?? 0) - (b.heardAt ?? 0))[0];
    if (oldest === undefined) return false;
    this.forget(oldest);
    return true;
  }
}

/** Of one sender. A message costs a token, and another for each 4 KB. */
const SITE_RATE = { count: 2_000, periodS: 10, text: "200/s" };
const ALL_RATE = { count: 20_000, periodS: 10, text: "2000/s" };
const BYTES_A_TOKEN = 4_096;
