/**
 * The messages of a region in memory: as many sites as a test wants, with links that it controls. Every link is one-way and
 * can be cut, delayed, reordered, doubled and lossy; sites can lose their broker, be enrolled and be revoked. Nothing is
 * delivered within `send`: messages go by the clock, those without delay with its next step.
 */
import type { Clock, Random } from "../../src/clock.ts";
import { fail, ok, type Result } from "../../src/errors.ts";
import type { Json } from "../../src/json.ts";
import type { Subscription } from "../../src/lifetime.ts";
import type { SiteId, SiteMessage, SiteMessages, SiteName, SiteView } from "../../src/region/ports.ts";
import { fakeRandom } from "../fake-clock.ts";

export const BODY_BYTES_MAX = 32 * 1024;

/** What one direction between two sites does to messages. Chances are 0 to 1. */
export interface LinkFaults {
  readonly isDown: boolean;
  readonly delayMs: number;
  /** Each message waits up to this much longer, so that later ones overtake it. */
  readonly jitterMs: number;
  readonly dropChance: number;
  readonly doubleChance: number;
}

const PERFECT: LinkFaults = { isDown: false, delayMs: 0, jitterMs: 0, dropChance: 0, doubleChance: 0 };

export interface MemoryCounts {
  sent: number;
  delivered: number;
  lost: number;
  bytes: number;
}

/** The id that a site of this name has in every memory region: tests can name it before the site is made. */
export function siteIdOf(name: string): SiteId {
  return new Bun.CryptoHasher("sha256").update(name).digest("hex").slice(0, 32) as SiteId;
}

export class MemoryRegion {
  readonly #sites = new Map<SiteId, MemorySite>();
  readonly #faults = new Map<string, LinkFaults>();
  #everywhere = PERFECT;
  #halves: readonly ReadonlySet<SiteId>[] | null = null;
  readonly counts: MemoryCounts = { sent: 0, delivered: 0, lost: 0, bytes: 0 };

  constructor(
    names: readonly string[],
    readonly clock: Clock,
    private readonly random: Random = fakeRandom(7),
  ) {
    for (const name of names) this.add(name);
  }

  get sites(): readonly MemorySite[] {
    return [...this.#sites.values()];
  }

  /** Adds an enrolled site that is online. */
  add(name: string): MemorySite {
    const site = new MemorySite(this, siteIdOf(name), name as SiteName);
    this.#sites.set(site.self, site);
    this.#changed();
    return site;
  }

  site(name: string): MemorySite {
    const site = this.#sites.get(siteIdOf(name));
    if (site === undefined) throw new Error(`no site ${name}`);
    return site;
  }

  /** Faults of every link that has none of its own. */
  everywhere(faults: Partial<LinkFaults>): void {
    this.#everywhere = { ...PERFECT, ...faults };
  }

  /** Faults of one direction. */
  link(from: string, to: string, faults: Partial<LinkFaults>): void {
    this.#faults.set(`${siteIdOf(from)} ${siteIdOf(to)}`, { ...PERFECT, ...faults });
  }

  /** Sites reach those of their own group alone; a site in no group reaches nobody. The broker stays connected for all. */
  split(...groups: readonly (readonly string[])[]): void {
    this.#halves = groups.map((group) => new Set(group.map(siteIdOf)));
    this.#changed();
  }

  /** Ends a split. */
  join(): void {
    this.#halves = null;
    this.#changed();
  }

  /** The site's broker goes or comes. */
  setConnected(name: string, connected: boolean): void {
    this.site(name).connection = connected;
    this.#changed();
  }

  setState(name: string, state: "enrolled" | "waiting" | "revoked"): void {
    this.site(name).state = state;
    this.#changed();
  }

  isTogether(a: SiteId, b: SiteId): boolean {
    return this.#halves === null || this.#halves.some((half) => half.has(a) && half.has(b));
  }

  post(from: MemorySite, topic: string, text: string, to: SiteId | undefined): void {
    const sentAt = this.clock.now();
    for (const site of this.#sites.values()) {
      if (site === from || (to !== undefined && site.self !== to)) continue;
      this.counts.sent++;
      this.counts.bytes += text.length;
      this.#carry({ from: from.self, topic, body: null, sentAt }, text, site);
    }
  }

  #carry(message: SiteMessage, text: string, to: MemorySite): void {
    const faults = this.#faults.get(`${message.from} ${to.self}`) ?? this.#everywhere;
    if (!this.isTogether(message.from, to.self) || faults.isDown || this.random.fraction() < faults.dropChance) {
      this.counts.lost++;
      return;
    }
    const copies = this.random.fraction() < faults.doubleChance ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const delay = faults.delayMs + Math.floor(this.random.fraction() * faults.jitterMs);
      this.clock.after(delay, () => this.#arrive({ ...message, body: JSON.parse(text) }, to));
    }
  }

  #arrive(message: SiteMessage, to: MemorySite): void {
    const from = this.#sites.get(message.from);
    if (!to.connection || from === undefined || from.state !== "enrolled" || to.state !== "enrolled") {
      this.counts.lost++;
      return;
    }
    this.counts.delivered++;
    to.take(message);
  }

  #changed(): void {
    for (const site of this.#sites.values()) site.changed();
  }
}

export class MemorySite implements SiteMessages {
  connection = true;
  state: "enrolled" | "waiting" | "revoked" = "enrolled";
  report: Json = {};
  version: string | null = "1.0.0";
  /** Set: `send` fails with `rate_limited`, as when too much waits for the broker. */
  isFlooded = false;
  readonly #handlers = new Map<string, Set<(message: SiteMessage) => void>>();
  readonly #watchers = new Set<() => void>();

  constructor(
    private readonly region: MemoryRegion,
    readonly self: SiteId,
    readonly name: SiteName,
  ) {}

  sites(): readonly SiteView[] {
    return this.region.sites.map((site) => ({
      id: site.self,
      name: site.name,
      state: site === this ? "self" : site.state,
      online: site === this || (this.connection && site.connection && this.region.isTogether(this.self, site.self)),
      heardAt: this.region.clock.now(),
      version: site.version,
      report: site.report,
    }));
  }

  connected(): boolean {
    return this.connection;
  }

  send(topic: string, body: Json, to?: SiteId): Result<void> {
    const text = JSON.stringify(body);
    if (Buffer.byteLength(text) > BODY_BYTES_MAX) return fail("too_large", `a message to sites has at most ${BODY_BYTES_MAX} bytes`);
    if (!this.connection) return fail("unavailable", "the broker is not connected");
    if (this.isFlooded) return fail("rate_limited", "too many messages wait for the broker");
    this.region.post(this, topic, text, to);
    return ok(undefined);
  }

  onMessage(topic: string, handler: (message: SiteMessage) => void): Subscription {
    const set = this.#handlers.get(topic) ?? new Set();
    this.#handlers.set(topic, set);
    set.add(handler);
    return { dispose: () => void set.delete(handler) };
  }

  onChange(handler: () => void): Subscription {
    this.#watchers.add(handler);
    return { dispose: () => void this.#watchers.delete(handler) };
  }

  /** A message as the region would deliver it: tests call it as a hostile site. */
  take(message: SiteMessage): void {
    for (const handler of [...(this.#handlers.get(message.topic) ?? [])]) handler(message);
  }

  changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Handlers and watchers that are still registered: to show that none is left behind. */
  get subscriptions(): number {
    return [...this.#handlers.values()].reduce((sum, set) => sum + set.size, this.#watchers.size);
  }
}
