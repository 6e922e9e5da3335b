/** What the supervisor is made from; the composition root passes the real ones, tests the virtual ones. */

import type { RealmLimits } from "../bridge/realm-spec.ts";
import type { Clock, Random } from "../clock.ts";
import type { Result } from "../errors.ts";
import type { CoreBus } from "../events/core.ts";
import type { Json } from "../json.ts";
import type { Logger } from "../log/logger.ts";
import type { Manifest } from "../manifest/schema.ts";
import type { OpenLease } from "../permissions/capability-set.ts";
import type { WireError } from "../sdk/boundary/wire.ts";
import type { Hosts } from "./lifecycle/hosts.ts";
import type { HealthLimits } from "./plugin/health.ts";
import type { Operator } from "./plugin/instance.ts";
import type { RegistrarOf } from "./registrations/registrations.ts";

/** A plugin that was found, with its checked manifest. */
export interface Candidate {
  readonly name: string;
  readonly manifest: Manifest;
  readonly bundled: boolean;
  /** The folder, or `bundled:name`. */
  readonly path: string;
}

/** A plugin folder that cannot be used, and why. */
export interface Misfit {
  readonly name: string;
  readonly path: string;
  readonly problem: string;
}

export interface Bundle {
  readonly code: string;
  /** sha256 of all that was loaded. */
  readonly hash: string;
  /** Turns the engine's lines into those of the author's TypeScript. */
  mapStack(stack: string): string;
}

/** What the operator allows a plugin now. */
export type Approval =
  | { readonly state: "accepted" }
  | { readonly state: "awaiting"; readonly reason: string; readonly added: readonly unknown[]; readonly removed: readonly unknown[] };

export interface Approvals {
  /** The hash of the permission set that the manifest asks for; what `accept` must repeat. */
  hash(candidate: Candidate): string;
  judge(candidate: Candidate): Approval;
  accept(candidate: Candidate, by: string): Result<null>;
  /** Capabilities for one load; `codeHash` goes to the audit log. */
  open(candidate: Candidate, codeHash: string): OpenLease;
}

/** Decisions taken at run time, which win until the configuration file changes. */
export interface Decisions {
  get(plugin: string): "enabled" | "disabled" | null;
  set(plugin: string, decision: "enabled" | "disabled"): void;
  forget(plugin: string): void;
}

export interface Discovered {
  readonly candidates: readonly Candidate[];
  readonly misfits: readonly Misfit[];
}

export interface Ordered {
  /** Names, dependencies first. */
  readonly order: readonly string[];
  /** All that is missing, by plugin that cannot start for it. */
  readonly unmet: ReadonlyMap<string, readonly string[]>;
}

export interface SupervisorDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly bus: CoreBus;
  readonly hosts: Hosts;
  readonly operate: Operator;
  readonly registrarOf: RegistrarOf;
  readonly approvals: Approvals;
  readonly decisions: Decisions;
  discover(): Promise<Discovered>;
  order(candidates: readonly Candidate[]): Ordered;
  build(candidate: Candidate): Promise<Result<Bundle>>;
  /** Operator's values over the manifest's defaults. */
  configOf(candidate: Candidate): { readonly [key: string]: Json };
  /** Dotted keys that differ. */
  changedKeys(before: { readonly [key: string]: Json }, after: { readonly [key: string]: Json }): string[];
  /** The parsed JSON Schema file of the manifest, if it names one. */
  schemaOf(candidate: Candidate): Promise<Result<Json | null>>;
  limitsOf(candidate: Candidate): RealmLimits;
  /** The plugin's own SQLite file, its folder made. */
  databaseOf(candidate: Candidate): string;
  /** Why the configuration keeps it from running, if it does. */
  disabledByConfig(name: string): string | null;
  wantsOwnHost(candidate: Candidate): boolean;
  readonly healthLimits: () => HealthLimits & { readonly interval_s: number; readonly timeout_s: number };
  readonly autoLoad: boolean;
  readonly gatewayVersion: string;
  /** `event`, `detail` into the audit log. */
  audit(plugin: string, event: string, detail: string): void;
}

/** One line of what went wrong in a realm, with the author's own file, line and column where known. */
export function describeError(error: WireError, bundle: Bundle | null): string {
  const where = error.stack === undefined || bundle === null ? "" : firstFrame(error.stack, bundle);
  const hint = error.hint === undefined || error.message.includes(error.hint) ? "" : ` (${error.hint})`;
  // Those of ours say all in their message.
  const name = error.name === "PluginError" ? "" : `${error.name}: `;
  return `${name}${error.message}${where}${hint}`.replaceAll(/\s*\n\s*/g, " ");
}

/** The innermost frame in the plugin's own code: those that the source map knows. The sdk's own say nothing to an author. */
function firstFrame(stack: string, bundle: Bundle): string {
  for (const line of stack.split("\n").slice(0, 50)) {
    const mapped = bundle.mapStack(line);
    const match = mapped === line ? null : /\(?([^\s()]+\.(?:ts|js|mjs|cjs|json):\d+(?::\d+)?)\)?/.exec(mapped);
    if (match !== null) return ` at ${match[1]}`;
  }
  return "";
}
