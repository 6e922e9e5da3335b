/** The messages between gateway and plugin host, with the schemas that the gateway judges the host's by. */

import * as v from "valibot";
import { type CallNumber, callNumber, type RealmNumber, type RequestNumber, realmNumber, requestNumber } from "../ids.ts";
import type { Json } from "../json.ts";
import { MAX_ASK_S, MAX_QUESTION } from "../sdk/boundary/operations.ts";
import type { WireError } from "../sdk/boundary/wire.ts";
import { plainCheck } from "./plain-check.ts";
import type { CallOutcome, CallTarget, RealmPause, RealmSpec, RequestOutcome } from "./realm-spec.ts";

/** Gateway to host. Trusted by the host. */
export type ToHost =
  | { t: "open"; realm: RealmNumber; spec: RealmSpec }
  | { t: "call"; realm: RealmNumber; call: CallNumber; target: CallTarget; args: readonly Json[]; timeoutMs: number }
  | { t: "answer"; realm: RealmNumber; request: RequestNumber; outcome: RequestOutcome }
  | { t: "update"; realm: RealmNumber; change: RealmChange }
  | { t: "pause"; realm: RealmNumber; how: RealmPause }
  | { t: "unrecord"; realm: RealmNumber }
  | { t: "close"; realm: RealmNumber }
  /** `judged`: the file came from elsewhere. */
  | { t: "backup"; task: number; from: string; to: string; judged: boolean }
  | { t: "release"; task: number; path: string }
  | { t: "validate"; task: number; schema: Json; config: Json }
  /** How far the gateway's clock is ahead of the machine's; before the first realm is opened, or never. */
  | { t: "clock"; aheadMs: number }
  | { t: "stop" };

export interface RealmChange {
  permissions?: Json;
  tokens?: Readonly<Record<string, string>>;
  config?: { readonly [key: string]: Json };
}

const bounded = (max: number) => v.pipe(v.string(), v.maxLength(max));
const id = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const realm = v.pipe(id, v.transform(realmNumber));
const call = v.pipe(id, v.transform(callNumber));
const request = v.pipe(id, v.transform(requestNumber));
const amount = v.pipe(v.number(), v.finite(), v.minValue(0));
/** Any JSON: it came out of JSON.parse, whose depth the bridge has limited. */
const json = v.custom<Json>((value) => value !== undefined);

const wireError: v.GenericSchema<unknown, WireError> = v.pipe(
  v.strictObject({
    name: bounded(200),
    message: bounded(20_000),
    stack: v.optional(bounded(20_000)),
    code: v.optional(bounded(200)),
    hint: v.optional(bounded(4_000)),
    permission: v.optional(bounded(200)),
    scope: v.optional(json),
  }),
  v.transform((value) => value as WireError),
);

const question = v.strictObject({
  dialogue: id,
  question: bounded(MAX_QUESTION),
  timeoutS: v.pipe(v.number(), v.minValue(1), v.maxValue(MAX_ASK_S)),
});

const callOutcome: v.GenericSchema<unknown, CallOutcome> = v.variant("ok", [
  v.strictObject({
    ok: v.literal(true),
    value: json,
    session: v.exactOptional(v.record(v.string(), json)),
    ask: v.exactOptional(question),
    lost: v.exactOptional(v.literal(true)),
    cpuMs: amount,
  }),
  v.strictObject({
    ok: v.literal(false),
    error: wireError,
    cause: v.picklist(["threw", "timeout", "slice", "memory", "gone", "overloaded"]),
    cpuMs: amount,
  }),
]);

const usage = v.strictObject({
  realm,
  cpuMs: amount,
  memoryBytes: amount,
  storageBytes: amount,
  storageCalls: amount,
  storageDenied: amount,
  timers: amount,
  queueDepth: amount,
});

const level = v.picklist(["debug", "info", "warn", "error"]);
const goneReason = v.picklist(["closed", "memory", "abort", "strikes", "host"]);

/** Host to gateway. Hostile: the host may have been taken over by a plugin. */
const fromHost = v.variant("t", [
  v.strictObject({
    t: v.literal("ready"),
    walls: v.pipe(v.array(v.strictObject({ wall: bounded(100), stands: v.boolean(), detail: bounded(1000) })), v.maxLength(50)),
  }),
  v.strictObject({ t: v.literal("opened"), realm, error: v.nullable(wireError) }),
  v.strictObject({ t: v.literal("result"), realm, call, outcome: callOutcome }),
  v.strictObject({
    t: v.literal("request"),
    realm,
    request,
    operation: bounded(100),
    args: json,
    token: v.nullable(bounded(200)),
    call: v.nullable(call),
  }),
  v.strictObject({ t: v.literal("log"), realm, level, message: bounded(20_000), fields: v.record(bounded(200), json) }),
  v.strictObject({ t: v.literal("recorded"), realm, text: bounded(64 * 1024) }),
  v.strictObject({ t: v.literal("fault"), realm, error: wireError }),
  v.strictObject({ t: v.literal("strike"), realm, reason: v.picklist(["slice", "budget", "flood"]), detail: bounded(1000) }),
  v.strictObject({ t: v.literal("gone"), realm, reason: goneReason, detail: bounded(2000) }),
  v.strictObject({ t: v.literal("usage"), realms: v.pipe(v.array(usage), v.maxLength(2000)) }),
  v.strictObject({
    t: v.literal("done"),
    task: id,
    outcome: v.variant("ok", [
      v.strictObject({ ok: v.literal(true), value: json }),
      v.strictObject({ ok: v.literal(false), error: wireError }),
    ]),
  }),
]);

export type FromHost = v.InferOutput<typeof fromHost>;

const isFromHost = plainCheck(fromHost);

/** Checks a frame that came from a host; a string says what is wrong, without quoting it. */
export function checkFromHost(frame: unknown): { readonly value: FromHost } | string {
  return isPlainFromHost(frame) ? { value: frame } : judgeFromHost(frame);
}

/** By plain comparisons, generated from the schema: true for every frame that an honest host sends. */
export function isPlainFromHost(frame: unknown): frame is FromHost {
  return isFromHost?.(frame) === true;
}

/** By the schema itself, in ten times the time. */
export function judgeFromHost(frame: unknown): { readonly value: FromHost } | string {
  const result = v.safeParse(fromHost, frame, { abortEarly: true });
  if (result.success) return { value: result.output };
  const path = result.issues[0].path?.map((step) => String(step.key).slice(0, 40)).join(".");
  return `a frame that does not fit the schema${path === undefined ? "" : ` at ${path}`}`;
}

/** The host trusts the gateway: it only checks that the frame is a message. */
export function trustToHost(frame: unknown): { readonly value: ToHost } | string {
  return typeof frame === "object" && frame !== null && "t" in frame ? { value: frame as ToHost } : "no message";
}
