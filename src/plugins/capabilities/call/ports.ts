/** What the capabilities need of the other rooms, each as small as its use; the composition root passes the real ones. */
import type { Result } from "../../../errors.ts";
import type { CoreBus } from "../../../events/core.ts";
import type { Json } from "../../../json.ts";
import type { NodeNumber } from "../../../mesh/ids.ts";
import type { LinkStatus } from "../../../mesh/link-status.ts";
import type { PositionMessage, TelemetryMessage, TracerouteMessage } from "../../../mesh/message.ts";
import type { MeshNode } from "../../../mesh/node.ts";
import type { MessageStatus, OutboxRequest } from "../../../mesh/outgoing.ts";
import type { TelemetryKind } from "../../../mesh/requests/requests.ts";
import type { Ask, Decision } from "../../../permissions/grammar/types.ts";
import type { HttpArgs, HttpOutcome, PermissionState, RegionSite, SharedPage } from "../../../sdk/boundary/wire.ts";

export interface EgressRequest {
  readonly plugin: string;
  allow(ask: Ask): Decision;
  readonly signal: AbortSignal;
  /** The request ends by then, ms of the monotonic clock. */
  readonly deadline?: number;
  /** Most bytes of a response body. */
  readonly maxBytes?: number;
}

export interface EgressPort {
  request(args: HttpArgs, call: EgressRequest): Promise<HttpOutcome>;
}

export interface OutboxPort {
  /** `stored` resolves once the message is durable. */
  enqueue(request: OutboxRequest): Result<{ readonly id: string; readonly stored: Promise<Result<null>> }>;
  /** What became of a message; null when it is not known, or no longer. */
  get(id: string): MessageStatus | null;
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
  /** Whether the two links hear the same nodes. */
  shareMesh(a: string, b: string): boolean;
  all(): readonly MeshNode[];
}

/** Requests to other nodes. An answer that does not come ends in `timeout`. */
export interface RequestPort {
  position(to: NodeNumber, signal?: AbortSignal): Promise<Result<Pick<PositionMessage, "position">>>;
  telemetry(to: NodeNumber, kind: TelemetryKind, signal?: AbortSignal): Promise<Result<Pick<TelemetryMessage, "telemetry">>>;
  traceroute(to: NodeNumber, signal?: AbortSignal): Promise<Result<Pick<TracerouteMessage, "route">>>;
}

/** A message from one plugin to another, or to all others. */
export interface PeerMessage {
  readonly from: string;
  readonly type: string;
  readonly data: Json;
  readonly timeoutMs: number;
  readonly correlationId: string;
}

/** Other plugins, as one plugin may see and reach them. */
export interface PeerPort {
  list(): Json;
  send(to: string, message: PeerMessage): Promise<PeerAnswer>;
  /** To every running plugin that `mayReach` allows; the answers of those that gave one. */
  broadcast(message: PeerMessage, mayReach: (to: string) => boolean): Promise<Json>;
}

/** `value` null: no handler answered. */
export type PeerAnswer =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly code: "not_found" | "timeout" | "plugin_failed" | "rate_limited"; readonly message: string };

/** A plugin's own requests about its permissions, put before the operator. */
export interface PermissionPort {
  request(plugin: string, entry: Json): Result<PermissionState>;
  revoke(plugin: string, entry: Json): Result<PermissionState>;
}

/** The same plugin at the other sites of the region. Alone, this gateway is its only site. */
export interface RegionPort {
  /** This one first. */
  sites(): readonly RegionSite[];
  /** To one site, or to all others. Answers to how many it went. */
  publish(plugin: string, topic: string, body: Json, site: string | undefined): Result<{ readonly sites: number }>;
  /** `ttlS` null: for good. `site`: the one other site that can read it; null: all can. `isOwn`: no other site can change it. */
  store(plugin: string, key: string, value: Json, options: SharedOptions): Result<null>;
  /** Null: there is nothing. */
  retrieve(plugin: string, key: string): readonly [Json] | null;
  /** Whether there was something. */
  remove(plugin: string, key: string, isOwn: boolean): Result<boolean>;
  /** In order. */
  list(plugin: string, prefix: string): readonly string[];
  /** A page of values with the site that wrote each; `after` the end of the page before. */
  entries(plugin: string, prefix: string, after: string): SharedPage;
}

export interface SharedOptions {
  readonly ttlS: number | null;
  readonly site: string | null;
  readonly isOwn: boolean;
}

/** Whom the gateway alerts itself in an emergency. */
export interface AlarmPort {
  /** Node ids. */
  operators(): readonly string[];
  /** Each as `LINK/INDEX` and, where it has one, by its name. */
  channels(): readonly string[];
}

export interface PluginServices {
  readonly bus: CoreBus;
  readonly outbox: OutboxPort;
  readonly egress: EgressPort;
  readonly nodes: NodePort;
  readonly requests: RequestPort;
  links(): readonly LinkStatus[];
  readonly alarms: AlarmPort;
  /** At the start: waits until a radio that was never connected has told its channels, some seconds at most. False: there is none. */
  channelsTold(signal: AbortSignal): Promise<boolean>;
  readonly secrets: { get(plugin: string, name: string): Result<string | null> };
  readonly peers: PeerPort;
  readonly permissions: PermissionPort;
  readonly region: RegionPort;
}
