/** The region for the operator: how it is, and what is decided about its sites. */
import { type Actor, by, type RegionControl, type RegionSummary } from "../api/contract/control.ts";
import type {
  JoinAnswer,
  JoinRequest,
  LeaveAnswer,
  LeaveRequest,
  RegionNodeView,
  RegionView,
  RevokeAnswer,
  SiteViewJson,
} from "../api/contract/region-views.ts";
import { asGatewayError, fail, ok, type Result } from "../errors.ts";
import { formatNodeId } from "../mesh/ids.ts";
import type { SiteView } from "../region/ports.ts";
import type { enrolSite, revokeSite } from "../region/session/decisions.ts";
import type { OwnSite } from "../region/session/own-site.ts";
import type { Region } from "../region/session/region.ts";
import type { NodeElsewhere } from "../region/shared/node-rows.ts";
import { iso } from "./views.ts";

export interface RegionControlDeps {
  readonly settings: { readonly url: string; readonly name: string; readonly site: string; readonly share: readonly string[] };
  /** Null: its files cannot be used. */
  readonly site: OwnSite | null;
  readonly problem: string | null;
  /** What an operator can decide; given, so that a gateway without a region loads nothing of it. */
  readonly decide: Decisions | null;
  audit(event: string, detail: string): void;
  /** What other sites heard, latest first. */
  elsewhere(): readonly NodeElsewhere[];
  /** Forgets what the others shared, and everything of theirs and its own that plugins shared where `all` is set. */
  forget(all: boolean): void;
}

export interface Decisions {
  readonly enrol: typeof enrolSite;
  readonly revoke: typeof revokeSite;
}

interface Usable extends RegionControlDeps {
  readonly site: OwnSite;
  readonly decide: Decisions;
}

const NOTHING: Omit<RegionView, "state" | "sites"> = {
  problem: null,
  region: null,
  site: null,
  id: null,
  share: [],
  broker: null,
  key_number: null,
  troubles: [],
  messages: { sent: 0, failed: 0, received: 0, refused: {} },
};
const ALONE = "no region is configured";
const HOW = "add to the configuration: region: { url: mqtts://BROKER:8883, name: REGION, site: SITE }, and restart";

/** @param deps null: none is configured */
export function regionControl(deps: RegionControlDeps | null): RegionControl {
  const view = () => (deps === null ? { ...NOTHING, state: "alone" as const, sites: [] } : viewOf(deps));
  const usable = (): Result<Usable> => {
    if (deps === null) return fail("unavailable", ALONE, { hint: HOW });
    const { site, decide } = deps;
    if (site === null || decide === null) return fail("data_unusable", deps.problem ?? "the region cannot be used");
    return ok({ ...deps, audit: deps.audit, site, decide });
  };
  return {
    view,
    join(request, actor) {
      const known = usable();
      return known.ok ? join(known.value, request, { actor, view }) : known;
    },
    revoke(named, actor) {
      const known = usable();
      return known.ok ? revoke(known.value, named, actor) : known;
    },
    async leave(request, actor) {
      const known = usable();
      return known.ok ? leave(known.value, request, { actor, view }) : known;
    },
    nodes: () => (deps === null ? [] : nodesOf(deps)),
  };
}

function nodesOf({ site, elsewhere }: RegionControlDeps): RegionNodeView[] {
  const names = new Map(site?.sites().map(({ id, name }) => [id, name]) ?? []);
  return elsewhere().map(({ site: heardBy, node, longName, shortName, heardAt }) => ({
    id: formatNodeId(node),
    long_name: longName,
    short_name: shortName,
    site: names.get(heardBy) ?? heardBy.slice(0, 8),
    last_heard: iso(heardAt),
  }));
}

function join(
  { site, settings, decide, audit }: Usable,
  { invitation, site: named, fingerprint }: JoinRequest,
  { actor, view }: { readonly actor: Actor; view(): RegionView },
): Result<JoinAnswer> {
  const { name } = settings;
  const note = (what: string) => audit("region_join", `${by(actor)}: ${what}`);
  if (invitation !== undefined && named !== undefined) return fail("invalid_argument", "give an invitation or a site, not both");
  if (invitation !== undefined) {
    const accepted = site.accept(invitation);
    if (!accepted.ok) return accepted;
    note(`joined region ${name}`);
    return ok({ did: "joined", invitation: null, must_restart: accepted.value.mustRestart, region: view() });
  }
  if (named !== undefined) {
    const region = joined(site);
    if (!region.ok) return region;
    const enrolled = decide.enrol(region.value, named, fingerprint ?? null);
    if (!enrolled.ok) return enrolled;
    note(`enrolled site ${enrolled.value.name} (${enrolled.value.id})`);
    return ok({ did: "enrolled", invitation: null, must_restart: false, region: view() });
  }
  const invited = site.invite();
  if (!invited.ok) return invited;
  const { isNew, invitation: line } = invited.value;
  note(isNew ? `made region ${name}` : `an invitation to region ${name}`);
  return ok({ did: isNew ? "founded" : "invited", invitation: line, must_restart: false, region: view() });
}

function joined(site: OwnSite): Result<Region> {
  if (site.region !== null) return ok(site.region);
  return fail("conflict", "this site is in no region yet", {
    hint: "make one with: zephyrgate region join; or join one with: zephyrgate region join INVITATION",
  });
}

function revoke({ site, decide, audit }: Usable, named: string, actor: Actor): Result<RevokeAnswer> {
  const region = joined(site);
  if (!region.ok) return region;
  const revoked = decide.revoke(region.value, named);
  if (!revoked.ok) return revoked;
  const { site: out, orphans } = revoked.value;
  audit("region_revoke", `${by(actor)}: revoked site ${out.name} (${out.id})`);
  return ok({ site: siteJson(out), orphans: orphans.map(siteJson), told: site.connected() });
}

async function leave(
  { site, settings, audit, forget }: Usable,
  { purge = false, force = false }: LeaveRequest,
  { actor, view }: { readonly actor: Actor; view(): RegionView },
): Promise<Result<LeaveAnswer>> {
  const left = await site.leave(force);
  if (!left.ok) return left;
  const { others } = left.value;
  const kept = purge ? "shared data deleted" : "shared data kept";
  audit("region_leave", `${by(actor)}: left region ${settings.name}, ${kept}${others === null ? ", the others not told" : ""}`);
  try {
    forget(purge);
  } catch (thrown) {
    return { ok: false, error: asGatewayError(thrown, "data_unusable") };
  }
  return ok({ told: others, purged: purge, region: view() });
}

function viewOf({ settings, site, problem }: RegionControlDeps): RegionView {
  const { url, name, site: siteName, share } = settings;
  const own = { region: name, site: siteName, share: [...share] };
  if (site === null) return { ...NOTHING, ...own, state: "unusable", problem, sites: [] };
  const { region } = site;
  const sites = site.sites().map(siteJson);
  const why = problemOf(site);
  if (region === null) return { ...NOTHING, ...own, state: site.state, problem: why, id: site.self, sites };
  const { counts, troubles, key } = region.context;
  const { state, reconnects } = region.broker;
  return {
    ...own,
    state: site.state,
    problem: why,
    id: site.self,
    broker: { url, state: state.kind, reason: state.reason, since: iso(state.since), reconnects },
    key_number: key().epoch,
    troubles: troubles.list(),
    messages: { sent: counts.sent, failed: counts.failed, received: counts.received, refused: Object.fromEntries(counts.refused) },
    sites,
  };
}

function problemOf({ mustRestart }: OwnSite): string | null {
  if (mustRestart === "renewed") return "a new key was made, and counts from the next start: restart the gateway";
  return mustRestart === "left" ? "this site has left its region; it joins one again after a restart of the gateway" : null;
}

function siteJson({ id, name, state, online, heardAt, version, report }: SiteView): SiteViewJson {
  return { id, name, state, online, heard_at: heardAt === null ? null : iso(heardAt), version, report };
}

/** For the status of the gateway: nothing where no region is configured. */
export function regionSummary(view: RegionView): { readonly region?: RegionSummary } {
  if (view.state === "alone") return {};
  const enrolled = view.sites.filter(({ state }) => state === "enrolled" || state === "self");
  return {
    region: {
      name: view.region ?? "",
      site: view.site ?? "",
      state: view.state,
      broker: view.broker?.state ?? "stopped",
      sites: enrolled.length,
      online: enrolled.filter(({ online }) => online).length,
      troubles: regionTroubles(view),
    },
  };
}

/** Why the region needs the operator. */
function regionTroubles({ state, problem, broker, sites }: RegionView): string[] {
  if (state === "alone") return [];
  if (state === "unusable") return [`the region cannot be used: ${problem ?? "unknown"}`];
  if (state === "unjoined") return ["this site is in no region yet"];
  if (state === "revoked") return ["this site was revoked from its region"];
  const away = sites.filter((site) => site.state === "enrolled" && !site.online);
  return [
    ...(state === "waiting" ? ["this site waits to be enrolled in its region"] : []),
    ...(broker?.state === "connected" ? [] : ["the region's broker is not connected"]),
    ...(broker?.state === "connected" && away.length > 0 ? [`${away.length} of ${sites.length} sites of the region are offline`] : []),
  ];
}
