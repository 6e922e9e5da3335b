/** A real gateway process on a folder of its own, spoken to as a user does: by configuration, API and simulated mesh. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How long is waited for what must come, ms: a machine that is busy with other things may take long, and only a failure costs it. */
export const PATIENCE_MS = 60_000;
const ROOT = join(import.meta.dir, "../..");

/** The program from source: `[executable, ...arguments]` before the verb. */
export const FROM_SOURCE: readonly string[] = [process.execPath, join(ROOT, "src/main.ts")];
export const EXAMPLES = join(ROOT, "examples");

export interface PluginFiles {
  /** Lines after the required fields of the manifest. */
  readonly manifest?: string;
  readonly code: string;
  readonly files?: Readonly<Record<string, string>>;
}

export interface GatewayOptions {
  /** False: a program that prints no banner. */
  readonly banner?: false;
  /** YAML lines put into the configuration. */
  readonly config?: string;
  readonly plugins?: Readonly<Record<string, PluginFiles>>;
  /** Further folders of plugins. */
  readonly paths?: readonly string[];
  /** `[executable, ...arguments]` before the verb; the source by default. */
  readonly command?: readonly string[];
  readonly arguments?: readonly string[];
  readonly interfaces?: string;
  /** Seconds between texts; 2.5 when absent. */
  readonly spacingS?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** A folder of an earlier run, or one prepared by the test; it is then left as it is, and no configuration is written. */
  readonly dir?: string;
  /** Of an earlier run; a free one when absent. */
  readonly port?: number;
  /** No configuration file at all: built-in defaults. */
  readonly unconfigured?: boolean;
}

export interface Sent {
  readonly id: string;
  readonly text: string;
  readonly to: number;
  readonly state: string;
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export function freePort(): number {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("") });
  const port = server.port ?? 0;
  server.stop(true);
  return port;
}

export function tempDir(): string {
  return mkdtempSync(join(tmpdir(), "zg-"));
}

export function writePlugin(folder: string, name: string, { manifest = "", code, files = {} }: PluginFiles): void {
  mkdirSync(join(folder, name), { recursive: true });
  const head = `name: ${name}\nversion: "1.0.0"\ndescription: test plugin\nauthor: tests\n`;
  writeFileSync(join(folder, name, "manifest.yaml"), head + manifest);
  writeFileSync(join(folder, name, "plugin.ts"), code);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, path, ".."), { recursive: true });
    writeFileSync(join(folder, name, path), text);
  }
}

/** A plugin that answers one command with one text. */
export function answering(command: string, answer: string): PluginFiles {
  return {
    manifest: `capabilities: { commands: [{ name: ${command} }] }\npermissions: [send_messages]\n`,
    code: `import { Plugin } from "zephyrgate";
export default class Answering extends Plugin {
  override initialize() { this.registerCommand(${JSON.stringify(command)}, () => ${JSON.stringify(answer)}, { help: "answers" }); }
}
`,
  };
}

/** Runs the program with these arguments until it ends by itself, killed after `deadlineMs`. */
export async function runProgram(
  argv: readonly string[],
  options: {
    readonly cwd: string;
    readonly env?: Record<string, string>;
    readonly command?: readonly string[];
    readonly deadlineMs?: number;
  },
): Promise<Ended> {
  const child = Bun.spawn([...(options.command ?? FROM_SOURCE), ...argv], {
    cwd: options.cwd,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { PATH: process.env.PATH ?? "", HOME: options.cwd, ...options.env },
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), options.deadlineMs ?? PATIENCE_MS);
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  clearTimeout(timer);
  return { code: child.exitCode ?? -1, stdout, stderr };
}

/** The direct and indirect children of a process, by /proc. */
export function descendantsOf(pid: number): number[] {
  const read = (path: string): string => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      // Gone meanwhile.
      return "";
    }
  };
  const direct = read(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(Number);
  // Each thread has children of its own.
  const threads = threadsOf(pid);
  const all = new Set([
    ...direct,
    ...threads.flatMap((id) => read(`/proc/${pid}/task/${id}/children`).split(" ").filter(Boolean).map(Number)),
  ]);
  return [...all].flatMap((child) => [child, ...descendantsOf(child)]);
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // Gone meanwhile.
  }
}

export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** What a test that failed left running ends with the tests. */
const running = new Set<Bun.Subprocess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export class Gateway {
  output = "";
  #token: string | null = null;
  readonly #collected: Promise<unknown>;

  private constructor(
    readonly dir: string,
    readonly port: number,
    readonly process: Bun.Subprocess<"ignore", "pipe", "pipe">,
  ) {
    this.#collected = Promise.all([this.#collect(process.stdout), this.#collect(process.stderr)]);
  }

  /** Starts it and waits until it is ready. */
  static async start(options: GatewayOptions = {}): Promise<Gateway> {
    const gateway = Gateway.spawn(options);
    try {
      await gateway.until("it is ready", async () => (await gateway.tryFetch("/health/ready"))?.status === 200);
      // It is ready a moment before it says so.
      if (options.banner !== false) await gateway.until("it has said so", () => / is up(?:\n|",)/.test(gateway.output));
    } catch (thrown) {
      // Nobody else can end it, and it would outlive the tests.
      await gateway.end("SIGKILL");
      throw thrown;
    }
    return gateway;
  }

  /** Starts it and waits for nothing. */
  static spawn(options: GatewayOptions = {}): Gateway {
    const dir = options.dir ?? tempDir();
    const port = options.port ?? freePort();
    const isConfigured = options.unconfigured !== true;
    if (options.dir === undefined && isConfigured) prepare(dir, options);
    const command = options.command ?? FROM_SOURCE;
    const where = isConfigured ? ["--config", join(dir, "config.yaml")] : [];
    const child = Bun.spawn([...command, "gateway", ...where, "--port", String(port), ...(options.arguments ?? [])], {
      cwd: dir,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: { PATH: process.env.PATH ?? "", HOME: dir, ...options.env },
    });
    running.add(child);
    void child.exited.then(() => running.delete(child));
    return new Gateway(dir, port, child);
  }

  get token(): string {
    this.#token ??= readFileSync(join(this.dir, "data/api-token"), "utf8").trim();
    return this.#token;
  }

  async tryFetch(path: string, init: RequestInit = {}): Promise<Response | null> {
    return fetch(`http://127.0.0.1:${this.port}${path}`, { signal: AbortSignal.timeout(10_000), ...init }).catch(() => null);
  }

  async api<T = unknown>(method: string, path: string, body?: unknown): Promise<{ status: number; body: T }> {
    const headers = { authorization: `Bearer ${this.token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) };
    const init = {
      method,
      headers,
      signal: AbortSignal.timeout(PATIENCE_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    const response = await fetch(`http://127.0.0.1:${this.port}/api/v1${path}`, init);
    const text = await response.text();
    return { status: response.status, body: (text === "" ? null : JSON.parse(text)) as T };
  }

  async state(plugin: string): Promise<string> {
    return (await this.api<{ state: string }>("GET", `/plugins/${plugin}`)).body.state;
  }

  /** Names and states of all plugins. */
  async states(): Promise<Record<string, string>> {
    const { body } = await this.api<{ items: { name: string; state: string }[] }>("GET", "/plugins?limit=200");
    return Object.fromEntries(body.items.map(({ name, state }) => [name, state]));
  }

  /** Lines of the output that match. */
  lines(pattern: RegExp): string[] {
    return this.output.split("\n").filter((line) => pattern.test(line));
  }

  async say(text: string, more: { from?: string; channel?: number } = {}): Promise<void> {
    const { status, body } = await this.api("POST", "/simulate/messages", {
      from: more.from ?? "!00000002",
      text,
      ...(more.channel === undefined ? {} : { channel: more.channel }),
    });
    if (status >= 300) throw new Error(`simulate: ${status} ${JSON.stringify(body)}`);
  }

  async messages(): Promise<readonly Sent[]> {
    return (await this.api<{ items: Sent[] }>("GET", "/messages?limit=200")).body.items;
  }

  /** Says something and waits for a new outgoing message that matches. Resolves to its text and how long it took, ms. */
  async ask(text: string, wanted: RegExp, deadlineMs = PATIENCE_MS, from = "!00000002"): Promise<{ text: string; ms: number }> {
    const before = new Set((await this.messages()).map((message) => message.id));
    const started = performance.now();
    await this.say(text, { from });
    let found: Sent | undefined;
    await this.until(
      `an answer to ${text}`,
      async () => {
        found = (await this.messages()).find((message) => !before.has(message.id) && wanted.test(message.text));
        return found !== undefined;
      },
      deadlineMs,
    );
    return { text: found?.text ?? "", ms: performance.now() - started };
  }

  async until(what: string, holds: () => Promise<boolean> | boolean, deadlineMs = PATIENCE_MS): Promise<void> {
    const end = performance.now() + deadlineMs;
    while (performance.now() < end) {
      if (await holds()) return;
      if (this.process.exitCode !== null) {
        await this.#collected;
        throw new Error(`the gateway ended with ${this.process.exitCode} while waiting until ${what}:\n${this.output}`);
      }
      await Bun.sleep(25);
    }
    throw new Error(`not in ${deadlineMs} ms: ${what}\n${this.output.slice(-6000)}`);
  }

  /** SIGTERM, and how long it took, ms. The folder goes too. */
  async stop(): Promise<number> {
    const took = await this.end("SIGTERM");
    rmSync(this.dir, { recursive: true, force: true });
    return took;
  }

  /** Ends it by a signal and keeps its folder; how long it took, ms. */
  async end(signal: "SIGTERM" | "SIGINT" | "SIGKILL"): Promise<number> {
    const started = performance.now();
    this.process.kill(signal);
    await this.process.exited;
    const took = performance.now() - started;
    // A plugin host that outlives the gateway holds none of its outputs.
    await this.#collected;
    return took;
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) this.output += decoder.decode(chunk, { stream: true });
  }
}

/** Writes plugins and configuration of a gateway into its folder. */
export function prepare(dir: string, options: GatewayOptions): void {
  const folder = join(dir, "plugins");
  mkdirSync(folder, { recursive: true });
  for (const [name, files] of Object.entries(options.plugins ?? {})) writePlugin(folder, name, files);
  const paths = [folder, ...(options.paths ?? [])].map((path) => JSON.stringify(path)).join(", ");
  const enabled = Object.keys(options.plugins ?? {}).join(", ");
  const interfaces = options.interfaces ?? "[{ name: sim, type: simulated, nodes: 3 }]";
  writeFileSync(
    join(dir, "config.yaml"),
    `data_dir: ./data\nmesh: { interfaces: ${interfaces}, text_spacing_s: ${options.spacingS ?? 2.5} }\n` +
      (options.config ?? `plugins: { paths: [${paths}], enabled_plugins: [${enabled}] }\n`).replaceAll("PATHS", `[${paths}]`),
  );
}
