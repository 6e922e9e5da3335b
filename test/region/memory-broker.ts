/** A broker in memory, and gateways' parts in a region on it: what a test may do to messages, a hostile broker may do. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrokerClientOptions } from "../../src/broker/client.ts";
import type { LastWill, PublishOptions } from "../../src/broker/connection.ts";
import { fail, ok } from "../../src/errors.ts";
import type { Json } from "../../src/json.ts";
import { type Logger, silentLogger } from "../../src/log/logger.ts";
import { SiteIdentity } from "../../src/region/keys/identity.ts";
import { readInvitation, writeInvitation } from "../../src/region/keys/invitation.ts";
import { KeyRing } from "../../src/region/keys/key-ring.ts";
import type { SiteName } from "../../src/region/ports.ts";
import { REGION_SCHEMA } from "../../src/region/schema.ts";
import type { RegionBroker } from "../../src/region/session/context.ts";
import { Region } from "../../src/region/session/region.ts";
import { RegionStore } from "../../src/region/session/store.ts";
import type { CoreDatabase } from "../../src/storage/core.ts";
import { openCoreDatabase } from "../../src/storage/core-open.ts";
import { FakeClock, fakeRandom } from "../fake-clock.ts";

export interface Packet {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
}

function matches(filter: string, topic: string): boolean {
  const parts = topic.split("/");
  const wanted = filter.split("/");
  return wanted.length === parts.length && wanted.every((part, at) => part === "+" || part === parts[at]);
}

export class MemoryBroker {
  readonly retained = new Map<string, Packet>();
  /** All that was ever published. */
  readonly log: Packet[] = [];
  readonly #clients = new Set<MemoryClient>();
  /** Whether a message is passed on. */
  passes: (packet: Packet) => boolean = () => true;
  isUp = true;
  /** Whether it says that it has a message. */
  acknowledges = true;

  client(options: BrokerClientOptions): MemoryClient {
    const made = new MemoryClient(this, options);
    this.#clients.add(made);
    return made;
  }

  publish(packet: Packet): void {
    this.log.push(packet);
    if (!this.passes(packet)) return;
    if (packet.retain && packet.payload.length === 0) this.retained.delete(packet.topic);
    else if (packet.retain) this.retained.set(packet.topic, packet);
    for (const client of this.#clients) client.take(packet, false);
  }

  keepFor(client: MemoryClient): void {
    for (const packet of this.retained.values()) client.take(packet, true);
  }

  /** @param forgets whether what was retained is lost */
  stop(forgets: boolean): void {
    this.isUp = false;
    if (forgets) this.retained.clear();
    for (const client of this.#clients) client.cut(false);
  }

  start(): void {
    this.isUp = true;
    for (const client of this.#clients) client.connect();
  }
}

export class MemoryClient implements RegionBroker {
  readonly reconnects = 0;
  isConnected = false;
  #wanted = false;
  #will: LastWill | null = null;

  constructor(
    private readonly broker: MemoryBroker,
    private readonly options: BrokerClientOptions,
  ) {}

  get state() {
    return { kind: this.isConnected ? ("connected" as const) : ("waiting" as const), reason: null, since: 0 };
  }

  start(): void {
    this.#wanted = true;
    this.connect();
  }

  connect(): void {
    if (!this.#wanted || this.isConnected || !this.broker.isUp) return;
    this.#will = this.options.will?.() ?? null;
    this.isConnected = true;
    this.broker.keepFor(this);
    this.options.connected();
  }

  /** The connection breaks; `withWill`: the broker lives and notices. */
  cut(withWill: boolean): void {
    if (!this.isConnected) return;
    this.isConnected = false;
    if (withWill && this.#will !== null) this.broker.publish(this.#will);
    this.options.disconnected?.(fail("link_down", "cut").error);
  }

  async stop(): Promise<void> {
    this.#wanted = false;
    this.isConnected = false;
  }

  publish(topic: string, payload: Uint8Array, { retain = false, done }: PublishOptions = {}) {
    if (!this.isConnected) return fail("unavailable", "not connected");
    this.broker.publish({ topic, payload, retain });
    if (this.broker.acknowledges) done?.(ok(null));
    return ok(null);
  }

  take({ topic, payload }: Packet, retained: boolean): void {
    if (this.isConnected && this.options.filters.some((filter) => matches(filter, topic)))
      this.options.message({ topic, payload, retained });
  }
}

export class TestSite {
  readonly lines: string[] = [];
  readonly heard: string[] = [];
  region: Region;
  client!: MemoryClient;
  database!: CoreDatabase;

  constructor(
    readonly world: World,
    readonly name: string,
    readonly identity: SiteIdentity,
    readonly clock: FakeClock,
    readonly invitation: string | null,
    private readonly files: string,
  ) {
    this.region = this.#open();
  }

  get folder(): string {
    return join(this.world.folder, this.files);
  }

  #open(): Region {
    const note = (message: string) => void this.lines.push(message);
    const log: Logger = { ...silentLogger, info: note, warn: note, error: note };
    const opened = openCoreDatabase(`${this.folder}.db`, [REGION_SCHEMA], { clock: this.clock, log: silentLogger });
    if (!opened.ok) throw opened.error;
    this.database = opened.value;
    const store = new RegionStore(opened.value);
    const ring = this.#ring();
    const region = new Region({
      clock: this.clock,
      random: this.world.random,
      log,
      store,
      identity: this.identity,
      ring,
      name: this.name as SiteName,
      version: "1.0.0",
      settings: { url: "mqtt://memory" },
      makeBroker: (options) => {
        this.client = this.world.broker.client(options);
        return this.client;
      },
      report: () => ({ from: this.name }),
    });
    for (const topic of ["news", "other"]) {
      region.onMessage(topic, ({ from, body }) => this.heard.push(`${topic} ${region.context.nameOf(from)} ${JSON.stringify(body)}`));
    }
    return region;
  }

  #ring(): KeyRing {
    const path = `${this.folder}.key`;
    const open = KeyRing.open(path);
    if (!open.ok) throw open.error;
    if (open.value !== null) return open.value;
    const region = "valley";
    const { id } = this.identity;
    const invited = this.invitation === null ? null : readInvitation(this.invitation);
    const secret = Buffer.from(this.world.random.bytes(32)).toString("base64");
    const made = { membership: { region, founder: id, inviter: id }, key: { epoch: 1, secret, maker: id, excludes: [] } };
    const { membership, key } = invited?.ok === true ? invited.value : made;
    const created = KeyRing.create(path, membership, key);
    if (!created.ok) throw created.error;
    return created.value;
  }

  invite(): string {
    return writeInvitation({ membership: this.region.context.membership, key: this.region.context.key() });
  }

  /** As after a crash: without a farewell, on the files that it has. */
  restart(): void {
    this.client.cut(true);
    void this.region.stop();
    this.database.close();
    this.region = this.#open();
    this.region.start();
  }

  sees(name: string): string {
    const site = this.region.sites().find((each) => each.name === name);
    return site === undefined ? "unknown" : `${site.state} ${site.online ? "online" : "offline"}`;
  }

  send(topic: string, body: Json, to?: TestSite): string {
    const sent = this.region.send(topic, body, to?.region.self);
    return sent.ok ? "sent" : sent.error.code;
  }

  refused(reason: string): number {
    return new Map<string, number>(this.region.context.counts.refused).get(reason) ?? 0;
  }
}

export class World {
  readonly folder = mkdtempSync(join(tmpdir(), "region-"));
  readonly broker = new MemoryBroker();
  readonly random = fakeRandom(11);
  readonly sites: TestSite[] = [];
  readonly clock = new FakeClock();

  /** The first one founds the region; further ones wait with an invitation of the first. */
  add(
    name: string,
    more: {
      readonly clock?: FakeClock;
      readonly invitation?: string | null;
      readonly identity?: SiteIdentity;
      readonly folder?: string;
    } = {},
  ): TestSite {
    const [first] = this.sites;
    const invitation = more.invitation === undefined ? (first?.invite() ?? null) : more.invitation;
    const identity = more.identity ?? new SiteIdentity(this.random.bytes(64));
    const site = new TestSite(this, name, identity, more.clock ?? this.clock, invitation, more.folder ?? name);
    this.sites.push(site);
    site.region.start();
    return site;
  }

  /** Lets time pass at all sites. */
  pass(ms: number): void {
    const clocks = new Set([this.clock, ...this.sites.map(({ clock }) => clock)]);
    for (let step = 0; step < ms; step += 500) for (const clock of clocks) clock.pass(Math.min(500, ms - step));
  }

  close(): void {
    for (const { region, database } of this.sites) {
      void region.stop();
      database.close();
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
