import * as v from "valibot";
import type { Clock, Timer } from "../../clock.ts";
import { asGatewayError, fail, ok, type Result } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { Subscription } from "../../lifetime.ts";
import type { Logger } from "../../log/logger.ts";
import { TokenBucket } from "../../rates.ts";
import { isPlainKey } from "../../sdk/boundary/topics.ts";
import type { CoreDatabase } from "../../storage/core.ts";
import type { RecordId, RegionRecord, RegionRecords, SiteId } from "../ports.ts";
import { bounded, VALUE_LIMITS } from "./content.ts";
import { keyOfRow, ownRow, type SharedRow, SharedRows } from "./shared-rows.ts";

/** What one site may write for one plugin, so that none takes the room of another. */
const KEYS_MAX = 1_000;
const CHARS_MAX = 1024 * 1024;
/** Of another site a little more is taken: what it wrote may come before what it removed. */
const OTHERS_SHARE = 1.25;
/** Values in one answer, and their characters. */
const ENTRIES_MAX = 100;
const ENTRIES_CHARS_MAX = 100 * 1024;
const KEY_CHARS_MAX = 128;
const DAY_MS = 86_400_000;
/** How long a record may live: a site that is away longer does not come back with what the others have forgotten. */
export const LIFE_MS = 30 * DAY_MS;
/** The shortest life of a record. */
const LIFE_MIN_MS = 60_000;
/** A lasting value is written anew when it has less than this to live. */
const RENEW_MS = 20 * DAY_MS;
const PAGE = 200;
/** Values that are shared again because another site removed them. */
const RESTORES = { count: 100, periodS: 600, text: "100/10min" };
/** So high that no honest key comes there, so low that one more can still be counted. */
const VERSION_MAX = 2 ** 48;

/** What a record of the shared store says: a key's value, or without one that it was removed. */
const bodySchema = v.strictObject({
  key: v.pipe(v.string(), v.minLength(1), v.maxLength(KEY_CHARS_MAX), v.check(isPlainKey)),
  version: v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(VERSION_MAX)),
  value: v.exactOptional(v.custom<Json>((value) => value !== undefined)),
  lasting: v.exactOptional(v.literal(true)),
  /** The writing site's own value: no other site can change it. */
  own: v.exactOptional(v.literal(true)),
  /** The one site that it is sealed to. */
  site: v.exactOptional(v.pipe(v.string(), v.maxLength(64))),
});

export interface SharedStoreDeps {
  readonly database: CoreDatabase;
  readonly clock: Clock;
  readonly log: Logger;
  /** Null: the gateway is in no region, and what is stored waits here. */
  readonly region: SharedRegion | null;
  /** Another site stored or deleted a value; it is on the disk. */
  changed?(change: SharedChange): void;
}

export interface SharedChange {
  readonly plugin: string;
  readonly key: string;
  readonly isOwn: boolean;
  readonly isDeleted: boolean;
  readonly site: SiteId;
}

export interface SharedRegion {
  readonly self: SiteId;
  readonly records: RegionRecords;
  /** The enrolled site of an id. */
  find(site: string): SiteId | null;
}

export interface StoreOptions {
  /** Seconds; null: for good. */
  readonly ttlS: number | null;
  /** The one other site that can read it; null: all can. */
  readonly site: string | null;
  /** This site's own value under the key, beside the one that all sites write. */
  readonly isOwn?: boolean;
}

/** A value with the site that wrote it. */
export interface SharedEntry {
  readonly key: string;
  readonly value: Json;
  /** Null: this gateway. */
  readonly origin: string | null;
  readonly isOwn: boolean;
}

export interface SharedEntries {
  readonly entries: readonly SharedEntry[];
  /** Where the next page begins; null: there is none. */
  readonly next: string | null;
}

interface Change {
  readonly plugin: string;
  /** Of the row. */
  readonly key: string;
  /** As JSON; null: removed. */
  readonly value: string | null;
  /** The one other site that can read it; null: all can. */
  readonly peer: string | null;
  /** ms since 1970; null: for good. */
  readonly until: number | null;
}

/**
 * A key-value store for each plugin name, the same at every site. Each write is a record of the region with a version above
 * all that its site knew; the highest version wins, of two equal ones the higher record id, so every site ends with the same
 * values in whatever order the records come.
 */
export class SharedStore {
  /** Records of other sites that are none of this store's, or had no room. */
  refused = 0;
  readonly #rows: SharedRows;
  readonly #followed = new Map<string, Subscription>();
  readonly #restores: TokenBucket;
  #timer: Timer | null = null;

  constructor(private readonly deps: SharedStoreDeps) {
    this.#restores = new TokenBucket(deps.clock, RESTORES);
    this.#rows = new SharedRows(deps.database);
  }

  /** Shares what was stored meanwhile, and takes what the region knows. */
  start(): void {
    for (const plugin of this.#rows.plugins()) this.follow(plugin);
    this.#daily();
  }

  stop(): void {
    this.#timer?.cancel();
    for (const subscription of this.#followed.values()) subscription.dispose();
    this.#followed.clear();
  }

  /** Fails with `too_large`, `invalid_argument`, `not_found` (no such site), `quota_exceeded`, or as the region's records do. */
  store(plugin: string, name: string, value: Json, { ttlS, site, isOwn = false }: StoreOptions): Result<null> {
    const key = isOwn ? ownRow(name, null) : name;
    const checked = bounded(value, VALUE_LIMITS, "the value");
    if (!checked.ok) return checked;
    if (ttlS !== null && !(ttlS * 1000 >= LIFE_MIN_MS && ttlS * 1000 <= LIFE_MS)) {
      const message = `ttl is ${LIFE_MIN_MS / 1000} to ${LIFE_MS / 1000} seconds (30 days)`;
      return fail("invalid_argument", message, { hint: "leave ttl out for what is to stay" });
    }
    if (site !== null && (this.deps.region?.find(site) ?? null) === null)
      return fail("not_found", "there is no other site of this id in the region", { hint: "region.sites() lists them" });
    this.follow(plugin);
    const before = this.#rows.find(plugin, key);
    const room = this.#room(plugin, null, before, key.length + checked.value.text.length);
    if (!room.ok) return room;
    const until = ttlS === null ? null : this.deps.clock.now() + ttlS * 1000;
    return this.#change({ plugin, key, value: checked.value.text, peer: site, until }, before);
  }

  retrieve(plugin: string, key: string): readonly [Json] | null {
    this.follow(plugin);
    const text = this.#rows.value(plugin, key, this.deps.clock.now());
    return text === null ? null : [JSON.parse(text)];
  }

  /** Whether there was something. */
  remove(plugin: string, name: string, isOwn = false): Result<boolean> {
    const key = isOwn ? ownRow(name, null) : name;
    if (this.retrieve(plugin, key) === null) return ok(false);
    const before = this.#rows.find(plugin, key);
    const removed = this.#change({ plugin, key, value: null, peer: before?.peer ?? null, until: null }, before);
    return removed.ok ? ok(true) : removed;
  }

  list(plugin: string, prefix: string): string[] {
    this.follow(plugin);
    return this.#rows.keys(plugin, prefix, this.deps.clock.now());
  }

  /** Values under keys that begin with `prefix`, with the site that wrote each: own ones, and those that all sites write. */
  entries(plugin: string, prefix: string, after: string): SharedEntries {
    this.follow(plugin);
    const rows = this.#rows.values(plugin, { prefix, after, limit: ENTRIES_MAX + 1 }, this.deps.clock.now());
    const entries: SharedEntry[] = [];
    let chars = 0;
    let last = "";
    for (const { key: row, value, origin } of rows) {
      chars += row.length + value.length;
      if (entries.length === ENTRIES_MAX || (chars > ENTRIES_CHARS_MAX && entries.length > 0)) return { entries, next: last };
      entries.push({ ...keyOfRow(row), value: JSON.parse(value), origin });
      last = row;
    }
    return { entries, next: null };
  }

  /** Forgets a plugin's values here; the region's records of them stay until they end, as other sites keep them. */
  purge(plugin: string): void {
    this.#followed.get(plugin)?.dispose();
    this.#followed.delete(plugin);
    this.#rows.clear(plugin);
  }

  /** Writes one change here, and gives it to the region. */
  #change({ plugin, key, value, peer, until }: Change, before: SharedRow | null): Result<null> {
    if (before !== null && before.version >= VERSION_MAX)
      return fail("conflict", "another site wrote this key so that nobody can change it");
    const version = (before?.version ?? 0) + 1;
    const lasting = value !== null && until === null;
    const row = { plugin, key, value, version, origin: null, peer, is_lasting: lasting ? 1 : 0, orphaned_at: null };
    const { region, clock } = this.deps;
    try {
      if (region === null) {
        // What no other site has seen needs no mark of its end.
        if (value === null && before?.record === null) this.#rows.remove(plugin, key);
        else this.#rows.put({ ...row, record: null, expires_at: value === null ? clock.now() + LIFE_MS : until });
        return ok(null);
      }
      const ends = until ?? clock.now() + LIFE_MS;
      const added = this.#add(region, { ...row, expires_at: ends });
      if (!added.ok) return added;
      this.#rows.put({ ...row, record: added.value, expires_at: ends });
      this.#retire(before);
      return ok(null);
    } catch (thrown) {
      return { ok: false, error: asGatewayError(thrown) };
    }
  }

  #add({ records, find }: SharedRegion, row: Omit<SharedRow, "record" | "origin" | "orphaned_at">): Result<RecordId> {
    const { plugin, value, version, peer, is_lasting, expires_at } = row;
    const { key, isOwn } = keyOfRow(row.key);
    const own = isOwn ? { own: true } : {};
    const to = peer === null ? null : find(peer);
    if (peer !== null && to === null) return fail("not_found", "the site that alone may read it is no longer in the region");
    const content = value === null ? {} : { value: JSON.parse(value) };
    const body = { key, version, ...content, ...own, ...(is_lasting === 1 ? { lasting: true } : {}), ...(to === null ? {} : { site: to }) };
    const ttlMs = Math.min(LIFE_MS, Math.max(LIFE_MIN_MS, (expires_at ?? 0) - this.deps.clock.now()));
    return records.add(streamOf(plugin), body, { ttlMs, ...(to === null ? {} : { to }) });
  }

  /** A record of this site that another has replaced: the region need not keep it. */
  #retire(row: SharedRow | null): void {
    if (row === null || row.record === null || row.origin !== null) return;
    this.#withdraw(row.record);
  }

  #withdraw(record: string): void {
    const removed = this.deps.region?.records.remove(record as RecordId, "origin");
    if (removed?.ok === false) this.deps.log.debug(`an old shared value stays until it ends: ${removed.error.summary()}`);
  }

  /** `origin` null: this gateway. */
  #room(plugin: string, origin: string | null, before: SharedRow | null, chars: number): Result<null> {
    const size = this.#rows.size(plugin, origin);
    const own = before?.origin === origin ? before : null;
    const keys = size.keys + (own === null ? 1 : 0);
    const sum = size.chars + chars - (own === null ? 0 : own.key.length + (own.value?.length ?? 0));
    const share = origin === null ? 1 : OTHERS_SHARE;
    if (keys <= KEYS_MAX * share && sum <= CHARS_MAX * share) return ok(null);
    const message = `one site writes at most ${KEYS_MAX} keys and ${CHARS_MAX / 1024 / 1024} MB to the shared store of a plugin`;
    return fail("quota_exceeded", message, { hint: "delete keys, or give values a ttl; removed keys count for 30 days" });
  }

  /** From the first use on: takes every record of this plugin, and gives what no record holds yet. */
  follow(plugin: string): void {
    const { region, log } = this.deps;
    if (region === null || this.#followed.has(plugin)) return;
    const { records } = region;
    const subscription = records.onRecord(streamOf(plugin), (record, what) => {
      if (what === "added") this.#merge(plugin, record, region.self);
      else this.#orphan(plugin, record, region.self);
    });
    this.#followed.set(plugin, subscription);
    try {
      const known = this.#readAll(plugin, records, region.self);
      for (const row of this.#rows.of(plugin)) this.#settle(row, known, region);
    } catch (thrown) {
      log.error("the shared values of a plugin could not be brought up to date", { plugin, error: thrown });
    }
  }

  /** Ids of the records that the region knows, with the site that made each. */
  #readAll(plugin: string, records: RegionRecords, self: SiteId): Map<string, SiteId> {
    const known = new Map<string, SiteId>();
    let after: RecordId | undefined;
    for (;;) {
      const page = records.read(streamOf(plugin), { limit: PAGE, ...(after === undefined ? {} : { after }) });
      for (const record of page) {
        known.set(record.id, record.origin);
        this.#merge(plugin, record, self);
      }
      after = page.at(-1)?.id;
      if (page.length < PAGE) return known;
    }
  }

  /** A row whose record the region does not have: this site's own is shared now, another's has ended while we were away. */
  #settle(row: SharedRow, known: ReadonlyMap<string, SiteId>, region: SharedRegion): void {
    const maker = row.record === null ? undefined : known.get(row.record);
    if (maker !== undefined && (row.origin !== null || maker === region.self)) return;
    // What this site sealed to another is nothing that it reads back.
    if (row.record !== null && row.peer !== null && row.origin === null) return;
    if (row.origin !== null) {
      this.#rows.remove(row.plugin, row.key);
      return;
    }
    const now = this.deps.clock.now();
    if (row.expires_at !== null && row.expires_at <= now && row.is_lasting === 0) return;
    if (row.record !== null && row.value !== null) {
      this.#renewRow(row);
      return;
    }
    const expires_at = row.is_lasting === 1 || row.expires_at === null ? now + LIFE_MS : row.expires_at;
    const added = this.#add(region, { ...row, expires_at });
    if (added.ok) this.#rows.put({ ...row, expires_at, record: added.value, orphaned_at: null });
    else this.deps.log.warn(`a stored value could not be shared yet: ${added.error.summary()}`, { plugin: row.plugin });
  }

  #merge(plugin: string, record: RegionRecord, self: SiteId): void {
    const read = v.safeParse(bodySchema, record.body);
    const value = read.success && read.output.value !== undefined ? bounded(read.output.value, VALUE_LIMITS, "the value") : null;
    if (!read.success || value?.ok === false) {
      this.refused += 1;
      return;
    }
    const { key: name, version, lasting = false, own = false, site } = read.output;
    const origin = record.origin === self ? null : record.origin;
    const key = own ? ownRow(name, origin) : name;
    const before = this.#rows.find(plugin, key);
    if (before?.record === record.id) {
      if (before.orphaned_at !== null) this.#rows.put({ ...before, orphaned_at: null });
      return;
    }
    if (before !== null && !isNewer(version, record.id, before)) {
      if (origin === null) this.#withdraw(record.id);
      return;
    }
    const text = value === null ? null : value.value.text;
    if (!this.#room(plugin, origin, before, key.length + (text?.length ?? 0)).ok) {
      this.refused += 1;
      return;
    }
    const peer = site === undefined ? null : origin === null ? site : origin;
    const row = { plugin, key, value: text, version, record: record.id, origin, peer, expires_at: record.expiresAt };
    this.#rows.put({ ...row, is_lasting: lasting ? 1 : 0, orphaned_at: null });
    this.#retire(before);
    // A value that its site renewed is the same.
    if (origin === null || (before?.value ?? null) === text) return;
    this.deps.changed?.({ plugin, key: name, isOwn: own, isDeleted: text === null, site: origin });
  }

  /** Its successor may be on its way: until then the old value stays for a while. */
  #orphan(plugin: string, record: RegionRecord, self: SiteId): void {
    const read = v.safeParse(bodySchema, record.body);
    if (!read.success) return;
    const { key, own = false } = read.output;
    const row = this.#rows.find(plugin, own ? ownRow(key, record.origin === self ? null : record.origin) : key);
    if (row === null || row.record !== record.id) return;
    const now = this.deps.clock.now();
    const isAlive = row.value !== null && (row.expires_at === null || row.expires_at > now);
    if (record.origin === self && isAlive) this.#restore(row);
    else this.#rows.put({ ...row, orphaned_at: now });
  }

  /** Another site removed what this one wrote. Its own site decides: it shares the value again, at once or at the next start. */
  #restore(row: SharedRow): void {
    const { log } = this.deps;
    if (this.#restores.take(1) > 0) {
      log.warn("another site removes shared values again and again; they stay here, and are shared at the next start", {
        plugin: row.plugin,
      });
      return;
    }
    log.warn("another site removed a shared value of this one, which shares it again", { plugin: row.plugin });
    this.#renewRow(row);
  }

  #daily(): void {
    this.#timer = this.deps.clock.after(DAY_MS, () => this.#daily());
    try {
      this.#renew();
      this.#rows.sweep(this.deps.clock.now());
    } catch (thrown) {
      this.deps.log.error("the shared values could not be renewed; trying again in a day", { error: thrown });
    }
  }

  /** This site's lasting values, before they end. Without a region they have no end. */
  #renew(): void {
    const now = this.deps.clock.now();
    for (const row of this.#rows.plugins().flatMap((plugin) => this.#rows.of(plugin))) {
      if (row.is_lasting === 0 || row.origin !== null || row.value === null || row.expires_at === null) continue;
      if (this.deps.region === null) this.#rows.put({ ...row, expires_at: null });
      else if (row.expires_at - now < RENEW_MS) this.#renewRow(row);
    }
  }

  /** A new version of the same value: another site may still keep the record of the one before, which this site has lost or cannot change. */
  #renewRow(row: SharedRow): void {
    const { plugin, key, value, peer, is_lasting, expires_at } = row;
    const renewed = this.#change({ plugin, key, value, peer, until: is_lasting === 1 ? null : expires_at }, row);
    if (!renewed.ok) this.deps.log.warn(`a shared value could not be renewed: ${renewed.error.summary()}`, { plugin });
  }
}

/** Decided alike at every site. A value that is not shared yet has no id, and is below each that is. */
function isNewer(version: number, record: string, { version: known, record: other }: SharedRow): boolean {
  return version > known || (version === known && record > (other ?? ""));
}

const STREAMS = "plugin/";
const streamOf = (plugin: string): string => `${STREAMS}${plugin}`;

/** Whether this stream holds a plugin's shared values. */
export const isSharedStream = (stream: string): boolean => stream.startsWith(STREAMS);
