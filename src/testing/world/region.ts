import { GatewayError, ok, type Result } from "../../errors.ts";
import type { RegionParts } from "../../gateway/context/overrides.ts";
import type { Json } from "../../json.ts";
import { copyJson } from "../../json-reader.ts";
import type { Subscription } from "../../lifetime.ts";
import type { JoinedRegion, SiteId, SiteKeys, SiteMessage, SiteMessages, SiteName, SiteView } from "../../region/ports.ts";
import { Records } from "../../region/records/records.ts";
import type { Span } from "./clock.ts";

/** What the region needs of a gateway of a test. */
interface Member {
  quiet(): Promise<void>;
  advance(span: Span): Promise<void>;
  readonly now: Date;
}

/** Rounds of messages that answer each other before it is called a loop. */
const ROUNDS_MAX = 50;
/** In it two gateways find what the other one lacks. */
const CATCH_UP: Span = { minutes: 2 };

/**
 * A region in a test: gateways that are started with it are its sites. Messages between them need no broker; shared values go
 * the way they go in production. Start them with `startTestGateway({ plugin, region, site: "north" })`.
 */
export class TestRegion {
  /** Waits until every gateway is quiet and nothing that one sent is on its way to another. */
  async quiet(): Promise<void> {
    const hub = hubOf(this);
    for (let round = 0, seen = -1; seen !== hub.delivered; round++) {
      if (round === ROUNDS_MAX) throw new GatewayError("timeout", "the sites of the test's region answer each other without an end");
      seen = hub.delivered;
      for (const { member } of hub.running) await member.quiet();
    }
  }

  /** Moves the clock of every gateway on, then waits until all are quiet. */
  async advance(span: Span): Promise<void> {
    for (const { member } of hubOf(this).running) await member.advance(span);
    await this.quiet();
  }

  /** A site loses the others: what they send it is lost, and what it stores waits. */
  async cut(site: string): Promise<void> {
    hubOf(this).site(site).isCut = true;
    hubOf(this).changed();
    await this.quiet();
  }

  /** Ends {@link cut}; resolves when the shared values of all sites are the same again, two minutes later. */
  async rejoin(site: string): Promise<void> {
    hubOf(this).site(site).isCut = false;
    hubOf(this).changed();
    await this.advance(CATCH_UP);
  }
}

/** What joins the gateways of a {@link TestRegion}. */
export class RegionHub {
  readonly #sites = new Map<SiteId, TestSite>();
  /** Messages that have arrived. */
  delivered = 0;

  /** Adds a site that is online while its gateway runs. */
  add(name: string, member: Member): TestSite {
    const id = idOf(name);
    if (this.#sites.has(id)) {
      throw new GatewayError("conflict", `two gateways of this test are the site ${name}`, { hint: "give each its own `site`" });
    }
    const site = new TestSite(this, id, name as SiteName, member);
    this.#sites.set(id, site);
    return site;
  }

  get sites(): readonly TestSite[] {
    return [...this.#sites.values()];
  }

  get running(): readonly TestSite[] {
    return this.sites.filter((site) => site.isRunning);
  }

  site(name: string): TestSite {
    const site = this.#sites.get(idOf(name));
    if (site === undefined) throw new GatewayError("not_found", `no gateway of this test is the site ${name}`);
    return site;
  }

  /** Carries a message to the others, or to one. */
  carry(from: TestSite, topic: string, body: Json, to: SiteId | undefined): void {
    for (const site of this.#sites.values()) {
      if (site === from || !site.isOnline || (to !== undefined && to !== site.id)) continue;
      const message = { from: from.id, topic, body: copyJson(body), sentAt: site.member.now.getTime() };
      queueMicrotask(() => {
        this.delivered++;
        site.take(message);
      });
    }
  }

  /** A site came or went. */
  changed(): void {
    for (const site of this.#sites.values()) site.tellChange();
  }
}

const hubs = new WeakMap<TestRegion, RegionHub>();

/** For the gateways of a test. */
export function hubOf(region: TestRegion): RegionHub {
  const hub = hubs.get(region) ?? new RegionHub();
  hubs.set(region, hub);
  return hub;
}

/** One gateway's end of a {@link TestRegion}. */
export class TestSite {
  isRunning = false;
  isCut = false;
  readonly #handlers = new Map<string, Set<(message: SiteMessage) => void>>();
  readonly #watchers = new Set<() => void>();

  constructor(
    private readonly hub: RegionHub,
    readonly id: SiteId,
    readonly name: SiteName,
    readonly member: Member,
  ) {}

  get isOnline(): boolean {
    return this.isRunning && !this.isCut;
  }

  /** The region as the gateway gets it; it leaves when the gateway stops. */
  join({ database, clock, random, log, life }: RegionParts): JoinedRegion {
    const messages = this.#messages();
    const keys = this.#keys();
    const records = new Records({ region: "test", sites: messages, keys, database, clock, random, log });
    this.isRunning = true;
    records.start();
    life.add("the test's region", () => {
      this.isRunning = false;
      records.stop();
      this.#handlers.clear();
      this.#watchers.clear();
      this.hub.changed();
    });
    this.hub.changed();
    return { messages, records };
  }

  take(message: SiteMessage): void {
    if (!this.isOnline) return;
    for (const handler of [...(this.#handlers.get(message.topic) ?? [])]) handler(message);
  }

  tellChange(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  #messages(): SiteMessages {
    return {
      self: this.id,
      sites: () => this.hub.sites.map((site) => this.#view(site)),
      connected: () => this.isOnline,
      send: (topic, body, to) => this.#send(topic, body, to),
      onMessage: (topic, handler) => {
        const set = this.#handlers.get(topic) ?? new Set();
        this.#handlers.set(topic, set.add(handler));
        return { dispose: () => void set.delete(handler) };
      },
      onChange: (handler): Subscription => {
        this.#watchers.add(handler);
        return { dispose: () => void this.#watchers.delete(handler) };
      },
    };
  }

  #view({ id, name, isOnline, member }: TestSite): SiteView {
    const isSelf = id === this.id;
    const online = isSelf || (this.isOnline && isOnline);
    return { id, name, state: isSelf ? "self" : "enrolled", online, heardAt: member.now.getTime(), version: null, report: {} };
  }

  #send(topic: string, body: Json, to: SiteId | undefined): Result<void> {
    if (this.isOnline) this.hub.carry(this, topic, body, to);
    return ok(undefined);
  }

  /** In a test nobody forges: a signature is the site's id, and a seal is the plain text. */
  #keys(): SiteKeys {
    return {
      self: this.id,
      sign: () => this.id,
      verify: (site, _, signature) => signature === site,
      seal: (to, bytes) => ok(`${to}.${Buffer.from(bytes).toString("base64url")}`),
      open: (sealed) => (sealed.startsWith(`${this.id}.`) ? Buffer.from(sealed.slice(this.id.length + 1), "base64url") : null),
    };
  }
}

function idOf(name: string): SiteId {
  return new Bun.CryptoHasher("sha256").update(name).digest("hex").slice(0, 32) as SiteId;
}
