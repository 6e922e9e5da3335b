/**
 * Runs a plugin again on all that went into it while it was recorded, and compares how its calls end. The plugin's code may be
 * another by now: what it asks is paired with what it asked then, and what the recording cannot answer is told.
 */

import { type Clock, sleep, systemClock, systemRandom } from "../../clock.ts";
import type { EngineFactory, Entry, Ran, RealmEngine } from "../../host/engine/realm-engine.ts";
import { Services } from "../../host/services/services.ts";
import type { Json } from "../../json.ts";
import { parseJson } from "../../json-reader.ts";
import { OPS } from "../../sdk/boundary/ops.ts";
import { errorOf, fieldsOf, keyOf, type Outcome, outcomeOf, type Recording, type Step } from "./recording.ts";
import { RecordedAnswers, RecordedClock, RecordedTimers } from "./world.ts";

export interface ReplayedCall {
  /** Such as `command quiz` or `initialize`. */
  readonly what: string;
  /** Null: it had not ended when the recording ended. */
  readonly recorded: Outcome | null;
  readonly now: Outcome | null;
  /** It ends well, and as it did where it ended well before. */
  readonly isGood: boolean;
}

export interface Replay {
  readonly calls: readonly ReplayedCall[];
  /** What the plugin asked that the recording has no answer to. */
  readonly missing: readonly string[];
  /** Texts that it sends now, and sent then, beside its replies. */
  readonly sent: readonly string[];
  readonly sentThen: readonly string[];
  readonly logs: readonly { readonly level: string; readonly message: string }[];
  /** Errors that no call was waiting for. */
  readonly faults: readonly string[];
  /** No call fails or ends otherwise than it did well before, nothing is missing, the same was sent. */
  readonly isGood: boolean;
}

export interface ReplayOptions {
  /** The bundle as it is now. */
  readonly code: string;
  /** Of the manifest as it is now. */
  readonly capabilities?: Json;
  readonly engines: EngineFactory;
  /** Engine lines to the author's. */
  mapStack(stack: string): string;
  readonly memoryMb?: number;
}

const LIMITS = { chars: 8 * 1024 * 1024, depth: 96, nodes: 400_000 };
/** A step that computes longer is cut short; a debugger's is not. */
const STEP_MS = 10_000;
/** A debugger may stop at the top level of the module. */
const LOAD_MS = 600_000;
const SERVICES_WITHOUT_STATE: ReadonlySet<Json> = new Set(["url", "format_time"]);

export async function replay(recording: Recording, options: ReplayOptions): Promise<Replay> {
  const player = new Player(recording, options);
  return await player.run();
}

class Player {
  readonly #answers: RecordedAnswers;
  readonly #clock = new RecordedClock();
  readonly #timers: RecordedTimers;
  readonly #services: Services;
  readonly #calls = new Map<number, { what: string; now: Outcome | null }>();
  readonly #registered = new Map<number, string>();
  readonly #logs: { level: string; message: string }[] = [];
  readonly #faults: string[] = [];
  readonly #sent: string[] = [];
  /** Events of the replay itself, to be delivered next. */
  readonly #next: Json[][] = [];
  readonly #passed = new Set<number>();
  readonly #loaded = Promise.withResolvers<null>();
  #isLoaded = false;
  #current: number | null = null;
  #rested: () => void = () => {};

  constructor(
    private readonly recording: Recording,
    private readonly options: ReplayOptions,
  ) {
    this.#answers = new RecordedAnswers(recording);
    this.#timers = new RecordedTimers(recording);
    const clock: Clock = {
      now: () => this.#clock.time,
      monotonic: () => this.#clock.time,
      after: (ms, run) => systemClock.after(ms, run),
    };
    this.#services = new Services({ permissions: {}, database: null, storageMb: 1, clock, random: systemRandom });
  }

  async run(): Promise<Replay> {
    const { engines, memoryMb = 64 } = this.options;
    const engine = await engines({
      plugin: this.recording.plugin,
      memoryMb,
      host: (operation, text) => this.#host(operation, text),
      now: () => this.#clock.read(),
      rested: () => this.#rested(),
    });
    try {
      await this.#settle(engine);
      for (const step of this.recording.steps) {
        for (const id of this.#timers.due(step.ms)) await this.#give(engine, ["timer", id]);
        this.#clock.enter(step);
        await this.#step(engine, step);
      }
    } finally {
      engine.close?.();
      this.#services.close();
    }
    return this.#result();
  }

  async #step(engine: RealmEngine, { event }: Step): Promise<void> {
    if (event === null) {
      this.#current = 0;
      this.#judge(engine.load(`${this.recording.plugin}.js`, this.options.code, this.#limit()));
      await this.#settle(engine);
      // Elsewhere a module is read from its files, and nothing says when it is there but the plugin itself.
      if (engine.isBusy !== undefined && !this.#isLoaded) await this.#untilLoaded();
    } else {
      const now = this.#asOfNow(event);
      if (now !== null) await this.#give(engine, now);
    }
  }

  async #untilLoaded(): Promise<void> {
    const patience = new AbortController();
    await Promise.race([this.#loaded.promise, sleep(systemClock, LOAD_MS, patience.signal)]);
    patience.abort();
  }

  /** The event with the numbers of this run; null: it has none here. */
  #asOfNow(event: readonly Json[]): Json[] | null {
    const [kind, first, second] = event;
    const number = Number(first);
    if (kind === "open") return ["open", { ...(first as object), ...this.#capabilities() } as Json];
    if (kind === "call") return this.#call(number, second ?? null, event[3] ?? []);
    if (kind === "timer") {
      const id = this.#timers.pairOf(number);
      return id === null ? null : ["timer", id];
    }
    if (kind === "answer") {
      this.#passed.add(number);
      const request = this.#answers.pairs.get(number);
      return request === undefined ? null : ["answer", request, second ?? null];
    }
    // The replay answers its own pauses.
    return kind === "paused" ? null : [...event];
  }

  #capabilities(): object {
    const { capabilities } = this.options;
    return capabilities === undefined ? {} : { capabilities };
  }

  #call(number: number, target: Json, args: Json): Json[] {
    const to = fieldsOf(target);
    const registration = Number(to.registration);
    const now = this.#answers.registrations.get(registration) ?? registration;
    const what = to.kind === "handler" ? (this.#registered.get(now) ?? "a handler") : String(to.kind === "lifecycle" ? to.hook : to.kind);
    this.#calls.set(number, { what, now: null });
    return ["call", number, to.kind === "handler" ? { ...to, registration: now } : to, args];
  }

  async #give(engine: RealmEngine, event: Json[]): Promise<void> {
    if (event[0] === "call") this.#current = Number(event[1]);
    this.#judge(engine.call("deliver" satisfies Entry, JSON.stringify(event), this.#limit()));
    await this.#settle(engine);
    for (let next = this.#next.shift(); next !== undefined; next = this.#next.shift()) {
      this.#judge(engine.call("deliver", JSON.stringify(next), this.#limit()));
      await this.#settle(engine);
    }
  }

  /** All that the last event set off is done. */
  async #settle(engine: RealmEngine): Promise<void> {
    while (engine.dead === null && (engine.hasJobs || engine.isBusy === true)) {
      if (engine.isBusy === true) {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#rested = resolve;
        // It may have rested meanwhile.
        if (engine.isBusy) await promise;
      } else this.#judge(engine.runJobs(1000, this.#limit()));
    }
    if (engine.dead !== null) this.#fail({ name: "Error", message: `its realm ended: ${engine.dead}` });
  }

  #limit(): () => boolean {
    const end = performance.now() + STEP_MS;
    return () => performance.now() > end;
  }

  #judge(ran: Ran): void {
    if (ran.ok || ran.kind === "dead") return;
    if (ran.kind === "interrupted")
      this.#fail({ name: "SliceExceeded", message: `computes for more than ${STEP_MS / 1000} s`, stack: ran.text });
    else {
      const parsed = parseJson(ran.text, LIMITS);
      this.#fail(errorOf(parsed.ok ? parsed.value : null));
    }
  }

  #fail(error: { name: string; message: string; stack?: string }): void {
    const call = this.#current === null ? undefined : this.#calls.get(this.#current);
    if (call !== undefined) call.now ??= { ok: false, error: this.#mapped(error) };
    else this.#faults.push(this.#words(error));
  }

  #host(operation: number, text: string): string | Uint8Array | undefined {
    if (operation === OPS.bytes) return Buffer.from(text, "base64");
    const parsed = parseJson(text, LIMITS);
    const value = parsed.ok ? parsed.value : null;
    const list = Array.isArray(value) ? value : [];
    switch (operation) {
      case OPS.service:
        return this.#service(list);
      case OPS.request:
        this.#request(list);
        break;
      case OPS.done:
        this.#done(Number(list[0]), list[1] ?? null);
        break;
      case OPS.timer:
        this.#timers.set(Number(list[0]), Math.max(10, Number(list[1])), this.#clock.time);
        break;
      case OPS.clear:
        this.#timers.clear(Number(list[0]));
        break;
      case OPS.pause:
        this.#next.push(["paused", Number(value)]);
        break;
      case OPS.log:
        this.#logs.push({ level: String(list[0]), message: String(list[1]) });
        break;
      case OPS.fault:
        this.#faults.push(this.#words(this.#mapped(errorOf(value))));
        break;
    }
    return undefined;
  }

  #service(asked: Json[]): string {
    const answer = this.#answers.service(asked);
    if (answer !== null) return JSON.stringify(answer);
    if (SERVICES_WITHOUT_STATE.has(asked[0] ?? null)) return this.#services.answer(asked[0], asked[1]);
    const what = `${String(asked[0])} ${JSON.stringify(asked[1] ?? []).slice(0, 200)}`;
    // Writing needs no answer.
    if (asked[0] === "kv_set" || asked[0] === "kv_delete") return JSON.stringify({ v: null });
    this.#answers.missing.push(what);
    return JSON.stringify({ e: { name: "PluginError", code: "unavailable", message: `the recording has no answer to ${what}` } });
  }

  #request([number, operation, args]: Json[]): void {
    const request = { number: Number(number), operation: String(operation), args: args ?? null };
    if (request.operation === "register") this.#registered.set(...nameOf(request.args));
    if (request.operation === "send_message") this.#sent.push(keyOf(request.args));
    const before = new Set(this.#answers.pairs.keys());
    const answer = this.#answers.request(request);
    if (answer !== null) this.#next.push(["answer", request.number, answer as Json]);
    // It asks later than it did then: the answer has passed already.
    const paired = [...this.#answers.pairs.keys()].find((then) => !before.has(then));
    if (paired === undefined || !this.#passed.has(paired)) return;
    const passed = this.recording.steps.find(({ event }) => event?.[0] === "answer" && event[1] === paired)?.event;
    if (passed !== undefined) this.#next.push(["answer", request.number, passed?.[2] ?? null]);
  }

  #done(number: number, value: Json): void {
    if (number === 0) {
      this.#isLoaded = true;
      this.#loaded.resolve(null);
    }
    const outcome = outcomeOf(value);
    const call = this.#calls.get(number);
    if (outcome === null) return;
    const mapped = outcome.ok ? outcome : { ok: false as const, error: this.#mapped(outcome.error) };
    if (call !== undefined) call.now ??= mapped;
    else if (number === 0 && !mapped.ok) this.#faults.push(`it does not load: ${this.#words(mapped.error)}`);
  }

  #mapped<E extends { readonly stack?: string }>(error: E): E {
    return error.stack === undefined ? error : { ...error, stack: this.options.mapStack(error.stack) };
  }

  #words({ name, message, stack }: { name: string; message: string; stack?: string }): string {
    const place = /\(?([\w./@-]+\.[cm]?[jt]s:\d+:\d+)\)?/.exec((stack ?? "").split("\n").find((line) => !line.includes("sdk/")) ?? "")?.[1];
    return `${name}: ${message}${place === undefined ? "" : ` (${place})`}`;
  }

  #result(): Replay {
    const calls = [...this.#calls].map(([number, { what, now }]): ReplayedCall => {
      const recorded = this.recording.outcomes.get(number) ?? null;
      return { what, recorded, now, isGood: isGood(recorded, now) };
    });
    const sentThen = this.recording.requests.filter(({ operation }) => operation === "send_message").map(({ args }) => keyOf(args));
    const { missing } = this.#answers;
    const good = calls.every((call) => call.isGood) && missing.length === 0 && this.#faults.length === 0;
    const sameSent = this.#sent.join("\n") === sentThen.join("\n");
    const hadFailed = [...this.recording.outcomes.values()].some((outcome) => !outcome.ok);
    return {
      calls,
      missing,
      sent: this.#sent,
      sentThen,
      logs: this.#logs,
      faults: this.#faults,
      // A plugin that failed then may send more now.
      isGood: good && (sameSent || hadFailed),
    };
  }
}

function isGood(recorded: Outcome | null, now: Outcome | null): boolean {
  if (now === null) return recorded === null;
  if (!now.ok) return false;
  return recorded === null || !recorded.ok || keyOf(recorded.value) === keyOf(now.value);
}

function nameOf(args: Json): [id: number, name: string] {
  const from = fieldsOf(args);
  const name = from.name ?? from.pattern ?? from.type ?? from.label ?? "";
  return [Number(from.id), `${String(from.kind).replace("_", " ")}${name === "" ? "" : ` ${String(name)}`}`];
}
