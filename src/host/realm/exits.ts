/** What a realm's engine calls: every way out of a realm into its host. Each value is hostile, bounded and checked here. */
import { MAX_NODES } from "../../bridge/frame-codec.ts";
import type { RequestOutcome } from "../../bridge/realm-spec.ts";
import { type CallNumber, callNumber, type RequestNumber, requestNumber } from "../../ids.ts";
import type { Json } from "../../json.ts";
import { parseJson } from "../../json-reader.ts";
import { permissionOf } from "../../sdk/boundary/operations.ts";
import { OPS } from "../../sdk/boundary/ops.ts";
import type { WireError } from "../../sdk/boundary/wire.ts";
import type { Services } from "../services/services.ts";
import type { RealmCalls } from "./calls.ts";
import type { RealmFrame } from "./frame.ts";
import { MEMORY_HINT } from "./hints.ts";
import type { Limits } from "./limits.ts";
import { cleanError, cleanFields, cleanQuestion, isRecord } from "./output.ts";
import type { RealmTimers } from "./timers.ts";

/** Bytes of one value that leaves a realm; the frame has room for the rest. */
export const MAX_OUT = 200 * 1024;
export const MAX_DEPTH = 80;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

export interface ExitsDeps {
  readonly services: Services;
  readonly limits: Limits;
  readonly timers: RealmTimers;
  readonly calls: RealmCalls;
  readonly tokens: () => Readonly<Record<string, string>>;
  readonly send: (frame: RealmFrame) => void;
  readonly answer: (request: RequestNumber, outcome: RequestOutcome) => void;
  /** The realm wants its next slice; the number comes back in a `paused` event. */
  readonly pause: (number: number) => void;
  /** The realm has said that it is out of memory. */
  readonly onShort: () => void;
}

export class RealmExits {
  readonly #deps: ExitsDeps;
  readonly #requests = new Map<RequestNumber, CallNumber | null>();

  constructor(deps: ExitsDeps) {
    this.#deps = deps;
  }

  /** The call on whose behalf a request was made, or null; undefined when there is no such request. It is then answered. */
  settle(request: RequestNumber): CallNumber | null | undefined {
    const call = this.#requests.get(request);
    this.#requests.delete(request);
    return call;
  }

  /** Never throws; every byte of `text` may be hostile. */
  host(operation: number, text: string): string | Uint8Array | undefined {
    if (operation === OPS.bytes) return text.length <= MAX_OUT && BASE64.test(text) ? Buffer.from(text, "base64") : undefined;
    if (Buffer.byteLength(text) > MAX_OUT)
      return this.#refuse(operation, text, `More than ${MAX_OUT} bytes cannot leave the plugin at once`);
    const parsed = parseJson(text, { chars: MAX_OUT, depth: MAX_DEPTH, nodes: MAX_NODES });
    if (!parsed.ok) return this.#refuse(operation, text, `A value cannot leave the plugin that ${parsed.error.message}`);
    return this.#take(operation, parsed.value);
  }

  #take(operation: number, value: unknown): string | undefined {
    const { services, timers, limits, send } = this.#deps;
    switch (operation) {
      case OPS.service:
        return Array.isArray(value) ? services.answer(value[0], value[1]) : undefined;
      case OPS.request:
        return this.#request(value);
      case OPS.done:
        return this.#done(value);
      case OPS.timer:
        return timers.set(value, this.#deps.calls.current, this.#mayKeepTimers());
      case OPS.clear:
        return timers.clear(value);
      case OPS.pause:
        if (Number.isSafeInteger(value)) this.#deps.pause(Number(value));
        return undefined;
      case OPS.log:
        return this.#log(value);
      case OPS.fault:
        if (limits.takeFault()) send({ t: "fault", error: cleanError(value) });
        return undefined;
      default:
        return undefined;
    }
  }

  /** Outside a call only a plugin with `schedule_tasks` may have timers. */
  #mayKeepTimers(): boolean {
    return this.#deps.calls.size > 0 || this.#deps.tokens().schedule_tasks !== undefined;
  }

  #done(value: unknown): undefined {
    if (!Array.isArray(value)) return;
    const [number, outcome]: unknown[] = value;
    if (typeof number !== "number" || !isRecord(outcome)) return;
    const call = callNumber(number);
    if (outcome.ok === true) {
      const session = isRecord(outcome.session) ? { session: outcome.session as { [key: string]: Json } } : {};
      const ask = cleanQuestion(outcome.ask);
      const more = { ...session, ...(ask === null ? {} : { ask }), ...(outcome.lost === true ? { lost: true as const } : {}) };
      this.#deps.calls.finish(call, { ok: true, value: (outcome.value ?? null) as Json, ...more, cpuMs: 0 });
      return;
    }
    const error = cleanError(outcome.error);
    // Where no memory is left for the engine's own words either, its message is empty.
    const memory = error.name === "InternalError" && (error.message === "out of memory" || error.message === "");
    if (memory) this.#deps.onShort();
    this.#deps.calls.fail(call, memory ? "memory" : "threw", memory ? { ...error, hint: MEMORY_HINT } : error);
  }

  #request(value: unknown): undefined {
    if (!Array.isArray(value)) return;
    const [number, operation, args]: unknown[] = value;
    if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 0) return;
    if (typeof operation !== "string" || operation.length > 100) return;
    const request = requestNumber(number);
    if (this.#requests.has(request)) return;
    const { limits, calls, send, answer } = this.#deps;
    const problem = limits.refuse(operation, args, this.#requests.size);
    this.#requests.set(request, calls.current);
    if (problem !== null) {
      if (problem.strike) send({ t: "strike", reason: "flood", detail: problem.message });
      answer(request, { ok: false, error: { name: "RateLimited", message: problem.message, code: problem.code } });
      return;
    }
    const permission = permissionOf(operation, args);
    const token = permission === null ? null : (this.#deps.tokens()[permission] ?? null);
    send({ t: "request", request, operation, args: (args ?? null) as Json, token, call: calls.billed });
  }

  /** What does not fit is refused to the one who waits for it: a call, a request or the caller of a service. */
  #refuse(operation: number, text: string, message: string): string | undefined {
    const error: WireError = { name: "PluginError", message, code: "too_large" };
    if (operation === OPS.service) return JSON.stringify({ e: error });
    const number = Number(/^\[(\d{1,15}),/.exec(text.slice(0, 20))?.[1] ?? Number.NaN);
    if (operation === OPS.done) this.#deps.calls.fail(callNumber(number), "threw", error);
    const request = requestNumber(number);
    if (operation === OPS.request && Number.isSafeInteger(number) && !this.#requests.has(request)) {
      this.#requests.set(request, this.#deps.calls.current);
      this.#deps.answer(request, { ok: false, error });
    }
    return undefined;
  }

  #log(value: unknown): undefined {
    const [level, message, fields]: unknown[] = Array.isArray(value) ? value : [];
    if (typeof message !== "string" || !this.#deps.limits.takeLine()) return;
    const known = level === "debug" || level === "warn" || level === "error" ? level : "info";
    this.#deps.send({ t: "log", level: known, message: message.slice(0, 8000), fields: cleanFields(fields) });
  }
}
