import * as v from "valibot";
import type { Clock } from "../../clock.ts";
import type { Subscription } from "../../lifetime.ts";
import type { Logger } from "../../log/logger.ts";
import { type Rate, TokenBucket } from "../../rates.ts";
import type { RecordId, RegionRecord, RegionRecords, SiteId, SiteMessages } from "../ports.ts";
import { readAll } from "./read-all.ts";
import { siteNameOf } from "./site-name.ts";

const STREAM = "alerts";
const TTL_MS = 7 * 86_400_000;
/** A cause that comes and goes must not fill the region's records. */
const RAISED: Rate = { count: 60, periodS: 3_600, text: "60/h" };
const MESSAGE_CHARS = 500;
/** Alerts of one site that are listed here. */
const OPEN_MAX = 50;

const bodySchema = v.strictObject({
  code: v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_]{0,63}$/)),
  message: v.pipe(v.string(), v.maxLength(MESSAGE_CHARS)),
  plugin: v.exactOptional(v.pipe(v.string(), v.maxLength(64))),
  link: v.exactOptional(v.pipe(v.string(), v.maxLength(64))),
});

/** An alert of this gateway that was raised, or is over. */
export interface OwnAlert {
  readonly change: "raised" | "cleared";
  readonly id: string;
  readonly code: string;
  readonly message: string;
  readonly plugin?: string;
  readonly link?: string;
}

/** An alert of another site. */
export type SiteAlert = v.InferOutput<typeof bodySchema> & { readonly site: string };

export interface SharedAlertsDeps {
  readonly messages: SiteMessages;
  readonly records: RegionRecords;
  readonly clock: Clock;
  readonly log: Logger;
  raise(alert: SiteAlert): void;
  clear(alert: SiteAlert): void;
}

/** The open alerts of every site, at every site: one record each, which is removed when its cause is over. */
export class SharedAlerts {
  /** Of this gateway's open alerts, by their id. */
  readonly #own = new Map<string, RecordId>();
  /** Open here, of other sites. */
  readonly #open = new Map<SiteId, Map<RecordId, SiteAlert>>();
  readonly #rate: TokenBucket;
  #subscription: Subscription | null = null;
  readonly counts = { shared: 0, overRate: 0, refused: 0 };

  constructor(private readonly deps: SharedAlertsDeps) {
    this.#rate = new TokenBucket(deps.clock, RAISED);
  }

  start(): void {
    const { records, messages } = this.deps;
    this.#subscription = records.onRecord(STREAM, (record, what) => (what === "added" ? this.#raised(record) : this.#gone(record)));
    for (const record of readAll(records, STREAM)) {
      // What the last run of this gateway raised is raised again where it still is so.
      if (record.origin === messages.self) this.#withdraw(record.id);
      else this.#raised(record);
    }
  }

  stop(): void {
    this.#subscription?.dispose();
  }

  changed({ change, id, code, message, plugin, link }: OwnAlert): void {
    const known = this.#own.get(id);
    if (change === "cleared") {
      if (known !== undefined) this.#withdraw(known);
      this.#own.delete(id);
      return;
    }
    if (known !== undefined) return;
    if (this.#rate.take(1) > 0) {
      this.counts.overRate++;
      return;
    }
    const about = { ...(plugin === undefined ? {} : { plugin }), ...(link === undefined ? {} : { link }) };
    const added = this.deps.records.add(STREAM, { code, message: message.slice(0, MESSAGE_CHARS), ...about }, { ttlMs: TTL_MS });
    if (!added.ok) {
      this.deps.log.warn(`an alert could not be given to the other sites: ${added.error.summary()}`);
      return;
    }
    this.counts.shared++;
    this.#own.set(id, added.value);
  }

  #withdraw(id: RecordId): void {
    const removed = this.deps.records.remove(id, "origin");
    if (!removed.ok) this.deps.log.debug(`an alert that is over stays at the other sites for a while: ${removed.error.summary()}`);
  }

  #raised({ id, origin, body }: RegionRecord): void {
    if (origin === this.deps.messages.self) return;
    const read = v.safeParse(bodySchema, body);
    const open = this.#open.get(origin) ?? new Map<RecordId, SiteAlert>();
    if (!read.success || open.size >= OPEN_MAX) {
      this.counts.refused++;
      return;
    }
    const alert = { ...read.output, site: siteNameOf(this.deps.messages, origin) };
    this.#open.set(origin, open.set(id, alert));
    this.deps.raise(alert);
  }

  #gone({ id, origin }: RegionRecord): void {
    const alert = this.#open.get(origin)?.get(id);
    if (alert === undefined) return;
    this.#open.get(origin)?.delete(id);
    this.deps.clear(alert);
  }
}
