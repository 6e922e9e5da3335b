import type { Clock } from "../clock.ts";
import type { Subscription } from "../lifetime.ts";
import { parseRate, TokenBucket } from "../rates.ts";
import { explainRule, type Layer, layerFor, REPLY_RULE, type Rule, ruleAllows, ruleWithin, type Standing, type Why } from "./decide.ts";
import { type Descriptor, printText } from "./grammar/descriptor.ts";
import { type Atom, atomCovers, denialSet, intersection, permissionSet, printSet } from "./grammar/sets.ts";
import {
  type Ask,
  type CapabilitySet,
  type Decision,
  PERMISSION_NAMES,
  type PermissionName,
  type PermissionStates,
} from "./grammar/types.ts";
import { type RuleTable, ruleTable, statesOf } from "./states.ts";
import { hintFor, scopeOf } from "./words.ts";

export type PermissionQuery = { readonly state: "granted" | "denied" | "prompt"; readonly partial: boolean };

/** A capability set as the gateway holds it: the seam's calls, and those that steer it. */
export interface LiveCapabilitySet extends CapabilitySet {
  /** Sets a new standing, which is valid from the next call on. Rate buckets keep their level. */
  apply(standing: Standing): void;
  /** Answers which rule decides, without counting the call or auditing it. */
  explainRule(ask: Ask): Why;
  /** Deno's states; `partial` when a part of what is granted was taken away again. */
  query(descriptor: Descriptor): PermissionQuery;
  /** The plugin asks at run time and goes on without it; what waits for the operator is kept, up to {@link REQUESTS_MAX}. */
  request(descriptor: Descriptor): PermissionQuery;
  requests(): readonly Descriptor[];
  /** The plugin gives up a part of a permission, for the life of this capability set. */
  drop(descriptor: Descriptor): PermissionQuery;
  /** For the audit log: decisions that the plugin host made by its own copy of the rules, without sending a token. */
  decidedElsewhere(permission: PermissionName, allowed: number, denied: number): void;
  /** Megabytes of the largest database grant; null without a limit, 0 without the permission. */
  quotaMb(): number | null;
}

/** What the capability set needs of the broker. */
export interface CapabilitySetDeps {
  readonly clock: Clock;
  readonly audit: {
    record(entry: {
      plugin: string;
      permission: string;
      scope: string;
      result: "allow" | "deny";
      rule: string;
      correlationId: string;
    }): void;
  };
  mint(permission: PermissionName): string;
  /** `late`: a token of this capability set that ended so recently that it may have been sent before its end. */
  judge(token: string, permission: PermissionName): "good" | "late" | Forged;
  kill(token: string): void;
  onForgery(kind: Forged, permission: PermissionName, correlationId: string): void;
  onRequest(wanted: Descriptor): void;
  /** Called once, after every token has ended. */
  onClose(): void;
}
export type Forged = "unknown" | "foreign" | "wrong_permission" | "dead";

export const REQUESTS_MAX = 32;
const DROPS_MAX = 32;
const UNLOADED = "the plugin was unloaded";

export class BrokeredCapabilitySet implements LiveCapabilitySet {
  /** The standing that the operator decided. */
  #given: Standing;
  /** The same standing without what the plugin gave up. */
  #standing: Standing;
  #rules: RuleTable;
  #tokens: Partial<Record<PermissionName, string>> = {};
  readonly #signals = new Map<PermissionName, AbortController>();
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #listeners = new Set<() => void>();
  readonly #texts = new WeakMap<Atom, string>();
  readonly #drops: Layer[] = [];
  readonly #requests = new Map<string, Descriptor>();
  #closed = false;

  constructor(
    readonly plugin: string,
    standing: Standing,
    private readonly deps: CapabilitySetDeps,
  ) {
    this.#given = standing;
    this.#standing = standing;
    this.#rules = ruleTable(standing);
    this.#mintMissing();
  }

  get tokens(): Readonly<Partial<Record<PermissionName, string>>> {
    return { ...this.#tokens };
  }

  check(token: string | null, ask: Ask, correlationId: string): Decision {
    if (token === null)
      return this.#decide(ask, correlationId, this.#tokens[ask.permission] === undefined ? null : "no token was presented");
    const verdict = this.deps.judge(token, ask.permission);
    if (verdict === "good" || verdict === "late")
      return this.#decide(ask, correlationId, verdict === "good" ? null : "the permission was revoked a moment ago");
    this.deps.onForgery(verdict, ask.permission, correlationId);
    return this.#deny(ask, correlationId, `forged token (${verdict})`, undefined);
  }

  checkOwn(ask: Ask, correlationId: string): Decision {
    return this.#decide(ask, correlationId, null);
  }

  /** `refusal` applies where the rules themselves would allow the call. */
  #decide(ask: Ask, correlationId: string, refusal: string | null): Decision {
    if (this.#closed) return this.#deny(ask, correlationId, UNLOADED, undefined);
    const rules = this.#rules[ask.permission];
    const isReply = ask.permission === "send_messages" && ask.isReply && !this.#takenAway(ask);
    const cost = costOf(ask);
    const matching = isReply ? rules : cost > 0 ? rules.filter((rule) => ruleAllows(rule, ask)) : [];
    const first = cost > 0 ? matching[0] : rules.find((rule) => ruleAllows(rule, ask));
    if (first === undefined) {
      const why = explainRule(this.#standing, rules, ask);
      return this.#deny(ask, correlationId, why.rule, why.cause);
    }
    if (refusal !== null) return this.#deny(ask, correlationId, refusal, undefined);
    const rule = cost > 0 ? this.#spend(matching, cost) : first;
    if (typeof rule === "number") {
      const denied = this.#deny(ask, correlationId, `rate: ${this.#text(first)}`, undefined);
      return { ...denied, retryAfterS: rule, hint: `the rate is used up; try again in ${Math.ceil(rule)} s` };
    }
    const text = isReply ? REPLY_RULE : `granted: ${this.#text(rule)}`;
    this.deps.audit.record({
      plugin: this.plugin,
      permission: ask.permission,
      scope: scopeOf(ask),
      result: "allow",
      rule: text,
      correlationId,
    });
    return { allowed: true, rule: text };
  }

  states(): PermissionStates {
    const states = statesOf(this.#standing, this.#rules);
    return this.#closed ? { granted: [], denied: [], requested: states.requested } : states;
  }

  signal(permission: PermissionName): AbortSignal {
    const found = this.#signals.get(permission);
    if (found !== undefined && !found.signal.aborted) return found.signal;
    const controller = new AbortController();
    this.#signals.set(permission, controller);
    if (this.#closed || this.#rules[permission].length === 0) controller.abort();
    return controller.signal;
  }

  onChange(listener: () => void): Subscription {
    this.#listeners.add(listener);
    return { dispose: () => void this.#listeners.delete(listener) };
  }

  apply(standing: Standing): void {
    this.#given = standing;
    this.#renew();
  }

  #renew(): void {
    if (this.#closed) return;
    const before = this.#rules;
    this.#standing = { ...this.#given, layers: [...this.#given.layers, ...this.#drops] };
    this.#rules = ruleTable(this.#standing);
    for (const permission of PERMISSION_NAMES) {
      const now = this.#rules[permission];
      if (now.length === 0) this.#killToken(permission);
      if (!before[permission].every((rule) => ruleWithin(rule, now))) this.#signals.get(permission)?.abort();
    }
    this.#mintMissing();
    for (const listener of [...this.#listeners]) listener();
  }

  explainRule(ask: Ask): Why {
    return explainRule(this.#standing, this.#rules[ask.permission], ask);
  }

  query(descriptor: Descriptor): PermissionQuery {
    const wanted = permissionSet([descriptor]);
    if (!wanted.ok || this.#closed) return { state: "denied", partial: false };
    const rules = this.#rules[descriptor.name];
    if (wanted.value.every((atom) => ruleWithin({ atom, except: [] }, rules))) return { state: "granted", partial: false };
    const holed = (rule: Rule, atom: Atom) => atomCovers(rule.atom, atom) && !rule.except.some((hole) => atomCovers(hole, atom));
    if (wanted.value.every((atom) => rules.some((rule) => holed(rule, atom)))) return { state: "granted", partial: true };
    const denied = wanted.value.some((atom) => {
      const layer = this.#standing.layers.findLast((each) => intersection([atom], each.set).length > 0);
      return layer?.effect === "deny";
    });
    return { state: denied ? "denied" : "prompt", partial: false };
  }

  request(descriptor: Descriptor): PermissionQuery {
    const found = this.query(descriptor);
    const text = printText(descriptor);
    if (found.state === "prompt" && !this.#requests.has(text) && this.#requests.size < REQUESTS_MAX) {
      this.#requests.set(text, descriptor);
      this.deps.onRequest(descriptor);
    }
    return found;
  }

  requests(): readonly Descriptor[] {
    return [...this.#requests.values()].filter((wanted) => this.query(wanted).state === "prompt");
  }

  drop(descriptor: Descriptor): PermissionQuery {
    // The list of pieces that were given up is bounded: beyond the bound the whole permission is given up.
    const given: Descriptor = this.#drops.length < DROPS_MAX ? descriptor : { name: descriptor.name, scope: {} };
    const set = denialSet([given]);
    if (set.ok && this.#drops.length < DROPS_MAX + PERMISSION_NAMES.length) {
      this.#drops.push({ effect: "revoke", set: set.value, rule: `given away by the plugin: ${printText(given)}` });
      this.#renew();
    }
    return this.query(descriptor);
  }

  decidedElsewhere(permission: PermissionName, allowed: number, denied: number): void {
    const record = (result: "allow" | "deny", rule: string) =>
      this.deps.audit.record({ plugin: this.plugin, permission, scope: "", result, rule, correlationId: "" });
    if (allowed > 0) record("allow", "granted; decided in the plugin host");
    if (denied > 0) record("deny", "not granted; decided in the plugin host");
  }

  quotaMb(): number | null {
    const quotas = this.#rules.database_access.map((rule) => Number(rule.atom.at[0]));
    const largest = Math.max(0, ...quotas);
    return Number.isFinite(largest) ? largest : null;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const permission of PERMISSION_NAMES) this.#killToken(permission);
    for (const controller of this.#signals.values()) controller.abort();
    for (const listener of [...this.#listeners]) listener();
    this.#listeners.clear();
    this.deps.onClose();
  }

  #takenAway(ask: Ask): boolean {
    const layer = layerFor(this.#standing, ask);
    return layer !== undefined && layer.effect !== "grant";
  }

  /** One bucket per rate: entries that name the same rate share it. The rule that let the parts through, or the seconds to wait. */
  #spend(matching: readonly Rule[], cost: number): Rule | number {
    let wait = Number.POSITIVE_INFINITY;
    const free = matching.find((rule) => rateOf(rule.atom) === "unlimited");
    if (free !== undefined) return free;
    for (const rule of matching) {
      const text = rateOf(rule.atom);
      const key = `${rule.atom.permission} ${text}`;
      const bucket = this.#buckets.get(key) ?? this.#bucket(key, text);
      if (bucket === null) continue;
      const seconds = bucket.take(cost);
      if (seconds === 0) return rule;
      wait = Math.min(wait, seconds);
    }
    return wait;
  }

  #bucket(key: string, text: string): TokenBucket | null {
    const rate = parseRate(text);
    if (!rate.ok) return null;
    const bucket = new TokenBucket(this.deps.clock, rate.value);
    this.#buckets.set(key, bucket);
    return bucket;
  }

  #deny(ask: Ask, correlationId: string, rule: string, cause: Why["cause"] | undefined): Decision & { allowed: false } {
    const scope = scopeOf(ask);
    this.deps.audit.record({ plugin: this.plugin, permission: ask.permission, scope, result: "deny", rule, correlationId });
    return { allowed: false, rule, permission: ask.permission, scope, hint: hintFor(this.plugin, ask, cause) };
  }

  #text(rule: Rule): string {
    const text = this.#texts.get(rule.atom) ?? printSet([rule.atom]);
    this.#texts.set(rule.atom, text);
    return text;
  }

  #killToken(permission: PermissionName): void {
    const token = this.#tokens[permission];
    if (token === undefined) return;
    this.deps.kill(token);
    delete this.#tokens[permission];
  }

  #mintMissing(): void {
    for (const permission of PERMISSION_NAMES) {
      if (this.#rules[permission].length > 0) this.#tokens[permission] ??= this.deps.mint(permission);
    }
  }
}

/** What a call takes from a rate: a text its parts, a request to a node one; 0 for calls that have no rate. */
function costOf(ask: Ask): number {
  if (ask.permission === "send_messages") return ask.parts;
  return ask.permission === "mesh_requests" ? 1 : 0;
}

/** The rate of an atom of a permission that has one. */
function rateOf({ permission, at }: Atom): string {
  return String(at[permission === "send_messages" ? 1 : 0]);
}
