/** What the plugins room needs of the others, each as small as its use; the composition root passes the real ones. */

import type { Result } from "../../errors.ts";
import type { CoreBus } from "../../events/core.ts";
import type { Handle } from "../../ids.ts";
import type { Json } from "../../json.ts";
import type { NodeNumber } from "../../mesh/ids.ts";
import type { LinkStatus } from "../../mesh/link-status.ts";
import type { MeshNode } from "../../mesh/node.ts";
import type { OutboxRequest } from "../../mesh/outgoing.ts";
import type { Ask, Decision } from "../../permissions/grammar/types.ts";
import type { HttpArgs, HttpOutcome } from "../../sdk/boundary/wire.ts";
import type { CheckedRegistration } from "./schemas.ts";

export interface EgressPort {
  request(args: HttpArgs, call: { readonly plugin: string; allow(ask: Ask): Decision; readonly signal: AbortSignal }): Promise<HttpOutcome>;
}

export interface OutboxPort {
  /** `stored` resolves once the message is durable. */
  enqueue(request: OutboxRequest): Result<{ readonly id: string; readonly stored: Promise<Result<null>> }>;
  /** How many parts a text makes on the air. */
  parts(text: string): number;
}

/** The mesh's node directory. */
export interface NodePort {
  /** By number, `!hex8`, or exact name. */
  find(key: string | number): Result<MeshNode>;
  /** As find, with `broadcast`, and any number or id even if never heard. */
  resolve(destination: string | number): Result<NodeNumber>;
  get(number: NodeNumber): MeshNode | undefined;
  all(): readonly MeshNode[];
}

/** Who takes a registration: router, menu or schedule. */
export interface Registrar {
  /** Would it be accepted? Says what is wrong and how to mend it. */
  check(plugin: string, registration: CheckedRegistration, facts: RegistrationFacts): Result<null>;
  add(plugin: string, handle: Handle, registration: CheckedRegistration, facts: RegistrationFacts): Result<null>;
  remove(plugin: string, handle: Handle): void;
}

export interface RegistrationFacts {
  /** The capability set allows `override_commands` for this name. */
  readonly mayOverride: boolean;
}

/** Other plugins, as one plugin may see and reach them. */
export interface PeerPort {
  list(): Json;
  /** Undefined: no such plugin runs. Null: nobody answered. */
  send(from: string, to: string, type: string, data: Json, timeoutMs: number, correlationId: string): Promise<PeerAnswer>;
  broadcast(from: string, type: string, data: Json, timeoutMs: number, correlationId: string): Promise<Json>;
}

export type PeerAnswer =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly code: "not_found" | "timeout" | "plugin_failed" | "rate_limited"; readonly message: string };

/** A plugin's own wish about its permissions, put before the operator. */
export interface PermissionPort {
  request(plugin: string, entry: Json): Result<"granted" | "denied" | "prompt">;
  revoke(plugin: string, entry: Json): Result<"granted" | "denied" | "prompt">;
}

export interface PluginServices {
  readonly bus: CoreBus;
  readonly outbox: OutboxPort;
  readonly egress: EgressPort;
  readonly nodes: NodePort;
  links(): readonly LinkStatus[];
  readonly secrets: { get(plugin: string, name: string): Result<string | null> };
  readonly registrars: { readonly router: Registrar; readonly menu: Registrar; readonly schedule: Registrar };
  readonly peers: PeerPort;
  readonly permissions: PermissionPort;
}
