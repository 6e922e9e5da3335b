/**
 * The real gateway in this process, with virtual time, a simulated mesh, and real plugins in real realms of a real jailed
 * host. One host and one compiler serve all worlds of a test file, so that hundreds of cases take seconds.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Actor, Control } from "../../src/api/contract/control.ts";
import type { PluginDetail } from "../../src/api/contract/views.ts";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { loadConfig } from "../../src/config/load.ts";
import { issueLine, ok, type Result } from "../../src/errors.ts";
import { Gateway } from "../../src/gateway/composition-root.ts";
import { chooseInterfaces } from "../../src/gateway/context/interfaces.ts";
import type { GatewayOverrides } from "../../src/gateway/context/overrides.ts";
import type { Json } from "../../src/json.ts";
import type { LogLine } from "../../src/log/line.ts";
import { createLog } from "../../src/log/log.ts";
import type { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import type { HeardText } from "../../src/mesh/simulator/texts.ts";
import { commandCompiler } from "../../src/sandbox/loader/compiler.ts";
import type { HostExit, PluginHost } from "../../src/sandbox/port.ts";
import { spawnHost } from "../../src/sandbox/process.ts";
import { FakeClock } from "../fake-clock.ts";

export const ACTOR: Actor = { via: "api", address: "127.0.0.1" };
const PATIENCE_MS = 120_000;
/** The host allows a plugin so much in a second of real time, and tests live through hours in one: half of it. */
const PACES = { requests: 1000, lines: 50 } as const;
const silent = createLog(
  { level: "error", format: "text", file: null, max_mb: 1, keep: 1, levels: {} },
  { clock: systemClock, console: null },
).logger;

/** What all worlds of a file share. */
export class Machine {
  readonly root = mkdtempSync(join(tmpdir(), "zg-property-"));
  readonly compiler = commandCompiler();
  #host: PluginHost | null = null;
  #worlds = 0;

  async host(): Promise<PluginHost> {
    if (this.#host !== null) return this.#host;
    const spawned = await spawnHost({ databases: [this.root], allowMissing: [], clock: systemClock, log: silent });
    if (!spawned.ok) throw spawned.error;
    this.#host = spawned.value;
    return spawned.value;
  }

  folder(): string {
    const folder = join(this.root, `w${this.#worlds++}`);
    mkdirSync(folder);
    return folder;
  }

  async close(): Promise<void> {
    await this.#host?.stop();
    await this.compiler.stop();
    rmSync(this.root, { recursive: true, force: true });
  }
}

export interface PluginSource {
  /** Beside name, version, description and author, which it may also replace. */
  readonly manifest?: { readonly [key: string]: Json };
  /** The generic probe when absent. */
  readonly code?: string;
  /** plan.json, for the probe. */
  readonly plan?: Json;
  readonly files?: Readonly<Record<string, string>>;
}

export interface WorldOptions {
  readonly plugins?: Readonly<Record<string, PluginSource>>;
  /** Sections of the configuration, merged over what suits tests. */
  readonly config?: { readonly [section: string]: { readonly [key: string]: Json } };
  readonly parts?: GatewayOverrides;
  /** True when absent: what plugins ask for is granted. */
  readonly allowAll?: boolean;
}

export interface PluginEvent {
  readonly plugin: string;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: what plugins say has every shape, and each test knows its own.
  readonly data: any;
  /** Of the gateway's clock. */
  readonly at: number;
}

export class World {
  /** Messages that the router has done with. */
  processed = 0;
  /** When all that was announced to `pace` has been done, at the pace that the host allows; real time. */
  readonly #pacedUntil = { requests: 0, lines: 0 };

  private constructor(
    readonly dir: string,
    readonly clock: FakeClock,
    readonly gateway: Gateway,
    readonly control: Control,
    /** All that the gateway sent over the air. */
    readonly heard: HeardText[],
    /** All that plugins emitted. */
    readonly events: PluginEvent[],
    readonly lines: LogLine[],
  ) {
    gateway.bus.on("message_processed", () => {
      this.processed += 1;
    });
  }

  static async start(machine: Machine, options: WorldOptions = {}): Promise<World> {
    const dir = machine.folder();
    mkdirSync(join(dir, "plugins"));
    for (const [name, source] of Object.entries(options.plugins ?? {})) writePlugin(dir, name, source);
    const config = {
      data_dir: "./data",
      ...options.config,
      mesh: {
        interfaces: [{ name: "sim", type: "simulated", nodes: 4 }],
        text_spacing_s: 0,
        airtime: { channel_utilization_polite: 1, channel_utilization_max: 1, plugin_share: 1 },
        ...options.config?.mesh,
      },
      commands: { sender_rate: "999999/s", ...options.config?.commands },
      plugins: {
        paths: ["./plugins"],
        ...options.config?.plugins,
        health: { interval_s: 86_400, max_failures: 1000, ...(options.config?.plugins?.health as object | undefined) },
      },
      log: { level: "debug", ...options.config?.log },
    };
    writeFileSync(join(dir, "config.yaml"), JSON.stringify(config));
    const loaded = loadConfig({ flags: { config: join(dir, "config.yaml") }, env: {}, cwd: dir, home: dir });
    if (!loaded.ok) throw new Error(loaded.error.map(issueLine).join("\n"));
    const clock = new FakeClock();
    const lines: LogLine[] = [];
    const log = createLog(loaded.value.config.log, { clock, console: null });
    log.book.follow({}, (line) => void lines.push(line));
    const gateway = new Gateway({
      loaded: loaded.value,
      chosen: chooseInterfaces(loaded.value.config, () => []),
      log,
      clock,
      random: systemRandom,
      allowAll: options.allowAll ?? true,
      safe: false,
      overrides: {
        isStrict: true,
        spawnHost: async () => ok(lent(await machine.host())),
        compiler: { load: (folder, main) => machine.compiler.load(folder, main), stop: async () => {} },
        mesh: (mesh) => ({ ...mesh, latencyMs: 0, textSpacingMs: 0 }),
        bundled: [],
        api: false,
        ...options.parts,
      },
    });
    const heard: HeardText[] = [];
    const events: PluginEvent[] = [];
    gateway.bus.on("plugin_event", ({ plugin, type, data }) => {
      events.push({ plugin, type, data, at: clock.monotonic() });
    });
    const started = await driven(clock, gateway.start());
    const { control } = gateway;
    if (!started.ok) throw started.error;
    if (control === null) throw new Error("no control");
    gateway.meshes[0]?.onHeard((text) => void heard.push(text));
    const world = new World(dir, clock, gateway, control, heard, events, lines);
    if (gateway.meshes.length > 0)
      await world.until("the link is up", () => control.status().links.every(({ state }) => state === "up"), 20);
    return world;
  }

  get mesh(): SimulatedMesh {
    const [mesh] = this.gateway.meshes;
    if (mesh === undefined) throw new Error("this world has no mesh");
    return mesh;
  }

  write(name: string, source: PluginSource): void {
    writePlugin(this.dir, name, source);
  }

  /** Writes the plugin anew and reloads it. */
  async reload(name: string, source: PluginSource): Promise<Result<unknown>> {
    this.write(name, source);
    return await this.drive(this.control.plugins.reload(name, ACTOR));
  }

  /** As the operator would by API. */
  async configure(name: string, config: { readonly [key: string]: Json }): Promise<readonly string[]> {
    return must(await this.drive(this.control.plugins.setConfig(name, config, ACTOR))).changed;
  }

  async detail(name: string): Promise<PluginDetail> {
    return must(await this.control.plugins.get(name));
  }

  state(name: string): string {
    return this.gateway.plugins.find((plugin) => plugin.name === name)?.state ?? "unknown";
  }

  say(from: number, text: string, to: { readonly channel?: number } = {}): number {
    return must(this.mesh.say({ from, text, ...to }));
  }

  /** Says it directly, and waits for the one answer to it. */
  async ask(from: number, text: string): Promise<string> {
    const before = this.heard.length;
    this.say(from, text);
    const answer = () => this.heard.slice(before).find((each) => each.to === from);
    await this.until(`an answer to ${JSON.stringify(text)}`, () => answer() !== undefined);
    return answer()?.text ?? "";
  }

  /** Says it directly, and waits until the gateway has done with it: all that it sent meanwhile. */
  async tell(from: number, text: string): Promise<readonly string[]> {
    const { processed } = this;
    const before = this.heard.length;
    this.say(from, text);
    await this.until(`${JSON.stringify(text)} is dealt with`, () => this.processed > processed);
    await this.advance(5);
    return this.heard.slice(before).map((each) => each.text);
  }

  /** Lets real time pass, and virtual time about as fast, until it holds. */
  async until(what: string, holds: () => boolean, stepMs = 1): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    for (let turn = 0; !holds(); turn++) {
      if (performance.now() > end) throw new Error(`never: ${what}\n${this.tail()}`);
      await breathe(turn);
      if (turn % 4 === 3) await this.clock.advance(stepMs, immediate);
    }
  }

  async drive<T>(work: T | Promise<T>): Promise<T> {
    return await driven(this.clock, Promise.resolve(work));
  }

  /** Virtual time exactly; after each timer all calls into plugins that it began have ended. */
  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms, () => this.settle());
  }

  /** Call it before a plugin makes so many requests or log lines: it waits, in real time, until the host allows them. */
  async pace(what: keyof typeof PACES, count: number): Promise<void> {
    const now = performance.now();
    const until = Math.max(now, this.#pacedUntil[what]) + (count / PACES[what]) * 1000;
    this.#pacedUntil[what] = until;
    // Half a second's worth may come at once.
    if (until - now > 500) await Bun.sleep(until - now - 500);
  }

  /** Until no call into a plugin is under way. */
  async settle(): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    for (let calm = 0, turn = 0; calm < 3; turn++) {
      const busy = this.gateway.plugins.some((plugin) => (plugin.instance?.inFlight ?? 0) > 0);
      calm = busy ? 0 : calm + 1;
      if (performance.now() > end) throw new Error(`never calm\n${this.tail()}`);
      await breathe(busy ? turn : 0);
    }
  }

  tail(): string {
    return this.lines
      .slice(-15)
      .map((line) => `  ${line.level} ${line.plugin ?? "-"} ${line.message} ${line.error_message ?? ""}`)
      .join("\n");
  }

  async stop(): Promise<void> {
    await driven(this.clock, this.gateway.stop());
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** A host that outlives the gateway it is lent to. */
function lent(host: PluginHost): PluginHost {
  const { promise, resolve } = Promise.withResolvers<HostExit>();
  host.exited.then(resolve);
  return {
    pid: host.pid,
    walls: host.walls,
    open: (spec, events) => host.open(spec, events),
    backupDatabase: (from, to) => host.backupDatabase(from, to),
    takeInDatabase: (from, to) => host.takeInDatabase(from, to),
    releaseDatabase: (path) => host.releaseDatabase(path),
    validateConfig: (schema, config) => host.validateConfig(schema, config),
    exited: promise,
    async stop() {
      resolve({ reason: "stopped", detail: "given back", culprit: null });
    },
  };
}

const PROBE = new URL("./probe.txt", import.meta.url);
const probe = await Bun.file(PROBE).text();

function writePlugin(dir: string, name: string, source: PluginSource): void {
  const folder = join(dir, "plugins", name);
  mkdirSync(folder, { recursive: true });
  const manifest = { name, version: "1.0.0", description: "a generated plugin", author: "tests", ...source.manifest };
  writeFileSync(join(folder, "manifest.yaml"), JSON.stringify(manifest));
  writeFileSync(join(folder, "plugin.ts"), source.code ?? probe);
  if (source.code === undefined) writeFileSync(join(folder, "plan.json"), JSON.stringify(source.plan ?? {}));
  for (const [path, text] of Object.entries(source.files ?? {})) writeFileSync(join(folder, path), text);
}

export function must<T>(result: Result<T>): T {
  if (!result.ok) throw result.error;
  return result.value;
}

function immediate(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Quick at first; who waits long leaves the processor to the plugin host. */
async function breathe(turn: number): Promise<void> {
  if (turn < 40) await immediate();
  else await Bun.sleep(1);
}

/** The outcome, while virtual time passes at about the pace of real time. */
async function driven<T>(clock: FakeClock, work: Promise<T>): Promise<T> {
  let done = false;
  const mark = () => {
    done = true;
  };
  work.then(mark, mark);
  for (let turn = 0; !done; turn++) {
    await breathe(turn);
    if (turn % 4 === 3) await clock.advance(1, immediate);
  }
  return await work;
}
