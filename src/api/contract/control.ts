import type { Result } from "../../errors.ts";
import type { CoreBus } from "../../events/core.ts";
import type { Json } from "../../json.ts";
import type { LogBook } from "../../log/line.ts";
import type { LinkStatus } from "../../mesh/link-status.ts";
import type { Route } from "../../mesh/message.ts";
import type { MeshNode } from "../../mesh/node.ts";
import type { MessageState, MessageStatus, Priority } from "../../mesh/outgoing.ts";
import type { Fault } from "../../mesh/simulator/faults.ts";
import type { ClockState } from "../../timekeeping/own-clock.ts";
import type { DecidedText } from "./mesh-views.ts";
import type {
  JoinAnswer,
  JoinRequest,
  LeaveAnswer,
  LeaveRequest,
  RegionNodeView,
  RegionView,
  RevokeAnswer,
  RolloutView,
} from "./region-views.ts";
import type {
  AlertView,
  AuditEntryView,
  AuditVerdict,
  ConfigurationView,
  MenuItemView,
  NodeSampleView,
  OutboxView,
  PluginConfig,
  PluginDetail,
  PluginImported,
  PluginPermissions,
  PluginSummary,
  PublishingView,
  ReloadView,
  RestoreReview,
  ScheduleTask,
  SilenceView,
  TrafficHour,
  WallView,
  WhyView,
} from "./views.ts";

/**
 * Everything that the API, and through it the command line and the console, can ask of the gateway. No method throws or
 * rejects for an expected outcome: a failed Result carries a code of ERROR_CODES, whose status the API answers with.
 * Methods that change something take the actor, and the gateway writes them to the audit log.
 */
export interface Control {
  readonly version: string;
  /** ms since 1970. */
  readonly startedAt: number;
  readonly events: CoreBus;
  readonly log: LogBook;
  status(): GatewayStatus;
  /** Ready: the plugins were started and the links are supervised. A link that is down is listed, but does not change readiness. */
  readiness(): {
    readonly ready: boolean;
    readonly reason?: string;
    readonly degraded: readonly string[];
    readonly links: readonly { name: string; state: string }[];
  };
  /** Prometheus text, format 0.0.4. */
  metrics(): Answer<string>;
  readonly plugins: PluginControl;
  readonly messages: MessageControl;
  nodes(): Answer<readonly MeshNode[]>;
  links(): Answer<readonly LinkStatus[]>;
  /** The way to a node and back. Waits for the answer, at most 25 s. */
  traceroute(node: string | number, actor: Actor): Answer<TracedRoute>;
  schedule(): Answer<readonly ScheduleTask[]>;
  /** Begins a run of a scheduled task now. `conflict` while it is paused or runs already. */
  runTask(plugin: string, task: string, actor: Actor): Answer<null>;
  /** Asks a node for its position or its measurements. Waits for the answer, at most 25 s; the node's entry then has it. */
  askNode(node: string | number, what: NodeQuestion, actor: Actor): Answer<null>;
  /** Battery, SNR and utilization of a node in the last week, oldest first, four an hour at most. */
  nodeHistory(node: string | number): Answer<readonly NodeSampleView[]>;
  /** The configuration in force, value by value. Absent when there is nothing to read it from again. */
  configuration?(): Answer<ConfigurationView>;
  /** Reads the configuration file again. `config_invalid`: the one before stays in force. */
  reload?(actor: Actor): Answer<ReloadView>;
  menus(): Answer<readonly MenuItemView[]>;
  readonly audit: AuditControl;
  /** Plugin packages and plugins' data. Absent if this gateway accepts no packages. */
  readonly packages?: PackageControl | undefined;
  /** The backups of the whole gateway. */
  readonly backups?: BackupControl | undefined;
  readonly alerts: AlertControl;
  readonly silence: SilenceControl;
  /** The region of gateways. Absent where a control knows of none. */
  readonly region?: RegionControl | undefined;
  /** Plugins to other sites of the region. Absent where a control knows of none. */
  readonly rollouts?: RolloutControl | undefined;
  /** Absent without a simulated interface. */
  readonly simulate?: SimulateControl | undefined;
}

/** Most answers are available at once, some need a plugin host: the API awaits both. */
export type Answer<T> = Result<T> | Promise<Result<T>>;

export type NodeQuestion = "position" | "telemetry";

/** Who asked, for the audit log. */
export interface Actor {
  readonly via: "api" | "page" | "mqtt" | "region";
  readonly address: string;
  /** Name of the token; absent for what the program does by itself. */
  readonly token?: string;
}

/** As the audit log has it: `api 127.0.0.1 grafana`, `page 192.0.2.7 password`. */
export function by({ via, address, token }: Actor): string {
  return token === undefined ? `${via} ${address}` : `${via} ${address} ${token}`;
}

/** What calls of one handler or hook have used. */
export interface ProfileItem {
  readonly what: string;
  readonly calls: number;
  readonly cpu_ms: number;
  readonly max_ms: number;
}

/** Where a recording is. */
export interface RecordingView {
  readonly running: boolean;
  /** Characters so far. */
  readonly size: number;
  /** Why it has ended; empty while it runs. */
  readonly reason: string;
}

export interface PluginControl {
  list(): Answer<readonly PluginSummary[]>;
  get(name: string): Answer<PluginDetail>;
  /**
   * `accept` is the permission_hash that the operator saw: it accepts that set (`conflict` if the set has changed). Without
   * it only an unchanged, already accepted set is enabled; else the plugin goes to awaiting_approval and `waits` is true.
   */
  enable(name: string, accept: string | undefined, actor: Actor): Answer<PluginChange>;
  disable(name: string, actor: Actor): Answer<PluginChange>;
  restart(name: string, actor: Actor): Answer<PluginChange>;
  /** If the new version does not start, the result is `load_failed` (409) and the old version keeps running. */
  reload(name: string, actor: Actor): Answer<PluginChange>;
  /** The operator moved the plugin's folder to `path`: what its name owns (grants, data, secrets, settings) goes with it. */
  adopt(name: string, path: string, actor: Actor): Answer<PluginChange>;
  /**
   * Sends a message to the plugin as the operator's (its source is `@operator`) and gives the answer. `not_found`: it does not
   * answer this type; `conflict`: it does not run, or failed.
   */
  ask(name: string, type: string, data: Json, actor: Actor): Answer<Json>;
  /** Restarts the plugin and records all that goes into it, for at most `maxS` seconds. `conflict`: it does not run, or is recorded. */
  startRecording(name: string, maxS: number, actor: Actor): Answer<PluginChange>;
  recording(name: string): Answer<RecordingView>;
  /** Processor time by handler, since the gateway started. */
  profile(name: string): Answer<readonly ProfileItem[]>;
  /** What was recorded so far as a file: lines of JSON, with secrets replaced. */
  exportRecording(name: string, actor: Actor): Answer<string>;
  /** Ends the recording and forgets it. */
  dropRecording(name: string, actor: Actor): Answer<null>;
  config(name: string): Answer<PluginConfig>;
  /** Replaces the operator's values. `config_invalid` carries every error: data.errors [{path, message}]. */
  setConfig(
    name: string,
    config: { readonly [key: string]: Json },
    actor: Actor,
  ): Answer<PluginConfig & { readonly changed: readonly string[] }>;
  /** Names only; values are never returned. */
  secrets(name: string): Answer<readonly string[]>;
  setSecret(name: string, key: string, value: string, actor: Actor): Answer<null>;
  deleteSecret(name: string, key: string, actor: Actor): Answer<null>;
  permissions(name: string): Answer<PluginPermissions>;
  /** Grants a requested permission that was held back; `entry` is as in a manifest and not yet checked. */
  grant(name: string, entry: Json, actor: Actor): Answer<PluginPermissions>;
  /** Revokes the given entry, or everything when `entry` is undefined. */
  revoke(name: string, entry: Json | undefined, actor: Actor): Answer<PluginPermissions>;
  /** A permanent refusal that overrides every present and future grant. */
  deny(name: string, entry: Json, actor: Actor): Answer<PluginPermissions>;
  /** Which rule would allow or deny this. `subject` is a host, channel, node, event, secret or command, depending on the permission. */
  why(name: string, permission: string, subject: string | undefined): Answer<WhyView>;
}

export interface PackageControl {
  /**
   * Checks a package's bytes and installs it over an older version; a new plugin waits for approval, a new version
   * that asks for no more is loaded at once. `load_failed`: it does not start, and the version before keeps running.
   */
  install(bytes: Uint8Array, options: InstallChoice, actor: Actor): Answer<PluginChange>;
  /** The version kept beside the active one becomes the active one; if it does not start, nothing changes. */
  use(name: string, version: string, actor: Actor): Answer<PluginChange>;
  /** Stops and removes the plugin; its data is kept unless `purge`. */
  remove(name: string, options: { readonly purge: boolean }, actor: Actor): Answer<null>;
  /** The plugin's data and configuration as one file, never its secrets. */
  export(name: string, actor: Actor): Answer<Uint8Array>;
  import(name: string, bytes: Uint8Array, actor: Actor): Answer<PluginImported>;
  /** Sets the plugin's database aside and starts it with an empty one. */
  emptyData(name: string, actor: Actor): Answer<PluginChange>;
}

export interface AlertControl {
  /** Newest first, at most 100. */
  list(): readonly AlertView[];
  acknowledge(id: string, actor: Actor): Result<AlertView>;
}

/** The switch that silences all transmissions but alarms. */
export interface SilenceControl {
  get(): SilenceView;
  /** Fails with `unavailable` when it could not be stored: a silence then holds until the next start. */
  set(on: boolean, actor: Actor): Result<SilenceView>;
}

export interface RegionControl {
  /** State `alone` where none is configured. */
  view(): RegionView;
  /** Without a site and an invitation it makes the region, or an invitation to it. */
  join(request: JoinRequest, actor: Actor): Result<JoinAnswer>;
  revoke(site: string, actor: Actor): Result<RevokeAnswer>;
  /** Errors: `unavailable` (the others cannot be told), `conflict`, `data_unusable`. */
  leave(request: LeaveRequest, actor: Actor): Promise<Result<LeaveAnswer>>;
  /** What other sites heard, latest first; empty where `share` has no `nodes`. */
  nodes(): readonly RegionNodeView[];
}

export interface RolloutRequest {
  /** How many sites have it after each stage; null: all. */
  readonly stages: readonly (number | null)[];
  readonly waitMs: number;
  /** Names or fingerprints, in their order; null: all. */
  readonly sites: readonly string[] | null;
}

export interface RolloutControl {
  /** Errors: those of packages, and `unavailable` (no region, nobody online), `conflict`, `not_found`, `too_large`. */
  begin(bytes: Uint8Array, request: RolloutRequest, actor: Actor): Promise<Result<RolloutView>>;
  /** The sites that took the last one return to the version before. Errors: `conflict`, `unavailable`. */
  back(actor: Actor): Result<RolloutView>;
  /** The last one that was begun here; null: none. */
  status(): RolloutView | null;
  halt(actor: Actor): Result<RolloutView>;
}

export interface BackupControl {
  /** Newest first. */
  list(): readonly BackupView[];
  /** Makes and verifies one; it resolves when that is done. A passphrase puts the secrets in, sealed by it. */
  make(passphrase: string | undefined): Promise<Result<BackupView>>;
  /** The file of a backup of this name. */
  path(name: string): Result<string>;
  /** Takes a backup file piece by piece, verifies it, and keeps it. */
  receive(chunks: AsyncIterable<Uint8Array>, actor: Actor): Promise<Result<BackupView>>;
  /** Verifies a backup and compares it with what is there. */
  review(name: string): Promise<Result<RestoreReview>>;
  /** Decides that a backup takes the place of what is there, and restarts the gateway for it. */
  restore(name: string, choice: RestoreChoice, actor: Actor): Promise<Result<{ readonly before: string }>>;
}

export interface RestoreChoice {
  /** `database`: grants, decisions, messages and nodes alone. */
  readonly scope: "all" | "database";
  /** Whether the configuration file is restored, too. */
  readonly configuration: boolean;
  /** Opens the secrets in it; without it the present ones stay. */
  readonly passphrase?: string | undefined;
}

export interface BackupView {
  readonly name: string;
  readonly path: string;
  readonly kind: string;
  readonly made_at: string;
  readonly bytes: number;
  /** Plugins whose data could not be copied; known only when it was just made. */
  readonly skipped?: readonly { readonly plugin: string; readonly reason: string }[];
}

export interface InstallChoice {
  /** Allows an older version. */
  readonly force: boolean;
  /** Fingerprint of a changed signer that the operator accepts; `none` for an unsigned package after a signed one. */
  readonly acceptSigner?: string | undefined;
}

export interface PluginChange {
  readonly plugin: PluginSummary;
  /** True: accepted but not done (approval, back-off); the API answers 202. */
  readonly waits: boolean;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Cursor of the next page, opaque to the client; null at the end. */
  readonly next: string | null;
}

export interface MessageControl {
  /** Newest first. An unknown cursor is `invalid_argument`. */
  list(
    filter: { readonly state?: MessageState | undefined; readonly plugin?: string | undefined },
    paging: Paging,
  ): Answer<Page<MessageStatus>>;
  get(id: string): Answer<MessageStatus>;
  /** Texts of the mesh, newest first. An unknown cursor is `invalid_argument`. */
  received(filter: { readonly from?: string | number | undefined }, paging: Paging): Answer<Page<DecidedText>>;
  /** Texts of the last 30 days by hour, oldest first; hours without any are left out. */
  traffic(): Answer<readonly TrafficHour[]>;
  /** Resolves once durably queued. */
  send(message: OperatorMessage, actor: Actor): Answer<{ readonly id: string }>;
}

export interface Paging {
  /** 1 to 500. */
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface OperatorMessage {
  readonly text: string;
  /** Node number, `!hex8`, exact name, or `broadcast` (the default). */
  readonly destination?: string | number | undefined;
  /** Index 0-7 or exact name; 0 by default. */
  readonly channel?: number | string | undefined;
  readonly priority?: Priority | undefined;
  readonly wantAck?: boolean | undefined;
}

export interface TracedRoute extends Route {
  /** `!hex8`. */
  readonly node: string;
}

export interface AuditControl {
  /** Newest first. */
  query(filter: AuditFilter, paging: Paging): Answer<Page<AuditEntryView>>;
  /** Reads the whole chain. */
  verify(): Answer<AuditVerdict>;
}

export interface AuditFilter {
  readonly plugin?: string | undefined;
  readonly permission?: string | undefined;
  readonly result?: "allow" | "deny" | undefined;
  /** ms since 1970. */
  readonly since?: number | undefined;
  readonly correlationId?: string | undefined;
  /** Only entries behind this place in the chain. */
  readonly after?: number | undefined;
}

export interface SimulateControl {
  /** Sends a text as a simulated node; without `to` and channel it is a direct message to the gateway's node. */
  say(message: SimulatedMessage, actor: Actor): Answer<{ readonly packetId: number }>;
  /** Injects a fault into the simulated mesh, for scripts. */
  fail?(fault: Fault, actor: Actor): Answer<null>;
}

export interface SimulatedMessage {
  /** Node number or `!hex8`. */
  readonly from: string | number;
  readonly text: string;
  readonly channel?: number | undefined;
  readonly to?: string | number | undefined;
}

export interface RegionSummary {
  readonly name: string;
  readonly site: string;
  readonly state: string;
  readonly broker: string;
  /** Enrolled sites, this one included, and how many of them are online. */
  readonly sites: number;
  readonly online: number;
  /** Why it needs the operator. */
  readonly troubles: readonly string[];
}

export interface GatewayStatus {
  readonly uptime_s: number;
  /** Why it needs the operator; empty while all is well. */
  readonly degraded: readonly string[];
  readonly safeMode: boolean;
  readonly silence: SilenceView;
  /** The data folder's disk: whether it can be written, and what is free. */
  readonly disk: { readonly state: string; readonly free_bytes: number };
  /** Whether this machine's clock can be believed, and why. */
  readonly clock: { readonly state: ClockState["kind"]; readonly reason: string };
  /** Absent: no region is configured. */
  readonly region?: RegionSummary | undefined;
  readonly links: readonly LinkStatus[];
  readonly plugins: Readonly<Record<string, number>>;
  readonly outbox: OutboxView;
  readonly stale_texts: number;
  /** The gateway on the operator's own broker; null where it publishes nothing. */
  readonly publishing: PublishingView | null;
  readonly walls: readonly WallView[];
  /** Problems that need the operator, newest first, at most 20. */
  readonly alerts: readonly {
    readonly time: string;
    readonly code: string;
    readonly message: string;
    readonly plugin?: string | undefined;
  }[];
}
