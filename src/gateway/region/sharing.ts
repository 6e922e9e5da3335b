/** What this gateway shares with the other sites of its region: calls for help, alerts, the directory of nodes. */
import type { CoreEvents } from "../../events/core.ts";
import type { Emergencies } from "../../mesh/emergency/emergencies.ts";
import type { OtherSites } from "../../mesh/emergency/other-sites.ts";
import type { JoinedRegion, RegionRecords, SharedKind } from "../../region/ports.ts";
import type { CallsForHelp } from "../../region/shared/calls-for-help.ts";
import type { OwnNode, SharedNodes } from "../../region/shared/nodes.ts";
import type { GatewayContext } from "../context/context.ts";
import type { Storage } from "../context/storage.ts";

export interface Sharing {
  /** Null: calls for help stay here. */
  readonly others: OtherSites | null;
  /** Null: nothing is known of other sites' nodes. */
  readonly nodes: SharedNodes | null;
  /** Calls for help of other sites are handled from now on. */
  hearCalls(emergencies: Emergencies): void;
  /** Alerts are shared from now on: once somebody here lists them. */
  start(): void;
}

export const NOTHING_SHARED: Sharing = { others: null, nodes: null, hearCalls: () => undefined, start: () => undefined };

export interface SharingPeers {
  readonly storage: Storage;
  /** Of the own meshes. */
  nodes(): readonly OwnNode[];
  readonly joined: JoinedRegion | null;
}

/** Without a region nothing of it is loaded. */
export async function makeSharing(context: GatewayContext, { storage, nodes: own, joined }: SharingPeers): Promise<Sharing> {
  if (joined === null) return NOTHING_SHARED;
  const { records } = joined;
  const shares = (kind: SharedKind): boolean => context.config().region?.share.includes(kind) ?? true;
  const nodes = shares("nodes") ? await makeNodes(context, storage, joined, own) : null;
  const calls = records !== null && shares("sos") ? await makeCalls(context, joined, records) : null;
  const startAlerts = records !== null && shares("alerts") ? await makeAlerts(context, joined, records) : () => undefined;
  return {
    others: calls?.calls ?? null,
    nodes,
    hearCalls: (emergencies) => calls?.hear(emergencies),
    start: () => {
      nodes?.start();
      startAlerts();
    },
  };
}

async function makeCalls(context: GatewayContext, { messages }: JoinedRegion, records: RegionRecords) {
  const { CallsForHelp } = await import("../../region/shared/calls-for-help.ts");
  const { bus, clock, life } = context;
  const say = (message: string, about: string, site: string): CoreEvents["alert"] => ({ code: "emergency", message, case: about, site });
  let room: Emergencies | null = null;
  const calls: CallsForHelp = new CallsForHelp({
    ...{ messages, records, clock, log: context.log.logger.child("region") },
    receive: (call, site, changed) => room?.receiveShared(call, site, changed),
    list: (call, site) => bus.emit("alert", { ...say(`[${site}] ${call.content}`, call.caseKey, site), quiet: true }),
    reached: (key, site, reach) => room?.siteReached(key, site, reach),
    acknowledged: (about, by, site) => bus.emit("emergency_acknowledged", { case: about, by, site }),
  });
  const hear = (emergencies: Emergencies): void => {
    room = emergencies;
    calls.start();
    const subscription = bus.on("emergency_acknowledged", ({ case: about, by, site }) => {
      if (site === undefined) calls.acknowledge(about, by);
    });
    life.add("calls for help of other sites", () => {
      subscription.dispose();
      calls.stop();
    });
  };
  return { calls, hear };
}

async function makeAlerts(context: GatewayContext, { messages }: JoinedRegion, records: RegionRecords): Promise<() => void> {
  const { SharedAlerts } = await import("../../region/shared/alerts.ts");
  const { bus, clock, life } = context;
  const alerts = new SharedAlerts({
    ...{ messages, records, clock, log: context.log.logger.child("region") },
    raise: (alert) => bus.emit("alert", alert),
    clear: ({ code, plugin = null, link, site }) =>
      bus.emit("alert_cleared", { code, plugin, site, ...(link === undefined ? {} : { link }) }),
  });
  return () => {
    alerts.start();
    const subscription = bus.on("alert_changed", (change) => {
      if (change.site === undefined && change.code !== "emergency") alerts.changed(change);
    });
    life.add("alerts of other sites", () => {
      subscription.dispose();
      alerts.stop();
    });
  };
}

async function makeNodes(
  context: GatewayContext,
  { database }: Storage,
  { messages }: JoinedRegion,
  own: SharingPeers["nodes"],
): Promise<SharedNodes> {
  const [{ SharedNodes }, { NodeRows }] = await Promise.all([
    import("../../region/shared/nodes.ts"),
    import("../../region/shared/node-rows.ts"),
  ]);
  const { clock, random, life } = context;
  const log = context.log.logger.child("region");
  const nodes = new SharedNodes({ messages, rows: new NodeRows(database), clock, random, log, nodes: own });
  life.add("nodes of other sites", () => nodes.stop());
  return nodes;
}
