/**
 * The sandbox as the plugins room sees it: hosts that hold realms. A jailed child process implements it, and so does the
 * in-process host of the testing kit.
 */

import * as v from "valibot";
import type { CallOutcome, CallTarget, GoneReason, RealmPause, RealmSpec, RequestOutcome } from "../bridge/realm-spec.ts";
import type { Result } from "../errors.ts";
import type { CallNumber, RealmNumber } from "../ids.ts";
import type { Json } from "../json.ts";
import type { WireError } from "../sdk/boundary/wire.ts";

/** A capability call that came out of a realm. Everything in it is hostile. */
export interface RealmRequest {
  readonly operation: string;
  readonly args: Json;
  /** As presented; the broker judges it. */
  readonly token: string | null;
  /** The call into the realm on whose behalf this was made, if it is still in flight. */
  readonly call: CallNumber | null;
  /** Aborts when the realm or the host ends. */
  readonly signal: AbortSignal;
}

export interface RealmEvents {
  request(request: RealmRequest): Promise<RequestOutcome>;
  log(level: "debug" | "info" | "warn" | "error", message: string, fields: { readonly [key: string]: Json }): void;
  /** An error that no call was waiting for: a timer's, a rejected promise nobody handled. */
  fault(error: WireError): void;
  /** The realm was throttled or cut short. */
  strike(reason: "slice" | "budget" | "flood", detail: string): void;
  gone(reason: GoneReason, detail: string): void;
  /** A piece of the recording that the realm was opened for. Hostile. */
  recorded?(text: string): void;
  /** Decisions on database_access that the host made since its last report. */
  storageUsed(allowed: number, denied: number): void;
}

export interface RealmUsage {
  readonly cpuMs: number;
  readonly memoryBytes: number;
  readonly storageBytes: number;
  /** Uses of the database since the realm was opened, and refusals for want of the permission. */
  readonly storageCalls: number;
  readonly storageDenied: number;
  readonly timers: number;
  readonly queueDepth: number;
}

export interface Realm {
  readonly number: RealmNumber;
  readonly plugin: string;
  /** The number goes back in RealmRequest.call. Never rejects. */
  call(target: CallTarget, args: readonly Json[], timeoutMs: number): { readonly id: CallNumber; readonly outcome: Promise<CallOutcome> };
  /** New permissions, tokens or configuration, valid from the next turn of the realm. */
  update(change: { permissions?: Json; tokens?: Readonly<Record<string, string>>; config?: { readonly [key: string]: Json } }): void;
  /** See {@link RealmPause}; in order with the calls. */
  pause(how: RealmPause): void;
  usage(): RealmUsage;
  /** Ends the recording that it was opened for. */
  unrecord?(): void;
  /** Ends the realm whatever it does; resolves when it is gone. */
  close(): Promise<void>;
}

export type HostExitReason = "stopped" | "watchdog" | "crashed" | "overflow" | "protocol" | "memory";

export interface HostExit {
  readonly reason: HostExitReason;
  readonly detail: string;
  /** The realm that was running, by the shared page. */
  readonly culprit: RealmNumber | null;
}

const rowCount = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const words = v.pipe(v.string(), v.maxLength(200));

/** Rows that were taken, by table, and what was left out. The host and the plugin are hostile: a bounded number of short words. */
export const importedData = v.object({
  rows: v.pipe(
    v.record(words, rowCount),
    v.check((rows) => Object.keys(rows).length <= 100, "too many tables"),
  ),
  left: v.pipe(v.array(v.object({ what: words, reason: words, count: rowCount })), v.maxLength(100)),
});
export type ImportedData = v.InferOutput<typeof importedData>;

export interface PluginHost {
  readonly pid: number | null;
  /** Which walls stand, for status and doctor. */
  readonly walls: readonly { readonly wall: string; readonly stands: boolean; readonly detail: string }[];
  open(spec: RealmSpec, events: RealmEvents): Promise<Result<Realm>>;
  /** Copies a plugin's database to a file in the folder the host may write; made by the host because the gateway opens none. */
  backupDatabase(from: string, to: string): Promise<Result<null>>;
  /** The same of a file that came from elsewhere: what no plugin can have written is left out, and told. */
  takeInDatabase(from: string, to: string): Promise<Result<ImportedData>>;
  /** Closes a plugin's database file where it is open; the realm opens it again when it needs it. */
  releaseDatabase(path: string): Promise<Result<null>>;
  /** Runs a plugin's JSON Schema over a configuration, inside the host: both are hostile. */
  validateConfig(schema: Json, config: Json): Promise<Result<readonly { path: string; message: string }[]>>;
  /** Plugins see the machine's time and this much more. For `dev` alone; called before the first realm is opened, too. */
  moveClock?(aheadMs: number): void;
  /** Resolves once, when the process is gone. */
  readonly exited: Promise<HostExit>;
  /** Orderly end, then force. */
  stop(): Promise<void>;
}
