/** What bringing a plugin up and down is made from; the composition root passes the real ones, tests the virtual ones. */
import type { RealmLimits } from "../../bridge/realm-spec.ts";
import type { Clock, Random } from "../../clock.ts";
import type { Result } from "../../errors.ts";
import type { CoreBus } from "../../events/core.ts";
import type { Json } from "../../json.ts";
import type { Logger } from "../../log/logger.ts";
import type { PluginHost } from "../../sandbox/port.ts";
import type { Approvals } from "../approval/ports.ts";
import type { Bundle } from "../plugin/bundle.ts";
import type { Candidate, HostKey } from "../plugin/candidate.ts";
import type { HealthLimits } from "../plugin/health.ts";
import type { AnswerCapabilityCall } from "../plugin/instance.ts";
import type { Plugin } from "../plugin/plugin.ts";
import type { RegistrarOf } from "../registrations/registrations.ts";
import type { Hosts } from "./hosts.ts";

/** How a configuration is judged by the plugin's own schema. */
export interface SchemaDeps {
  /** The parsed JSON Schema file of the manifest, if it names one. */
  schemaOf(candidate: Candidate): Promise<Result<Json | null>>;
}

/** From a folder to an open realm. */
export interface LoadingDeps extends SchemaDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly hosts: Hosts;
  readonly answerCapabilityCall: AnswerCapabilityCall;
  readonly registrarOf: RegistrarOf;
  readonly approvals: Pick<Approvals, "open">;
  build(candidate: Candidate): Promise<Result<Bundle>>;
  /** The version runs: its code is kept for the time when its folder holds another one. */
  keep?(candidate: Candidate, bundle: Bundle): void;
  /** Operator's values over the manifest's defaults. */
  configOf(candidate: Candidate): { readonly [key: string]: Json };
  limitsOf(candidate: Candidate): RealmLimits;
  /** The SQLite file of a plugin that runs in this process. Moves nothing. */
  databaseOf(plugin: string, key: HostKey): string;
  /** Brings the plugin's data to where {@link databaseOf} says; only while no process has it open. */
  settleData(plugin: string, key: HostKey): void;
  readonly gatewayVersion: string;
  /** Of the people on the mesh, as a language tag. */
  language(): string;
}

/** Telling a running plugin that its configuration changed. */
export interface ConfigurationDeps extends SchemaDeps {
  /** Runs `work` with the plugin's host, which ends again where only this needed it. */
  withHost<T>(plugin: Plugin, work: (host: PluginHost) => Promise<Result<T>>): Promise<Result<T>>;
  readonly log: Logger;
  readonly bus: CoreBus;
  configOf(candidate: Candidate): { readonly [key: string]: Json };
  /** Dotted keys that differ. */
  changedKeys(before: { readonly [key: string]: Json }, after: { readonly [key: string]: Json }): string[];
}

/** Counting failures, and what follows. */
export interface RecoveryDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly bus: CoreBus;
  readonly healthLimits: () => HealthLimits;
  /** False while nothing can be stored: what fails meanwhile is nobody's fault. Absent: it always can. */
  isDiskWritable?(): boolean;
  /** `event`, `detail` into the audit log. */
  audit(plugin: string, event: string, detail: string): void;
}

/** What became of an operation on a plugin. */
export interface Change {
  readonly plugin: Plugin;
  /** It was carried out, but the plugin waits for the operator's approval. */
  readonly waits: boolean;
}
