import type { Clock, Timer } from "../../clock.ts";

export interface Decided {
  readonly plugin: string;
  readonly permission: string;
  readonly scope: string;
  readonly result: "allow" | "deny";
  readonly rule: string;
  readonly correlationId: string;
}

/** A decision as a line, or repeats of one summed up. */
export interface Summed {
  readonly plugin: string;
  readonly permission: string;
  readonly scope: string;
  readonly result: "allow" | "deny";
  readonly rule: string;
  /** Correlation id of the first decision; the repeats may have had others. */
  readonly correlation_id: string;
  readonly count: number;
  /** Of the repeats, when count is above one or they came later. */
  readonly first?: string;
  readonly last?: string;
}

const WINDOW_MS = 10_000;
/** Distinct lines of one plugin in a window; what is beyond goes under one line for each result. */
const DISTINCT_MAX = 200;
const KEYS_MAX = 4096;

interface Open {
  readonly decided: Decided;
  repeats: number;
  first: number;
  last: number;
}

/**
 * Keeps a flood out of the log: of identical decisions the first is written at once and its repeats as one line when the
 * window closes. A plugin that varies the scope to flood it all the same shares one line for what is beyond its part.
 */
export class Summary {
  readonly #open = new Map<string, Open>();
  readonly #distinct = new Map<string, number>();
  #until = 0;
  #timer: Timer | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly write: (summed: Summed) => void,
  ) {}

  add(decided: Decided): void {
    if (this.clock.monotonic() >= this.#until) {
      this.close();
      this.#until = this.clock.monotonic() + WINDOW_MS;
      this.#timer = this.clock.after(WINDOW_MS, () => this.close());
    }
    const distinct = this.#distinct.get(decided.plugin) ?? 0;
    const many = distinct >= DISTINCT_MAX || this.#open.size >= KEYS_MAX;
    const key = `${decided.plugin}\n${decided.permission}\n${decided.result}\n${decided.scope}\n${decided.rule}`;
    const now = this.clock.now();
    const found = this.#open.get(key);
    if (found === undefined && !many) {
      this.#distinct.set(decided.plugin, distinct + 1);
      this.#open.set(key, { decided, repeats: 0, first: 0, last: 0 });
      this.write(summed(decided, 1));
      return;
    }
    const manyKey = `${decided.plugin}\n${decided.permission}\n${decided.result}`;
    const sum = found ??
      this.#open.get(manyKey) ?? { decided: { ...decided, scope: "(many different)", rule: "(many)" }, repeats: 0, first: 0, last: 0 };
    if (found === undefined) this.#open.set(manyKey, sum);
    if (sum.repeats === 0) sum.first = now;
    sum.repeats++;
    sum.last = now;
  }

  /** Writes the repeats of the window and starts a new one. */
  close(): void {
    for (const { decided, repeats, first, last } of this.#open.values()) {
      if (repeats === 0) continue;
      this.write({ ...summed(decided, repeats), first: new Date(first).toISOString(), last: new Date(last).toISOString() });
    }
    this.#open.clear();
    this.#distinct.clear();
    this.#timer?.cancel();
    this.#timer = null;
    this.#until = 0;
  }
}

const summed = ({ correlationId, ...rest }: Decided, count: number): Summed => ({ ...rest, correlation_id: correlationId, count });
