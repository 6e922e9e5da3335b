/** The realm's one way out: a function of the host. Whatever crosses is JSON. */

import type { Json } from "../../json.ts";
import { fromWire, PluginError } from "../boundary/errors.ts";
import type { ArgsOf, OperationName, ResultOf } from "../boundary/operations.ts";
import { OPS, type ServiceName } from "../boundary/ops.ts";
import type { WireError } from "../boundary/wire.ts";
import {
  defineProperty,
  field,
  jsonParse,
  jsonStringify,
  mapDelete,
  mapGet,
  mapSet,
  NativeMap,
  NativePromise,
  NativeString,
  NativeWeakMap,
  thenOf,
  weakGet,
  weakSet,
  whenSettled,
} from "./primordials.ts";

type HostFunction = (operation: number, text: string) => string | undefined;

/** Absent outside a realm, where the types and classes can still be imported. */
const host = (globalThis as { __zephyrgate?: unknown }).__zephyrgate;

/** True inside a realm; false in an author's own process, where calls throw PluginError `unavailable`. */
export const inRealm = typeof host === "function";

function out(operation: number, text: string): string | undefined {
  if (typeof host !== "function") {
    throw new PluginError("unavailable", "This works only inside the gateway", "in tests start the plugin with zephyrgate/testing");
  }
  return (host as HostFunction)(operation, text);
}

/** Tells the host something and expects no answer. Throws what JSON.stringify throws. */
export function post(operation: number, value: unknown): void {
  out(operation, jsonStringify(value));
}

/** As {@link post}, for what the host may refuse; the text says why. */
export function ask(operation: number, value: unknown): string | undefined {
  return out(operation, jsonStringify(value));
}

/** The bytes of base64 without blanks; null where the host does not take it, and outside a realm. */
export function bytesOf(base64: string): ArrayBuffer | null {
  if (typeof host !== "function") return null;
  return ((host as (operation: number, text: string) => unknown)(OPS.bytes, base64) as ArrayBuffer | undefined) ?? null;
}

/** A service of the host itself, answered at once. Throws what the host refuses. */
export function service(name: ServiceName, ...args: unknown[]): unknown {
  const answer = out(OPS.service, jsonStringify([name, args]));
  if (answer === undefined) throw new PluginError("internal", "The host did not answer");
  const parsed = jsonParse(answer) as { v?: unknown; e?: WireError };
  if (parsed.e !== undefined) throw fromWire(parsed.e);
  return parsed.v;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

const waiting = new NativeMap<number, Waiting>();
let nextRequest = 1;

/** An operation of the gateway. Rejects with PermissionDenied or PluginError. */
export function request<O extends OperationName>(operation: O, args: ArgsOf<O>): Promise<ResultOf<O>> {
  return new NativePromise((resolve, reject) => {
    const id = nextRequest++;
    mapSet(waiting, id, { resolve: resolve as (value: unknown) => void, reject });
    try {
      post(OPS.request, [id, operation, args]);
    } catch (thrown) {
      mapDelete(waiting, id);
      reject(thrown);
    }
  });
}

type Then = (done: (value: unknown) => void, failed: (reason: unknown) => void) => Promise<unknown>;

const heard = new NativeWeakMap<object, boolean>();

/** The promise is waited for by the sdk itself. */
function take(promise: object): void {
  if (weakGet(heard, promise) === false) weakSet(heard, promise, true);
}

/**
 * A refusal that nobody waits for, as when an `await` is missing, becomes a fault: otherwise it would be lost. Whoever
 * waits reads `then`, at once; the own `constructor` of {@link whenSettled} makes `await` read it, too.
 */
export function watched<T>(promise: Promise<T>): Promise<T> {
  whenSettled(
    promise,
    () => {},
    (reason) => {
      if (weakGet(heard, promise) !== false) return;
      const error = describeError(reason);
      post(OPS.fault, { ...error, message: `${error.name}: ${error.message} (nobody waited for this call: an await is missing)` });
    },
  );
  weakSet(heard, promise, false);
  const then: Then = (done, failed) => thenOf(promise, done, failed);
  const get = () => {
    weakSet(heard, promise, true);
    return then;
  };
  defineProperty(promise, "then", { __proto__: null, get, configurable: true } as PropertyDescriptor);
  return promise;
}

/** What the host answers at once, as a promise: so that it can come later one day. */
export function attempt<T>(work: () => T): Promise<T> {
  let failed = false;
  const promise = new NativePromise<T>((resolve, reject) => {
    try {
      resolve(work());
    } catch (thrown) {
      failed = true;
      reject(thrown);
    }
  });
  // Only what has failed is worth the watching, which costs more than the call.
  return failed ? watched(promise) : promise;
}

/** As {@link whenSettled}, for what plugin code returned. */
export function whenReturned(promise: Promise<unknown>, done: (value: unknown) => void, failed: (reason: unknown) => void): void {
  take(promise);
  whenSettled(promise, done, failed);
}

/** Pauses that wait in this realm; more are refused. */
const MAX_PAUSES = 16;
let pauses = 0;

/** Resolves in the next slice, after other plugins have had their turn. */
export function pause(): Promise<void> {
  if (pauses >= MAX_PAUSES) throw new PluginError("rate_limited", `More than ${MAX_PAUSES} pauses at once`, "await this.pause()");
  pauses++;
  return new NativePromise((resolve) => {
    const id = nextRequest++;
    mapSet(waiting, id, { resolve: resolve as (value: unknown) => void, reject: () => {} });
    post(OPS.pause, id);
  });
}

/** The next slice is there. */
export function paused(id: number): void {
  if (mapGet(waiting, id) === undefined) return;
  pauses--;
  settle(id, { ok: true });
}

/** Ends the request of this number; an unknown number is passed over. */
export function settle(id: number, outcome: { ok: boolean; value?: Json; error?: WireError }): void {
  const waiter = mapGet(waiting, id);
  if (waiter === undefined) return;
  mapDelete(waiting, id);
  if (outcome.ok) waiter.resolve(outcome.value);
  else waiter.reject(fromWire(outcome.error ?? { name: "Error", message: "refused", code: "internal" }));
}

/** Puts anything thrown into words, whatever its getters do. */
export function describeError(thrown: unknown): WireError {
  try {
    if (typeof thrown !== "object" || thrown === null) return { name: "Error", message: short(NativeString(thrown)) };
    const name = field(thrown, "name");
    const message = field(thrown, "message");
    const error: WireError = {
      name: typeof name === "string" && name !== "" ? short(name, 200) : "Error",
      message: typeof message === "string" ? short(message) : "an object that is no Error was thrown",
    };
    const stack = field(thrown, "stack");
    const code = field(thrown, "code");
    const hint = field(thrown, "hint");
    const permission = field(thrown, "permission");
    if (typeof stack === "string") error.stack = short(stack);
    if (typeof code === "string") error.code = short(code, 200);
    if (typeof hint === "string") error.hint = short(hint, 1000);
    if (typeof permission === "string") error.permission = short(permission, 200);
    return error;
  } catch {
    return { name: "Error", message: "an error whose own properties throw" }; // The plugin's getter failed; nothing more can be told.
  }
}

function short(text: string, length = 4000): string {
  if (text.length <= length) return text;
  let cut = "";
  for (let at = 0; at < length; at++) cut += text[at];
  return `${cut}…`;
}

/** Reports an error that no call waits for. */
export function fault(thrown: unknown): void {
  post(OPS.fault, describeError(thrown));
}

/** Runs plugin code that nobody waits for: what it throws or rejects with becomes a fault. */
export function runLoose(work: () => unknown): void {
  try {
    const result = work();
    if (result instanceof NativePromise) whenReturned(result, () => {}, fault);
  } catch (thrown) {
    fault(thrown);
  }
}

/** What a realm was opened with; see the sandbox's RealmSpec. */
export interface Opening {
  plugin: string;
  version: string;
  gatewayVersion: string;
  language: string;
  config: { readonly [key: string]: Json };
  capabilities: Json;
  permissions: Json;
  seed: readonly [number, number, number, number];
}

/** The one state of a realm: what it was opened with, and its plugin once that was made. */
export const state: { opening: Opening; plugin: object | null } = {
  opening: {
    plugin: "",
    version: "0.0.0",
    gatewayVersion: "0.0.0",
    language: "en",
    config: {},
    capabilities: {},
    permissions: {},
    seed: [1, 2, 3, 4],
  },
  plugin: null,
};
