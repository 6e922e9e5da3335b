/** One realm in its host: turns frames into events for the engine and what comes out into frames. */

import { parseFrame } from "../../bridge/bridge.ts";
import type { FromHost, RealmChange } from "../../bridge/frames.ts";
import type { CallOutcome, CallTarget, GoneReason, RealmSpec, RequestOutcome } from "../../bridge/realm-spec.ts";
import type { Clock, Timer } from "../../clock.ts";
import { type CallNumber, callNumber, type RealmNumber, type RequestNumber, requestNumber } from "../../ids.ts";
import type { Json } from "../../json.ts";
import { OPS } from "../../sdk/boundary/ops.ts";
import type { WireError } from "../../sdk/boundary/wire.ts";
import type { Engine, Ran } from "../engine/engine.ts";
import type { Services } from "../services/services.ts";
import { Limits } from "./limits.ts";
import { cleanError, cleanFields, isRecord, parsedOrNull } from "./output.ts";
import type { Lane, Runnable, RunQueue } from "./run-queue.ts";
import { RealmTimers } from "./timers.ts";
import { permissionOf } from "./tokens.ts";

/** Calls in flight and waiting; one more is `overloaded`. */
const MAX_CALLS = 64;
/** Bytes of one value that leaves a realm; the frame has room for the rest. */
const MAX_OUT = 200 * 1024;
const MAX_DEPTH = 80;
/** So many cut slices in {@link STRIKE_WINDOW_MS} end the realm. */
const MAX_SLICES = 20;
const STRIKE_WINDOW_MS = 60_000;
const HEAP_EVERY_MS = 10_000;
const SHORT_STEP_MS = 0.5;
const OPENING = callNumber(0);

type Frame<T extends FromHost["t"]> = Omit<Extract<FromHost, { t: T }>, "realm">;

export interface RealmDeps {
  readonly number: RealmNumber;
  readonly spec: RealmSpec;
  readonly engine: Engine;
  readonly queue: RunQueue;
  readonly services: Services;
  readonly clock: Clock;
  readonly seed: readonly [number, number, number, number];
  send(frame: Frame<"opened"> | Frame<"result"> | Frame<"request"> | Frame<"log"> | Frame<"fault"> | Frame<"strike"> | Frame<"gone">): void;
  onGone(realm: HostRealm): void;
}

interface InFlight {
  readonly timer: Timer;
  cpuMs: number;
}

interface Event {
  /** Null loads the plugin's module. */
  readonly text: string | null;
  readonly call: CallNumber | null;
}

export class HostRealm implements Runnable {
  readonly number: RealmNumber;
  readonly sliceMs: number;
  readonly #deps: RealmDeps;
  readonly #lane: Lane;
  readonly #limits: Limits;
  readonly #events: Event[] = [];
  readonly #calls = new Map<CallNumber, InFlight>();
  readonly #timers: RealmTimers;
  readonly #requests = new Map<RequestNumber, CallNumber | null>();
  #tokens: Readonly<Record<string, string>>;
  #current: CallNumber | null = null;
  #stepStarted = 0;
  #slices: number[] = [];
  #opened = false;
  #gone = false;
  /** It ran out of memory in this step. */
  #short = false;
  #heap = { bytes: 0, at: Number.NEGATIVE_INFINITY, cpuMs: -1 };

  constructor(deps: RealmDeps) {
    this.#deps = deps;
    this.number = deps.number;
    this.sliceMs = deps.spec.limits.sliceMs;
    this.#tokens = deps.spec.tokens;
    this.#lane = deps.queue.add(this);
    this.#timers = new RealmTimers(deps.clock, (id, call) => this.#push({ text: JSON.stringify(["timer", id]), call }));
    this.#limits = new Limits(deps.clock, (level, message) => deps.send({ t: "log", level, message, fields: {} }));
    deps.services.grantDatabase(deps.spec.tokens.database_access !== undefined);
  }

  /** Starts loading; `opened` is sent when the plugin's module has been evaluated. */
  open(timeoutMs: number): void {
    const { spec } = this.#deps;
    const opening = { plugin: spec.plugin, version: spec.version, gatewayVersion: spec.gatewayVersion, config: spec.config };
    const rest = { capabilities: spec.capabilities, permissions: spec.permissions, seed: this.#deps.seed };
    this.#beginCall(OPENING, timeoutMs);
    this.#push({ text: JSON.stringify(["open", { ...opening, ...rest }]), call: OPENING });
    this.#push({ text: null, call: OPENING });
  }

  call(id: CallNumber, target: CallTarget, args: readonly Json[], timeoutMs: number): void {
    if (this.#calls.size >= MAX_CALLS) {
      const error = { name: "Overloaded", message: `${MAX_CALLS} calls are in flight`, code: "rate_limited" };
      this.#deps.send({ t: "result", call: id, outcome: { ok: false, cause: "overloaded", error, cpuMs: 0 } });
      return;
    }
    this.#beginCall(id, timeoutMs);
    this.#push({ text: JSON.stringify(["call", id, target, args]), call: id });
  }

  answer(request: RequestNumber, outcome: RequestOutcome): void {
    const call = this.#requests.get(request);
    if (call === undefined) return;
    this.#requests.delete(request);
    this.#push({ text: JSON.stringify(["answer", request, outcome]), call });
  }

  update(change: RealmChange): void {
    if (change.tokens !== undefined) {
      this.#tokens = change.tokens;
      this.#deps.services.grantDatabase(change.tokens.database_access !== undefined);
    }
    if (change.permissions !== undefined) this.#deps.services.learnPermissions(change.permissions);
    const { tokens: _, ...visible } = change;
    this.#push({ text: JSON.stringify(["update", visible]), call: null });
  }

  usage(): Extract<FromHost, { t: "usage" }>["realms"][number] {
    return {
      realm: this.number,
      cpuMs: this.#lane.cpuMs,
      memoryBytes: this.#heapBytes(),
      storageBytes: this.#deps.services.storageBytes(),
      storageCalls: this.#deps.services.decisions.allowed,
      storageDenied: this.#deps.services.decisions.denied,
      timers: this.#timers.size,
      queueDepth: this.#calls.size,
    };
  }

  /** Puts its database in order; every few seconds. */
  maintain(): void {
    this.#deps.services.maintain();
  }

  get services(): Services {
    return this.#deps.services;
  }

  /** Idempotent. */
  end(reason: GoneReason, detail: string): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#lane.remove();
    this.#timers.end();
    this.#events.length = 0;
    this.#limits.close();
    const cause = reason === "memory" ? "memory" : "gone";
    for (const id of [...this.#calls.keys()])
      this.#finish(id, { ok: false, cause, error: { name: "RealmGone", message: detail, code: "realm_gone" }, cpuMs: 0 });
    this.#deps.services.close();
    this.#deps.send({ t: "gone", reason, detail });
    this.#deps.onGone(this);
  }

  // The run queue's side.

  hasWork(): boolean {
    return !this.#gone && (this.#events.length > 0 || this.#deps.engine.hasJobs);
  }

  /** One job while there are any, so that all that a call sets off is done before the next event; then one event. */
  step(expired: () => boolean): void {
    this.#stepStarted = performance.now();
    const { engine } = this.#deps;
    if (engine.hasJobs) {
      // One at a time, so that a long one is cut alone; short ones together, because each turn of the queue costs, too.
      let ran = engine.runJobs(1, expired);
      while (ran.ok && engine.hasJobs && performance.now() - this.#stepStarted < SHORT_STEP_MS) ran = engine.runJobs(1, expired);
      this.#judge(ran);
    } else {
      const event = this.#events.shift();
      this.#current = event?.call ?? null;
      // A call that has timed out while it waited is not begun.
      if (event !== undefined && !(event.call !== null && event.text?.startsWith('["call"') && !this.#calls.has(event.call))) {
        this.#judge(
          event.text === null
            ? engine.load(`${this.#deps.spec.plugin}.js`, this.#deps.spec.code, expired)
            : engine.call("deliver", event.text, expired),
        );
      }
    }
    const call = this.#current === null ? undefined : this.#calls.get(this.#current);
    if (call !== undefined) call.cpuMs += performance.now() - this.#stepStarted;
    this.#checkRoom();
  }

  onOverBudget(detail: string): void {
    this.#deps.send({ t: "strike", reason: "budget", detail });
  }

  /** What the engine calls. Never throws; every byte of `text` may be hostile. */
  readonly host = (operation: number, text: string): string | undefined => {
    if (this.#gone) return undefined;
    if (Buffer.byteLength(text) > MAX_OUT)
      return this.#refuse(operation, text, `More than ${MAX_OUT} bytes cannot leave the plugin at once`);
    const parsed = parseFrame(text, MAX_DEPTH);
    if (typeof parsed === "string")
      return this.#refuse(operation, text, `A value nested deeper than ${MAX_DEPTH} levels cannot leave the plugin`);
    const { value } = parsed;
    switch (operation) {
      case OPS.service:
        return Array.isArray(value) ? this.#deps.services.answer(value[0], value[1]) : undefined;
      case OPS.request:
        return this.#request(value);
      case OPS.done:
        return this.#done(value);
      case OPS.timer:
        return this.#timers.set(value, this.#current, this.#calls.size > 0 || this.#tokens.schedule_tasks !== undefined);
      case OPS.clear:
        return this.#timers.clear(value);
      case OPS.log:
        return this.#log(value);
      case OPS.fault:
        if (this.#limits.takeFault()) this.#deps.send({ t: "fault", error: cleanError(value) });
        return undefined;
      default:
        return undefined;
    }
  };

  /** Counting walks the whole heap: only after it ran, and not often. */
  #heapBytes(): number {
    const now = this.#deps.clock.monotonic();
    if (now - this.#heap.at >= HEAP_EVERY_MS && this.#heap.cpuMs !== this.#lane.cpuMs) {
      this.#heap = { bytes: this.#deps.engine.heapBytes(), at: now, cpuMs: this.#lane.cpuMs };
    }
    return this.#heap.bytes;
  }

  #push(event: Event): void {
    if (this.#gone) return;
    this.#events.push(event);
    this.#lane.wake();
  }

  #judge(ran: Ran): void {
    if (ran.ok) return;
    const call = this.#current;
    if (ran.kind === "dead") {
      this.end(ran.text === "out of memory" ? "memory" : "abort", ran.text);
      return;
    }
    if (ran.kind === "interrupted") {
      this.#cutShort(call);
      return;
    }
    const error = cleanError(parsedOrNull(ran.text, MAX_DEPTH));
    const cause = ran.kind === "memory" ? "memory" : "threw";
    if (call !== null && this.#calls.has(call)) this.#finish(call, { ok: false, cause, error, cpuMs: 0 });
    else if (this.#limits.takeFault()) this.#deps.send({ t: "fault", error });
    if (cause === "memory") this.#short = true;
  }

  #cutShort(call: CallNumber | null): void {
    const detail = `cut short after ${this.sliceMs} ms of CPU without a pause`;
    this.#deps.send({ t: "strike", reason: "slice", detail });
    if (call !== null && this.#calls.has(call)) {
      this.#finish(call, { ok: false, cause: "slice", error: { name: "SliceExceeded", message: detail, code: "timeout" }, cpuMs: 0 });
    }
    const now = this.#deps.clock.monotonic();
    this.#slices = [...this.#slices.filter((at) => now - at < STRIKE_WINDOW_MS), now];
    if (this.#slices.length >= MAX_SLICES) this.end("strikes", `${MAX_SLICES} times in a minute ${detail}`);
  }

  /** A realm without room for the next event is ended rather than left to fail at random. */
  #checkRoom(): void {
    if (!this.#short || this.#gone) return;
    this.#short = false;
    if (!this.#deps.engine.hasRoom(MAX_OUT)) this.end("memory", `its ${this.#deps.spec.limits.memoryMb} MB are used up`);
  }

  #beginCall(id: CallNumber, timeoutMs: number): void {
    const timer = this.#deps.clock.after(timeoutMs, () => {
      const error = { name: "Timeout", message: `no answer within ${timeoutMs / 1000} s`, code: "timeout" };
      this.#finish(id, { ok: false, cause: "timeout", error, cpuMs: 0 });
    });
    this.#calls.set(id, { timer, cpuMs: 0 });
  }

  #finish(id: CallNumber, outcome: CallOutcome): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#calls.delete(id);
    call.timer.cancel();
    const running = this.#current === id && this.#stepStarted > 0 ? performance.now() - this.#stepStarted : 0;
    const cpuMs = call.cpuMs + Math.max(0, Math.min(running, this.sliceMs * 2));
    if (id === OPENING && !this.#opened) {
      this.#opened = true;
      this.#deps.send({ t: "opened", error: outcome.ok ? null : outcome.error });
    } else this.#deps.send({ t: "result", call: id, outcome: { ...outcome, cpuMs } });
    // No call is in flight: without schedule_tasks nothing may run until the next one.
    const idle = !this.#gone && this.#calls.size === 0 && this.#tokens.schedule_tasks === undefined;
    if (idle && this.#timers.end()) this.#push({ text: '["drop"]', call: null });
  }

  #done(value: unknown): undefined {
    if (!Array.isArray(value)) return;
    const [id, outcome] = value as unknown[];
    if (typeof id !== "number" || !isRecord(outcome)) return;
    if (outcome.ok === true) {
      const session = isRecord(outcome.session) ? { session: outcome.session as { [key: string]: Json } } : {};
      this.#finish(callNumber(id), { ok: true, value: (outcome.value ?? null) as Json, ...session, cpuMs: 0 });
      return;
    }
    const error = cleanError(outcome.error);
    const memory = error.name === "InternalError" && error.message === "out of memory";
    if (memory) this.#short = true;
    this.#finish(callNumber(id), { ok: false, cause: memory ? "memory" : "threw", error, cpuMs: 0 });
  }

  #request(value: unknown): undefined {
    if (!Array.isArray(value)) return;
    const [number, operation, args] = value as unknown[];
    if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 0) return;
    if (typeof operation !== "string" || operation.length > 100) return;
    const id = requestNumber(number);
    if (this.#requests.has(id)) return;
    const problem = this.#limits.refuse(operation, args, this.#requests.size);
    this.#requests.set(id, this.#current);
    if (problem !== null) {
      if (problem.strike) this.#deps.send({ t: "strike", reason: "flood", detail: problem.message });
      this.answer(id, { ok: false, error: { name: "RateLimited", message: problem.message, code: problem.code } });
      return;
    }
    const call = this.#current !== null && this.#current !== OPENING && this.#calls.has(this.#current) ? this.#current : null;
    const permission = permissionOf(operation, args);
    const token = permission === null ? null : (this.#tokens[permission] ?? null);
    this.#deps.send({ t: "request", request: id, operation, args: (args ?? null) as Json, token, call });
  }

  #refuse(operation: number, text: string, message: string): string | undefined {
    const error: WireError = { name: "PluginError", message, code: "too_large" };
    if (operation === OPS.service) return JSON.stringify({ e: error });
    const number = Number(/^\[(\d{1,15}),/.exec(text.slice(0, 20))?.[1] ?? Number.NaN);
    if (operation === OPS.done) this.#finish(callNumber(number), { ok: false, cause: "threw", error, cpuMs: 0 });
    const id = requestNumber(number);
    if (operation === OPS.request && Number.isSafeInteger(number) && !this.#requests.has(id)) {
      this.#requests.set(id, this.#current);
      this.answer(id, { ok: false, error });
    }
    return undefined;
  }

  #log(value: unknown): undefined {
    const [level, message, fields] = Array.isArray(value) ? (value as unknown[]) : [];
    if (typeof message !== "string" || !this.#limits.takeLine()) return;
    const known = level === "debug" || level === "warn" || level === "error" ? level : "info";
    this.#deps.send({ t: "log", level: known, message: message.slice(0, 8000), fields: cleanFields(fields) });
  }
}
