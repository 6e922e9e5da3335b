import * as v from "valibot";
import type { Clock } from "../../clock.ts";
import type { Json } from "../../json.ts";
import type { Subscription } from "../../lifetime.ts";
import type { Logger } from "../../log/logger.ts";
import type { OtherSite, OtherSites, SharedCall, SiteReach } from "../../mesh/emergency/other-sites.ts";
import { type Rate, TokenBucket } from "../../rates.ts";
import type { RegionRecord, RegionRecords, SiteId, SiteMessages } from "../ports.ts";
import { readAll } from "./read-all.ts";
import { siteNameOf } from "./site-name.ts";

const STREAM = "sos";
const TTL_MS = 7 * 86_400_000;
/**
 * A call that is older is listed, and no operator is texted about it: whoever was away for longer than this learns of it, but
 * is not sent out. Clocks of sites may differ by an hour.
 */
const FRESH_MS = 3 * 3_600_000;
/** Calls of one site that are acted on; a site that was taken over must not be able to jam other meshes with alerts. */
const CALLS: Rate = { count: 60, periodS: 600, text: "60 in 10 min" };
const NAMES_MAX = 50;

const short = (chars: number) => v.pipe(v.string(), v.maxLength(chars));
const callSchema = v.strictObject({
  kind: v.literal("call"),
  key: short(100),
  caseKey: short(100),
  sender: v.pipe(v.string(), v.regex(/^![0-9a-f]{8}$/)),
  word: short(40),
  isFollowUp: v.boolean(),
  content: short(1_000),
  correlationId: short(100),
});
const bodySchema = v.variant("kind", [
  callSchema,
  /** Who was reached at the site that says so. */
  v.strictObject({
    kind: v.literal("reach"),
    key: short(100),
    reached: v.pipe(v.array(short(100)), v.maxLength(NAMES_MAX)),
    isSettled: v.boolean(),
  }),
  v.strictObject({ kind: v.literal("ack"), caseKey: short(100), by: short(100) }),
]);
type Body = v.InferOutput<typeof bodySchema>;

export interface CallsForHelpDeps {
  readonly messages: SiteMessages;
  readonly records: RegionRecords;
  readonly clock: Clock;
  readonly log: Logger;
  /** Alerts this gateway's operators; `changed` is told who was reached. */
  receive(call: SharedCall, site: string, changed: (reach: SiteReach) => void): void;
  /** Lists a call that came too late to send anybody out. */
  list(call: SharedCall, site: string): void;
  /** Another site says who was reached there. */
  reached(key: string, site: SiteId, reach: SiteReach): void;
  /** An operator of another site has taken note of the case. */
  acknowledged(caseKey: string, by: string, site: string): void;
}

/** Calls for help as one case at all sites: each alerts its own operators once, and says whom it reached and who took note. */
export class CallsForHelp implements OtherSites {
  #subscription: Subscription | null = null;
  readonly #rates = new Map<SiteId, TokenBucket>();
  readonly counts = { shared: 0, received: 0, late: 0, overRate: 0, refused: 0 };

  constructor(private readonly deps: CallsForHelpDeps) {}

  /** Hears calls of other sites, those of the last hours that this gateway did not handle included. */
  start(): void {
    const { records } = this.deps;
    const { self } = this.deps.messages;
    const known = readAll(records, STREAM);
    const handled = new Set(known.flatMap((record) => (record.origin === self ? keyOfReach(record.body) : [])));
    this.#subscription = records.onRecord(STREAM, (record, what) => {
      if (what === "added") this.#take(record);
    });
    for (const record of known) {
      const body = v.safeParse(callSchema, record.body);
      if (!body.success || (!handled.has(body.output.key) && this.#isFresh(record))) this.#take(record);
    }
  }

  stop(): void {
    this.#subscription?.dispose();
  }

  share(call: SharedCall): readonly OtherSite[] {
    const { messages, records, log } = this.deps;
    const added = records.add(STREAM, { kind: "call", ...call, content: call.content.slice(0, 1_000) }, { ttlMs: TTL_MS, isUrgent: true });
    if (!added.ok) {
      log.error(`a call for help could not be given to the other sites: ${added.error.summary()}`, { correlation_id: call.correlationId });
      return [];
    }
    this.counts.shared++;
    // To its sender only those are named that can hear of it now; the others get it when they are back.
    if (!messages.connected()) return [];
    return messages.sites().flatMap(({ id, name, state, online }) => (state === "enrolled" && online ? [{ id, name }] : []));
  }

  /** An operator of this site has taken note of the case. */
  acknowledge(caseKey: string, by: string): void {
    this.#add({ kind: "ack", caseKey, by: by.slice(0, 100) });
  }

  #take({ origin, body, ...record }: RegionRecord): void {
    if (origin === this.deps.messages.self) return;
    const read = v.safeParse(bodySchema, body);
    if (!read.success) {
      this.counts.refused++;
      return;
    }
    const site = siteNameOf(this.deps.messages, origin);
    const { output } = read;
    if (output.kind === "reach") this.deps.reached(output.key, origin, output);
    else if (output.kind === "ack") this.deps.acknowledged(output.caseKey, output.by, site);
    else this.#called(output, { site, origin, isFresh: this.#isFresh(record) });
  }

  #called({ kind: _, ...call }: v.InferOutput<typeof callSchema>, from: { site: string; origin: SiteId; isFresh: boolean }): void {
    if (!this.#admits(from.origin)) {
      this.counts.overRate++;
      this.deps.log.warn(`a call for help was only logged: ${from.site} passes on too many: ${call.content}`);
      return;
    }
    if (!from.isFresh) {
      this.counts.late++;
      this.deps.list(call, from.site);
      return;
    }
    this.counts.received++;
    let said = "";
    this.deps.receive(call, from.site, (reach) => {
      // The first time it also says that this site is at work: after a restart it is not begun again.
      const now = JSON.stringify(reach);
      if (now === said) return;
      said = now;
      const reached = reach.reached.slice(0, NAMES_MAX).map((name) => name.slice(0, 100));
      this.#add({ kind: "reach", key: call.key, reached, isSettled: reach.isSettled });
    });
  }

  #add(body: Body): void {
    const added = this.deps.records.add(STREAM, body, { ttlMs: TTL_MS });
    if (!added.ok) this.deps.log.error(`what became of a call for help could not be told to the other sites: ${added.error.summary()}`);
  }

  #isFresh({ madeAt }: Pick<RegionRecord, "madeAt">): boolean {
    return this.deps.clock.now() - madeAt < FRESH_MS;
  }

  #admits(site: SiteId): boolean {
    const bucket = this.#rates.get(site) ?? new TokenBucket(this.deps.clock, CALLS);
    this.#rates.set(site, bucket);
    return bucket.take(1) === 0;
  }
}

function keyOfReach(body: Json): string[] {
  const read = v.safeParse(bodySchema, body);
  return read.success && read.output.kind === "reach" ? [read.output.key] : [];
}
