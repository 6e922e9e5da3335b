import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import type { Clock, Timer } from "../../clock.ts";
import { IS_COMPILED } from "../../compiled.ts";
import type { Issue, Result } from "../../errors.ts";
import type { CompileRequest } from "./compiler-child.ts";
import type { LoadedPlugin } from "./load.ts";
import { COMPILER_VERB } from "./source.ts";

/** One bundling has so long, and so much memory more than the idle process, before its process is killed. */
const DEADLINE_MS = 20_000;
const MEMORY_BYTES = 512 * 1024 * 1024;
const LOOK_MS = 50;
/** The process ends when nothing was asked of it for so long. */
const IDLE_MS = 3000;
const MAX_ANSWER_BYTES = 96 * 1024 * 1024;
const PAGE_BYTES = 4096;

const text = (most: number) => v.pipe(v.string(), v.maxLength(most));
const place = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)));
const answerSchema = v.variant("ok", [
  v.strictObject({
    ok: v.literal(true),
    value: v.strictObject({
      code: text(16 * 1024 * 1024),
      map: text(32 * 1024 * 1024),
      hash: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
      modules: v.pipe(v.array(v.strictObject({ path: text(1000), bytes: v.number() })), v.maxLength(2000)),
    }),
  }),
  v.strictObject({
    ok: v.literal(false),
    error: v.pipe(
      v.array(
        v.strictObject({
          file: text(2000),
          line: place,
          column: place,
          field: v.optional(text(1000)),
          message: text(2000),
          hint: v.optional(text(1000)),
        }),
      ),
      v.minLength(1),
      v.maxLength(100),
    ),
  }),
]);

/** The program itself as the compiler's process: by its hidden verb, see main.ts. */
export function compilerCommand(): string[] {
  if (IS_COMPILED) return [process.execPath, COMPILER_VERB];
  return [process.execPath, "--no-install", "--no-env-file", join(import.meta.dir, "../../main.ts"), COMPILER_VERB];
}

type Answer = Result<LoadedPlugin, readonly Issue[]>;

export interface CompilerDeps {
  /** Runs serveCompiler: see {@link compilerCommand}. */
  readonly command: readonly string[];
  readonly clock: Clock;
  readonly limits?: { readonly deadlineMs?: number; readonly memoryBytes?: number };
}

/**
 * Bundles plugins of strangers in a process of its own, with a deadline and a memory limit: a plugin's source can make a
 * bundler use any amount of both. One plugin at a time, so that the cause of a crash is known. The plugins that are part of
 * the program do not need this: see loadPlugin.
 */
export class Compiler {
  #process: ChildProcess | null = null;
  #queue: Promise<unknown> = Promise.resolve();
  #idle: Timer | null = null;
  #stopped = false;

  constructor(private readonly deps: CompilerDeps) {}

  /** As loadPlugin, for a folder on disk. Never rejects. */
  load(folder: string, main?: string): Promise<Answer> {
    const answer = this.#queue
      .then(() => this.#load({ folder, ...(main === undefined ? {} : { main }) }))
      .catch((thrown) => refused(folder, `the bundler failed: ${thrown instanceof Error ? thrown.message : thrown}`, "try again"));
    this.#queue = answer;
    return answer;
  }

  /** Starts the process, so that the first to ask need not wait for it. */
  warm(): void {
    if (!this.#stopped) this.#use();
  }

  /** Kills the process; the bundling in progress fails. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#idle?.cancel();
    await this.#process?.kill();
    await this.#queue;
  }

  async #load(request: CompileRequest): Promise<Answer> {
    const refuse = (message: string, hint: string) => refused(request.folder, message, hint);
    if (this.#stopped) return refuse("the gateway is stopping", "start it again");
    const child = this.#use();
    if (child === null) return refuse("the bundler's process could not be started", "free some memory or descriptors, and try again");
    this.#idle?.cancel();
    const line = await child.ask(JSON.stringify(request), this.deps);
    if (line.ok) {
      this.#endWhenIdle(child);
      const checked = parse(line.value);
      if (checked !== null) return checked;
    }
    await child.kill();
    if (line.ok || line.error === "answer") return refuse("the bundler gave no valid answer", "use less and plainer code");
    if (line.error === "deadline") return refuse("takes too long to bundle", "use less and plainer code");
    if (line.error === "memory") return refuse("takes too much memory to bundle", "use shorter texts in enums, and fewer `export *`");
    return refuse("the bundler crashed on it", "use less and plainer code");
  }

  /** The process, started where there is none; null where the system refuses another one. */
  #use(): ChildProcess | null {
    if (this.#process?.gone === false) return this.#process;
    try {
      this.#process = new ChildProcess(this.deps.command);
    } catch {
      this.#process = null; // No program, no memory or no descriptors: the caller answers that the process did not start.
      return null;
    }
    this.#endWhenIdle(this.#process);
    return this.#process;
  }

  #endWhenIdle(child: ChildProcess): void {
    this.#idle?.cancel();
    this.#idle = this.deps.clock.after(IDLE_MS, () => child.end());
  }
}

function refused(folder: string, message: string, hint: string): Answer {
  return { ok: false, error: [{ file: folder, message, hint }] };
}

function parse(line: string): Answer | null {
  try {
    const checked = v.safeParse(answerSchema, JSON.parse(line));
    return checked.success ? (checked.output as Answer) : null;
  } catch {
    // No JSON: the process was taken over or cut short, and the caller says so.
    return null;
  }
}

type Failure = "deadline" | "memory" | "answer" | "gone";

class ChildProcess {
  gone = false;
  readonly #child: Bun.Subprocess<"pipe", "pipe", "ignore">;
  readonly #reader: { read(): Promise<{ done: boolean; value?: Uint8Array | undefined }> };

  constructor(command: readonly string[]) {
    this.#child = Bun.spawn([...command], { cwd: "/", env: {}, stdin: "pipe", stdout: "pipe", stderr: "ignore" });
    this.#reader = this.#child.stdout.getReader();
    const ended = () => {
      this.gone = true;
    };
    this.#child.exited.then(ended, ended);
  }

  async ask(line: string, { clock, limits }: CompilerDeps): Promise<Result<string, Failure>> {
    const { promise, resolve } = Promise.withResolvers<Result<string, Failure>>();
    const failed = (error: Failure) => resolve({ ok: false, error });
    const most = this.#memory() + (limits?.memoryBytes ?? MEMORY_BYTES);
    const end = clock.after(limits?.deadlineMs ?? DEADLINE_MS, () => failed("deadline"));
    let look: Timer;
    const watch = () => {
      if (this.#memory() > most) failed("memory");
      else look = clock.after(LOOK_MS, watch);
    };
    look = clock.after(LOOK_MS, watch);
    this.#send(`${line}\n`).catch(() => failed("gone"));
    this.#line().then(resolve, () => failed("gone"));
    const outcome = await promise;
    end.cancel();
    look.cancel();
    return outcome;
  }

  async #send(text: string): Promise<void> {
    await this.#child.stdin.write(text);
    await this.#child.stdin.flush();
  }

  end(): void {
    this.gone = true;
    this.#child.kill("SIGKILL");
  }

  /** As {@link end}; resolves when the process is gone. */
  async kill(): Promise<void> {
    this.end();
    await this.#child.exited;
  }

  async #line(): Promise<Result<string, Failure>> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done || value === undefined) return { ok: false, error: "gone" };
      chunks.push(value);
      size += value.length;
      if (size > MAX_ANSWER_BYTES) return { ok: false, error: "answer" };
      if (value.at(-1) === 10) return { ok: true, value: Buffer.concat(chunks).toString("utf8") };
    }
  }

  /** Resident bytes; 0 where the system does not say. */
  #memory(): number {
    try {
      return Number(readFileSync(`/proc/${this.#child.pid}/statm`, "utf8").split(" ")[1]) * PAGE_BYTES;
    } catch {
      // Not Linux, or already gone: only the deadline holds then.
      return 0;
    }
  }
}
