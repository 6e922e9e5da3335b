/** Evaluated once for the snapshot: puts the globals in place and gives the host its three ways in. */

import type { Json } from "../json.ts";
import { PluginError } from "./boundary/errors.ts";
import { OPS } from "./boundary/ops.ts";
import type { WireContext, WireError } from "./boundary/wire.ts";
import { answer, HandlerRun, type Outcome } from "./handler-run.ts";
import { fetch, Headers, Response } from "./http.ts";
import { announceChange, isGranted } from "./permissions.ts";
import { Plugin } from "./plugin.ts";
import { AbortController, AbortSignal } from "./realm/abort.ts";
import { structuredClone } from "./realm/clone.ts";
import { console } from "./realm/console.ts";
import { atob, btoa, TextDecoder, TextEncoder } from "./realm/encoding.ts";
import { describeError, type Opening, paused, post, settle, state, whenReturned } from "./realm/link.ts";
import {
  apply,
  defineProperty,
  getOwnPropertyDescriptor,
  isArray,
  jsonParse,
  jsonStringify,
  NativeDate,
  NativePromise,
  NativeString,
  setPrototypeOf,
  stringSlice,
  whenSettled,
} from "./realm/primordials.ts";
import { crypto, random, seed } from "./realm/random.ts";
import { clearTimer, dropTimers, fire, queueMicrotask, setInterval, setTimeout } from "./realm/timers.ts";
import { URL, URLSearchParams } from "./realm/url.ts";
import { beginInitialize, handlerOf, settled } from "./registry.ts";

const MAX_REPLY = 16_000;

type Target =
  | { kind: "lifecycle"; hook: "initialize" | "start" | "stop" | "cleanup" }
  | { kind: "health" }
  | { kind: "config_changed" }
  | { kind: "handler"; registration: number }
  | { kind: "answer"; dialogue: number };

type Event =
  | readonly ["open", Opening]
  | readonly ["call", number, Target, Json[]]
  | readonly ["answer", number, { ok: boolean; value?: Json; error?: WireError }]
  | readonly ["timer", number]
  | readonly ["paused", number]
  | readonly ["drop"]
  | readonly ["update", { permissions?: Json; config?: { readonly [key: string]: Json } }];

function install(name: string, value: unknown): void {
  defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
}

const globals: { readonly [name: string]: unknown } = {
  console,
  setTimeout,
  setInterval,
  clearTimeout: clearTimer,
  clearInterval: clearTimer,
  queueMicrotask,
  URL,
  URLSearchParams,
  TextEncoder,
  TextDecoder,
  structuredClone,
  atob,
  btoa,
  crypto,
  AbortController,
  AbortSignal,
  Headers,
  Response,
};

function refuseLocale(name: string): void {
  defineProperty(NativeDate.prototype, name, {
    value: () => {
      throw new PluginError(
        "unavailable",
        `Date.${name} is not there: a realm has no time zones`,
        "use this.formatTime(date, { timeZone, style })",
      );
    },
    writable: true,
    configurable: true,
  });
}

for (const name of Object.keys(globals)) install(name, globals[name]);
for (const name of ["toLocaleString", "toLocaleDateString", "toLocaleTimeString"]) refuseLocale(name);
install("SharedArrayBuffer", undefined);
Math.random = random;

function deliver(text: string): void {
  const event = jsonParse(text) as Event;
  switch (event[0]) {
    case "open":
      state.opening = event[1];
      seed(event[1].seed);
      installFetch();
      break;
    case "call":
      call(event[1], event[2], event[3]);
      break;
    case "answer":
      settle(event[1], event[2]);
      break;
    case "timer":
      fire(event[1]);
      break;
    case "paused":
      paused(event[1]);
      break;
    case "drop":
      dropTimers();
      break;
    default:
      update(event[1]);
  }
}

/** `fetch` is there only while http_requests is granted. */
function installFetch(): void {
  const there = getOwnPropertyDescriptor(globalThis, "fetch") !== undefined;
  if (isGranted("http_requests") && !there) install("fetch", fetch);
  else if (!isGranted("http_requests") && there) Reflect.deleteProperty(globalThis, "fetch");
}

function update(change: { permissions?: Json; config?: { readonly [key: string]: Json } }): void {
  if (change.config !== undefined) state.opening.config = change.config;
  if (change.permissions === undefined) return;
  state.opening.permissions = change.permissions;
  installFetch();
  announceChange();
}

/** Takes the plugin's module (or the promise of it, with top-level await) and makes its plugin. */
function adopt(module: unknown): void {
  if (module instanceof NativePromise) {
    whenSettled(module, makePlugin, (reason) => post(OPS.done, [0, { ok: false, error: describeError(reason) }]));
    return;
  }
  makePlugin(module);
}

function makePlugin(module: unknown): void {
  const answer = (problem: unknown) =>
    post(OPS.done, [0, problem === null ? { ok: true, value: null } : { ok: false, error: describeError(problem) }]);
  try {
    const made = (module as { readonly default?: unknown }).default;
    if (typeof made !== "function" || !(made.prototype instanceof Plugin)) {
      const what = made === undefined ? "has no default export" : "exports something else as default";
      throw new PluginError("load_failed", `The plugin ${what}`, "write: export default class MyPlugin extends Plugin { ... }");
    }
    state.plugin = new (made as new () => Plugin)();
    answer(null);
  } catch (thrown) {
    answer(thrown);
  }
}

function call(id: number, target: Target, args: Json[]): void {
  if (target.kind === "answer") {
    const [text, context] = args as unknown as [string | null, WireContext | undefined];
    answer(id, target.dialogue, text, context?.sessionData as { [key: string]: Json } | undefined);
    return;
  }
  const run = new HandlerRun(id);
  const failed = (thrown: unknown) => run.finish({ ok: false, error: describeError(thrown) });
  try {
    const { result, read } = start(target, args, run);
    const done = (value: unknown) => {
      try {
        run.finish(read(value));
      } catch (thrown) {
        failed(thrown);
      }
    };
    const settleWith =
      target.kind === "lifecycle" && target.hook === "initialize" ? (value: unknown) => settled(() => done(value), failed) : done;
    if (result instanceof NativePromise) whenReturned(result, settleWith, failed);
    else settleWith(result);
  } catch (thrown) {
    failed(thrown);
  }
}

interface Started {
  readonly result: unknown;
  /** Makes the outcome of what the handler resolved to. */
  readonly read: (value: unknown) => Outcome;
}

const plain = (value: unknown): Outcome => ({ ok: true, value: value === undefined ? null : (value as Json) });
const silent = (): Outcome => ({ ok: true, value: null });

function start(target: Exclude<Target, { kind: "answer" }>, args: Json[], run: HandlerRun): Started {
  const plugin = state.plugin as Plugin;
  switch (target.kind) {
    case "lifecycle":
      if (target.hook === "initialize") beginInitialize();
      return { result: plugin[target.hook](), read: (value) => ({ ok: true, value: value !== false }) };
    case "health":
      return {
        result: plugin.healthCheck(),
        read: (value) => ({ ok: true, value: value !== false && value !== null && value !== 0 && value !== "" }),
      };
    case "config_changed":
      return { result: plugin.onConfigChanged(args[0] as string[], args[1] as { readonly [key: string]: Json }), read: silent };
    default:
      return startHandler(plugin, target.registration, args, run);
  }
}

function startHandler(plugin: Plugin, registration: number, args: Json[], run: HandlerRun): Started {
  const registered = handlerOf(registration);
  if (registered === undefined) throw new PluginError("not_found", "The handler is no longer registered");
  const { kind, run: handler } = registered;
  if (kind === "plugin_message") return { result: apply(handler, plugin, args as never[]), read: plain };
  if (kind === "task" || kind === "event" || kind === "region") return { result: apply(handler, plugin, args as never[]), read: silent };
  const last = args.length - 1;
  const context = run.contextOf(args[last] as unknown as WireContext);
  args[last] = context as unknown as Json;
  return { result: apply(handler, plugin, args as never[]), read: (value) => ({ ok: true, value: replyOf(value) }) };
}

function replyOf(value: unknown): string | null {
  if (value === undefined || value === null || value === "") return null;
  const plain = NativeString(value);
  const text = plain === "[object Object]" || isArray(value) ? (jsonStringify(value) ?? plain) : plain;
  return text.length > MAX_REPLY ? stringSlice(text, 0, MAX_REPLY) : text;
}

function describe(thrown: unknown): string {
  return jsonStringify(describeError(thrown));
}

// Read by the host's engine, which takes it away before any plugin code runs.
(globalThis as { __zephyrgate?: unknown }).__zephyrgate = setPrototypeOf({ deliver, adopt, describe }, null);
