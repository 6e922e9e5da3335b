/**
 * The lines of a source map, decoded when they are asked for. A map comes from hostile source, by way of a process that may
 * have been taken over: decoding a large one at once would hold up the gateway, so each use has a budget.
 */

export interface Segment {
  /** All from 0. */
  readonly column: number;
  readonly source: number;
  readonly sourceLine: number;
  readonly sourceColumn: number;
  /** At the start of a line, with the place of what stood before it: the bundler's own brackets and blanks. */
  readonly isInherited: boolean;
}

/** Characters that one use may decode: some milliseconds. What is then still out of reach is reached by a later use. */
const BUDGET = 384 * 1024;
/** Longer lines, and what follows them, have no places. */
const MAX_LINE = 128 * 1024;
const MAX_LINES = 200_000;
/** A segment holds up to five numbers of up to seven digits. */
const MAX_SEGMENT = 40;
const [COMMA, SEMICOLON] = [44, 59];
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const DIGIT = new Int8Array(128).fill(-1);
for (let digit = 0; digit < DIGITS.length; digit++) DIGIT[DIGITS.charCodeAt(digit)] = digit;

/** Source, line and column of the last segment before a line: the format counts on from there. */
type State = readonly [source: number, line: number, column: number];

export class SourceMapLines {
  readonly #mappings: string;
  /** Of each line reached so far: where it starts, and the state before it. */
  readonly #starts: { readonly at: number; readonly state: State }[] = [{ at: 0, state: [0, 0, 0] }];
  #isWhole = false;

  constructor(mappings: string) {
    this.#mappings = mappings;
  }

  /** A view with a budget of its own, for one stack. */
  use(): (line: number) => readonly Segment[] | undefined {
    let left = BUDGET;
    const known = new Map<number, readonly Segment[]>();
    return (line) => {
      const before = known.get(line);
      if (before !== undefined) return before;
      left -= this.#reach(line, left);
      const start = this.#starts[line];
      if (start === undefined || left <= 0) return undefined;
      const segments: Segment[] = [];
      const end = this.#decode(start.at, start.state, segments)?.end;
      if (end === undefined) return undefined;
      left -= end - start.at;
      known.set(line, segments);
      return segments;
    };
  }

  /** Walks on until line `line` is known, or `budget` characters are used. Gives those used. */
  #reach(line: number, budget: number): number {
    let used = 0;
    while (!this.#isWhole && this.#starts.length <= line && used < budget) {
      const last = this.#starts.at(-1);
      const walked = last === undefined || this.#starts.length >= MAX_LINES ? null : this.#decode(last.at, last.state, null);
      this.#isWhole = last === undefined || walked === null || walked.end >= this.#mappings.length;
      if (last === undefined || walked === null || this.#isWhole) break;
      used += walked.end + 1 - last.at;
      this.#starts.push({ at: walked.end + 1, state: walked.state });
    }
    return used;
  }

  /** One line from `at` to its semicolon; null when it is no line of a source map, or too long. */
  #decode(at: number, [source, line, column]: State, into: Segment[] | null): { end: number; state: State } | null {
    const text = this.#mappings;
    const state: [number, number, number] = [source, line, column];
    const numbers = [0, 0, 0, 0, 0];
    let [generated, count, value, shift, from, segments] = [0, 0, 0, 0, at, 0];
    for (let here = at; ; here++) {
      const code = here < text.length ? text.charCodeAt(here) : SEMICOLON;
      if (code === COMMA || code === SEMICOLON) {
        const [moved = 0, ...rest] = numbers;
        if (count > 0) generated += moved;
        if (count >= 4) {
          for (const index of [0, 1, 2] as const) state[index] += rest[index] ?? 0;
          const isInherited = segments++ === 0 && moved === 0 && rest.every((delta) => delta === 0);
          into?.push({ column: generated, source: state[0], sourceLine: state[1], sourceColumn: state[2], isInherited });
        }
        if (code === SEMICOLON) return { end: here, state };
        numbers.fill(0);
        [count, value, shift, from] = [0, 0, 0, here + 1];
        continue;
      }
      const digit = code < 128 ? (DIGIT[code] ?? -1) : -1;
      if (digit < 0 || here - from > MAX_SEGMENT || here - at > MAX_LINE) return null;
      value |= (digit & 31) << shift;
      shift += 5;
      if ((digit & 32) !== 0) continue;
      if (count < 5) numbers[count] = (value & 1) === 1 ? -(value >> 1) : value >> 1;
      [count, value, shift] = [count + 1, 0, 0];
    }
  }
}
