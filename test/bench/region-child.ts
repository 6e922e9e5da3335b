/** A process with several light sites of a region: real keys, real databases, a real broker; no radios and no plugins. Driven by lines of JSON. */
import { join } from "node:path";
import { BrokerClient } from "../../src/broker/client.ts";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { SiteIdentity } from "../../src/region/keys/identity.ts";
import { KeyRing } from "../../src/region/keys/key-ring.ts";
import type { SiteName } from "../../src/region/ports.ts";
import { Records } from "../../src/region/records/records.ts";
import { RECORDS_SCHEMA } from "../../src/region/records/schema.ts";
import { makeStatement } from "../../src/region/roster/statement.ts";
import { REGION_SCHEMA } from "../../src/region/schema.ts";
import { Region } from "../../src/region/session/region.ts";
import { siteKeys } from "../../src/region/session/site-keys.ts";
import { RegionStore } from "../../src/region/session/store.ts";
import { NodeRows, REGION_NODES_SCHEMA } from "../../src/region/shared/node-rows.ts";
import { SharedNodes } from "../../src/region/shared/nodes.ts";
import type { CoreDatabase } from "../../src/storage/core.ts";
import { openCoreDatabase } from "../../src/storage/core-open.ts";

export interface ChildSetup {
  readonly url: string;
  readonly folder: string;
  readonly region: string;
  /** Base64 of 64 bytes for each site of the region; the first founded it and enrolled the others. */
  readonly secrets: readonly string[];
  /** Which of them run here. */
  readonly from: number;
  readonly to: number;
}

export interface SiteFigures {
  readonly online: number;
  readonly records: number;
  /** Of other sites. */
  readonly nodes: number;
  /** What the database holds. */
  readonly databaseBytes: number;
  readonly digest: string;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
}

const REGION_SECRET = Buffer.alloc(32, 7).toString("base64");

class LightSite {
  readonly #counts = { bytesIn: 0, bytesOut: 0, messagesIn: 0, messagesOut: 0 };
  readonly #region: Region;
  readonly #records: Records;
  readonly #database: CoreDatabase;
  #nodes: SharedNodes | null = null;

  constructor(
    setup: ChildSetup,
    private readonly index: number,
    identities: readonly SiteIdentity[],
  ) {
    const { region: name, folder, url } = setup;
    const identity = identities[index] as SiteIdentity;
    const founder = identities[0] as SiteIdentity;
    const deps = { clock: systemClock, random: systemRandom, log: silentLogger };
    const opened = openCoreDatabase(join(folder, `${name}-${index}.db`), [REGION_SCHEMA, RECORDS_SCHEMA, REGION_NODES_SCHEMA], deps);
    if (!opened.ok) throw opened.error;
    this.#database = opened.value;
    const store = new RegionStore(opened.value);
    const at = Date.UTC(2026, 0, 1);
    store.keep([
      makeStatement(founder, { kind: "found", region: name, by: founder.id, keys: founder.keys, at }),
      ...identities.slice(1).map(({ id, keys }, other) =>
        makeStatement(founder, {
          kind: "enrol",
          region: name,
          by: founder.id,
          site: id,
          keys,
          name: `site-${other + 1}`,
          at: at + other,
        }),
      ),
    ]);
    const path = join(folder, `${name}-${index}.key`);
    const known = KeyRing.open(path);
    const membership = { region: name, founder: founder.id, inviter: founder.id };
    const key = { epoch: 1, secret: REGION_SECRET, maker: founder.id, excludes: [] };
    const ring = known.ok && known.value !== null ? { ok: true as const, value: known.value } : KeyRing.create(path, membership, key);
    if (!ring.ok) throw ring.error;
    this.#region = new Region({
      ...deps,
      store,
      identity,
      ring: ring.value,
      name: `site-${index}` as SiteName,
      version: "1.0.0",
      settings: { url },
      makeBroker: (options) =>
        this.#counted(new BrokerClient({ ...options, message: (message) => this.#took(message, options.message) }, deps)),
      report: () => ({ links: [{ name: "base", state: "up" }], alerts: 0, queue: 0, load: 0.1, uptime_s: 1000 }),
    });
    this.#records = new Records({
      ...deps,
      region: name,
      sites: this.#region,
      keys: siteKeys(this.#region.context),
      database: opened.value,
    });
  }

  start(): void {
    this.#region.start();
    this.#records.start();
  }

  async stop(): Promise<void> {
    this.#nodes?.stop();
    this.#records.stop();
    await this.#region.stop();
  }

  /** Has heard so many nodes of its own, and tells the other sites. */
  hear(count: number): void {
    const lastHeard = Date.now() - 60_000;
    const own = Array.from({ length: count }, (_, at) => {
      const number = 0x1000_0000 + this.index * 65_536 + at;
      return { number, longName: `Node ${at} of site ${this.index}`, shortName: `N${at % 1_000}`, lastHeard };
    });
    const rows = new NodeRows(this.#database);
    const deps = { clock: systemClock, random: systemRandom, log: silentLogger };
    this.#nodes = new SharedNodes({ ...deps, messages: this.#region, rows, nodes: () => own });
    this.#nodes.start();
  }

  post(count: number): number {
    let kept = 0;
    for (let n = 0; n < count; n++) {
      const body = { board: "general", from: "!0a0b0c0d", subject: `post ${n}`, text: "x".repeat(150) };
      if (this.#records.add("bench", body, { ttlMs: 3_600_000 }).ok) kept += 1;
    }
    return kept;
  }

  figures(): SiteFigures {
    const { records, digest } = this.#records.status();
    const one = (sql: string) => this.#database.sqlite.query<{ value: number }, []>(sql).get()?.value ?? 0;
    return {
      ...this.#counts,
      online: this.#region.sites().filter(({ online }) => online).length,
      records,
      nodes: one("SELECT count(*) AS value FROM region_nodes"),
      databaseBytes: one("SELECT page_count * page_size AS value FROM pragma_page_count, pragma_page_size"),
      digest,
    };
  }

  #took<T extends { readonly payload: Uint8Array }>(message: T, handle: (message: T) => void): void {
    this.#counts.bytesIn += message.payload.length;
    this.#counts.messagesIn += 1;
    handle(message);
  }

  #counted(client: BrokerClient): BrokerClient {
    const publish = client.publish.bind(client);
    client.publish = (topic, payload, options) => {
      const taken = publish(topic, payload, options);
      if (taken.ok) {
        this.#counts.bytesOut += payload.length;
        this.#counts.messagesOut += 1;
      }
      return taken;
    };
    return client;
  }
}

const sites: LightSite[] = [];

async function act(order: {
  readonly do: string;
  readonly setup?: ChildSetup;
  readonly site?: number;
  readonly count?: number;
}): Promise<unknown> {
  if (order.do === "open" && order.setup !== undefined) {
    const { setup } = order;
    const identities = setup.secrets.map((secret) => new SiteIdentity(new Uint8Array(Buffer.from(secret, "base64"))));
    for (let index = setup.from; index < setup.to; index++) sites.push(new LightSite(setup, index, identities));
    for (const site of sites) site.start();
    return sites.length;
  }
  if (order.do === "hear") {
    for (const site of sites) site.hear(order.count ?? 0);
    return sites.length;
  }
  if (order.do === "post") return sites[order.site ?? 0]?.post(order.count ?? 1);
  if (order.do === "figures")
    return { cpuMs: process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000, sites: sites.map((site) => site.figures()) };
  if (order.do === "stop") return Promise.all(sites.map((site) => site.stop()));
  return null;
}

if (import.meta.main) {
  for await (const line of console) {
    // The last line is empty when the other side closes.
    if (line !== "") console.log(JSON.stringify((await act(JSON.parse(line))) ?? null));
  }
  process.exit(0);
}
