/** The records of a region, as this site keeps them. */
import type { Clock, Random, Timer } from "../../clock.ts";
import { asGatewayError, fail, ok, type Result } from "../../errors.ts";
import type { Json } from "../../json.ts";
import { parseJson } from "../../json-reader.ts";
import type { Subscription } from "../../lifetime.ts";
import type { Logger } from "../../log/logger.ts";
import type { CoreDatabase } from "../../storage/core.ts";
import type { AddOptions, RecordId, RegionRecord, RegionRecords, SiteId, SiteKeys, SiteMessage, SiteMessages } from "../ports.ts";
import { RecordAnswers } from "./answers.ts";
import { BODY_LIMITS, CLOCK_SET, REMOVAL_OUTLIVES_MS } from "./bounds.ts";
import { CatchUp } from "./catch-up.ts";
import { DigestTree } from "./digest-tree.ts";
import { type IntakeCounts, RecordIntake } from "./intake.ts";
import { Listeners } from "./listeners.ts";
import { RECORDS_TOPIC, type RecordMessage, readRecordMessage } from "./messages.ts";
import { checkBody, type RecordContent, type RecordFormat, type SignedRecord, sealContext, signRecord, wireJson } from "./record.ts";
import { type Outcome, RecordStore } from "./store.ts";

const READ_MAX = 500;
const SWEEP_MS = 60_000;
/** Expired records that go in one transaction. */
const SWEEP_RECORDS = 500;
const COMPLAIN_MS = 60_000;

export interface RecordsDeps {
  /** Its name. */
  readonly region: string;
  readonly sites: SiteMessages;
  readonly keys: SiteKeys;
  readonly database: CoreDatabase;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** How the records of this site are doing. */
export interface RecordsStatus extends IntakeCounts {
  readonly records: number;
  readonly bytes: number;
  /** Equal at two sites: they keep the same records. */
  readonly digest: string;
  /** Pushed out by newer ones of their origin. */
  readonly dropped: number;
  /** Messages between sites that are none of this version. */
  readonly unreadable: number;
  readonly pulls: number;
  readonly unfinishedPulls: number;
  readonly isCatchingUp: boolean;
}

/** {@link RegionRecords} over messages between sites. */
export class Records implements RegionRecords {
  readonly #format: RecordFormat;
  readonly #store: RecordStore;
  readonly #tree: DigestTree;
  readonly #intake: RecordIntake;
  readonly #answers: RecordAnswers;
  readonly #catchUp: CatchUp;
  readonly #listeners: Listeners;
  #subscriptions: readonly Subscription[] = [];
  #sweep: Timer | null = null;
  #passedOn: ReadonlySet<SiteId> = new Set();
  #present = "";
  #dropped = 0;
  #unreadable = 0;
  #complainedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly deps: RecordsDeps) {
    const { region, keys, sites, clock, random, log, database } = deps;
    this.#format = { region, keys };
    this.#store = new RecordStore(database, this.#format);
    this.#tree = new DigestTree(this.#store);
    this.#store.onTreeChange = (key) => this.#tree.changed(key);
    this.#listeners = new Listeners(log);
    this.#intake = new RecordIntake({ clock, log, format: this.#format, keep: (records) => this.#keepAll(records) });
    this.#answers = new RecordAnswers({ clock, tree: this.#tree, shareable: (id) => this.#store.shareable(id) });
    this.#catchUp = new CatchUp({
      ...{ clock, random, log, sites, tree: this.#tree },
      send: (message, to) => this.#send(message, to).ok,
      lacks: (id) => !this.#store.has(id) && !this.#intake.isRefused(id),
      take: (from, { records }) => this.#intake.take(from, records),
    });
  }

  /** Reads the database and begins to talk with the other sites. */
  start(): void {
    this.#write(() => this.#store.hideOtherRegions());
    this.#store.tallies.load();
    this.#passOnEnrolled();
    const { sites, clock } = this.deps;
    this.#subscriptions = [sites.onMessage(RECORDS_TOPIC, (message) => this.#receive(message)), sites.onChange(() => this.#sitesChanged())];
    this.#present = this.#presence();
    const sweep = (): void => {
      this.#dropExpired();
      this.#sweep = clock.after(SWEEP_MS, sweep);
    };
    sweep();
    this.#catchUp.start();
  }

  /** Idempotent. */
  stop(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#subscriptions = [];
    this.#sweep?.cancel();
    this.#catchUp.stop();
  }

  add(stream: string, body: Json, { ttlMs, to, isUrgent = false }: AddOptions): Result<RecordId> {
    const checked = checkBody(stream, body, ttlMs);
    if (!checked.ok) return checked;
    const sealed = to === undefined ? checked : this.#seal(stream, checked.value, to);
    if (!sealed.ok) return sealed;
    const madeAt = this.#now();
    return this.#publish({ stream, madeAt, expiresAt: madeAt + ttlMs, act: { kind: "add", body: sealed.value, to: to ?? null } }, isUrgent);
  }

  remove(id: RecordId, as: "origin" | "operator"): Result<void> {
    const record = this.#store.get(id);
    if (record === null || record.act.kind !== "add") return fail("not_found", "no site keeps such a record, as far as this one knows");
    if (as === "origin" && record.origin !== this.deps.sites.self) {
      return fail("permission_denied", "another site made this record; only an operator may remove it");
    }
    const madeAt = this.#now();
    const expiresAt = Math.max(record.expiresAt, madeAt) + REMOVAL_OUTLIVES_MS;
    const removed = this.#publish({ stream: record.stream, madeAt, expiresAt, act: { kind: "remove", target: id, as } }, false);
    return removed.ok ? ok(undefined) : removed;
  }

  read(stream: string, { after, limit = READ_MAX }: { readonly after?: RecordId; readonly limit?: number } = {}): readonly RegionRecord[] {
    const page = { after, limit: Math.min(Math.max(Math.trunc(limit), 1), READ_MAX) };
    return this.#store.list(stream, this.deps.sites.self, page).flatMap((record) => this.#view(record) ?? []);
  }

  onRecord(stream: string, handler: (record: RegionRecord, what: "added" | "removed") => void): Subscription {
    return this.#listeners.add(stream, handler);
  }

  /** Forgets the records of this region but those of the streams to keep, without a word to the others: this site has left it. */
  forget(isKept: (stream: string) => boolean): void {
    const gone = this.#store.ofStreams((stream) => !isKept(stream));
    this.#write(() => gone.forEach((record) => void this.#store.drop(record)));
    for (const record of gone) this.#tell(record, "removed");
  }

  status(): RecordsStatus {
    const { pulls, unfinished } = this.#catchUp.counts;
    return {
      ...this.#intake.counts,
      ...this.#store.tallies.totals(),
      digest: this.#tree.root(),
      dropped: this.#dropped,
      unreadable: this.#unreadable,
      pulls,
      unfinishedPulls: unfinished,
      isCatchingUp: this.#catchUp.isPulling,
    };
  }

  /** A clock that was never set would make records that are old everywhere else. */
  #now(): number {
    const now = Math.floor(this.deps.clock.now());
    return now >= CLOCK_SET ? now : Math.max(this.#store.newest() ?? 0, CLOCK_SET);
  }

  #seal(stream: string, body: Json, to: SiteId): Result<string> {
    const { keys, region, sites } = this.deps;
    return keys.seal(to, Buffer.from(JSON.stringify(body)), sealContext(region, { stream, origin: sites.self }, to));
  }

  /** Signs, keeps and sends a record of this site. */
  #publish(content: Omit<RecordContent, "origin" | "nonce">, isUrgent: boolean): Result<RecordId> {
    const nonce = Buffer.from(this.deps.random.bytes(16)).toString("hex");
    const record = signRecord(this.#format, { ...content, origin: this.deps.sites.self, nonce });
    let outcome: Outcome;
    try {
      outcome = this.#write(() => this.#store.keep(record), isUrgent);
    } catch (thrown) {
      return { ok: false, error: asGatewayError(thrown, "unavailable") };
    }
    if (!outcome.isKept) return fail("quota_exceeded", "this site has too many records, or too many streams, in the region");
    this.#announce(record, outcome);
    const sent = this.#send({ kind: "news", records: [wireJson(record.wire)] });
    if (!sent.ok && sent.error.code !== "unavailable") this.#catchUp.greet(false);
    return ok(record.id);
  }

  #keepAll(records: readonly SignedRecord[]): readonly Outcome[] | null {
    try {
      const outcomes = this.#write(() => records.map((record) => this.#store.keep(record)));
      for (const [at, outcome] of outcomes.entries()) {
        const record = records[at];
        if (record !== undefined && outcome.isKept) this.#announce(record, outcome);
      }
      return outcomes;
    } catch (thrown) {
      this.#complain("the records of other sites cannot be kept; they are asked for again", thrown);
      return null;
    }
  }

  #write<T>(work: () => T, isUrgent = false): T {
    const { database } = this.deps;
    try {
      return isUrgent ? database.withFull(work) : database.write(work);
    } catch (thrown) {
      // What was counted is not in the table.
      this.#store.tallies.load();
      this.#tree.clear();
      throw thrown;
    }
  }

  #announce(record: SignedRecord, { gone, pushedOut }: Outcome): void {
    if (pushedOut > 0) {
      this.#dropped += pushedOut;
      this.#complain(`records of one site in ${record.stream} were dropped, because newer ones of it need the room`, undefined);
    }
    if (record.act.kind === "remove" && record.act.as === "operator" && gone.some(({ origin }) => origin !== record.origin)) {
      this.deps.log.info("an operator removed a record of another site", { by: record.origin, record: record.act.target });
    }
    for (const each of gone) {
      this.#intake.refuse(each.id);
      this.#tell(each, "removed");
    }
    this.#tell(record, "added");
  }

  #tell(record: SignedRecord, what: "added" | "removed"): void {
    if (!this.#listeners.has(record.stream)) return;
    const view = this.#view(record);
    if (view !== null) this.#listeners.tell(view, what);
  }

  /** As its readers see it; null: it is a removal, or for another site. */
  #view({ id, stream, origin, act, madeAt, expiresAt }: SignedRecord): RegionRecord | null {
    if (act.kind === "remove") return null;
    if (act.to === null) return { id, stream, origin, body: act.body, madeAt, expiresAt };
    if (act.to !== this.deps.sites.self || typeof act.body !== "string") return null;
    const opened = this.deps.keys.open(act.body, sealContext(this.deps.region, { stream, origin }, act.to));
    const body = opened === null ? null : parseJson(Buffer.from(opened).toString(), BODY_LIMITS);
    return body?.ok === true ? { id, stream, origin, body: body.value, madeAt, expiresAt } : null;
  }

  #receive({ from, body }: SiteMessage): void {
    const message = readRecordMessage(body);
    if (message === null) {
      this.#unreadable++;
      return;
    }
    if (message.kind === "hello") this.#catchUp.hello(from, message);
    else if (message.kind === "answer") this.#catchUp.answer(from, message);
    else if (message.kind === "batch") this.#catchUp.batch(from, message);
    else if (message.kind === "news") {
      if (this.#intake.admits(from, message.records.length)) this.#intake.take(from, message.records);
    } else if (this.#answers.admits(from)) {
      this.#send(message.kind === "ask" ? this.#answers.toAsk(message) : this.#answers.toWant(message), from);
    }
  }

  #send(message: RecordMessage, to?: SiteId): Result<void> {
    return this.deps.sites.send(RECORDS_TOPIC, message, to);
  }

  #sitesChanged(): void {
    this.#passOnEnrolled();
    const enrolled = new Set(this.deps.sites.sites().flatMap(({ id, state }) => (state === "enrolled" ? [id] : [])));
    this.#catchUp.forget((site) => enrolled.has(site));
    const present = this.#presence();
    if (present === this.#present) return;
    this.#present = present;
    if (this.deps.sites.connected()) this.#catchUp.greet(true);
  }

  /** Changes when a site, or the broker, comes or goes. */
  #presence(): string {
    const { sites } = this.deps;
    const online = sites.sites().flatMap(({ id, state, online }) => (state === "enrolled" && online ? [id] : []));
    return [sites.connected(), ...online.sort()].join(" ");
  }

  /** What a revoked site made is kept, and no longer passed on: others must not depend on who got it in time. */
  #passOnEnrolled(): void {
    const { self, sites } = { self: this.deps.sites.self, sites: this.deps.sites.sites() };
    const wanted = new Set([self, ...sites.flatMap(({ id, state }) => (state === "enrolled" ? [id] : []))]);
    if (wanted.size === this.#passedOn.size && [...wanted].every((site) => this.#passedOn.has(site))) return;
    try {
      this.#write(() => {
        for (const origin of this.#store.tallies.origins()) this.#store.setPassedOn(origin, wanted.has(origin));
      });
      this.#passedOn = wanted;
      this.#tree.clear();
    } catch (thrown) {
      this.#complain("the records of the region cannot be written", thrown);
    }
  }

  #dropExpired(): void {
    const now = this.deps.clock.now();
    if (now < CLOCK_SET) return;
    try {
      for (let count = SWEEP_RECORDS; count === SWEEP_RECORDS; ) {
        const expired = this.#store.expired(now, SWEEP_RECORDS);
        count = expired.length;
        if (count > 0) this.#write(() => expired.forEach((record) => void this.#store.drop(record)));
        for (const record of expired) {
          this.#intake.refuse(record.id);
          this.#tell(record, "removed");
        }
      }
      if (this.#store.hasExpiredOfOtherRegions(now)) this.#write(() => this.#store.dropExpiredOfOtherRegions(now));
    } catch (thrown) {
      this.#complain("expired records cannot be removed", thrown);
    }
  }

  #complain(message: string, error: unknown): void {
    const now = this.deps.clock.monotonic();
    if (now - this.#complainedAt < COMPLAIN_MS) return;
    this.#complainedAt = now;
    if (error !== undefined) this.deps.log.error(message, { error });
    else this.deps.log.warn(message);
  }
}
