/** One realm in its host: turns frames into events for its engine, and gives the engine turns. What comes out: exits.ts. */
import type { FromHost, RealmChange } from "../../bridge/frames.ts";
import type { CallOutcome, CallTarget, GoneReason, RealmPause, RealmSpec, RequestOutcome } from "../../bridge/realm-spec.ts";
import type { Clock } from "../../clock.ts";
import type { CallNumber, RealmNumber, RequestNumber } from "../../ids.ts";
import type { Json } from "../../json.ts";
import type { WireError } from "../../sdk/boundary/wire.ts";
import type { Ran, RealmEngine } from "../engine/realm-engine.ts";
import type { Services } from "../services/services.ts";
import { MAX_CALLS, OPENING, RealmCalls } from "./calls.ts";
import { MAX_DEPTH, MAX_OUT, RealmExits } from "./exits.ts";
import type { RealmFrame } from "./frame.ts";
import { HeldFrames } from "./held-frames.ts";
import { MEMORY_HINT, SLICE_HINT } from "./hints.ts";
import { Limits } from "./limits.ts";
import { cleanError, parsedOrNull } from "./output.ts";
import type { RealmRecorder } from "./recorder.ts";
import type { Lane, Runnable, RunQueue } from "./run-queue.ts";
import { RealmTimers } from "./timers.ts";

/** So many cut slices in {@link STRIKE_WINDOW_MS} end the realm. */
const MAX_SLICES = 20;
const STRIKE_WINDOW_MS = 60_000;
const HEAP_EVERY_MS = 10_000;
const SHORT_STEP_MS = 0.5;
/** Data that were stored are committed after this time, ms, also while promise reactions still wait. */
const HOLD_MS = 10;
/** Pauses of one realm that wait for their turn; more are not made. */
const MAX_PAUSES = 64;

const UNSTORED: WireError = {
  name: "PluginError",
  message: "what this call stored before could not be written to the disk",
  code: "unavailable",
};

export interface RealmDeps {
  readonly number: RealmNumber;
  readonly spec: RealmSpec;
  readonly engine: RealmEngine;
  readonly queue: RunQueue;
  readonly services: Services;
  readonly clock: Clock;
  readonly seed: readonly [number, number, number, number];
  /** Told all that goes in and comes out; null: nobody asked for it. */
  readonly recorder: RealmRecorder | null;
  send(frame: RealmFrame): void;
  onGone(realm: HostRealm): void;
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
  readonly #calls: RealmCalls;
  readonly #timers: RealmTimers;
  readonly #exits: RealmExits;
  #tokens: Readonly<Record<string, string>>;
  #slices: number[] = [];
  #opened = false;
  #frozen = false;
  #gone = false;
  #isStepping = false;
  /** Since when data wait to be committed, ms; null: none do. */
  #unsettledSince: number | null = null;
  /** Calls that believe in data which the disk did not take: what they still ask for is refused. */
  readonly #unstored = new Set<CallNumber>();
  readonly #held: HeldFrames;
  /** It ran out of memory in this step. */
  #short = false;
  #heap = { bytes: 0, at: Number.NEGATIVE_INFINITY, cpuMs: -1 };

  constructor(deps: RealmDeps) {
    const { clock, services, spec } = deps;
    this.#deps = deps;
    const send = (frame: RealmFrame) => this.#send(frame);
    this.#held = new HeldFrames({
      send: (frame) => deps.send(frame),
      refuse: (request, error) => this.answer(request, { ok: false, error }),
    });
    this.number = deps.number;
    this.sliceMs = spec.limits.sliceMs;
    this.#tokens = spec.tokens;
    this.#lane = deps.queue.add(this);
    this.#timers = new RealmTimers(clock, (id, call) => this.#push({ text: JSON.stringify(["timer", id]), call }));
    this.#limits = new Limits(clock, (level, message) => send({ t: "log", level, message, fields: {} }));
    this.#calls = new RealmCalls({ clock, sliceMs: this.sliceMs, onEnd: (call, outcome) => this.#ended(call, outcome) });
    this.#exits = new RealmExits({
      services,
      limits: this.#limits,
      timers: this.#timers,
      calls: this.#calls,
      tokens: () => this.#tokens,
      send,
      answer: (request, outcome) => this.answer(request, outcome),
      pause: (number) => this.#pause(number),
      onShort: () => {
        this.#short = true;
      },
    });
    services.grantDatabase(spec.tokens.database_access !== undefined);
  }

  /** Starts loading; `opened` is sent when the plugin's module has been evaluated. */
  open(timeoutMs: number): void {
    const { spec } = this.#deps;
    const { plugin, version, gatewayVersion, language, config } = spec;
    const opening = { plugin, version, gatewayVersion, language, config };
    const rest = { capabilities: spec.capabilities, permissions: spec.permissions, seed: this.#deps.seed };
    this.#calls.begin(OPENING, timeoutMs);
    this.#push({ text: JSON.stringify(["open", { ...opening, ...rest }]), call: OPENING });
    this.#push({ text: null, call: OPENING });
  }

  call(id: CallNumber, target: CallTarget, args: readonly Json[], timeoutMs: number): void {
    if (this.#calls.size >= MAX_CALLS) {
      const error = { name: "Overloaded", message: `${MAX_CALLS} calls are in flight`, code: "rate_limited" };
      this.#send({ t: "result", call: id, outcome: { ok: false, cause: "overloaded", error, cpuMs: 0 } });
      return;
    }
    this.#calls.begin(id, timeoutMs);
    this.#push({ text: JSON.stringify(["call", id, target, args]), call: id });
  }

  answer(request: RequestNumber, outcome: RequestOutcome): void {
    const call = this.#exits.settle(request);
    if (call !== undefined) this.#push({ text: JSON.stringify(["answer", request, outcome]), call });
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

  pause(how: RealmPause): void {
    this.settle();
    this.#frozen = how === "freeze";
    if (how === "retire") this.#retire();
    if (!this.#frozen && !this.#gone) this.#lane.wake();
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
    this.#deps.recorder?.flush();
    this.#deps.services.maintain();
  }

  get services(): Services {
    return this.#deps.services;
  }

  /** Idempotent. */
  end(reason: GoneReason, detail: string): void {
    if (this.#gone) return;
    this.settle();
    this.#gone = true;
    this.#lane.remove();
    this.#timers.end();
    this.#events.length = 0;
    this.#limits.close();
    this.#calls.failAll(reason === "memory" ? "memory" : "gone", { name: "RealmGone", message: detail, code: "realm_gone" });
    this.#deps.services.close();
    this.#deps.engine.close?.();
    this.#deps.recorder?.end(`the realm ended: ${detail}`);
    this.#send({ t: "gone", reason, detail });
    this.#deps.onGone(this);
  }

  /** What calls have begun may end; nothing begins by itself any more. */
  #retire(): void {
    this.#deps.services.retire();
    this.#timers.end();
    const left = this.#events.filter(({ text }) => text?.startsWith('["timer"') !== true);
    this.#events.splice(0, this.#events.length, ...left);
  }

  /** Nobody wants to know any more what goes in. */
  unrecord(): void {
    this.#deps.recorder?.end("ended by the operator");
  }

  /** Its engine has finished what it was given. */
  rested(): void {
    if (!this.#gone) this.#lane.wake();
  }

  // For the run queue.

  hasWork(): boolean {
    if (this.#deps.engine.isBusy === true) return false;
    return !this.#gone && !this.#frozen && (this.#events.length > 0 || this.#deps.engine.hasJobs);
  }

  /** One job while there are any, so that all that a call sets off is done before the next event; then one event. */
  step(expired: () => boolean): void {
    this.#calls.startStep();
    this.#isStepping = true;
    if (this.#deps.engine.hasJobs) this.#judge(this.#runJobs(expired));
    else this.#deliverNext(expired);
    this.#calls.endStep();
    this.#isStepping = false;
    this.#settleSoon();
    this.#deps.recorder?.flush();
    this.#checkRoom();
  }

  onOverBudget(detail: string): void {
    this.#send({ t: "strike", reason: "budget", detail });
  }

  /** What the engine calls. Never throws; every byte of `text` may be hostile. */
  readonly host = (operation: number, text: string): string | Uint8Array | undefined => {
    if (this.#gone) return undefined;
    const answer = this.#exits.host(operation, text);
    this.#deps.recorder?.called(operation, text, answer);
    if (!this.#isStepping) this.settle();
    return answer;
  };

  #send(frame: RealmFrame): void {
    const { current } = this.#calls;
    if (frame.t === "request" && current !== null && this.#unstored.has(current))
      this.answer(frame.request, { ok: false, error: UNSTORED });
    else if (this.#deps.services.isUnsettled || !this.#held.isEmpty) this.#held.hold(frame);
    else this.#deps.send(frame);
  }

  /** All that one event sets off is one commit, unless it takes long. */
  #settleSoon(): void {
    if (!this.#deps.services.isUnsettled && this.#held.isEmpty) return;
    const now = performance.now();
    this.#unsettledSince ??= now;
    if (!this.#deps.engine.hasJobs || now - this.#unsettledSince >= HOLD_MS) this.settle();
  }

  /** Commits what was stored, then sends what was said. When the disk does not take it, nobody is told that it is stored. */
  settle(): void {
    this.#unsettledSince = null;
    const trouble = this.#deps.services.settle();
    if (trouble === null) {
      this.#held.release();
      return;
    }
    const call = this.#calls.current;
    if (call !== null) this.#unstored.add(call);
    if (this.#unstored.size > MAX_CALLS) for (const [oldest] of this.#unstored.entries().take(1)) this.#unstored.delete(oldest);
    const isTold = this.#held.fail(trouble);
    if (call !== null && this.#calls.has(call)) this.#calls.fail(call, "threw", trouble);
    else if (!isTold && this.#limits.takeFault()) this.#deps.send({ t: "fault", error: trouble });
  }

  /** One at a time, so that a long one is cut alone; short ones together, because each turn of the queue costs, too. */
  #runJobs(expired: () => boolean): Ran {
    const { engine } = this.#deps;
    let ran = engine.runJobs(1, expired);
    while (ran.ok && engine.hasJobs && this.#calls.stepMs < SHORT_STEP_MS) ran = engine.runJobs(1, expired);
    return ran;
  }

  #deliverNext(expired: () => boolean): void {
    const event = this.#events.shift();
    this.#calls.enter(event?.call ?? null);
    if (event === undefined) return;
    const { engine, spec } = this.#deps;
    const { text, call } = event;
    // A call that has timed out while it waited is not begun.
    if (call !== null && text?.startsWith('["call"') && !this.#calls.has(call)) return;
    this.#deps.recorder?.event(this.#deps.clock.now(), text);
    this.#judge(text === null ? engine.load(`${spec.plugin}.js`, spec.code, expired) : engine.call("deliver", text, expired));
  }

  /** Counting walks the whole heap: only after it ran, and not often. */
  #heapBytes(): number {
    const now = this.#deps.clock.monotonic();
    if (now - this.#heap.at >= HEAP_EVERY_MS && this.#heap.cpuMs !== this.#lane.cpuMs) {
      this.#heap = { bytes: this.#deps.engine.heapBytes(), at: now, cpuMs: this.#lane.cpuMs };
    }
    return this.#heap.bytes;
  }

  /** The realm goes on in a slice of its own, after the others have had their turn. */
  #pause(number: number): void {
    const waiting = this.#events.filter(({ text }) => text?.startsWith('["paused"') === true).length;
    if (waiting < MAX_PAUSES) this.#push({ text: JSON.stringify(["paused", number]), call: this.#calls.current });
  }

  #push(event: Event): void {
    if (this.#gone) return;
    this.#events.push(event);
    this.#lane.wake();
  }

  #judge(ran: Ran): void {
    if (ran.ok) return;
    const call = this.#calls.current;
    if (ran.kind === "dead") {
      this.end(ran.text === "out of memory" ? "memory" : "abort", ran.text);
      return;
    }
    if (ran.kind === "interrupted") {
      this.#cutShort(call, ran.text);
      return;
    }
    const cause = ran.kind === "memory" ? "memory" : "threw";
    const thrown = cleanError(parsedOrNull(ran.text, MAX_DEPTH));
    const error = cause === "memory" ? { ...thrown, hint: MEMORY_HINT } : thrown;
    if (call !== null && this.#calls.has(call)) this.#calls.fail(call, cause, error);
    else if (this.#limits.takeFault()) this.#send({ t: "fault", error });
    if (cause === "memory") this.#short = true;
  }

  #cutShort(call: CallNumber | null, stack: string): void {
    const detail = `cut short after ${this.sliceMs} ms of CPU without a pause`;
    this.#send({ t: "strike", reason: "slice", detail });
    const where = stack === "" ? {} : { stack };
    if (call !== null)
      this.#calls.fail(call, "slice", { name: "SliceExceeded", message: detail, code: "timeout", hint: SLICE_HINT, ...where });
    const now = this.#deps.clock.monotonic();
    this.#slices = [...this.#slices.filter((at) => now - at < STRIKE_WINDOW_MS), now];
    if (this.#slices.length >= MAX_SLICES) this.end("strikes", `${MAX_SLICES} times in a minute ${detail}`);
  }

  /** A realm without room for the next event is ended: it would fail at random. */
  #checkRoom(): void {
    if (!this.#short || this.#gone) return;
    this.#short = false;
    if (!this.#deps.engine.hasRoom(MAX_OUT)) this.end("memory", `its ${this.#deps.spec.limits.memoryMb} MB are used up`);
  }

  #ended(call: CallNumber, outcome: CallOutcome): void {
    if (!outcome.ok) this.#deps.recorder?.failed(call, outcome.error);
    if (call === OPENING && !this.#opened) {
      this.#opened = true;
      this.#send({ t: "opened", error: outcome.ok ? null : outcome.error });
    } else this.#send({ t: "result", call, outcome });
    // No call is in flight: without schedule_tasks nothing may run until the next one.
    const idle = !this.#gone && this.#calls.size === 0 && this.#tokens.schedule_tasks === undefined;
    if (idle && this.#timers.end()) this.#push({ text: '["drop"]', call: null });
  }
}
