/** The sites as the rooms above see them. */
import type { SiteId, SiteName, SiteView } from "../ports.ts";
import type { RegionContext } from "./context.ts";
import type { Peer } from "./peers.ts";

export function stateOf({ roster }: Pick<RegionContext, "roster">, site: SiteId): SiteView["state"] {
  const revocation = roster.membership.revoked.get(site);
  if (revocation !== undefined) return revocation.by === site ? "left" : "revoked";
  return roster.isEnrolled(site) ? "enrolled" : "waiting";
}

/** This site first, then those that were heard, then those that only the roster names. */
export function siteViews(context: RegionContext, isConnected: boolean): SiteView[] {
  const { self, name, clock, version, peers, roster } = context;
  const own: SiteView = {
    ...{ id: self, name, state: "self", online: isConnected, heardAt: clock.now(), version },
    // Made when somebody reads it: it costs more than all the rest.
    get report() {
      return context.report();
    },
  };
  const heard = peers.all().map((peer) => viewOf(context, peer, isConnected));
  const seen = new Set([self, ...heard.map(({ id }) => id)]);
  const named = [
    ...roster.membership.enrolled.values(),
    ...[...roster.membership.revoked.values()].map(({ site: id, name }) => ({ id, name })),
  ];
  const unheard = named
    .filter(({ id }) => !seen.has(id))
    .map(({ id, name }) => ({ id, name: (name ?? "founder") as SiteName, state: stateOf(context, id), online: false, ...UNHEARD }));
  return [own, ...heard, ...unheard];
}

const UNHEARD = { heardAt: null, version: null, report: null };

function viewOf(context: RegionContext, peer: Peer, isConnected: boolean): SiteView {
  const { id, name, heardAt, version, report } = peer;
  const state = stateOf(context, id);
  return {
    id,
    name: name as SiteName,
    state,
    online: isConnected && state !== "revoked" && state !== "left" && context.peers.isOnline(peer),
    heardAt,
    version: version === "" ? null : version,
    report,
  };
}
