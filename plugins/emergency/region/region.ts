/**
 * One incident at all sites of a region. Each site keeps what it knows of it as its own shared value, which no other site can change;
 * all put these together. Off a region nothing of this happens.
 */
import { type Plugin, PluginError, type RegionSite, type SharedEntry } from "zephyrgate";
import type { IncidentBook } from "../book.ts";
import type { Config } from "../config.types.ts";
import type { Incident } from "../incident.ts";
import { allResponders } from "../responders.ts";
import { ownView } from "./own-view.ts";
import { keyOf, TURN_MAX } from "./view.ts";

const TOPIC = "case";
const EVERY_S = 60;
const DAY_S = 86_400;
/** How long what a site says is kept after its last change. */
const TTL_S = 7 * DAY_S;
/** Changes come in bursts, ms. */
const SOON_MS = 1_000;
/** Closed ones that are looked at again, in case the last thing about them was not told. */
const RECENT_MS = 3_600_000;
/** The id of a gateway without a region. */
const ALONE = "0".repeat(32);
const SENDER_LATE_MS = 8_000;

/** All that sites say about one incident. */
export type Said = readonly SharedEntry[];

export interface RegionDeps {
  readonly plugin: Plugin<Config>;
  readonly book: IncidentBook;
  /** Handles what other sites say about the incident of this key. */
  merge(key: string, said: Said): Promise<void>;
}

export class RegionCases {
  #sites: readonly RegionSite[] = [];
  #isRunning = false;
  #isPlanned = false;
  /** Keys to read in the next round; null: all. */
  #wanted: Set<string> | null = new Set();
  /** Texts of senders that another site looks after: by incident, the packet and when it was heard. */
  readonly #overheard = new Map<number, { readonly packet: number; readonly at: number }>();
  #complained = "";

  constructor(private readonly deps: RegionDeps) {
    deps.book.onChange = () => this.soon();
  }

  /** Hears when another site changed something. */
  listen(): void {
    const { plugin } = this.deps;
    try {
      plugin.region.subscribe(TOPIC, ({ body }) => this.soon(typeof body === "string" && body.startsWith(`${TOPIC}/`) ? body : null));
    } catch {
      // The operator shares no calls for help.
    }
  }

  /** Takes what other sites said meanwhile, and from then on looks once a minute for what it may have missed. */
  async start(): Promise<void> {
    if ((await this.refresh()) === null) return;
    this.deps.plugin.registerScheduledTask("region", { interval: EVERY_S }, () => this.round(null));
    this.soon(null);
  }

  /** This site's id; null: this gateway is in no region, or shares no calls for help. */
  async refresh(): Promise<string | null> {
    try {
      this.#sites = await this.deps.plugin.region.sites();
    } catch {
      this.#sites = [];
    }
    return this.self;
  }

  get self(): string | null {
    const [own] = this.#sites;
    return own === undefined || own.id === ALONE ? null : own.id;
  }

  site(id: string): RegionSite | null {
    return this.#sites.find((site) => site.id === id) ?? null;
  }

  /** For a call that is heard now; null: its incident stays here. */
  async keyFor(sender: string, packet: number, at: number): Promise<string | null> {
    return (await this.refresh()) === null ? null : keyOf(sender, packet, at);
  }

  /** Something changed. `key`: another site's; null: perhaps all; absent: only here. */
  soon(key?: string | null): void {
    if (this.self === null) return;
    if (key === null) this.#wanted = null;
    else if (key !== undefined) this.#wanted?.add(key);
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setTimeout(() => {
      this.#isPlanned = false;
      return this.round();
    }, SOON_MS);
  }

  /** Looks at everything again in so many ms. */
  later(ms: number): void {
    setTimeout(() => this.soon(null), ms);
  }

  /** Tells what is new here, and takes what is new elsewhere. */
  async round(key?: null): Promise<void> {
    if (key === null) this.#wanted = null;
    if (this.#isRunning) return this.soon();
    this.#isRunning = true;
    try {
      if ((await this.refresh()) === null) return;
      // What cannot be told now must not keep this site from hearing that a call is over.
      const worked = [
        await this.#tried(() => this.#take()),
        await this.#tried(() => this.#claimSenders()),
        await this.#tried(() => this.#give()),
      ];
      if (!worked.includes(false)) this.#complained = "";
    } finally {
      this.#isRunning = false;
    }
  }

  async #tried(step: () => Promise<void>): Promise<boolean> {
    try {
      await step();
      return true;
    } catch (error) {
      this.#complain(error);
      return false;
    }
  }

  /** Whether this site looks after the sender: tells him what changes, and asks whether he is all right. */
  async looksAfter(incident: Incident): Promise<boolean> {
    return (await this.carer(incident)) === null;
  }

  /** The other site that looks after the sender; null: this one does. */
  async carer(incident: Incident): Promise<RegionSite | null> {
    const { self } = this;
    if (incident.key === null || self === null) return null;
    let best = { turn: incident.turn, site: self };
    for (const { site, view } of await this.deps.book.views.of(incident.id))
      if (this.site(site) !== null && (view.turn > best.turn || (view.turn === best.turn && site > best.site)))
        best = { turn: view.turn, site };
    // Nobody takes a turn away from the site that hears the sender, however high it counts.
    return best.site === self || incident.turn >= TURN_MAX ? null : this.site(best.site);
  }

  /** A text of the sender was heard here. */
  async heard(incident: Incident, packet: number): Promise<void> {
    if (incident.key === null) return;
    await this.deps.book.change(incident.id, { heard: incident.heard + 1, packet });
    if (await this.looksAfter(incident)) return;
    this.#overheard.set(incident.id, { packet, at: Date.now() });
    setTimeout(() => this.soon(), SENDER_LATE_MS + SOON_MS);
  }

  /** Whoever looked after a sender has not heard his last text, or is away: now this site does. */
  async #claimSenders(): Promise<void> {
    for (const [id, { packet, at }] of this.#overheard) {
      if (Date.now() - at < SENDER_LATE_MS) continue;
      this.#overheard.delete(id);
      const incident = await this.deps.book.get(id);
      const carer = incident === null || incident.closed_at !== null ? null : await this.carer(incident);
      if (incident === null || carer === null) continue;
      const views = await this.deps.book.views.of(id);
      if (carer.isOnline && views.some(({ site, view }) => site === carer.id && view.packet === packet)) continue;
      await this.takeTurn(incident);
    }
  }

  /** This site looks after the sender from now on. */
  async takeTurn(incident: Incident): Promise<void> {
    const turns = (await this.deps.book.views.of(incident.id)).map(({ view }) => view.turn);
    await this.deps.book.change(incident.id, { turn: Math.min(TURN_MAX, Math.max(incident.turn, ...turns) + 1) });
  }

  async #give(): Promise<void> {
    const { plugin, book } = this.deps;
    const incidents = await book.ofRegion(Date.now() - RECENT_MS);
    if (incidents.length === 0) return;
    const ids = new Map((await allResponders(plugin)).flatMap((each) => (each.kind === "node" ? [[each.name, each.id] as const] : [])));
    // Those that no other site knows come first: what a site may say in a while is bounded.
    const order = [...incidents].sort((a, b) => Number(a.shared !== null) - Number(b.shared !== null));
    for (const incident of order) {
      const view = await ownView(book, incident, ids);
      const value = view === null ? null : JSON.stringify(view);
      if (view === null || value === null || incident.key === null || value === incident.shared) continue;
      await plugin.region.storeShared(incident.key, JSON.parse(value), { own: true, ttl: TTL_S });
      await book.markShared(incident.id, value);
      await plugin.region.publish(TOPIC, incident.key);
    }
  }

  async #take(): Promise<void> {
    const wanted = this.#wanted;
    this.#wanted = new Set();
    try {
      for (const prefix of wanted ?? [`${TOPIC}/`]) {
        const said = new Map<string, SharedEntry[]>();
        for (let after: string | null = ""; after !== null; ) {
          const page = await this.deps.plugin.region.readShared(prefix, { after });
          for (const entry of page.entries) if (entry.isOwn && !entry.isSelf) said.set(entry.key, [...(said.get(entry.key) ?? []), entry]);
          after = page.next;
        }
        for (const [key, entries] of said) await this.deps.merge(key, entries);
      }
    } catch (error) {
      this.#wanted = null;
      throw error;
    }
  }

  /** Once for each cause: what could not be told or taken is tried again in the next round. */
  #complain(error: unknown): void {
    const cause = error instanceof PluginError ? error.code : String(error);
    if (cause === this.#complained) return;
    this.#complained = cause;
    this.deps.plugin.log.warn("what is known of a call for help could not be shared now; trying again", { error });
  }
}
