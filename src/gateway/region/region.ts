/** This gateway's place in a region, made from the configuration. The own mesh is served whatever happens to it. */
import { join } from "node:path";
import { BrokerClient } from "../../broker/client.ts";
import type { Decisions } from "../../control/region.ts";
import type { Json } from "../../json.ts";
import type { JoinedRegion, SiteName } from "../../region/ports.ts";
import type { Records } from "../../region/records/records.ts";
import type { OwnSite } from "../../region/session/own-site.ts";
import { VERSION } from "../../version.ts";
import type { GatewayContext } from "../context/context.ts";
import type { Storage } from "../context/storage.ts";

export interface GatewayRegion {
  readonly settings: RegionSettings;
  /** Null: the files cannot be used, for the reason in `problem`. */
  readonly site: OwnSite | null;
  readonly records: Records | null;
  readonly problem: string | null;
  readonly decide: Decisions | null;
  readonly joined: JoinedRegion | null;
  /** What the site says about itself; until it is set, nothing. */
  report: () => Json;
  start(): void;
}

export interface RegionSettings {
  readonly url: string;
  readonly name: string;
  readonly site: string;
  readonly share: readonly string[];
}

/** Null without a region in the configuration: then nothing of it is loaded. */
export async function makeRegion(context: GatewayContext, storage: Storage): Promise<GatewayRegion | null> {
  const { region: settings, data_dir: dataDir } = context.config();
  if (settings === undefined) return null;
  const [{ OwnSite }, { RegionStore }, { Records }, decisions] = await Promise.all([
    import("../../region/session/own-site.ts"),
    import("../../region/session/store.ts"),
    import("../../region/records/records.ts"),
    import("../../region/session/decisions.ts"),
  ]);
  const { clock, random, life } = context;
  const { database } = storage;
  const log = context.log.logger.child("region");
  const files = { siteKeyFile: join(dataDir, "region-site.key"), regionKeyFile: settings.key_file ?? join(dataDir, "region.key") };
  const holder = { report: (): Json => null };
  const opened = OwnSite.open(
    { region: settings.name, name: settings.site as SiteName, ...files },
    {
      ...{ clock, random, log, settings, version: VERSION },
      store: new RegionStore(database),
      makeBroker: (options) => new BrokerClient(options, { clock, random, log: context.log.logger.child("broker") }),
      report: () => holder.report(),
    },
  );
  if (!opened.ok) {
    const problem = opened.error.summary();
    log.error(`this gateway works alone: ${problem}`);
    return Object.assign(holder, { settings, site: null, records: null, problem, decide: null, joined: null, start: () => undefined });
  }
  const site = opened.value;
  const records = new Records({ region: settings.name, sites: site, keys: site.keys, database, clock, random, log });
  life.add("region", () => site.stop());
  life.add("records of the region", () => records.stop());
  const start = () => {
    records.start();
    site.start();
    if (site.state === "unjoined") log.info(`this site is in no region yet; make region ${settings.name}, or join it: ${JOIN}`);
    if (site.state === "revoked") log.error(`this site was revoked from region ${settings.name}: ${REJOIN}`);
  };
  const decide = { enrol: decisions.enrolSite, revoke: decisions.revokeSite };
  return Object.assign(holder, { settings, site, records, problem: null, decide, joined: { messages: site, records }, start });
}

const JOIN = "zephyrgate region join";
const REJOIN = "it needs a new invitation: zephyrgate region join INVITATION";
