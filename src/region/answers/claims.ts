import type { Clock, Timer } from "../../clock.ts";
import type { Subscription } from "../../lifetime.ts";
import type { Logger } from "../../log/logger.ts";
import type { NodeNumber, PacketId } from "../../mesh/ids.ts";
import { type Rate, TokenBucket } from "../../rates.ts";
import type { SiteId, SiteMessage, SiteMessages, SiteName } from "../ports.ts";
import { type Bid, goesBefore, type Reception } from "./rank.ts";
import { ANSWERS_TOPIC, type AnswersWire, HOPS_MAX, NO_SNR, NODES_MAX, readAnswersWire } from "./wire.ts";

/** Other sites have so long to claim the same text. Exactly one answers where a message takes less than half of it. */
export const WINDOW_MS = 400;
/** A site that left the answer to a better one waits so long for its word; after that the rule without a broker holds. */
const WORD_MS = 3 * WINDOW_MS;
/** Texts of which it is remembered who claimed or answers them; the oldest are forgotten. */
const REMEMBERED_MAX = 2_000;
/** What one site may say here. */
const SITE_RATE: Rate = { count: 200, periodS: 10, text: "20/s" };

/** A text that asks for an answer. */
export interface ClaimedText {
  readonly from: NodeNumber;
  readonly packetId: PacketId;
  readonly hopsAway?: number;
  readonly snr?: number;
}

/**
 * `ours`: this site answers. `theirs`: another one does. `undecided`: the others were not reached, or did not keep their word; the
 * rule without a broker decides.
 */
export type ClaimOutcome =
  | { readonly kind: "ours" }
  | { readonly kind: "theirs"; readonly site: SiteName }
  | { readonly kind: "undecided" };

/** A node under which another site answers. */
export interface SiteNode {
  readonly node: NodeNumber;
  /** Whether its site takes part in claims now. */
  readonly isOnline: boolean;
}

export interface ClaimsDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly messages: SiteMessages;
  /** This gateway's own nodes. */
  ownNodes(): readonly NodeNumber[];
  /** False while it must not answer at all: it then claims nothing. */
  mayAnswer(): boolean;
}

interface Wait {
  readonly key: string;
  readonly text: ClaimedText;
  readonly own: Bid;
  readonly outcome: Promise<ClaimOutcome>;
  readonly resolve: (outcome: ClaimOutcome) => void;
  timer: Timer;
  /** A better site is there. */
  hasYielded: boolean;
}

/** Decides with the other sites which of them answers a text that several heard. */
export class AnswerClaims {
  readonly counts = { ours: 0, theirs: 0, undecided: 0, refused: 0 };
  readonly #waits = new Map<string, Wait>();
  /** The best claim of another site by text, kept for those that hear it later. */
  readonly #best = new Map<string, Bid>();
  /** The site that answers. */
  readonly #taken = new Map<string, SiteId>();
  readonly #nodes = new Map<SiteId, readonly NodeNumber[]>();
  readonly #rates = new Map<SiteId, TokenBucket>();
  #subscriptions: readonly Subscription[] = [];
  #told = "";

  constructor(private readonly deps: ClaimsDeps) {}

  start(): void {
    const { messages } = this.deps;
    this.#subscriptions = [
      messages.onMessage(ANSWERS_TOPIC, (message) => this.#receive(message)),
      messages.onChange(() => this.tellNodes()),
    ];
    this.tellNodes();
  }

  stop(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    for (const wait of [...this.#waits.values()]) this.#end(wait, { kind: "undecided" });
  }

  /** Null: there is nobody to ask, and nothing to wait for. */
  claim(text: ClaimedText): Promise<ClaimOutcome> | null {
    const { messages } = this.deps;
    if (!this.deps.mayAnswer() || !messages.connected() || this.#online().size === 0) return null;
    const key = keyOf(text.from, text.packetId);
    const known = this.#known(key);
    if (known !== null) return Promise.resolve(known);
    const waiting = this.#waits.get(key);
    if (waiting !== undefined) return waiting.outcome;
    const own = { site: messages.self, reception: receptionOf(text) };
    if (!this.#send({ kind: "claim", from: text.from, packet: text.packetId, ...own.reception })) return null;
    const { promise, resolve } = Promise.withResolvers<ClaimOutcome>();
    const timer = this.deps.clock.after(WINDOW_MS, () => this.#decide(wait));
    const wait: Wait = { key, text, own, outcome: promise, resolve, timer, hasYielded: false };
    this.#waits.set(key, wait);
    const best = this.#best.get(key);
    if (best !== undefined && goesBefore(best, own, key)) this.#yield(wait);
    return promise;
  }

  /** Nodes of other sites, as far as they told. */
  peers(): readonly SiteNode[] {
    const online = this.deps.messages.connected() ? this.#online() : new Set();
    const enrolled = new Set(this.#enrolled().map(({ id }) => id));
    return [...this.#nodes].flatMap(([site, nodes]) => {
      return enrolled.has(site) ? nodes.map((node) => ({ node, isOnline: online.has(site) })) : [];
    });
  }

  /** Tells the others under which nodes this site answers, when that or the others have changed. */
  tellNodes(): void {
    const nodes = this.deps.ownNodes().slice(0, NODES_MAX);
    const told = [...nodes, ...[...this.#online()].sort()].join(" ");
    if (told === this.#told || !this.deps.messages.connected()) return;
    if (this.#send({ kind: "nodes", nodes: [...nodes] })) this.#told = told;
  }

  #known(key: string): ClaimOutcome | null {
    const site = this.#taken.get(key);
    if (site === undefined) return null;
    return site === this.deps.messages.self ? { kind: "ours" } : this.#theirs(site);
  }

  #theirs(site: SiteId): ClaimOutcome {
    return { kind: "theirs", site: this.deps.messages.sites().find(({ id }) => id === site)?.name ?? ("another" as SiteName) };
  }

  /** Nobody with a better claim spoke in time. */
  #decide(wait: Wait): void {
    const { from, packetId: packet } = wait.text;
    const isSaid = this.deps.messages.connected() && this.#send({ kind: "taken", from, packet });
    if (!isSaid) {
      this.#end(wait, { kind: "undecided" });
      return;
    }
    remember(this.#taken, wait.key, this.deps.messages.self);
    this.#end(wait, { kind: "ours" });
  }

  /** A better site is there: its word is waited for. */
  #yield(wait: Wait): void {
    if (wait.hasYielded) return;
    wait.hasYielded = true;
    wait.timer.cancel();
    wait.timer = this.deps.clock.after(WORD_MS, () => this.#end(wait, { kind: "undecided" }));
  }

  #end(wait: Wait, outcome: ClaimOutcome): void {
    wait.timer.cancel();
    this.#waits.delete(wait.key);
    this.counts[outcome.kind] += 1;
    wait.resolve(outcome);
  }

  #receive({ from: site, body }: SiteMessage): void {
    const said = readAnswersWire(body);
    if (said === null || !this.#enrolled().some(({ id }) => id === site) || !this.#admits(site)) {
      this.counts.refused += 1;
      return;
    }
    if (said.kind === "nodes") {
      this.#nodes.set(site, said.nodes);
      return;
    }
    const key = keyOf(said.from, said.packet);
    if (said.kind === "taken") this.#hearTaken(key, site);
    else this.#hearClaim(key, { site, reception: { hops: said.hops, snr: said.snr } }, said);
  }

  #hearTaken(key: string, site: SiteId): void {
    if (this.#taken.has(key)) return;
    remember(this.#taken, key, site);
    const wait = this.#waits.get(key);
    if (wait !== undefined) this.#end(wait, this.#theirs(site));
  }

  #hearClaim(key: string, bid: Bid, { from, packet }: { readonly from: NodeNumber; readonly packet: PacketId }): void {
    const { self } = this.deps.messages;
    if (this.#taken.get(key) === self) {
      // It heard the text later than this site has decided, or was not there then.
      this.#send({ kind: "taken", from, packet }, bid.site);
      return;
    }
    const best = this.#best.get(key);
    if (best === undefined || goesBefore(bid, best, key)) remember(this.#best, key, bid);
    const wait = this.#waits.get(key);
    if (wait !== undefined && goesBefore(bid, wait.own, key)) this.#yield(wait);
  }

  #admits(site: SiteId): boolean {
    const bucket = this.#rates.get(site) ?? new TokenBucket(this.deps.clock, SITE_RATE);
    this.#rates.set(site, bucket);
    return bucket.take(1) === 0;
  }

  #send(said: AnswersWire, to?: SiteId): boolean {
    const sent = this.deps.messages.send(ANSWERS_TOPIC, { ...said }, to);
    if (!sent.ok) this.deps.log.debug(`who answers could not be said to the other sites: ${sent.error.summary()}`);
    return sent.ok;
  }

  #enrolled() {
    return this.deps.messages.sites().filter(({ state }) => state === "enrolled");
  }

  #online(): ReadonlySet<SiteId> {
    return new Set(this.#enrolled().flatMap(({ id, online }) => (online ? [id] : [])));
  }
}

function keyOf(from: NodeNumber, packet: PacketId): string {
  return `${from} ${packet}`;
}

function receptionOf({ hopsAway, snr }: ClaimedText): Reception {
  const hops = hopsAway === undefined ? HOPS_MAX : Math.min(Math.max(Math.trunc(hopsAway), 0), HOPS_MAX);
  // The signal of a text that came over hops is that of the last relay.
  const isDirect = hops === 0 && snr !== undefined && Number.isFinite(snr);
  return { hops, snr: isDirect ? Math.min(Math.max(Math.round(snr), NO_SNR), 127) : NO_SNR };
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= REMEMBERED_MAX) break;
    map.delete(oldest);
  }
}
