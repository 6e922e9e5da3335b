/** The records of this site in the core database. */
import type { CoreDatabase } from "../../storage/core.ts";
import type { RecordId, SiteId } from "../ports.ts";
import { ORIGIN_BYTES_MAX, ORIGIN_STREAMS_MAX, STREAM_BYTES_MAX, STREAM_RECORDS_MAX, STREAM_REMOVALS_MAX } from "./bounds.ts";
import { type RecordFormat, readKept, type SignedRecord } from "./record.ts";
import { Tallies, type TallyKey } from "./tallies.ts";

const DAY_MS = 86_400_000;

/** Where a record is in the tree of digests: four hex digits of its day, then its id. */
function treeKeyOf({ madeAt, id }: Pick<SignedRecord, "madeAt" | "id">): string {
  return `${Math.floor(madeAt / DAY_MS)
    .toString(16)
    .padStart(4, "0")
    .slice(-4)}${id}`;
}

interface Row {
  readonly wire: string;
}

/** What a change of the table did. */
export interface Outcome {
  /** The record is kept now. */
  readonly isKept: boolean;
  /** Why not. */
  readonly refusal: "known" | "removed" | "crowded" | null;
  /** What went because of it: the one removed, or those pushed out. */
  readonly gone: readonly SignedRecord[];
  /** How many of `gone` were pushed out by newer ones. */
  readonly pushedOut: number;
}

const refused = (refusal: Outcome["refusal"]): Outcome => ({ isKept: false, refusal, gone: [], pushedOut: 0 });

/** Call the changing methods within a transaction of the core database. */
export class RecordStore {
  /** Told the tree key of each record that comes or goes. */
  onTreeChange: (key: string) => void = () => undefined;
  readonly tallies: Tallies;

  constructor(
    private readonly database: CoreDatabase,
    private readonly format: RecordFormat,
  ) {
    this.tallies = new Tallies(database, format.region);
  }

  has(id: RecordId): boolean {
    return this.#one<{ seq: number }>("SELECT seq FROM region_records WHERE id = ?", id) !== null;
  }

  get(id: RecordId): SignedRecord | null {
    const row = this.#one<Row>("SELECT wire FROM region_records WHERE id = ? AND region = ?", id, this.format.region);
    return row === null ? null : readKept(this.format, row.wire);
  }

  /** The text that travels of a record that may be passed on; null: there is none, or its origin was revoked. */
  shareable(id: RecordId): string | null {
    return this.#one<Row>("SELECT wire FROM region_records WHERE id = ? AND tree_key IS NOT NULL", id)?.wire ?? null;
  }

  /** Whether some removal names this record, whoever made it. */
  isNamedByRemoval(id: RecordId): boolean {
    const sql = "SELECT 1 AS found FROM region_records WHERE target = ? AND region = ?";
    return this.#one<{ found: number }>(sql, id, this.format.region) !== null;
  }

  /** Keeps a checked record, unless it is known, removed or pushed out. */
  keep(record: SignedRecord): Outcome {
    if (this.has(record.id)) return refused("known");
    if (this.#isRemoved(record)) return refused("removed");
    if (this.#isCrowdedOut(record)) return refused("crowded");
    const removed = this.#targetOf(record);
    if (removed !== null) this.drop(removed);
    this.#insert(record);
    const pushedOut = this.#pushOut(record);
    const isKept = !pushedOut.some(({ id }) => id === record.id);
    const gone = [...(removed === null ? [] : [removed]), ...pushedOut.filter(({ id }) => id !== record.id)];
    return { isKept, refusal: isKept ? null : "crowded", gone, pushedOut: pushedOut.length };
  }

  drop(record: SignedRecord): void {
    if (this.database.sqlite.run("DELETE FROM region_records WHERE id = ?", [record.id]).changes === 0) return;
    this.tallies.remove(tallyKeyOf(record), Buffer.byteLength(record.wire));
    this.onTreeChange(treeKeyOf(record));
  }

  /** Records whose time is over, at most `limit`. */
  expired(now: number, limit: number): SignedRecord[] {
    return this.#records("SELECT wire FROM region_records WHERE expires_at <= ? AND region = ? LIMIT ?", now, this.format.region, limit);
  }

  /** Whether another region left something behind whose time is over. */
  hasExpiredOfOtherRegions(now: number): boolean {
    const sql = "SELECT 1 AS found FROM region_records WHERE expires_at <= ? AND region <> ? LIMIT 1";
    return this.#one<{ found: number }>(sql, now, this.format.region) !== null;
  }

  dropExpiredOfOtherRegions(now: number): void {
    this.database.sqlite.run("DELETE FROM region_records WHERE expires_at <= ? AND region <> ?", [now, this.format.region]);
  }

  /** Of those that `reader` may read, in the order of arrival. */
  list(stream: string, reader: SiteId, page: { readonly after: RecordId | undefined; readonly limit: number }): SignedRecord[] {
    const after = page.after === undefined ? null : this.#one<{ seq: number }>("SELECT seq FROM region_records WHERE id = ?", page.after);
    return this.#records(
      `SELECT wire FROM region_records WHERE region = ? AND stream = ? AND seq > ? AND target IS NULL AND (sealed_to IS NULL OR sealed_to = ?)
        ORDER BY seq LIMIT ?`,
      this.format.region,
      stream,
      after?.seq ?? 0,
      reader,
      page.limit,
    );
  }

  /** Up to `limit` tree keys below a prefix, in order. */
  keysBelow(prefix: string, limit: number): string[] {
    const sql = "SELECT tree_key FROM region_records WHERE tree_key >= ? AND tree_key < ? ORDER BY tree_key LIMIT ?";
    const rows = this.database.sqlite.query<{ tree_key: string }, [string, string, number]>(sql).all(prefix, `${prefix}g`, limit);
    return rows.map(({ tree_key }) => tree_key);
  }

  /** Puts the records of an origin into the tree of what is passed on, or takes them out. */
  setPassedOn(origin: SiteId, isPassedOn: boolean): void {
    const day = "printf('%04x', made_at / 86400000) || id";
    this.database.sqlite.run(
      `UPDATE region_records SET tree_key = ${isPassedOn ? day : "NULL"} WHERE region = ? AND origin = ? AND tree_key IS ${isPassedOn ? "" : "NOT "}NULL`,
      [this.format.region, origin],
    );
  }

  /** Nothing of another region is passed on in this one. */
  hideOtherRegions(): void {
    this.database.sqlite.run("UPDATE region_records SET tree_key = NULL WHERE region <> ? AND tree_key IS NOT NULL", [this.format.region]);
  }

  /** All records, removals included, of the streams that are wanted. */
  ofStreams(isWanted: (stream: string) => boolean): SignedRecord[] {
    const sql = "SELECT DISTINCT stream FROM region_records WHERE region = ?";
    const streams = this.database.sqlite.query<{ stream: string }, [string]>(sql).all(this.format.region);
    return streams
      .filter(({ stream }) => isWanted(stream))
      .flatMap(({ stream }) =>
        this.#records("SELECT wire FROM region_records WHERE region = ? AND stream = ?", this.format.region, stream),
      );
  }

  /** When the newest record was made; for a clock that was never set. */
  newest(): number | null {
    return (
      this.#one<{ at: number | null }>("SELECT max(made_at) AS at FROM region_records WHERE region = ?", this.format.region)?.at ?? null
    );
  }

  /** Whether an origin may begin this stream, or add so many bytes. */
  hasRoom(origin: SiteId, stream: string, bytes: number): boolean {
    const streams = this.tallies.streamsOf(origin);
    const mayBegin = streams.has(stream) || streams.size < ORIGIN_STREAMS_MAX;
    return mayBegin && this.tallies.bytesOf(origin) + bytes <= ORIGIN_BYTES_MAX;
  }

  /** A removal counts if the same site made what it removes, or if it says that an operator asked. */
  #isRemoved(record: SignedRecord): boolean {
    if (record.act.kind === "remove") return false;
    const named = this.#records("SELECT wire FROM region_records WHERE target = ? AND region = ?", record.id, this.format.region);
    return named.some((removal) => counts(removal, record));
  }

  #targetOf(removal: SignedRecord): SignedRecord | null {
    if (removal.act.kind !== "remove") return null;
    const target = this.get(removal.act.target);
    return target !== null && counts(removal, target) ? target : null;
  }

  #insert(record: SignedRecord): void {
    const { act, id, stream, origin, madeAt, expiresAt, wire } = record;
    const [target, to] = act.kind === "remove" ? [act.target, null] : [null, act.to];
    const key = treeKeyOf(record);
    const bytes = Buffer.byteLength(wire);
    this.database.sqlite.run(
      `INSERT INTO region_records (id, region, stream, origin, target, sealed_to, made_at, expires_at, bytes, tree_key, wire)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      [id, this.format.region, stream, origin, target, to, madeAt, expiresAt, bytes, key, wire],
    );
    this.tallies.add(tallyKeyOf(record), bytes);
    this.onTreeChange(key);
  }

  /** What was pushed out once stays out, or two sites would give it to each other for ever. */
  #isCrowdedOut(record: SignedRecord): boolean {
    const { stream, origin, madeAt, id, act, wire } = record;
    if (!this.hasRoom(origin, stream, Buffer.byteLength(wire))) return true;
    const floor = this.#one<{ made_at: number; id: string }>(
      "SELECT made_at, id FROM region_record_floors WHERE region = ? AND origin = ? AND stream = ? AND is_removal = ?",
      this.format.region,
      origin,
      stream,
      act.kind === "remove" ? 1 : 0,
    );
    return floor !== null && (madeAt < floor.made_at || (madeAt === floor.made_at && id <= floor.id));
  }

  /** The oldest of its origin and stream, until the bounds are kept. */
  #pushOut(record: SignedRecord): SignedRecord[] {
    const key = tallyKeyOf(record);
    const max = key.isRemoval ? STREAM_REMOVALS_MAX : STREAM_RECORDS_MAX;
    const oldestFirst = `SELECT wire FROM region_records WHERE region = ? AND origin = ? AND stream = ? AND target IS ${key.isRemoval ? "NOT " : ""}NULL
      ORDER BY made_at, id LIMIT 1`;
    const out: SignedRecord[] = [];
    for (;;) {
      const { records, bytes } = this.tallies.of(key);
      if (records <= max && bytes <= STREAM_BYTES_MAX) return out;
      const [oldest] = this.#records(oldestFirst, this.format.region, key.origin, key.stream);
      if (oldest === undefined) return out;
      this.drop(oldest);
      this.#raiseFloor(oldest);
      out.push(oldest);
    }
  }

  #raiseFloor({ act, stream, origin, madeAt, id }: SignedRecord): void {
    this.database.sqlite.run("INSERT OR REPLACE INTO region_record_floors VALUES (?, ?, ?, ?, ?, ?)", [
      this.format.region,
      origin,
      stream,
      act.kind === "remove" ? 1 : 0,
      madeAt,
      id,
    ]);
  }

  #one<T>(sql: string, ...values: readonly (string | number)[]): T | null {
    return this.database.sqlite.query<T, (string | number)[]>(sql).get(...values);
  }

  #records(sql: string, ...values: readonly (string | number)[]): SignedRecord[] {
    const rows = this.database.sqlite.query<Row, (string | number)[]>(sql).all(...values);
    return rows.flatMap(({ wire }) => readKept(this.format, wire) ?? []);
  }
}

function tallyKeyOf({ origin, stream, act }: SignedRecord): TallyKey {
  return { origin, stream, isRemoval: act.kind === "remove" };
}

function counts(removal: SignedRecord, target: SignedRecord): boolean {
  if (removal.act.kind !== "remove" || removal.stream !== target.stream || target.act.kind !== "add") return false;
  return removal.act.as === "operator" || removal.origin === target.origin;
}
