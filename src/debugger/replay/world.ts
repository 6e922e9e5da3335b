/** What a replayed plugin finds around itself: the answers, the clock and the timers of the recording. */
import { hide } from "../../control/recordings.ts";
import type { Json } from "../../json.ts";
import { fieldsOf, keyOf, type Reading, type Recording, type Step } from "./recording.ts";

/** Requests without an answer in the recording are answered so; registering needs none. */
const NOTHING = { ok: true, value: null } as const;
const REGISTERING: ReadonlySet<string> = new Set(["register", "dispose"]);

export interface Request {
  readonly number: number;
  readonly operation: string;
  readonly args: Json;
}

/** Pairs what the plugin asks now with what it asked then. */
export class RecordedAnswers {
  /** By the number that the request has in the recording: that of the replay. */
  readonly pairs = new Map<number, number>();
  /** Registrations of now by those of then. */
  readonly registrations = new Map<number, number>();
  /** What the recording has no answer to. */
  readonly missing: string[] = [];
  readonly #services: Map<string, Json[]>;
  readonly #open: (Request & { readonly key: string })[];

  constructor({ services, requests }: Recording) {
    this.#services = new Map([...services].map(([key, answers]) => [key, [...answers]]));
    this.#open = requests.map((request) => ({ ...request, key: keyOf([request.operation, comparable(request)]) }));
  }

  /** The answer of a service of the host, in order; the last one again when there are no more; null: it was never asked. */
  service(asked: Json): Json | null {
    const answers = this.#services.get(keyOf(asked));
    if (answers === undefined) return null;
    return (answers.length > 1 ? answers.shift() : answers[0]) ?? null;
  }

  /** What the plugin gets at once; null: the answer comes when it came in the recording. */
  request(request: Request): { readonly ok: boolean; readonly value?: Json; readonly error?: Json } | null {
    const key = keyOf([request.operation, comparable(request)]);
    const exact = this.#open.findIndex((each) => each.key === key);
    // A corrected plugin may say it in other words.
    const at =
      exact >= 0 || request.operation !== "send_message" ? exact : this.#open.findIndex((each) => each.operation === "send_message");
    const [then] = at < 0 ? [] : this.#open.splice(at, 1);
    if (then !== undefined) {
      this.pairs.set(then.number, request.number);
      const [before, now] = [idOf(then.args), idOf(request.args)];
      if (request.operation === "register" && before !== null && now !== null) this.registrations.set(before, now);
      return null;
    }
    if (REGISTERING.has(request.operation)) return NOTHING;
    const what = `${request.operation} ${JSON.stringify(request.args).slice(0, 200)}`;
    this.missing.push(what);
    const message = `the recording has no answer to ${what}`;
    return { ok: false, error: { name: "PluginError", code: "unavailable", message } };
  }
}

/** As a recording has it: the number of a registration may be another, and credentials are not in the file. */
function comparable({ operation, args }: Request): Json {
  return operation === "register" ? { ...fieldsOf(args), id: 0 } : hide(args, []);
}

function idOf(args: Json): number | null {
  const { id } = fieldsOf(args);
  return typeof id === "number" ? id : null;
}

/** What Date reads: as in the recording, reading by reading; what is read more often stays at the last. */
export class RecordedClock {
  #now = 0;
  #readings: [ms: number, left: number][] = [];

  enter({ ms, readings }: Step): void {
    this.#now = ms;
    this.#readings = readings.map(([at, count]: Reading) => [at, count]);
  }

  get time(): number {
    return this.#now;
  }

  read(): number {
    const next = this.#readings[0];
    if (next === undefined) return this.#now;
    this.#now = next[0];
    next[1] -= 1;
    if (next[1] <= 0) this.#readings.shift();
    return this.#now;
  }
}

/** Timers fire when they fired in the recording; those that it does not have, when their time has come. */
export class RecordedTimers {
  readonly #then: [id: number, ms: number][];
  /** By the number of then. */
  readonly #pairs = new Map<number, number>();
  readonly #own = new Map<number, number>();

  constructor({ timers }: Recording) {
    this.#then = timers.map(([id, ms]) => [id, ms]);
  }

  set(id: number, ms: number, now: number): void {
    const at = this.#then.findIndex(([, each]) => each === ms);
    const [then] = at < 0 ? [] : this.#then.splice(at, 1);
    if (then === undefined) this.#own.set(id, now + ms);
    else this.#pairs.set(then[0], id);
  }

  clear(id: number): void {
    this.#own.delete(id);
    for (const [then, now] of this.#pairs) if (now === id) this.#pairs.delete(then);
  }

  /** The timer of now that fires where `then` fired; null: it was not set, or is cleared. */
  pairOf(then: number): number | null {
    return this.#pairs.get(then) ?? null;
  }

  /** Timers that only the replay has and that are due; each once. */
  due(now: number): number[] {
    const due = [...this.#own].filter(([, at]) => at <= now).sort(([, a], [, b]) => a - b);
    for (const [id] of due) this.#own.delete(id);
    return due.map(([id]) => id);
  }
}
