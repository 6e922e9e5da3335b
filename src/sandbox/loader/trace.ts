/**
 * What a bundle was made from: every look at its source tree and every text that was read, with the answer. Nothing else
 * goes into a bundle but the loader itself, so where all answers are the same again, the bundle is the same too.
 */
import type { Result } from "../../errors.ts";
import type { Look, Refusal, SourceTree } from "./source.ts";

/** A bundle with more steps is made anew each time: to check them all would take as long. */
const MAX_STEPS = 20_000;
export const MAX_TRACE_CHARS = 4 * 2 ** 20;

/** Passes everything on to `tree` and notes the answers. */
export class TracedTree implements SourceTree {
  readonly label: string;
  readonly #steps = new Set<string>();

  constructor(private readonly tree: SourceTree) {
    this.label = tree.label;
  }

  look(path: string): Look {
    const look = this.tree.look(path);
    this.#note(lookStep(path, look));
    return look;
  }

  read(path: string): Result<string, Refusal> {
    const read = this.tree.read(path);
    this.#note(readStep(path, read));
    return read;
  }

  /** One line a step; null when there were too many. */
  trace(): string | null {
    const trace = [...this.#steps].join("\n");
    return this.#steps.size > MAX_STEPS || trace.length > MAX_TRACE_CHARS ? null : trace;
  }

  #note(step: string): void {
    if (this.#steps.size <= MAX_STEPS) this.#steps.add(step);
  }
}

/** Whether every step of `trace` gives the same answer in `tree`. False for what is no trace. */
export function traceHolds(trace: string, tree: SourceTree): boolean {
  const steps = trace.split("\n");
  return steps.length <= MAX_STEPS && steps.every((step) => isSame(step, tree));
}

function isSame(step: string, tree: SourceTree): boolean {
  const [kind, encoded = ""] = step.split(" ", 2);
  const path = decoded(encoded);
  if (path === null) return false;
  if (kind === "look") return lookStep(path, tree.look(path)) === step;
  return kind === "read" && readStep(path, tree.read(path)) === step;
}

function lookStep(path: string, look: Look): string {
  const found = look.kind === "file" || look.kind === "folder" ? encodeURIComponent(look.path) : "";
  return `look ${encodeURIComponent(path)} ${look.kind} ${found}`;
}

function readStep(path: string, read: Result<string, Refusal>): string {
  const content = read.ok ? new Bun.CryptoHasher("sha256").update(read.value).digest("hex") : "refused";
  return `read ${encodeURIComponent(path)} ${content}`;
}

function decoded(encoded: string): string | null {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return null; // Not written by this module.
  }
}
