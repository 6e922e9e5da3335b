import type { GatewayError, Result } from "../errors.ts";
import { ok } from "../errors.ts";
import { type Descriptor, printText } from "./grammar/descriptor.ts";
import {
  type Atom,
  atomAllows,
  atomCovers,
  denialSet,
  denied,
  difference,
  intersection,
  isSubset,
  type PermissionSet,
  permissionSet,
  printSet,
  union,
} from "./grammar/sets.ts";
import type { Ask } from "./grammar/types.ts";

/** What made an acceptance or a change. `first_seen`: the configuration's `enabled_plugins` names the plugin. */
export type Means = "first_seen" | "cli" | "api" | "narrowed" | "config" | "plugin";

/** What an operator accepted for one plugin at one place. */
export interface Acceptance {
  readonly plugin: string;
  readonly originPath: string;
  readonly permissionHash: string;
  readonly descriptors: readonly Descriptor[];
  /** Limits above the configuration's defaults, which are part of what is approved. */
  readonly limits: Readonly<Record<string, number>>;
  readonly version: string;
  readonly codeHash: string;
  readonly who: string;
  readonly means: Means;
  /** ms since 1970. */
  readonly acceptedAt: number;
}

/**
 * A later decision about a part. `deny` and `revoke` both take it away; after a revoke the plugin may ask again, after a
 * denial it may not. `configHash` is the {@link configDenyHash} at that time: a grant wins over the file until the file changes.
 */
export interface Override {
  readonly effect: "grant" | "deny" | "revoke";
  readonly descriptor: Descriptor;
  readonly who: string;
  readonly means: Means;
  readonly at: number;
  readonly configHash: string;
  /** A grant of what the plugin asked for at run time and its manifest does not name: it holds until it is revoked. */
  readonly extra?: boolean;
}

export interface PermissionRequester {
  readonly plugin: string;
  readonly version: string;
  readonly codeHash: string;
  readonly requested: readonly Descriptor[];
  readonly limits: Readonly<Record<string, number>>;
  /** A property of the place inside the program, never of the name. */
  readonly bundled: boolean;
}

export interface Policy {
  readonly allowAll: boolean;
  /** `plugins.enabled_plugins`; null when the file has none. */
  readonly enabled: readonly string[] | null;
  /** `plugins.permissions.<name>.deny`. */
  readonly deny: readonly Descriptor[];
}

export type Reason = "bundled" | "allow_all" | "first_seen" | "accepted" | "never_accepted" | "not_enabled" | "asks_more";

/** One layer over the granted set; later ones win. */
export interface Layer {
  readonly effect: Override["effect"];
  readonly set: PermissionSet;
  readonly rule: string;
}

/** The outcome for one load of a plugin. */
export interface Standing {
  readonly requested: PermissionSet;
  /** Requested and accepted, and what the operator granted beyond; the layers act on it. */
  readonly granted: PermissionSet;
  readonly layers: readonly Layer[];
}

export interface GrantOutcome extends Standing {
  readonly accepted: boolean;
  readonly reason: Reason;
  /** What waits for the operator: the part that was never accepted. */
  readonly awaiting: PermissionSet | null;
  /** Limits beyond the accepted ones, part of what waits. */
  readonly awaitingLimits: Readonly<Record<string, number>>;
  /** Accepted before and no longer requested: the plugin loses it. */
  readonly lost: PermissionSet;
  /** The code changed and the accepted permissions did not. This is written to the audit log. */
  readonly codeChanged: boolean;
  /** The acceptance to store now, if one is due. */
  readonly record: Means | null;
}

/** Names a state of the file's deny list. */
export function configDenyHash(deny: readonly Descriptor[]): string {
  return new Bun.CryptoHasher("sha256").update(JSON.stringify(deny.map(printText).sort())).digest("hex");
}

/** The one place where "requested" becomes "granted". Pure. Fails only when a set is absurdly large. */
export function decide(
  requester: PermissionRequester,
  stored: Acceptance | null,
  overrides: readonly Override[],
  policy: Policy,
): Result<GrantOutcome> {
  const layers = layersOf(overrides, policy.deny);
  if (!layers.ok) return layers;
  const sets = setsOf(requester, stored, overrides);
  if (!sets.ok) return sets;
  const { requested, accepted, later, extras } = sets.value;
  // A grant of a part that waited is an acceptance too; it was cut to what was requested when it was made.
  const before = union(accepted, later);
  const more = difference(requested, before);
  const moreLimits = Object.fromEntries(Object.entries(requester.limits).filter(([name, value]) => value > (stored?.limits[name] ?? 0)));
  const { reason, holds, all, runs } = standingOf(requester, stored, policy, more.length > 0 || Object.keys(moreLimits).length > 0);
  const lost = all || !holds || !runs ? [] : difference(accepted, requested);
  const codeChanged = holds && runs && !all && stored?.codeHash !== requester.codeHash;
  const recorded = stored === null || !runs || all ? null : due(stored, lost, isSubset(requested, accepted), codeChanged);
  return ok({
    requested,
    granted: union(all ? requested : holds ? intersection(requested, before) : [], extras),
    layers: layers.value,
    accepted: runs,
    reason,
    awaiting: runs ? null : holds ? more : requested,
    awaitingLimits: runs ? {} : holds ? moreLimits : requester.limits,
    lost,
    codeChanged,
    record: reason === "first_seen" ? "first_seen" : recorded,
  });
}

interface Sets {
  readonly requested: PermissionSet;
  readonly accepted: PermissionSet;
  /** Granted by a later decision of the operator. */
  readonly later: PermissionSet;
  /** Granted although the manifest does not ask for it. */
  readonly extras: PermissionSet;
}

function setsOf(requester: PermissionRequester, stored: Acceptance | null, overrides: readonly Override[]): Result<Sets> {
  const grants = overrides.filter((override) => override.effect === "grant");
  const requested = permissionSet(requester.requested);
  if (!requested.ok) return requested;
  const accepted = permissionSet(stored?.descriptors ?? []);
  if (!accepted.ok) return accepted;
  const later = permissionSet(grants.filter((grant) => !grant.extra).map((grant) => grant.descriptor));
  if (!later.ok) return later;
  const extras = permissionSet(grants.filter((grant) => grant.extra).map((grant) => grant.descriptor));
  if (!extras.ok) return extras;
  return ok({ requested: requested.value, accepted: accepted.value, later: later.value, extras: extras.value });
}

/** Whether the requester may run as it is, and why: by its place, by the configuration, or by an acceptance that covers it. */
function standingOf(requester: PermissionRequester, stored: Acceptance | null, policy: Policy, asksMore: boolean) {
  const listed = policy.enabled?.includes(requester.plugin) === true;
  const free: Reason | null = requester.bundled ? "bundled" : policy.allowAll ? "allow_all" : null;
  const first = free === null && stored === null && listed;
  const holds = stored !== null && !(stored.means === "first_seen" && policy.enabled !== null && !listed);
  const unmet: Reason = stored === null ? "never_accepted" : !holds ? "not_enabled" : asksMore ? "asks_more" : "accepted";
  const reason: Reason = free ?? (first ? "first_seen" : unmet);
  return { reason, holds, all: free !== null || first, runs: free !== null || first || (holds && !asksMore) };
}

/** Which kind of acceptance is to be stored; null when the stored one is still correct. */
function due(stored: Acceptance, lost: PermissionSet, same: boolean, codeChanged: boolean): Means | null {
  if (lost.length > 0) return "narrowed";
  return same && !codeChanged ? null : stored.means;
}

function layersOf(overrides: readonly Override[], deny: readonly Descriptor[]): Result<Layer[]> {
  const hash = configDenyHash(deny);
  const layer = (effect: Override["effect"], descriptor: Descriptor, by: string): Result<Layer, GatewayError> => {
    const set = effect === "grant" ? permissionSet([descriptor]) : denialSet([descriptor]);
    return set.ok ? ok({ effect, set: set.value, rule: `${effect} by ${by}: ${printText(descriptor)}` }) : set;
  };
  const by = (override: Override) => `${override.who} (${override.means}, ${new Date(override.at).toISOString()})`;
  const results = [
    ...overrides
      .filter((override) => override.configHash !== hash)
      .map((override) => layer(override.effect, override.descriptor, by(override))),
    ...deny.map((descriptor) => layer("deny", descriptor, "configuration")),
    ...overrides
      .filter((override) => override.configHash === hash)
      .map((override) => layer(override.effect, override.descriptor, by(override))),
  ];
  const layers: Layer[] = [];
  for (const result of results) {
    if (!result.ok) return result;
    layers.push(result.value);
  }
  return ok(layers);
}

/** A granted atom, and the parts of it that were taken away. */
export interface Rule {
  readonly atom: Atom;
  readonly except: readonly Atom[];
}

/** Applies the layers to the granted set. The result is exact and no longer depends on their order. */
export function rulesOf(standing: Standing): readonly Rule[] {
  let rules: Rule[] = standing.granted.map((atom) => ({ atom, except: [] }));
  for (const { effect, set } of standing.layers) {
    if (effect === "grant") {
      rules = rules.filter((rule) => !isSubset([rule.atom], set));
      rules.push(...intersection(standing.granted, set).map((atom) => ({ atom, except: [] })));
    } else {
      rules = rules
        .filter((rule) => !isSubset([rule.atom], set))
        .map((rule) => ({ atom: rule.atom, except: [...rule.except, ...denied(rule.atom, set)] }));
    }
  }
  return rules;
}

export function ruleAllows(rule: Rule, ask: Ask): boolean {
  if ("any" in ask) return rule.atom.permission === ask.permission;
  return atomAllows(rule.atom, ask) && !rule.except.some((atom) => atomAllows(atom, ask));
}

/** Whether all that `rule` allows is allowed by one of `rules`. May say no wrongly where several share it: that is the safe side. */
export function ruleWithin(rule: Rule, rules: readonly Rule[]): boolean {
  return rules.some(
    (other) =>
      atomCovers(other.atom, rule.atom) &&
      intersection([rule.atom], other.except).every((hole) => rule.except.some((own) => atomCovers(own, hole))),
  );
}

/** The layer that speaks about the call, the latest first. */
export function layerFor(standing: Standing, ask: Ask): Layer | undefined {
  return standing.layers.findLast((layer) =>
    layer.set.some((atom) => ("any" in ask ? atom.permission === ask.permission : atomAllows(atom, ask))),
  );
}

export const REPLY_RULE = "granted: a reply to the asker is not limited by scope";

export type Why = {
  readonly allowed: boolean;
  readonly rule: string;
  readonly cause: "granted" | "reply" | "denied" | "revoked" | "awaiting" | "not_requested";
};

/** Which rule allows or denies this call, without counting it against a rate. */
export function explainRule(standing: Standing, rules: readonly Rule[], ask: Ask): Why {
  const layer = layerFor(standing, ask);
  const taken = layer !== undefined && layer.effect !== "grant";
  if (ask.permission === "send_messages" && ask.isReply && !taken) {
    const rule = rules.find((each) => each.atom.permission === "send_messages");
    if (rule !== undefined) return { allowed: true, rule: REPLY_RULE, cause: "reply" };
  }
  const rule = rules.find((each) => ruleAllows(each, ask));
  if (rule !== undefined) return { allowed: true, rule: `granted: ${printSet([rule.atom])}`, cause: "granted" };
  const wanted = [...standing.requested, ...standing.granted].some((atom) => ruleAllows({ atom, except: [] }, ask));
  if (!wanted) return { allowed: false, rule: "not requested in the manifest", cause: "not_requested" };
  if (taken) return { allowed: false, rule: layer.rule, cause: layer.effect === "deny" ? "denied" : "revoked" };
  return { allowed: false, rule: "requested, and not accepted by the operator", cause: "awaiting" };
}
