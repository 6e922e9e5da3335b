/** Which of the author's lines were run, over all realms of a test run. */
import type { EngineFactory } from "../../host/engine/realm-engine.ts";
import { COVERED, type Instrumented, instrument } from "./instrument.ts";

/** Lines of one file: true where a statement that begins there was run. */
export type FileLines = Readonly<Record<string, boolean>>;
/** By file, as the plugin's folder has it. */
export type Report = Readonly<Record<string, FileLines>>;

export interface Bundled {
  readonly code: string;
  mapStack(stack: string): string;
  /** The name that its stacks have. */
  readonly file: string;
}

/** Lines of one plugin. */
export class Coverage {
  readonly #places = new Map<string, Instrumented>();
  readonly #lines = new Map<string, Map<number, boolean>>();

  /** The bundle that tells what it runs. A bundle is instrumented once. */
  instrumented(plugin: string, { code, mapStack, file }: Bundled): string {
    const made = instrument(code, (line, column) => {
      const place = mapStack(`${file}:${line}:${column}`);
      return place.startsWith(`${file}:`) || place.includes("node_modules/") ? null : place;
    });
    this.#places.set(plugin, made);
    for (const place of made.places) this.#note(place, false);
    return made.code;
  }

  /** Hears what realms run. */
  engines(usual: EngineFactory): EngineFactory {
    return (order) =>
      usual({
        ...order,
        host: (operation, text) => {
          if (operation !== COVERED) return order.host(operation, text);
          const place = this.#places.get(order.plugin)?.places[Number(text)];
          if (place !== undefined) this.#note(place, true);
          return undefined;
        },
      });
  }

  report(): Report {
    const files = [...this.#lines].sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(files.map(([file, lines]) => [file, Object.fromEntries([...lines].sort(([a], [b]) => a - b))]));
  }

  #note(place: string, isRun: boolean): void {
    const [, file = "", line = ""] = /^(.*):(\d+):\d+$/.exec(place) ?? [];
    if (file === "") return;
    const lines = this.#lines.get(file) ?? new Map<number, boolean>();
    this.#lines.set(file, lines.set(Number(line), isRun || lines.get(Number(line)) === true));
  }
}

/** A table for people: each file with its share of lines and those that were not run. */
export function coverageLines(report: Report): string[] {
  const rows = Object.entries(report).map(([file, lines]) => {
    const all = Object.keys(lines).map(Number);
    const missed = all.filter((line) => lines[String(line)] !== true).sort((a, b) => a - b);
    return { file, all: all.length, run: all.length - missed.length, missed: rangesOf(missed, all) };
  });
  const total = { file: "all", all: sum(rows.map(({ all }) => all)), run: sum(rows.map(({ run }) => run)), missed: "" };
  const width = Math.max(...[...rows, total].map(({ file }) => file.length));
  return [...rows, total].map(({ file, all, run, missed }) =>
    `${file.padEnd(width)}  ${String(all === 0 ? 100 : Math.floor((100 * run) / all)).padStart(3)} %  ${run} of ${all} lines${missed === "" ? "" : `  not run: ${missed}`}`.trimEnd(),
  );
}

/** `12-15, 30`: neighbours among the lines that count. */
function rangesOf(missed: readonly number[], all: readonly number[]): string {
  const order = [...all].sort((a, b) => a - b);
  const ranges: [number, number][] = [];
  for (const line of missed) {
    const last = ranges.at(-1);
    if (last !== undefined && order.indexOf(line) === order.indexOf(last[1]) + 1) last[1] = line;
    else ranges.push([line, line]);
  }
  return ranges.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(", ");
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
