/** A realm as both sides know it: what it is made from, how it is called, and how a call ends. */

import type { RegistrationId } from "../ids.ts";
import type { Json } from "../json.ts";
import type { WireError, WireQuestion } from "../sdk/boundary/wire.ts";

/** All that a realm is made from. */
export interface RealmSpec {
  readonly plugin: string;
  readonly version: string;
  /** The loader's bundle: one ES module whose default export is the plugin. */
  readonly code: string;
  readonly limits: RealmLimits;
  /** Merged configuration. */
  readonly config: { readonly [key: string]: Json };
  /** Of the manifest; the sdk refuses what is not declared here, with the lines to add. */
  readonly capabilities: Json;
  /** CapabilitySet.states() of the permissions room, for the sdk's synchronous look. */
  readonly permissions: Json;
  /** By permission name; kept by the host outside the realm. */
  readonly tokens: Readonly<Record<string, string>>;
  /** The plugin's own SQLite file; null without database_access. */
  readonly database: string | null;
  readonly gatewayVersion: string;
  /** The host tells what goes into the realm, from its first event on. */
  readonly record?: true;
  /** Of the people on the mesh, as a language tag. */
  readonly language: string;
}

/** What one realm may use. */
export interface RealmLimits {
  readonly memoryMb: number;
  readonly sliceMs: number;
  readonly timeoutS: number;
  readonly storageMb: number;
}

/** `lifecycle` hooks, `health`, `config_changed`, a registration's handler by its id, or the answer to a handler's question. */
export type CallTarget =
  | { readonly kind: "lifecycle"; readonly hook: "initialize" | "start" | "stop" | "cleanup" }
  | { readonly kind: "health" }
  | { readonly kind: "config_changed" }
  | { readonly kind: "handler"; readonly registration: RegistrationId }
  | { readonly kind: "answer"; readonly dialogue: number };

export type CallOutcome =
  | {
      readonly ok: true;
      /** Of a command, keyword, message or menu handler the reply or null; of initialize and health a boolean; of a plugin message the answer. */
      readonly value: Json;
      /** The handler's context.sessionData, when it changed it. */
      readonly session?: { readonly [key: string]: Json };
      /** The handler has not ended: it asked its sender something and goes on with the answer. */
      readonly ask?: WireQuestion;
      /** Of an answer: this realm did not ask. The handler that did is gone. */
      readonly lost?: true;
      readonly cpuMs: number;
    }
  | {
      readonly ok: false;
      readonly error: WireError;
      readonly cause: "threw" | "timeout" | "slice" | "memory" | "gone" | "overloaded";
      readonly cpuMs: number;
    };

export type RequestOutcome = { readonly ok: true; readonly value: Json } | { readonly ok: false; readonly error: WireError };

export type GoneReason = "closed" | "memory" | "abort" | "strikes" | "host";

/**
 * While a version is replaced: `freeze` stops all of the realm's work, timers included, so that nothing of it touches its data;
 * `thaw` lets it continue where it was; `retire` lets it continue without its data, which belongs to the next version.
 */
export type RealmPause = "freeze" | "thaw" | "retire";
