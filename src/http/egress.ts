import { type Clock, type Random, sleep } from "../clock.ts";
import { asGatewayError, fail, GatewayError, ok, type Result } from "../errors.ts";
import type { Logger } from "../log/logger.ts";
import type { Ask, Decision } from "../permissions/grammar/types.ts";
import { type Rate, TokenBucket } from "../rates.ts";
import type { HttpArgs, HttpOutcome } from "../sdk/boundary/wire.ts";
import { reachOf } from "./address.ts";
import { bodyOf } from "./body.ts";
import { type Answer, type Exchange, OUTCOME_JSON_MAX, pinnedExchange, RESPONSE_MAX } from "./exchange.ts";
import { askFor, literalAddress, type Prepared, prepare, redirected } from "./request.ts";
import { type Resolve, systemResolve } from "./resolve.ts";
import { Slots } from "./slots.ts";

export interface EgressDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** `plugins.limits.http`: requests of one plugin; retries and redirects of one request do not count again. */
  readonly rate: Rate;
  /** For example `zephyrgate/1.0.0`. */
  readonly userAgent: string;
  /** Returns all addresses of a name; the system's resolver by default. */
  readonly resolve?: Resolve;
  /** Sends one request; {@link pinnedExchange} by default. */
  readonly exchange?: Exchange;
}

export interface EgressCall {
  readonly plugin: string;
  /** The broker's decision on each hop. Private addresses are a second question, asked once the name is resolved. */
  allow(ask: Ask): Decision;
  /** Aborts when the permission is revoked or the plugin ends. */
  readonly signal: AbortSignal;
  /** The request ends by then, whatever its own timeout, ms of the monotonic clock. */
  readonly deadline?: number;
  /** Most bytes of a response body. */
  readonly maxBytes?: number;
}

/** Codes of a failed request, beside `http_status` for an answer of 400 and above. */
export type HttpErrorCode =
  | "invalid_argument"
  | "permission_denied"
  | "rate_limited"
  | "timeout"
  | "cancelled"
  | "too_large"
  | "unavailable"
  | "internal"
  | "http_status";

const ATTEMPTS = 3;
const REDIRECTS_MAX = 5;
const ADDRESSES_MAX = 3;
const BACKOFF_MS = 300;
const IDEMPOTENT = /^(GET|HEAD|OPTIONS|PUT|DELETE)$/;
const TRY_AGAIN: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);
const LIMITS = { perPlugin: 4, total: 32, waitingPerPlugin: 16 };

/**
 * The only way out for plugins. Every hop is checked: scheme, host, port and method by the broker, the name resolved once,
 * the address by {@link reachOf}, and the connection goes to exactly that address. Never throws and never rejects.
 */
export class Egress {
  readonly #resolve: Resolve;
  readonly #exchange: Exchange;
  readonly #slots = new Slots(LIMITS);
  readonly #buckets = new Map<string, TokenBucket>();
  #rate: Rate;

  constructor(private readonly deps: EgressDeps) {
    this.#rate = deps.rate;
    this.#resolve = deps.resolve ?? systemResolve;
    this.#exchange = deps.exchange ?? pinnedExchange();
  }

  /** A changed `limits.http`: buckets start full. */
  setRate(rate: Rate): void {
    if (rate.text !== this.#rate.text) this.#buckets.clear();
    this.#rate = rate;
  }

  /** Forgets a plugin that was removed. */
  forget(plugin: string): void {
    this.#buckets.delete(plugin);
  }

  /** Requests under way, for status and tests. */
  get running(): number {
    return this.#slots.running;
  }

  async request(args: HttpArgs, call: EgressCall): Promise<HttpOutcome> {
    try {
      const outcome = await this.#run(args, call);
      return outcome.ok ? outcome.value : failed(outcome.error);
    } catch (thrown) {
      this.deps.log.error("an HTTP request of a plugin failed inside the gateway", { plugin: call.plugin, error: thrown });
      return failed(asGatewayError(thrown));
    }
  }

  async #run(args: HttpArgs, call: EgressCall): Promise<Result<HttpOutcome>> {
    const checked = prepare(args, this.deps.userAgent);
    if (!checked.ok) return checked;
    const prepared = ok({ ...checked.value, maxBytes: call.maxBytes ?? RESPONSE_MAX });
    const allowed = permit(call, askFor(prepared.value, false));
    if (!allowed.ok) return allowed;
    const wait = this.#bucket(call.plugin).take(1);
    if (wait > 0) return limited(`over ${this.#rate.text} requests`, wait);

    const stop = new AbortController();
    const cancel = () => stop.abort(new GatewayError("cancelled", "the request was cancelled: the permission or the plugin ended"));
    const timeoutMs = this.#timeoutMs(prepared.value, call);
    const late = tooLate(timeoutMs, prepared.value.timeoutMs);
    const deadline = this.deps.clock.monotonic() + timeoutMs;
    const timer = this.deps.clock.after(timeoutMs, () => stop.abort(late));
    if (call.signal.aborted) cancel();
    call.signal.addEventListener("abort", cancel, { once: true });
    const slot = await this.#slots.acquire(call.plugin, stop.signal);
    try {
      if (slot === "aborted") return { ok: false, error: asGatewayError(stop.signal.reason) };
      if (slot === "full") return limited("too many requests at once", 1);
      return await this.#attempts(prepared.value, call, stop.signal, deadline);
    } catch (thrown) {
      if (stop.signal.aborted) return { ok: false, error: asGatewayError(stop.signal.reason) };
      throw thrown;
    } finally {
      if (typeof slot === "function") slot();
      timer.cancel();
      call.signal.removeEventListener("abort", cancel);
    }
  }

  /** Up to three tries of an idempotent request, with growing and jittered pauses, inside the one deadline. */
  async #attempts(request: Prepared, call: EgressCall, signal: AbortSignal, deadline: number): Promise<Result<HttpOutcome>> {
    for (let attempt = 1; ; attempt++) {
      const found = await this.#follow(request, call, signal, attempt > 1);
      const status = found.ok ? found.value.answer.status : 0;
      const retryAfter = found.ok ? readRetryAfter(found.value.answer.headers["retry-after"], this.deps.clock.now()) : null;
      const again = IDEMPOTENT.test(request.method) && (found.ok ? TRY_AGAIN.has(status) : mayPass(found.error));
      const pause = retryAfter !== null ? retryAfter * 1000 : BACKOFF_MS * 2 ** (attempt - 1) * (0.5 + this.deps.random.fraction());
      if (!again || attempt >= ATTEMPTS || this.deps.clock.monotonic() + pause >= deadline) {
        return found.ok ? finish(request, found.value, retryAfter) : found;
      }
      await sleep(this.deps.clock, pause, signal);
      signal.throwIfAborted();
    }
  }

  /** One try: the request and the redirects that follow it. */
  async #follow(first: Prepared, call: EgressCall, signal: AbortSignal, askFirst: boolean): Promise<Result<{ answer: Answer; url: URL }>> {
    let request = first;
    for (let hop = 0; hop <= REDIRECTS_MAX; hop++) {
      const allowed = hop === 0 && !askFirst ? ok(null) : permit(call, askFor(request, false));
      if (!allowed.ok) return allowed;
      const answer = await this.#hop(request, call, signal);
      if (!answer.ok) return answer;
      const location = [301, 302, 303, 307, 308].includes(answer.value.status) ? answer.value.headers.location : undefined;
      if (location === undefined) return ok({ answer: answer.value, url: request.target.url });
      const next = redirected(request, answer.value.status, location);
      if (!next.ok) return fail("unavailable", `${request.target.host} redirects to a URL that is refused: ${next.error.message}`);
      request = next.value;
    }
    return fail("unavailable", `more than ${REDIRECTS_MAX} redirects`);
  }

  async #hop(request: Prepared, call: EgressCall, signal: AbortSignal): Promise<Result<Answer>> {
    const addresses = await this.#addresses(request, call, signal);
    if (!addresses.ok) return addresses;
    let last: Result<Answer> = fail("unavailable", `${request.target.host} has no address`);
    for (const address of addresses.value.slice(0, ADDRESSES_MAX)) {
      last = await unlessAborted(this.#exchange(request, address, signal), signal);
      // Without a connection nothing was sent, so the next address can be tried.
      if (last.ok || last.error.data?.kind !== "connect") break;
    }
    if (last.ok) return last;
    return fail(last.error.code, `${request.target.host}: ${last.error.message}`, { cause: last.error, data: last.error.data ?? {} });
  }

  /** The addresses to try, IPv4 first. Private ones only if there is no public one and the plugin may reach private ones. */
  async #addresses(request: Prepared, call: EgressCall, signal: AbortSignal): Promise<Result<string[]>> {
    const { target } = request;
    const literal = literalAddress(target);
    let found: readonly string[];
    try {
      found = literal !== null ? [literal] : await unlessAborted(this.#resolve(target.host, signal), signal);
    } catch (thrown) {
      signal.throwIfAborted();
      return fail("unavailable", `the name ${target.host} cannot be resolved`, { cause: thrown, data: { kind: "connect" } });
    }
    const sorted = found.toSorted((a, b) => Number(a.includes(":")) - Number(b.includes(":")));
    const open = sorted.filter((address) => reachOf(address) === "public");
    if (open.length > 0) return ok(open);
    const near = sorted.filter((address) => reachOf(address) === "private");
    if (near.length > 0) {
      const allowed = permit(call, askFor(request, true));
      return allowed.ok ? ok(near) : allowed;
    }
    return fail("permission_denied", `${target.host} has no address that the plugin may reach`, { data: { kind: "answer" } });
  }

  /** The request's own timeout, or what is left of the handler's time where that is less. */
  #timeoutMs({ timeoutMs }: Prepared, { deadline }: EgressCall): number {
    return deadline === undefined ? timeoutMs : Math.max(0, Math.min(timeoutMs, deadline - this.deps.clock.monotonic()));
  }

  #bucket(plugin: string): TokenBucket {
    const bucket = this.#buckets.get(plugin) ?? new TokenBucket(this.deps.clock, this.#rate);
    this.#buckets.set(plugin, bucket);
    return bucket;
  }
}

function tooLate(timeoutMs: number, ownMs: number): GatewayError {
  const seconds = `${Math.round(timeoutMs / 100) / 10} s`;
  if (timeoutMs >= ownMs) return new GatewayError("timeout", `no answer within ${seconds}`);
  return new GatewayError("timeout", `no answer within ${seconds}, which was left of the handler's own time`);
}

function permit(call: EgressCall, ask: Ask): Result<null> {
  const decision = call.allow(ask);
  if (decision.allowed) return ok(null);
  const data = decision.retryAfterS === undefined ? {} : { retryAfter: decision.retryAfterS };
  return fail("permission_denied", `${decision.permission} does not allow ${decision.scope}`, { hint: decision.hint, data });
}

function limited(message: string, seconds: number): { ok: false; error: GatewayError } {
  return fail("rate_limited", message, { data: { retryAfter: Math.ceil(seconds * 10) / 10 } });
}

/** Waits until the signal aborts at the latest, even if the promise never settles. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(asGatewayError(signal.reason));
    const settled = () => signal.removeEventListener("abort", abort);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).then(settled, settled);
  });
}

/** Whether the same request may succeed a moment later. */
const mayPass = (error: GatewayError) => error.data?.kind === "connect" || error.data?.kind === "broken";

/** Seconds from a Retry-After header: a number or a date. */
function readRetryAfter(header: string | undefined, now: number): number | null {
  if (header === undefined) return null;
  if (/^\d{1,9}$/.test(header)) return Number(header);
  const date = Date.parse(header.slice(0, 40));
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - now) / 1000));
}

function finish(request: Prepared, found: { answer: Answer; url: URL }, retryAfter: number | null): Result<HttpOutcome> {
  const { status, headers } = found.answer;
  const { text, bytes } = bodyOf(found.answer, request.bytes);
  if (status >= 400 && !request.anyStatus) {
    const error = {
      code: "http_status",
      message: `${found.url.host} answered ${status}`,
      status,
      ...(retryAfter === null ? {} : { retryAfter }),
      headers: { ...headers },
      body: text,
    };
    return withinJson({ ok: false, error });
  }
  const more = bytes === null ? {} : { bytes };
  return withinJson({
    ok: true,
    status,
    headers: { ...headers },
    body: request.bytes === "always" ? "" : text,
    ...more,
    url: found.url.href,
  });
}

function withinJson(outcome: HttpOutcome): Result<HttpOutcome> {
  if (Buffer.byteLength(JSON.stringify(outcome)) <= OUTCOME_JSON_MAX) return ok(outcome);
  return fail("too_large", `the response is within ${RESPONSE_MAX / 1024} KB, but as JSON it is over ${OUTCOME_JSON_MAX / 1024} KB`);
}

function failed(error: GatewayError): HttpOutcome {
  const retryAfter = error.data?.retryAfter;
  const message = error.hint === undefined ? error.message : `${error.message} (${error.hint})`;
  return { ok: false, error: { code: error.code, message, ...(typeof retryAfter === "number" ? { retryAfter } : {}) } };
}
