/** A real gateway process on a folder of its own, spoken to as a user does: by configuration, API and simulated mesh. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");

export interface PluginFiles {
  /** Lines after the required fields of the manifest. */
  readonly manifest?: string;
  readonly code: string;
  readonly files?: Readonly<Record<string, string>>;
}

export interface GatewayOptions {
  /** YAML lines put into the configuration. */
  readonly config?: string;
  readonly plugins?: Readonly<Record<string, PluginFiles>>;
  /** Further folders of plugins. */
  readonly paths?: readonly string[];
  /** `[executable, ...arguments]` before the verb; the source by default. */
  readonly command?: readonly string[];
  readonly arguments?: readonly string[];
  readonly interfaces?: string;
}

export interface Sent {
  readonly id: string;
  readonly text: string;
  readonly to: number;
  readonly state: string;
}

export function freePort(): number {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("") });
  const port = server.port ?? 0;
  server.stop(true);
  return port;
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

export class Gateway {
  output = "";
  #token: string | null = null;

  private constructor(
    readonly dir: string,
    readonly port: number,
    readonly process: Bun.Subprocess<"ignore", "pipe", "pipe">,
  ) {}

  static async start(options: GatewayOptions = {}): Promise<Gateway> {
    const dir = mkdtempSync(join(tmpdir(), "zg-"));
    const folder = join(dir, "plugins");
    mkdirSync(folder);
    for (const [name, files] of Object.entries(options.plugins ?? {})) writePlugin(folder, name, files);
    const port = freePort();
    const paths = [folder, ...(options.paths ?? [])].map((path) => JSON.stringify(path)).join(", ");
    const enabled = Object.keys(options.plugins ?? {}).join(", ");
    const interfaces = options.interfaces ?? "[{ name: sim, type: simulated, nodes: 3 }]";
    writeFileSync(
      join(dir, "config.yaml"),
      `data_dir: ./data\nmesh: { interfaces: ${interfaces}, text_spacing_s: 2.5 }\napi: { port: ${port} }\n` +
        (options.config ?? `plugins: { paths: [${paths}], enabled_plugins: [${enabled}] }\n`).replaceAll("PATHS", `[${paths}]`),
    );
    const command = options.command ?? [process.execPath, join(ROOT, "src/main.ts")];
    const child = Bun.spawn([...command, "gateway", "--config", join(dir, "config.yaml"), ...(options.arguments ?? [])], {
      cwd: dir,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: { PATH: process.env.PATH ?? "", HOME: dir },
    });
    const gateway = new Gateway(dir, port, child);
    void gateway.#collect(child.stdout);
    void gateway.#collect(child.stderr);
    await gateway.until("it is ready", async () => (await gateway.tryFetch("/health/ready"))?.status === 200, 30_000);
    return gateway;
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
    const init = { method, headers, signal: AbortSignal.timeout(30_000), ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const response = await fetch(`http://127.0.0.1:${this.port}/api/v1${path}`, init);
    const text = await response.text();
    return { status: response.status, body: (text === "" ? null : JSON.parse(text)) as T };
  }

  async state(plugin: string): Promise<string> {
    return (await this.api<{ state: string }>("GET", `/plugins/${plugin}`)).body.state;
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
  async ask(text: string, wanted: RegExp, deadlineMs = 10_000, from = "!00000002"): Promise<{ text: string; ms: number }> {
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

  async until(what: string, holds: () => Promise<boolean> | boolean, deadlineMs = 10_000): Promise<void> {
    const end = performance.now() + deadlineMs;
    while (performance.now() < end) {
      if (await holds()) return;
      if (this.process.exitCode !== null)
        throw new Error(`the gateway ended with ${this.process.exitCode} while waiting until ${what}:\n${this.output}`);
      await Bun.sleep(25);
    }
    throw new Error(`not in ${deadlineMs} ms: ${what}\n${this.output.slice(-6000)}`);
  }

  /** SIGTERM, and how long it took, ms. */
  async stop(): Promise<number> {
    const started = performance.now();
    this.process.kill("SIGTERM");
    await this.process.exited;
    const took = performance.now() - started;
    rmSync(this.dir, { recursive: true, force: true });
    return took;
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) this.output += decoder.decode(chunk, { stream: true });
  }
}
