/** A true gateway process with so many plugins, and a radio for it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { STAGE_TWO } from "../../src/bridge/launch.ts";
import { BenchRadio } from "./radio.ts";
import { type Process, tree } from "./system.ts";

const READY_DEADLINE_MS = 60_000;

export const commandOf = (index: number) => `b${index}`;

export interface WorldOptions {
  /** `[executable, ...arguments]` before the verb. */
  readonly command: readonly string[];
  readonly plugins: number;
  /** Source of further plugins by name. */
  readonly further?: Readonly<Record<string, { readonly manifest: string; readonly code: string }>>;
}

/** As small as a useful plugin gets. */
function plain(index: number) {
  const name = commandOf(index);
  return {
    manifest: `capabilities: { commands: [{ name: ${name} }] }\npermissions: [send_messages]\n`,
    code: `import { Plugin } from "zephyrgate";
export default class Bench extends Plugin {
  override initialize() { this.registerCommand("${name}", this.answer, { help: "answers with its last word" }); }
  answer(args: string[]) { return args[0] ?? "nothing"; }
}
`,
  };
}

export class World {
  readonly radio = new BenchRadio();
  readonly #dir: string;
  #process: Bun.Subprocess<"ignore", "pipe", "pipe"> | null = null;
  #output = "";

  constructor(private readonly options: WorldOptions) {
    this.#dir = mkdtempSync(join(tmpdir(), "zg-bench-"));
    const plugins: Record<string, { manifest: string; code: string }> = { ...options.further };
    for (let index = 0; index < options.plugins; index++) plugins[`bench_${index}`] = plain(index);
    for (const [name, { manifest, code }] of Object.entries(plugins)) {
      const folder = join(this.#dir, "plugins", name);
      mkdirSync(folder, { recursive: true });
      const head = `name: ${name}\nversion: "1.0.0"\ndescription: for the benchmark\nauthor: bench\n`;
      writeFileSync(join(folder, "manifest.yaml"), head + manifest);
      writeFileSync(join(folder, "plugin.ts"), code);
    }
    const link = `{ name: radio, type: tcp, host: 127.0.0.1, port: ${this.radio.port} }`;
    writeFileSync(
      join(this.#dir, "config.yaml"),
      `data_dir: ./data
mesh:
  interfaces: [${link}]
  text_spacing_s: 0
  airtime: { channel_utilization_polite: 1, channel_utilization_max: 1, plugin_share: 1 }
commands: { sender_rate: 999999/s }
plugins: { paths: [./plugins], enabled_plugins: [${Object.keys(plugins).join(", ")}], disabled_plugins: [] }
api: { port: 0 }
`,
    );
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** The gateway itself, then its hosts. */
  get processes(): Process[] {
    return tree(this.pid);
  }

  /** The shared plugin host. */
  get host(): number {
    return this.processes.find(({ pid, command }) => pid !== this.pid && command.includes(STAGE_TWO))?.pid ?? 0;
  }

  /** Milliseconds from the process's start to its word that all is up. */
  async start(): Promise<number> {
    const started = performance.now();
    const child = Bun.spawn([...this.options.command, "gateway", "--config", join(this.#dir, "config.yaml")], {
      cwd: this.#dir,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: { HOME: this.#dir },
    });
    this.#process = child;
    this.#output = "";
    const { promise, resolve } = Promise.withResolvers<number>();
    const collect = async (stream: ReadableStream<Uint8Array>) => {
      const decoder = new TextDecoder();
      let isUp = false;
      for await (const chunk of stream) {
        if (isUp) continue; // read all the same, so that it does not wait for us
        this.#output += decoder.decode(chunk, { stream: true });
        isUp = this.#output.includes(" is up\n");
        if (isUp) resolve(performance.now() - started);
      }
    };
    void collect(child.stdout);
    void collect(child.stderr);
    const late = Bun.sleep(READY_DEADLINE_MS).then(() => Number.NaN);
    const ended = child.exited.then(() => Number.NaN);
    const took = await Promise.race([promise, late, ended]);
    if (Number.isNaN(took)) throw new Error(`the gateway did not start:\n${this.#output.slice(-3000)}`);
    await this.radio.connected;
    return took;
  }

  async stop(): Promise<void> {
    this.#process?.kill("SIGTERM");
    await this.#process?.exited;
  }

  async close(): Promise<void> {
    await this.stop();
    this.radio.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
