/** A true gateway process with so many plugins, and a radio for it. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { STAGE_TWO } from "../../src/bridge/launch.ts";
import { BenchRadio } from "./radio.ts";
import { type Process, tree } from "./system.ts";

const READY_DEADLINE_MS = 120_000;
const ROOT = join(import.meta.dir, "../..");
/** Where a gateway keeps bundles. */
const KEPT = "code";

export const commandOf = (index: number) => `b${index}`;

export interface WorldOptions {
  /** `[executable, ...arguments]` before the verb. */
  readonly command: readonly string[];
  /** Small plugins of the bench. */
  readonly plugins: number;
  /** Source of further plugins by name. */
  readonly further?: Readonly<Record<string, { readonly manifest: string; readonly code: string }>>;
  /** Also every plugin of the program, and the examples. By default the bench's own are alone. */
  readonly withAll?: boolean;
  /** Seconds between texts, as a radio needs them; none by default. */
  readonly spacingS?: number;
  /** Arguments after the verb. */
  readonly flags?: readonly string[];
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

const foldersOf = (path: string) =>
  readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

export class World {
  readonly radio = new BenchRadio();
  readonly dir: string;
  #process: Bun.Subprocess<"ignore", "pipe", "pipe"> | null = null;
  #output = "";
  /** Lines of the hidden flag --trace-hops. */
  readonly hops: string[] = [];

  constructor(private readonly options: WorldOptions) {
    this.dir = mkdtempSync(join(tmpdir(), "zg-bench-"));
    const plugins: Record<string, { manifest: string; code: string }> = { ...options.further };
    for (let index = 0; index < options.plugins; index++) plugins[`bench_${index}`] = plain(index);
    for (const [name, { manifest, code }] of Object.entries(plugins)) {
      const folder = join(this.dir, "plugins", name);
      mkdirSync(folder, { recursive: true });
      const head = `name: ${name}\nversion: "1.0.0"\ndescription: for the benchmark\nauthor: bench\n`;
      writeFileSync(join(folder, "manifest.yaml"), head + manifest);
      writeFileSync(join(folder, "plugin.ts"), code);
    }
    const examples = options.withAll === true ? foldersOf(join(ROOT, "examples")) : [];
    for (const name of examples) cpSync(join(ROOT, "examples", name), join(this.dir, "plugins", name), { recursive: true });
    this.#configure([...Object.keys(plugins), ...examples]);
  }

  #configure(names: readonly string[]): void {
    const bundled = foldersOf(join(ROOT, "plugins"));
    const on = this.options.withAll === true ? [...names, ...bundled] : names;
    const off = this.options.withAll === true ? [] : bundled;
    const link = `{ name: radio, type: tcp, host: 127.0.0.1, port: ${this.radio.port} }`;
    writeFileSync(
      join(this.dir, "config.yaml"),
      `data_dir: ./data
mesh:
  interfaces: [${link}]
  text_spacing_s: ${this.options.spacingS ?? 0}
  airtime: { channel_utilization_polite: 1, channel_utilization_max: 1, plugin_share: 1 }
commands: { sender_rate: 999999/s }
plugins: { paths: [./plugins], enabled_plugins: [${on.join(", ")}], disabled_plugins: [${off.join(", ")}] }
api: { port: 0 }
`,
    );
  }

  get data(): string {
    return join(this.dir, "data");
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
    const found = this.processes.find(({ pid, command }) => pid !== this.pid && command.includes(STAGE_TWO));
    // Not 0: a signal to that goes to every process of the bench.
    if (found === undefined) throw new Error("no plugin host runs");
    return found.pid;
  }

  /** All that it has said since its start, up to its word that it is up. */
  get output(): string {
    return this.#output;
  }

  /** As on the first start after the folders changed: each plugin is bundled. */
  forgetBundles(): void {
    rmSync(join(this.data, KEPT), { recursive: true });
  }

  /** Milliseconds from the process's start to its word that all is up. */
  async start(): Promise<number> {
    const started = performance.now();
    const verb = ["gateway", "--config", join(this.dir, "config.yaml"), ...(this.options.flags ?? [])];
    const child = Bun.spawn([...this.options.command, ...verb], {
      cwd: this.dir,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: { HOME: this.dir },
    });
    this.#process = child;
    this.#output = "";
    const { promise, resolve } = Promise.withResolvers<number>();
    const collect = async (stream: ReadableStream<Uint8Array>) => {
      const decoder = new TextDecoder();
      let isUp = false;
      for await (const chunk of stream) {
        if (isUp) {
          // Read all the same, so that it does not wait for us.
          if (stream === child.stderr)
            this.hops.push(
              ...decoder
                .decode(chunk)
                .matchAll(/^hops (.*)$/gm)
                .map(([, json]) => json ?? ""),
            );
          continue;
        }
        this.#output += decoder.decode(chunk, { stream: true });
        isUp = this.#output.includes(" is up\n");
        if (isUp) resolve(performance.now() - started);
      }
    };
    void collect(child.stdout);
    void collect(child.stderr);
    const ended = child.exited.then(() => Number.NaN);
    const took = await Promise.race([promise, Bun.sleep(READY_DEADLINE_MS).then(() => Number.NaN), ended]);
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
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Runs with a world and closes it whatever happens. */
export async function withWorld<T>(options: WorldOptions, work: (world: World) => Promise<T>): Promise<T> {
  const world = new World(options);
  try {
    return await work(world);
  } finally {
    await world.close();
  }
}
