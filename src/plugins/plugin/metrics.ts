/** Latencies of the last calls, from which percentiles are read on demand. */
const SAMPLES = 256;

/** What calls of one kind have used since the gateway started. */
export interface CallUse {
  calls: number;
  /** Milliseconds of processor time, as the plugin host measured it. */
  cpuMs: number;
  maxMs: number;
}

/** Handlers that are counted apart; the others together. */
const MAX_USES = 500;
const OTHERS = "others";

export class CallMetrics {
  calls = 0;
  failures = 0;
  timeouts = 0;
  messagesSent = 0;
  httpRequests = 0;
  storageCalls = 0;
  denied = 0;
  repliesDropped = 0;
  logLinesDropped = 0;
  eventsDropped = 0;
  /** By what was called, such as `command quiz`. */
  readonly uses = new Map<string, CallUse>();
  readonly #latencies = new Float64Array(SAMPLES);
  #count = 0;

  /** One finished call; `ms` from hand-over to answer. */
  record(ms: number): void {
    this.calls += 1;
    this.#latencies[this.#count % SAMPLES] = ms;
    this.#count += 1;
  }

  /** Processor time of one call. */
  use(what: string, cpuMs: number): void {
    const name = this.uses.has(what) || this.uses.size < MAX_USES ? what : OTHERS;
    const before = this.uses.get(name) ?? { calls: 0, cpuMs: 0, maxMs: 0 };
    this.uses.set(name, { calls: before.calls + 1, cpuMs: before.cpuMs + cpuMs, maxMs: Math.max(before.maxMs, cpuMs) });
  }

  /** ms at the given fraction (0.5, 0.99) over the last 256 calls; 0 before the first. */
  percentile(fraction: number): number {
    const filled = Math.min(this.#count, SAMPLES);
    if (filled === 0) return 0;
    const sorted = this.#latencies.slice(0, filled).sort();
    return sorted[Math.min(filled - 1, Math.floor(filled * fraction))] ?? 0;
  }
}
