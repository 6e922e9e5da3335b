/** AbortController and AbortSignal, with the little of EventTarget they need. */
import { runLoose } from "./link.ts";
import { NativeError, NativeTypeError, push, slice, splice } from "./primordials.ts";
import { setTimeout } from "./timers.ts";

/** The reason of an abort that names no other. */
export class AbortError extends NativeError {
  override name = "AbortError";
}

class TimeoutError extends NativeError {
  override name = "TimeoutError";
}

type Listener = (event: { readonly type: "abort"; readonly target: AbortSignal }) => void;

let makeSignal: () => AbortSignal;
let abortSignal: (signal: AbortSignal, reason: unknown) => void;

/** As in the web standard, for the one event `abort`. */
export class AbortSignal {
  #aborted = false;
  #reason: unknown;
  #listeners: { run: Listener; once: boolean }[] = [];
  onabort: Listener | null = null;

  static {
    makeSignal = () => new AbortSignal();
    abortSignal = (signal, reason) => signal.#abort(reason);
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason;
  }

  addEventListener(type: string, run: Listener, options?: boolean | { once?: boolean }): void {
    if (type !== "abort" || typeof run !== "function") return;
    push(this.#listeners, { run, once: typeof options === "object" && options.once === true });
  }

  removeEventListener(_type: string, run: Listener): void {
    for (let at = this.#listeners.length - 1; at >= 0; at--) if (this.#listeners[at]?.run === run) splice(this.#listeners, at, 1);
  }

  #abort(reason: unknown): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason === undefined ? new AbortError("The operation was aborted") : reason;
    const event = { type: "abort", target: this } as const;
    const listeners = slice(this.#listeners);
    this.#listeners = [];
    if (this.onabort !== null) runLoose(() => this.onabort?.(event));
    for (let at = 0; at < listeners.length; at++) runLoose(() => listeners[at]?.run(event));
  }

  /** `reason` as in the standard; by default an AbortError. */
  static abort(reason?: unknown): AbortSignal {
    const signal = makeSignal();
    abortSignal(signal, reason);
    return signal;
  }

  /** Aborts after `ms` milliseconds; no longer than the plugin's timers live. */
  static timeout(ms: number): AbortSignal {
    const signal = makeSignal();
    setTimeout(() => abortSignal(signal, new TimeoutError("The operation timed out")), ms);
    return signal;
  }

  static any(signals: readonly AbortSignal[]): AbortSignal {
    const joined = makeSignal();
    for (let at = 0; at < signals.length; at++) {
      const signal = signals[at];
      if (signal === undefined) throw new NativeTypeError("AbortSignal.any takes a list of signals");
      if (signal.aborted) {
        abortSignal(joined, signal.reason);
        break;
      }
      signal.addEventListener("abort", () => abortSignal(joined, signal.reason), { once: true });
    }
    return joined;
  }
}

/** As in the web standard: `abort` ends its signal. */
export class AbortController {
  readonly signal: AbortSignal = makeSignal();
  abort(reason?: unknown): void {
    abortSignal(this.signal, reason);
  }
}
