/** One realm as the gateway sees it. */

import type { FromHost, RealmChange, ToHost } from "../bridge/frames.ts";
import type { CallOutcome, CallTarget, RealmPause } from "../bridge/realm-spec.ts";
import type { Clock, Timer } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import { markHop } from "../hops.ts";
import { type CallNumber, callNumber, type RealmNumber, type RequestNumber } from "../ids.ts";
import type { Json } from "../json.ts";
import type { Realm, RealmEvents, RealmUsage } from "./port.ts";

/** The host's own limit is 256, with registrations 1792: past this it is not our host any more. */
const MAX_REQUESTS = 2048;
/** A second; the host lets 100 lines and 20 faults through, and a strike for each cut slice. */
const MAX_NOTICES = 300;
/** What a host may be late by before the gateway ends a call itself. */
const GRACE_MS = 2000;
/** Characters of one recording; the host's own limit is lower. */
const MAX_RECORDED = 9 * 1024 * 1024;
const CLOSE_DEADLINE_MS = 2000;
/** Larger answers go among the bulk: all that a realm may have asked for at once must not overflow the bridge. */
const SMALL_ANSWER = 1024;

interface Pending {
  readonly resolve: (outcome: CallOutcome) => void;
  readonly timer: Timer;
}

export interface SessionRealmDeps {
  readonly number: RealmNumber;
  readonly plugin: string;
  readonly events: RealmEvents;
  readonly clock: Clock;
  /** `bulk`: it may wait until the host reads, behind other bulk. */
  readonly send: (message: ToHost, bulk: boolean) => void;
  /** It was opened to be recorded. */
  readonly isRecorded?: boolean;
  /** Large answers wait already, more than the host reads. */
  readonly isFull?: () => boolean;
}

export class SessionRealm implements Realm {
  readonly #calls = new Map<CallNumber, Pending>();
  readonly #requests = new Set<RequestNumber>();
  readonly #abort = new AbortController();
  readonly #closed: Promise<void>;
  #markClosed: () => void = () => {};
  #nextCall = 1;
  #window = { since: 0, notices: 0 };
  #recorded = 0;
  #gone = false;
  #closing = false;
  #silent = false;
  #usage: RealmUsage = { cpuMs: 0, memoryBytes: 0, storageBytes: 0, storageCalls: 0, storageDenied: 0, timers: 0, queueDepth: 0 };

  readonly number: RealmNumber;
  readonly plugin: string;
  readonly #deps: SessionRealmDeps;

  constructor(deps: SessionRealmDeps) {
    this.number = deps.number;
    this.plugin = deps.plugin;
    this.#deps = deps;
    this.#closed = new Promise((resolve) => {
      this.#markClosed = resolve;
    });
  }

  call(target: CallTarget, args: readonly Json[], timeoutMs: number): { readonly id: CallNumber; readonly outcome: Promise<CallOutcome> } {
    const id = callNumber(this.#nextCall++);
    const outcome = new Promise<CallOutcome>((resolve) => {
      if (this.#gone) {
        resolve(gone("the realm has ended"));
        return;
      }
      const timer = this.#deps.clock.after(timeoutMs + GRACE_MS, () => this.#finish(id, late(timeoutMs)));
      this.#calls.set(id, { resolve, timer });
      try {
        this.#deps.send({ t: "call", realm: this.number, call: id, target, args, timeoutMs }, false);
        markHop("call");
      } catch (thrown) {
        const message = thrown instanceof GatewayError ? thrown.message : "the call cannot be sent";
        this.#finish(id, { ok: false, cause: "overloaded", error: { name: "TooLarge", message, code: "too_large" }, cpuMs: 0 });
      }
    });
    return { id, outcome };
  }

  update(change: RealmChange): void {
    // In order with the calls, unless it is so large that it must go in parts.
    if (!this.#gone) this.#deps.send({ t: "update", realm: this.number, change }, JSON.stringify(change).length > SMALL_ANSWER);
  }

  pause(how: RealmPause): void {
    if (!this.#gone) this.#deps.send({ t: "pause", realm: this.number, how }, false);
  }

  unrecord(): void {
    if (!this.#gone) this.#deps.send({ t: "unrecord", realm: this.number }, false);
  }

  usage(): RealmUsage {
    return { ...this.#usage, queueDepth: this.#calls.size };
  }

  setUsage(usage: RealmUsage): void {
    const allowed = usage.storageCalls - this.#usage.storageCalls;
    const denied = usage.storageDenied - this.#usage.storageDenied;
    this.#usage = usage;
    if (!this.#silent && (allowed > 0 || denied > 0)) this.#deps.events.storageUsed(Math.max(0, allowed), Math.max(0, denied));
  }

  async close(): Promise<void> {
    if (this.#gone || this.#closing) return await this.#closed;
    this.#closing = true;
    this.#deps.send({ t: "close", realm: this.number }, false);
    const timer = this.#deps.clock.after(CLOSE_DEADLINE_MS, () => this.#end("closed"));
    await this.#closed;
    timer.cancel();
  }

  /** A frame of this realm. A string says how the host broke the protocol. */
  take(message: Exclude<FromHost, { t: "ready" | "done" | "usage" | "opened" }>): string | null {
    switch (message.t) {
      case "result":
        if (message.call === 0 || message.call >= this.#nextCall) return "a result of a call that was never made";
        markHop("result");
        this.#finish(message.call, message.outcome);
        return null;
      case "request":
        return this.#request(message);
      case "gone":
        this.#end(message.detail);
        if (!this.#silent && !this.#closing) this.#deps.events.gone(message.reason, message.detail);
        return null;
      case "recorded":
        return this.#recording(message.text);
      default:
        return this.#notice(message);
    }
  }

  /** It did not open: from now on none of its events is passed on. */
  silence(): void {
    this.#silent = true;
    this.#end("it did not open");
  }

  /** The host is gone, and the realm with it. */
  lost(detail: string): void {
    if (this.#gone) return;
    this.#end(`the plugin host has ended: ${detail}`);
    if (!this.#silent && !this.#closing) this.#deps.events.gone("host", detail);
  }

  #recording(text: string): string | null {
    if (this.#deps.isRecorded !== true) return "a recording that nobody asked for";
    this.#recorded += text.length;
    if (this.#recorded > MAX_RECORDED) return `a recording of more than ${MAX_RECORDED} characters`;
    if (!this.#silent) this.#deps.events.recorded?.(text);
    return null;
  }

  #notice(message: Extract<FromHost, { t: "log" | "fault" | "strike" }>): string | null {
    const now = this.#deps.clock.monotonic();
    if (now - this.#window.since >= 1000) this.#window = { since: now, notices: 0 };
    if (++this.#window.notices > MAX_NOTICES) return `more than ${MAX_NOTICES} log lines, faults and strikes in a second`;
    if (this.#silent) return null;
    if (message.t === "log") this.#deps.events.log(message.level, message.message, message.fields);
    else if (message.t === "fault") this.#deps.events.fault(message.error);
    else this.#deps.events.strike(message.reason, message.detail);
    return null;
  }

  #request(message: Extract<FromHost, { t: "request" }>): string | null {
    const { request, operation, args, token } = message;
    if (this.#requests.has(request)) return "two requests with one number";
    if (this.#requests.size >= MAX_REQUESTS) return `more than ${MAX_REQUESTS} requests in flight`;
    if (this.#gone || this.#silent) return null;
    this.#requests.add(request);
    const call = message.call !== null && this.#calls.has(message.call) ? message.call : null;
    this.#deps.events.request({ operation, args, token, call, signal: this.#abort.signal }).then(
      (outcome) => this.#answer(request, outcome),
      () => this.#answer(request, refusal("internal", "the gateway could not carry out this call")), // Its own log has the reason.
    );
    return null;
  }

  #answer(request: RequestNumber, outcome: Extract<ToHost, { t: "answer" }>["outcome"]): void {
    this.#requests.delete(request);
    if (this.#gone) return;
    const bulk = JSON.stringify(outcome).length > SMALL_ANSWER;
    // The answers of one plugin must not overflow the bridge: that would end the host of all.
    const sent = bulk && this.#deps.isFull?.() === true ? refusal("rate_limited", "too much is on its way to the plugin host") : outcome;
    this.#deps.send({ t: "answer", realm: this.number, request, outcome: sent }, bulk);
  }

  #finish(id: CallNumber, outcome: CallOutcome): void {
    const pending = this.#calls.get(id);
    if (pending === undefined) return; // It had timed out here.
    this.#calls.delete(id);
    pending.timer.cancel();
    pending.resolve(outcome);
  }

  #end(detail: string): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#abort.abort();
    for (const id of [...this.#calls.keys()]) this.#finish(id, gone(detail));
    this.#markClosed();
  }
}

function gone(message: string): CallOutcome {
  return { ok: false, cause: "gone", error: { name: "RealmGone", message, code: "realm_gone" }, cpuMs: 0 };
}

function late(timeoutMs: number): CallOutcome {
  return {
    ok: false,
    cause: "timeout",
    error: { name: "Timeout", message: `no answer within ${timeoutMs / 1000} s`, code: "timeout" },
    cpuMs: 0,
  };
}

function refusal(code: string, message: string) {
  return { ok: false, error: { name: "PluginError", message, code } } as const;
}
