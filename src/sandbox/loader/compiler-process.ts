/** The bundler's process: a jailed child that may read the program and some plugins' folders, and nothing else. */
import { readFileSync } from "node:fs";
import { type ByteStream, fdStream } from "../../bridge/streams.ts";
import type { Clock, Timer } from "../../clock.ts";
import { ok, type Result } from "../../errors.ts";
import { type Launched, type LaunchOptions, launchHost } from "../process-launch.ts";
import { COMPILER_VERB } from "./source.ts";

/** One request has so long, and so much memory more than the idle process, before its process is killed. */
const DEADLINE_MS = 20_000;
const MEMORY_BYTES = 512 * 1024 * 1024;
/** Above the limit that is watched: the kernel refuses memory only when the gateway is too slow to look. */
const DATA_MB = 1536;
const FILE_MB = 1;
const OPEN_FILES = 256;
const LOOK_MS = 50;
const MAX_ANSWER_BYTES = 96 * 1024 * 1024;

export interface CompilerLimits {
  readonly deadlineMs?: number;
  readonly memoryBytes?: number;
}

export type LaunchCompiler = (folders: readonly string[]) => Promise<Result<Launched>>;

/** Starts it in the same jail as a plugin host, without databases; it may read `folders`. */
export function jailedCompiler(options: Pick<LaunchOptions, "allowMissing" | "clock" | "log" | "fileWalls">): LaunchCompiler {
  const limits = { dataMb: DATA_MB, fileMb: FILE_MB, openFiles: OPEN_FILES };
  return (folders) => launchHost({ ...options, databases: [], readable: folders, verb: COMPILER_VERB, limits });
}

export type Failure = "deadline" | "memory" | "answer" | "gone";
type Answered = Result<string, Failure>;

/** One process; one request at a time. */
export class CompilerProcess {
  gone = false;
  readonly #launched: Launched;
  readonly #stream: ByteStream;
  readonly #clock: Clock;
  #settle: (answered: Answered) => void = () => {};
  #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(launched: Launched, clock: Clock) {
    this.#launched = launched;
    this.#clock = clock;
    this.#stream = fdStream(launched.readFd, launched.writeFd, { clock });
    this.#stream.start(
      (bytes) => this.#take(bytes),
      () => this.#ended(),
    );
  }

  /** The line that it answers to one line. */
  async ask(line: string, limits: CompilerLimits = {}): Promise<Answered> {
    if (this.gone) return { ok: false, error: "gone" };
    const { promise, resolve } = Promise.withResolvers<Answered>();
    this.#settle = resolve;
    this.#chunks = [];
    this.#size = 0;
    const failed = (error: Failure) => resolve({ ok: false, error });
    const most = this.#memory() + (limits.memoryBytes ?? MEMORY_BYTES);
    const end = this.#clock.after(limits.deadlineMs ?? DEADLINE_MS, () => failed("deadline"));
    let look: Timer;
    const watch = () => {
      if (this.#memory() > most) failed("memory");
      else look = this.#clock.after(LOOK_MS, watch);
    };
    look = this.#clock.after(LOOK_MS, watch);
    this.#stream.write(new TextEncoder().encode(`${line}\n`));
    const outcome = await promise;
    end.cancel();
    look.cancel();
    return outcome;
  }

  end(): void {
    this.#launched.process.kill("SIGKILL");
    this.#stream.close();
    this.#ended();
  }

  /** As {@link end}; resolves when the process is gone. */
  async kill(): Promise<void> {
    this.end();
    await this.#launched.process.exited;
  }

  #ended(): void {
    if (this.gone) return;
    this.gone = true;
    this.#launched.process.kill("SIGKILL");
    this.#launched.page?.close();
    this.#settle({ ok: false, error: "gone" });
  }

  #take(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#size += bytes.length;
    if (this.#size > MAX_ANSWER_BYTES) this.#settle({ ok: false, error: "answer" });
    else if (bytes.at(-1) === 10) this.#settle(ok(Buffer.concat(this.#chunks).toString("utf8")));
    if (this.#size > MAX_ANSWER_BYTES) this.#chunks = [];
  }

  /** Resident bytes; 0 where the system does not say. */
  #memory(): number {
    try {
      // In kilobytes: the size of a page is another on another machine.
      const status = readFileSync(`/proc/${this.#launched.process.pid}/status`, "utf8");
      return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
    } catch {
      // Not Linux, or already gone: only the deadline holds then.
      return 0;
    }
  }
}
