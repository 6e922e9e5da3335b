/**
 * This room is the author's side of a plugin's life in the field: a debugger, recordings and their replay, coverage. It runs in
 * commands of the author and in the testing kit, never in a gateway of an operator. It may read files, start programs and
 * enter host/. This file starts the process in which plugins run under Bun's inspector. There is no jail around it: a plugin
 * there can do whatever its author can. What it asks of the gateway is decided as ever.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { IS_COMPILED } from "../../compiled.ts";
import { GatewayError } from "../../errors.ts";
import type { EngineFactory } from "../../host/engine/realm-engine.ts";
import { InspectedEngine, type Wire, writeAll } from "./engine.ts";
import { debuggerFiles, MAIN } from "./files.ts";

/** A plugin that is to be debugged. */
export interface Inspected {
  readonly name: string;
  readonly folder: string;
  /** Its module, below the folder. */
  readonly main: string;
}

export interface InspectorEvents {
  /** It waits for a debugger at this address; nothing runs before one is there. */
  waiting(url: string): void;
  /** What the process itself writes. */
  output(line: string): void;
  /** The process has ended without being asked to. */
  ended(): void;
}

const MAX_LINE = 4 * 1024 * 1024;
const BANNER = /^-+ Bun Inspector -+$/;

/** One process; every realm of an inspected plugin that is opened while it lives runs in it, one after the other. */
export class Inspector {
  readonly #folder: string;
  readonly #process: Bun.Subprocess<"pipe", "ignore", "pipe">;
  readonly #engines = new Map<number, InspectedEngine>();
  readonly #ready = Promise.withResolvers<null>();
  #next = 1;
  #stopped = false;

  private constructor(
    private readonly plugins: readonly Inspected[],
    private readonly events: InspectorEvents,
    files: readonly (readonly [path: string, code: string])[],
  ) {
    this.#folder = mkdtempSync(join(tmpdir(), "zephyrgate-inspect-"));
    for (const [path, code] of files) {
      mkdirSync(dirname(join(this.#folder, path)), { recursive: true });
      writeFileSync(join(this.#folder, path), code);
    }
    // Whoever knows the address may run code as the author: other users and web pages must not guess it.
    const where = `127.0.0.1:0/${crypto.randomUUID()}`;
    const flags = [`--inspect-wait=${where}`, "--no-install", "--no-env-file", "--conditions=browser"];
    this.#process = Bun.spawn([process.execPath, ...flags, join(this.#folder, MAIN)], {
      cwd: this.#folder,
      env: { BUN_BE_BUN: "1" },
      stdio: ["pipe", "ignore", "pipe", "pipe", "pipe"],
    });
    this.#listen();
  }

  /** Resolves when a debugger is attached; `signal` ends the wait with an error. */
  static async start(plugins: readonly Inspected[], events: InspectorEvents, signal: AbortSignal): Promise<Inspector> {
    const files = IS_COMPILED ? (await import("./embedded.ts")).DEBUGGER_FILES : debuggerFiles();
    const inspector = new Inspector(plugins, events, files);
    const end = () => inspector.#ready.reject(new GatewayError("cancelled", "nobody attached a debugger"));
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    try {
      await inspector.#ready.promise;
      return inspector;
    } catch (thrown) {
      await inspector.stop();
      throw thrown;
    } finally {
      signal.removeEventListener("abort", end);
    }
  }

  /** Realms of the inspected plugins run here, those of others where `usual` makes them. */
  engines(usual: EngineFactory): EngineFactory {
    return async (order) => {
      const plugin = this.plugins.find(({ name }) => name === order.plugin);
      if (plugin === undefined) return await usual(order);
      const number = this.#next++;
      const engine = new InspectedEngine(number, order, {
        send: (line) => this.#send(line),
        answer: (value) => this.#answer(value),
        forget: () => void this.#engines.delete(number),
      });
      this.#engines.set(number, engine);
      const own = `${plugin.folder.replace(/\/$/, "")}/`;
      this.#send(["open", number, join(this.#folder, "sdk"), join(plugin.folder, plugin.main), own, order.now !== undefined]);
      return engine;
    };
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#process.kill("SIGKILL");
    await this.#process.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #send(line: readonly unknown[]): void {
    if (this.#stopped) return;
    const { stdin } = this.#process;
    // It fails when the process has ended, which is told by its end.
    for (const step of [stdin.write(`${JSON.stringify(line)}\n`), stdin.flush()]) Promise.resolve(step).catch(() => {});
  }

  #answer(value: unknown): void {
    // The process waits for it and reads nothing else; a short write would let it wait for ever.
    writeAll(Number(this.#process.stdio[3]), `${JSON.stringify(value ?? null)}\n`);
  }

  #listen(): void {
    const asks = Bun.file(Number(this.#process.stdio[4])).stream();
    const work = Promise.all([this.#read(asks, (line) => this.#take(line)), this.#read(this.#process.stderr, this.#banner())]);
    const ended = Promise.allSettled([work, this.#process.exited]).then(() => {
      this.#ready.reject(new GatewayError("host_gone", "the debugger's process ended"));
      for (const engine of this.#engines.values()) engine.end("the debugger's process ended");
      if (!this.#stopped) this.events.ended();
    });
    ended.catch((thrown) => this.events.output(String(thrown)));
    this.#ready.promise.catch(() => {}); // Whoever starts it has the error.
  }

  async #read(stream: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = (lines.pop() ?? "").slice(0, MAX_LINE);
      for (const line of lines) take(line);
    }
  }

  /** Bun's own words around the address are not shown. */
  #banner(): (line: string) => void {
    let bars = 0;
    return (coloured) => {
      const line = coloured.replace(/\u001b\[[\d;]*m/g, "").trim();
      if (BANNER.test(line)) bars += 1;
      else if (bars >= 2) this.events.output(line);
      else if (line.startsWith("ws://")) this.events.waiting(line);
    };
  }

  #take(line: string): void {
    const parsed = JSON.parse(line) as Wire;
    if (parsed[0] === "ready") this.#ready.resolve(null);
    else this.#engines.get(parsed[1])?.take(parsed);
  }
}
