/** A recording as a replay uses it. The file may come from anybody: it is read with limits. */
import { fail, ok, type Result } from "../../errors.ts";
import type { Json } from "../../json.ts";
import { type JsonLimits, parseJson } from "../../json-reader.ts";
import { OPS } from "../../sdk/boundary/ops.ts";

const MAX_TEXT = 32 * 1024 * 1024;
const LINE_LIMITS: JsonLimits = { chars: 4 * 1024 * 1024, depth: 96, nodes: 400_000 };

export type Reading = readonly [ms: number, count: number];

/** What the realm was given next, and what its clock said until the one after it. */
export interface Step {
  readonly ms: number;
  /** Null: its module was loaded. */
  readonly event: readonly Json[] | null;
  readonly readings: readonly Reading[];
}

export interface Recording {
  readonly plugin: string;
  readonly version: string;
  readonly steps: readonly Step[];
  /** What the host answered at once, by service and arguments, oldest first. */
  readonly services: ReadonlyMap<string, readonly Json[]>;
  /** What the plugin asked the gateway, in order. */
  readonly requests: readonly { readonly number: number; readonly operation: string; readonly args: Json }[];
  /** Timers that it set: number and ms. */
  readonly timers: readonly (readonly [id: number, ms: number])[];
  /** How calls ended, by number. */
  readonly outcomes: ReadonlyMap<number, Outcome>;
  /** Why it ended. */
  readonly ended: string;
}

export type Outcome =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly error: { readonly name: string; readonly message: string; readonly stack?: string } };

/** The fields of an object; none of anything else. */
export function fieldsOf(value: Json): { readonly [key: string]: Json } {
  const isRecord = (each: Json): each is { readonly [key: string]: Json } =>
    typeof each === "object" && each !== null && !Array.isArray(each);
  return isRecord(value) ? value : {};
}

/** Arguments whose order of keys does not matter. */
export function keyOf(value: Json): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === "object" && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}

export function readRecording(text: string, file: string): Result<Recording> {
  const wrong = (what: string) => fail("invalid_argument", what, { where: file, hint: "make one with: zephyrgate record NAME" });
  if (text.length > MAX_TEXT) return wrong(`a recording has at most ${MAX_TEXT / 2 ** 20} MB`);
  const [first = "", ...rest] = text.split("\n");
  const head = parseJson(first, LINE_LIMITS);
  const about = fieldsOf(head.ok ? head.value : null);
  if (about.zephyrgate !== "recording" || about.format !== 1) return wrong("this is no recording of a plugin");
  const reader = new Reader();
  for (const [index, line] of rest.entries()) {
    if (line === "") continue;
    const parsed = parseJson(line, LINE_LIMITS);
    if (!parsed.ok || !Array.isArray(parsed.value)) return wrong(`line ${index + 2} is no line of a recording`);
    reader.take(parsed.value);
  }
  return ok(reader.recording(String(about.plugin ?? ""), String(about.version ?? "")));
}

class Reader {
  readonly #steps: { ms: number; event: readonly Json[] | null; readings: Reading[] }[] = [];
  readonly #services = new Map<string, Json[]>();
  readonly #requests: { number: number; operation: string; args: Json }[] = [];
  readonly #timers: [number, number][] = [];
  readonly #outcomes = new Map<number, Outcome>();
  #ended = "";

  take([kind, first, second, third]: readonly Json[]): void {
    if (kind === "event" && Array.isArray(second)) this.#steps.push({ ms: Number(first), event: second, readings: [] });
    else if (kind === "load") this.#steps.push({ ms: Number(first), event: null, readings: [] });
    else if (kind === "clock" && Array.isArray(first)) this.#steps.at(-1)?.readings.push(...readingsOf(first));
    else if (kind === "service") this.#service(first ?? null, second ?? null);
    else if (kind === "ask" && first === OPS.timer && Array.isArray(second) && third === null)
      this.#timers.push([Number(second[0]), Number(second[1])]);
    else if (kind === "out" && Array.isArray(second)) this.#out(Number(first), second);
    else if (kind === "failed") this.#outcomes.set(Number(first), { ok: false, error: errorOf(second ?? null) });
    else if (kind === "end") this.#ended = String(first);
  }

  recording(plugin: string, version: string): Recording {
    return {
      plugin,
      version,
      steps: this.#steps,
      services: this.#services,
      requests: this.#requests,
      timers: this.#timers,
      outcomes: this.#outcomes,
      ended: this.#ended,
    };
  }

  #service(asked: Json, answer: Json): void {
    const key = keyOf(asked);
    const answers = this.#services.get(key) ?? [];
    answers.push(answer);
    this.#services.set(key, answers);
  }

  #out(operation: number, [first, second, third]: readonly Json[]): void {
    if (operation === OPS.request) this.#requests.push({ number: Number(first), operation: String(second), args: third ?? null });
    if (operation !== OPS.done || this.#outcomes.has(Number(first))) return;
    const outcome = outcomeOf(second ?? null);
    if (outcome !== null) this.#outcomes.set(Number(first), outcome);
  }
}

/** How a call ended, as the realm says it; null: it did not end, its handler asked something. */
export function outcomeOf(value: Json): Outcome | null {
  const { ok: isOk, ask, value: result, error } = fieldsOf(value);
  if (isOk === true) return ask === undefined ? { ok: true, value: result ?? null } : null;
  return isOk === false ? { ok: false, error: errorOf(error ?? null) } : null;
}

export function errorOf(value: Json): { name: string; message: string; stack?: string } {
  const from = fieldsOf(value);
  const stack = typeof from.stack === "string" ? { stack: from.stack } : {};
  return { name: String(from.name ?? "Error"), message: String(from.message ?? ""), ...stack };
}

function readingsOf(list: readonly Json[]): Reading[] {
  return list.flatMap((each): Reading[] => (Array.isArray(each) ? [[Number(each[0]), Number(each[1])]] : []));
}
