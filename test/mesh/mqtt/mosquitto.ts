/** A real broker for tests: Debian's mosquitto on a free port of this machine. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROGRAM = Bun.which("mosquitto", { PATH: `${process.env.PATH ?? ""}:/usr/sbin` });
export const HAS_MOSQUITTO = PROGRAM !== null;
if (!HAS_MOSQUITTO) console.warn("skipped: tests with a real MQTT broker (Debian: apt-get install mosquitto)");

export interface BrokerOptions {
  /** User name and password that every client needs. */
  readonly login?: readonly [string, string];
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Further lines of its configuration. */
  readonly lines?: readonly string[];
}

export class Mosquitto {
  readonly #folder = mkdtempSync(join(tmpdir(), "mosquitto-"));
  #child: Bun.Subprocess | null = null;

  private constructor(
    readonly port: number,
    private readonly options: BrokerOptions,
  ) {}

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get url(): string {
    return `${this.options.tls === undefined ? "mqtt" : "mqtts"}://127.0.0.1:${this.port}`;
  }

  static async start(options: BrokerOptions = {}): Promise<Mosquitto> {
    const broker = new Mosquitto(freePort(), options);
    await broker.start();
    return broker;
  }

  /** Also after {@link stop}, on the same port. */
  async start(): Promise<void> {
    const { login, tls, lines: more = [] } = this.options;
    mkdirSync(this.#folder, { recursive: true });
    const lines = [`listener ${this.port} 127.0.0.1`, "persistence false", `allow_anonymous ${login === undefined}`, "user root", ...more];
    if (tls !== undefined) lines.push(`certfile ${tls.cert}`, `keyfile ${tls.key}`);
    if (login !== undefined) {
      const file = join(this.#folder, "users");
      writeFileSync(file, `${login[0]}:${login[1]}\n`, { mode: 0o600 });
      Bun.spawnSync(["mosquitto_passwd", "-U", file]);
      lines.push(`password_file ${file}`);
    }
    const config = join(this.#folder, "mosquitto.conf");
    writeFileSync(config, `${lines.join("\n")}\n`);
    this.#child = Bun.spawn([PROGRAM ?? "", "-c", config], { stdout: "ignore", stderr: "ignore" });
    await this.#listening();
  }

  async stop(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
    this.#child = null;
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #listening(): Promise<void> {
    const end = performance.now() + 30_000;
    for (;;) {
      const socket = await Bun.connect({ hostname: "127.0.0.1", port: this.port, socket: { data() {} } }).catch(() => null);
      if (socket !== null) {
        socket.end();
        return;
      }
      if (performance.now() > end || this.#child?.exitCode !== null) throw new Error("mosquitto does not listen");
      await Bun.sleep(20);
    }
  }
}

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
