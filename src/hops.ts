/**
 * For the bench: how long one command takes from step to step of its way through the gateway. Switched on by a hidden flag;
 * off, a mark costs one comparison. Holds nothing but numbers, and only of commands that come one after the other.
 */

/** In the order in which a command that is answered passes them. */
export const HOPS = ["bytes", "message", "call", "result", "queued", "stored", "written"] as const;
export type Hop = (typeof HOPS)[number];

/** Ways between two neighbours, us, as `bytes>message`; and how many commands they were measured with. */
export interface HopReport {
  readonly commands: number;
  readonly us: Readonly<Record<string, number>>;
  /** The slowest {@link SLOWEST} of them, slowest first: which one since the start of the trace it was, and its own ways. */
  readonly slowest: readonly { readonly command: number; readonly us: readonly number[] }[];
}

const COMMANDS = 500;
/** One in a hundred: what makes the 99th percentile. */
const SLOWEST = COMMANDS / 100;

let trace: HopTrace | null = null;

class HopTrace {
  #at: number[] = [];
  readonly #ways: number[][] = HOPS.slice(1).map(() => []);
  #reported = 0;

  constructor(
    private readonly now: () => number,
    private readonly tell: (report: HopReport) => void,
  ) {}

  mark(hop: Hop): void {
    const step = HOPS.indexOf(hop);
    // Bytes that bring no command, such as an acknowledgement, only begin anew.
    if (step === 0) this.#at = [];
    if (this.#at.length !== step) return;
    this.#at.push(this.now());
    if (step === HOPS.length - 1) this.#end();
  }

  #end(): void {
    for (const [index, way] of this.#ways.entries()) way.push(((this.#at[index + 1] ?? 0) - (this.#at[index] ?? 0)) * 1_000);
    this.#at = [];
    const commands = this.#ways[0]?.length ?? 0;
    if (commands < COMMANDS) return;
    const us = this.#ways.map((way, index) => [`${HOPS[index]}>${HOPS[index + 1]}`, median(way)] as const);
    const slowest = this.#slowest(commands);
    for (const way of this.#ways) way.length = 0;
    this.#reported += commands;
    this.tell({ commands, us: Object.fromEntries(us), slowest });
  }

  #slowest(commands: number): HopReport["slowest"] {
    const each = Array.from({ length: commands }, (_, index) => ({
      command: this.#reported + index,
      us: this.#ways.map((way) => Math.round(way[index] ?? 0)),
    }));
    return each.sort((a, b) => sum(b.us) - sum(a.us)).slice(0, SLOWEST);
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, each) => total + each, 0);
}

function median(values: readonly number[]): number {
  return Math.round([...values].sort((a, b) => a - b)[values.length >> 1] ?? 0);
}

/** Measures from now on and reports after every {@link COMMANDS} commands; `now` in ms. */
export function traceHops(now: () => number, tell: (report: HopReport) => void): void {
  trace = new HopTrace(now, tell);
}

/** The command in progress passes here. */
export function markHop(hop: Hop): void {
  trace?.mark(hop);
}
