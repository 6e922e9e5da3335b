import { fail, ok, type Result } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { Broker } from "../../permissions/broker.ts";
import type { LiveCapabilitySet } from "../../permissions/capability-set.ts";
import {
  configDenyHash,
  decide,
  type GrantOutcome,
  type Override,
  type PermissionRequester,
  type Policy,
} from "../../permissions/decide.ts";
import { type Descriptor, parseEntry, printText, toEntry } from "../../permissions/grammar/descriptor.ts";
import { intersection, isSubset, permissionSet, permissionSetHash, toDescriptors } from "../../permissions/grammar/sets.ts";
import { PERMISSION_NAMES, type PermissionEntry, type PermissionStates } from "../../permissions/grammar/types.ts";
import type { GrantStore, Holder } from "../../permissions/grants.ts";
import { statesOf } from "../../permissions/states.ts";
import type { PermissionPort } from "../capabilities/call/ports.ts";
import type { Approval, Candidate } from "../plugin/candidate.ts";
import type { Approvals } from "./ports.ts";

export interface ApprovalsDeps {
  readonly store: GrantStore;
  readonly broker: Broker;
  policy(plugin: string): Policy;
  /** Limits of the manifest above the configuration's defaults: part of what is approved. */
  limitsAbove(candidate: Candidate): Readonly<Record<string, number>>;
  candidate(plugin: string): Candidate | null;
  /** What the name keeps beside its grants: data, secrets, configuration. In words for the operator. */
  belongings(plugin: string): readonly string[];
  audit(plugin: string, event: string, detail: string): void;
  changed(plugin: string): void;
}

/** A decision of the operator after the acceptance. */
export interface OperatorDecision {
  readonly effect: Override["effect"];
  /** A permission as a manifest writes it; every permission when undefined. */
  readonly entry: Json | undefined;
  readonly who: string;
}

export interface PermissionView {
  readonly hash: string;
  readonly acceptedHash: string | null;
  readonly requested: readonly PermissionEntry[];
  readonly granted: readonly PermissionEntry[];
  /** Also what is denied and not requested. */
  readonly denied: readonly PermissionEntry[];
  /** Requested, by the manifest or at run time, and neither granted nor denied. */
  readonly heldBack: readonly PermissionEntry[];
}

/** A name that belongs to another place. */
export interface HeldName extends Holder {
  /** In words for the operator, never empty. */
  readonly inherits: readonly string[];
}

const NO_STATES: PermissionStates = { granted: [], denied: [], requested: [] };

/** Joins the operator's stored decisions, the configuration and the manifest into what a plugin may do now. */
export class StoredApprovals implements Approvals, PermissionPort {
  /** Open capability sets by plugin: two while a reload is under way. */
  readonly #capabilitySets = new Map<string, Set<LiveCapabilitySet>>();

  constructor(private readonly deps: ApprovalsDeps) {}

  hash(candidate: Candidate): string {
    const set = permissionSet(candidate.manifest.permissions);
    return set.ok ? permissionSetHash(set.value, this.deps.limitsAbove(candidate)) : "";
  }

  judge(candidate: Candidate): Approval {
    const held = this.heldElsewhere(candidate);
    if (held !== null) return { state: "awaiting", reason: heldReason(candidate, held), added: [], removed: [] };
    const verdict = this.#verdict(candidate);
    if (!verdict.ok) return { state: "awaiting", reason: verdict.error.summary(), added: [], removed: [] };
    const { accepted, awaiting, lost, awaitingLimits } = verdict.value;
    if (accepted) return { state: "accepted" };
    const added = [
      ...toDescriptors(awaiting ?? []).map(toEntry),
      ...(Object.keys(awaitingLimits).length === 0 ? [] : [{ limits: awaitingLimits }]),
    ];
    const list =
      added.length === 0
        ? "nothing"
        : toDescriptors(awaiting ?? [])
            .map(printText)
            .join("; ");
    return {
      state: "awaiting",
      reason: `asks for ${list}; accept it with: zephyrgate plugin enable ${candidate.name}`,
      added,
      removed: toDescriptors(lost).map(toEntry),
    };
  }

  /** Another place that this name belongs to, with what a plugin here would inherit; null when the name is free for it. */
  heldElsewhere(candidate: Candidate): HeldName | null {
    if (candidate.bundled) return null;
    const { store, belongings } = this.deps;
    const holder = store.holder(candidate.name);
    if (holder === null || holder.path === candidate.path) return null;
    const isAccepted = store.current({ name: candidate.name, path: holder.path }) !== null;
    const inherits = [...(isAccepted ? ["its permissions"] : []), ...belongings(candidate.name)];
    return inherits.length === 0 ? null : { ...holder, inherits };
  }

  /** The operator moved the plugin: its name, and all that it owns, belong to the candidate's place now. */
  adopt(candidate: Candidate, by: string): void {
    const before = this.deps.store.holder(candidate.name);
    this.deps.store.adopt(candidate);
    this.deps.audit(candidate.name, "adopt", `${by} moved it from ${before?.path ?? "nowhere"} to ${candidate.path}`);
  }

  accept(candidate: Candidate, by: string): Result<null> {
    const held = this.heldElsewhere(candidate);
    if (held !== null) return heldError(candidate, held);
    const stored = this.deps.store.accept(candidate, this.#requester(candidate, ""), { who: by, means: "api" });
    if (!stored.ok) return stored;
    this.deps.audit(candidate.name, "accept", `${by} accepted ${stored.value.permissionHash}`);
    return ok(null);
  }

  open(candidate: Candidate, codeHash: string): LiveCapabilitySet {
    const held = this.heldElsewhere(candidate);
    if (held !== null) throw heldError(candidate, held).error;
    // An example of the program claims a free name only: it never takes one from a folder.
    if (!candidate.bundled || this.deps.store.holder(candidate.name) === null) this.deps.store.claim(candidate);
    const verdict = this.#verdict(candidate, codeHash);
    if (!verdict.ok) throw verdict.error;
    this.#settle(candidate, codeHash, verdict.value);
    const open = this.#capabilitySets.get(candidate.name) ?? new Set<LiveCapabilitySet>();
    const capabilitySet: LiveCapabilitySet = this.deps.broker.open(candidate.name, verdict.value, () => {
      open.delete(capabilitySet);
      if (open.size === 0 && this.#capabilitySets.get(candidate.name) === open) this.#capabilitySets.delete(candidate.name);
    });
    this.#capabilitySets.set(candidate.name, open.add(capabilitySet));
    return capabilitySet;
  }

  /** The plugin was removed: no decision on it applies to another of its name. Data that is kept still belongs to its place. */
  forget(candidate: Candidate, keepsData: boolean): void {
    if (keepsData) this.deps.store.forget(candidate);
    else this.deps.store.release(candidate.name);
    this.deps.audit(candidate.name, "forget", "removed: its grants are forgotten");
  }

  /** What is shown to the operator. Without a running plugin: what it would have. */
  view(candidate: Candidate): PermissionView {
    const open = this.capabilitySet(candidate.name);
    const verdict = this.#verdict(candidate);
    const states = open?.states() ?? (verdict.ok ? statesOf(verdict.value) : NO_STATES);
    const decided = new Set([...states.granted, ...states.denied].map((entry) => JSON.stringify(entry)));
    const heldBack = states.requested.filter((entry) => !decided.has(JSON.stringify(entry)));
    return {
      hash: this.hash(candidate),
      acceptedHash: this.deps.store.current(candidate)?.permissionHash ?? null,
      ...states,
      denied: [...states.denied, ...(verdict.ok ? deniedInAdvance(verdict.value) : [])],
      heldBack: [...heldBack, ...(open?.requests() ?? []).map(toEntry)],
    };
  }

  /** Stores a later decision of the operator, effective from the next call on. A grant is cut to what was requested. */
  override(candidate: Candidate, { effect, entry, who }: OperatorDecision): Result<null> {
    const entries: Json[] = entry === undefined ? [...PERMISSION_NAMES] : [entry];
    for (const each of entries) {
      const descriptor = parseEntry(each);
      if (!descriptor.ok) return descriptor;
      const stored = this.#store(candidate, effect, descriptor.value, who);
      if (!stored.ok) return stored;
      this.deps.audit(candidate.name, effect, `${who}: ${printText(descriptor.value)}`);
    }
    this.refresh(candidate);
    return ok(null);
  }

  #store(candidate: Candidate, effect: Override["effect"], descriptor: Descriptor, who: string): Result<unknown> {
    const { store, policy } = this.deps;
    const by = { who, means: "api" as const, configHash: configDenyHash(policy(candidate.name).deny) };
    if (effect !== "grant") return store.override(candidate, { effect, descriptor, ...by });
    const verdict = this.#verdict(candidate);
    if (!verdict.ok) return verdict;
    const requested = { manifest: verdict.value.requested, atRuntime: this.capabilitySet(candidate.name)?.requests() ?? [] };
    return store.grant(candidate, descriptor, requested, by);
  }

  /** Applies the present decisions to all open capability sets: after a decision of the operator or a change of the file. */
  refresh(candidate: Candidate): void {
    const verdict = this.#verdict(candidate);
    if (!verdict.ok) return;
    for (const capabilitySet of this.#capabilitySets.get(candidate.name) ?? []) capabilitySet.apply(verdict.value);
    this.deps.changed(candidate.name);
  }

  request(plugin: string, entry: Json): Result<"granted" | "denied" | "prompt"> {
    return this.#withCapabilitySet(plugin, entry, (capabilitySet, descriptor) => capabilitySet.request(descriptor).state);
  }

  revoke(plugin: string, entry: Json): Result<"granted" | "denied" | "prompt"> {
    return this.#withCapabilitySet(plugin, entry, (capabilitySet, descriptor) => capabilitySet.drop(descriptor).state);
  }

  /** Live capability sets, for tests that count leaks. */
  get size(): number {
    let count = 0;
    for (const capabilitySets of this.#capabilitySets.values()) count += capabilitySets.size;
    return count;
  }

  /** Of the newest load; null while none is open. */
  capabilitySet(plugin: string): LiveCapabilitySet | null {
    return [...(this.#capabilitySets.get(plugin) ?? [])].at(-1) ?? null;
  }

  #withCapabilitySet<T>(plugin: string, entry: Json, use: (capabilitySet: LiveCapabilitySet, descriptor: Descriptor) => T): Result<T> {
    const descriptor = parseEntry(entry);
    if (!descriptor.ok) return descriptor;
    const capabilitySet = this.capabilitySet(plugin);
    return capabilitySet === null ? fail("conflict", `${plugin} is not running`) : ok(use(capabilitySet, descriptor.value));
  }

  #requester(candidate: Candidate, codeHash: string): PermissionRequester {
    const { name, manifest, bundled } = candidate;
    return {
      plugin: name,
      version: manifest.version,
      codeHash,
      requested: manifest.permissions,
      limits: this.deps.limitsAbove(candidate),
      bundled,
    };
  }

  #verdict(candidate: Candidate, codeHash?: string): Result<GrantOutcome> {
    const { store, policy } = this.deps;
    const current = store.current(candidate);
    const requester = this.#requester(candidate, codeHash ?? current?.codeHash ?? "");
    return decide(requester, current, store.overrides(candidate), policy(candidate.name));
  }

  #settle(candidate: Candidate, codeHash: string, verdict: GrantOutcome): void {
    const before = this.deps.store.current(candidate);
    if (verdict.codeChanged && before !== null && before.codeHash !== "") {
      this.deps.audit(candidate.name, "code_changed", `under unchanged permissions: ${before.codeHash} -> ${codeHash}`);
    }
    if (verdict.lost.length > 0)
      this.deps.audit(candidate.name, "narrowed", `no longer asks for ${toDescriptors(verdict.lost).map(printText).join("; ")}`);
    const settled = this.deps.store.settle(candidate, this.#requester(candidate, codeHash), verdict);
    if (!settled.ok) throw settled.error;
    this.deps.audit(candidate.name, "load", `version ${candidate.manifest.version}, code ${codeHash}`);
  }
}

/** Denials of what is not requested: they wait for a version that requests it, and are shown so that nobody forgets them. */
function deniedInAdvance({ requested, granted, layers }: GrantOutcome): PermissionEntry[] {
  const idle = layers.filter(
    ({ effect, set }, index) =>
      effect === "deny" &&
      intersection(set, [...requested, ...granted]).length === 0 &&
      !layers.slice(index + 1).some((later) => isSubset(set, later.set)),
  );
  return toDescriptors(idle.flatMap(({ set }) => set)).map(toEntry);
}

function heldReason({ name, path }: Candidate, { path: holder, since, inherits }: HeldName): string {
  const day = new Date(since).toISOString().slice(0, 10);
  return (
    `the name ${name} belongs to ${holder} since ${day}; ${path} would inherit ${inherits.join(", ")}; ` +
    `if you moved the plugin: zephyrgate plugin adopt ${name} ${path}`
  );
}

function heldError(candidate: Candidate, held: HeldName): ReturnType<typeof fail> {
  return fail("conflict", heldReason(candidate, held), {
    hint: `to delete what ${held.path} kept and begin anew: zephyrgate plugin remove ${candidate.name} --purge`,
  });
}
