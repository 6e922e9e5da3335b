import type { Clock, Random, Timer } from "../../clock.ts";
import type { Logger } from "../../log/logger.ts";
import type { SiteId, SiteMessages } from "../ports.ts";
import type { DigestTree } from "./digest-tree.ts";
import type { MessageOf, RecordMessage } from "./messages.ts";
import { Pull, type PullDeps } from "./pull.ts";

/** How often a site says what it keeps; many sites say it less often. */
const HELLO_MS = 60_000;
const HELLO_MS_PER_SITE = 3_000;
/** Two greetings are at least so far apart. */
const HELLO_GAP_MS = 5_000;
/** Before a pull, so that news under way arrive, and that not all sites ask at once. */
const SETTLE_MS = 1_000;
const SETTLE_JITTER_MS = 3_000;
/** Sites that answer a greeting, about; the others wait for their turn. */
const ANSWERING = 5;
/** A site that had nothing new is asked again after this time, then twice as long. */
const BARREN_MS = 60_000;
const BARREN_MAX_MS = 600_000;

export interface CatchUpDeps extends Pick<PullDeps, "lacks" | "take"> {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly sites: SiteMessages;
  readonly tree: DigestTree;
  send(message: RecordMessage, to?: SiteId): boolean;
}

/** What is known of another site's records. */
interface Other {
  root: string;
  /** Pulls in a row that brought nothing. */
  barren: number;
  /** Monotonic, ms. */
  notBefore: number;
  /** When it was last answered with our own digest, monotonic, ms. */
  greetedAt: number;
}

/** Says what this site keeps, hears what others keep, and pulls from one site at a time what it lacks. */
export class CatchUp {
  readonly #others = new Map<SiteId, Other>();
  #helloTimer: Timer | null = null;
  #pullTimer: Timer | null = null;
  #greetedAt = Number.NEGATIVE_INFINITY;
  #isAsking = false;
  #pull: Pull | null = null;
  #questions: number;
  readonly counts = { pulls: 0, pulled: 0, unfinished: 0 };

  constructor(private readonly deps: CatchUpDeps) {
    this.#questions = deps.random.u32();
  }

  start(): void {
    this.greet(true);
  }

  /** Says soon what this site keeps. `isAsking`: and wants to hear it of others. */
  greet(isAsking: boolean): void {
    this.#isAsking ||= isAsking;
    const since = this.deps.clock.monotonic() - this.#greetedAt;
    this.#helloIn(Math.max(0, HELLO_GAP_MS - since) + this.deps.random.fraction() * 500);
  }

  hello(from: SiteId, { root, isAsking }: MessageOf<"hello">): void {
    const other = this.#other(from);
    other.root = root;
    const mine = this.deps.tree.root();
    if (root === mine) {
      other.barren = 0;
      other.notBefore = Number.NEGATIVE_INFINITY;
      return;
    }
    if (isAsking) this.#answerGreeting(from, other, mine);
    this.#pullSoon();
  }

  answer(from: SiteId, message: MessageOf<"answer">): void {
    if (this.#pull?.from === from) this.#pull.answer(message);
  }

  batch(from: SiteId, message: MessageOf<"batch">): void {
    if (this.#pull?.from === from) this.#pull.batch(message);
  }

  /** Of sites that are no longer enrolled nothing is remembered. */
  forget(isEnrolled: (site: SiteId) => boolean): void {
    for (const site of this.#others.keys()) if (!isEnrolled(site)) this.#others.delete(site);
    if (this.#pull !== null && !isEnrolled(this.#pull.from)) this.#abandon();
  }

  /** Idempotent. */
  stop(): void {
    this.#abandon();
    this.#helloTimer?.cancel();
    this.#pullTimer?.cancel();
  }

  get isPulling(): boolean {
    return this.#pull !== null;
  }

  #helloIn(ms: number): void {
    this.#helloTimer?.cancel();
    this.#helloTimer = this.deps.clock.after(ms, () => this.#sayHello());
  }

  #sayHello(): void {
    this.#greetedAt = this.deps.clock.monotonic();
    const isSent = this.deps.sites.connected() && this.deps.send({ kind: "hello", root: this.deps.tree.root(), isAsking: this.#isAsking });
    if (isSent) this.#isAsking = false;
    const every = Math.max(HELLO_MS, HELLO_MS_PER_SITE * this.deps.sites.sites().length);
    this.#helloIn(every * (0.75 + this.deps.random.fraction() / 2));
  }

  #answerGreeting(from: SiteId, other: Other, root: string): void {
    const now = this.deps.clock.monotonic();
    const online = this.deps.sites.sites().filter((site) => site.online).length;
    if (now - other.greetedAt < HELLO_GAP_MS || this.deps.random.fraction() * online > ANSWERING) return;
    other.greetedAt = now;
    this.deps.send({ kind: "hello", root, isAsking: false }, from);
  }

  #other(site: SiteId): Other {
    const known = this.#others.get(site);
    if (known !== undefined) return known;
    const never = Number.NEGATIVE_INFINITY;
    const other = { root: "", barren: 0, notBefore: never, greetedAt: never };
    this.#others.set(site, other);
    return other;
  }

  #pullSoon(ms = SETTLE_MS + this.deps.random.fraction() * SETTLE_JITTER_MS): void {
    if (this.#pull !== null || this.#pullTimer !== null) return;
    this.#pullTimer = this.deps.clock.after(ms, () => {
      this.#pullTimer = null;
      this.#pullNow();
    });
  }

  /** From one of those that keep something else; they are asked in turns. */
  #pullNow(): void {
    const now = this.deps.clock.monotonic();
    const mine = this.deps.tree.root();
    const online = new Set(this.deps.sites.sites().flatMap(({ id, state, online }) => (online && state === "enrolled" ? [id] : [])));
    const differing = [...this.#others].filter(([site, { root }]) => root !== mine && root !== "" && online.has(site));
    const due = differing.filter(([, { notBefore }]) => notBefore <= now);
    const [from] = due[Math.floor(this.deps.random.fraction() * due.length)] ?? [];
    const next = Math.min(...differing.map(([, { notBefore }]) => notBefore));
    if (from !== undefined) this.#begin(from);
    else if (Number.isFinite(next)) this.#pullSoon(next - now);
  }

  #begin(from: SiteId): void {
    this.counts.pulls++;
    const { clock, tree, lacks, take, send } = this.deps;
    const number = () => ++this.#questions;
    this.#pull = new Pull(from, { clock, tree, lacks, take, send, number, done: (outcome) => this.#done(from, outcome) });
    this.#pull.start();
  }

  #done(from: SiteId, { kept, isWhole }: { readonly kept: number; readonly isWhole: boolean }): void {
    this.#pull = null;
    this.counts.pulled += kept;
    if (!isWhole) this.counts.unfinished++;
    if (kept > 0) this.deps.log.info(`caught up: ${kept} ${kept === 1 ? "record" : "records"} of the region`, { site: from });
    const other = this.#other(from);
    other.barren = kept > 0 ? 0 : other.barren + 1;
    const wait = kept > 0 && isWhole ? 0 : Math.min(BARREN_MS * 2 ** Math.max(0, other.barren - 1), BARREN_MAX_MS);
    other.notBefore = this.deps.clock.monotonic() + (kept > 0 && !isWhole ? SETTLE_MS : wait);
    // Now that they can see it, others may lack what is kept here.
    if (kept > 0) this.greet(false);
    this.#pullSoon();
  }

  #abandon(): void {
    this.#pull?.stop();
    this.#pull = null;
  }
}
