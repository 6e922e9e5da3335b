/**
 * A real gateway with jailed hosts, a victim plugin, the attackers, and what shows harm from outside: canary files, a
 * listening socket, marked secrets, the victim's data, processes, descriptors and threads.
 */
import { expect } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  descendantsOf,
  Gateway,
  type GatewayOptions,
  isAlive,
  PATIENCE_MS,
  type PluginFiles,
  prepare,
  type Sent,
  tempDir,
  writePlugin,
} from "../gateway/harness.ts";
import { type Attack, pluginOf } from "./attack.ts";

const VICTIM: PluginFiles = {
  manifest: `capabilities: { commands: [{ name: vitals }] }
permissions: [send_messages, database_access]
`,
  code: `import { Plugin } from "zephyrgate";
export default class Victim extends Plugin {
  async initialize() {
    this.registerCommand("vitals", this.vitals, { help: "is all well?" });
    if ((await this.retrieveData("treasure", null)) === null) await this.storeData("treasure", this.getConfig("treasure", ""));
    try { await this.db.run("CREATE TABLE IF NOT EXISTS kept (text TEXT)"); } catch {}
    if ((await this.db.query("SELECT count(*) AS n FROM kept"))[0].n === 0) await this.db.run("INSERT INTO kept VALUES (?)", "gold");
  }
  async vitals(args) {
    const intact = (await this.retrieveData("treasure", "")) === this.getConfig("treasure", "-")
      && (await this.db.query("SELECT text FROM kept")).length === 1
      && this.name === "victim" && {}.polluted === undefined && [].polluted === undefined;
    return (intact ? "victim lives " : "victim HARMED ") + args[0];
  }
}
`,
};

/** Who says the attackers' commands. */
export const SENDER = "!00000003";
/** Two seconds are promised; a loaded machine gets five times as much. */
const ANSWER_MS = PATIENCE_MS;
/** An attack that neither answers nor is dealt with in this time has got through something. */
const STRIKE_MS = PATIENCE_MS;

export interface Mark {
  readonly ids: ReadonlySet<string>;
  readonly output: number;
}

interface Left {
  readonly processes: number;
  readonly descriptors: number;
  readonly threads: number;
}

/** Sockets that count who comes. */
interface Canary {
  /** TCP and UDP. */
  readonly port: number;
  close(): void;
}

/** In the gateway's folder. */
export const UNIX_CANARY = "canary.socket";

export interface WorldOptions {
  readonly attacks: readonly Attack[];
  /** Lines of YAML under `plugins:`. */
  readonly plugins?: string;
  readonly config?: string;
  /** Plugins beside victim and attackers, accepted as well. */
  readonly others?: Readonly<Record<string, PluginFiles>>;
  readonly gateway?: Partial<GatewayOptions>;
  /** Between two texts; seconds. Answers wait for their turn, and only so many may wait. */
  readonly spacingS?: number;
  /** Further words to be replaced in attackers and environment. */
  readonly fill?: Readonly<Record<string, string>>;
  readonly onCanary?: (port: number) => void;
  /** Changes the folder before the gateway starts. */
  readonly arrange?: (folder: string) => void;
}

export class World {
  /** Texts that nobody but their owner may ever see. */
  readonly markers: Readonly<Record<string, string>>;
  /** Slowest answer of the victim after an attack, ms. */
  slowest = 0;
  readonly #canary: Canary;
  #tree: string[] = [];
  #before: Left | null = null;
  #memoryBefore = 0;
  #count = 0;
  #askers = 0;

  private constructor(
    readonly gateway: Gateway,
    private readonly attacks: readonly Attack[],
    markers: Readonly<Record<string, string>>,
    canary: Canary,
    private readonly heard: { connections: number },
  ) {
    this.markers = { ...markers, "the API token": gateway.token };
    this.#canary = canary;
  }

  static async start(options: WorldOptions): Promise<World> {
    const heard = { connections: 0 };
    const canary = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open(socket) {
          heard.connections++;
          socket.end("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\ncanary");
        },
        data() {},
      },
    });
    // Nobody may reach these either; each visit counts as a connection.
    const udp = await Bun.udpSocket({ hostname: "127.0.0.1", port: canary.port, socket: { data: () => void heard.connections++ } });
    const dir = tempDir();
    const unix = Bun.listen({ unix: join(dir, UNIX_CANARY), socket: { open: () => void heard.connections++, data() {} } });
    const markers = {
      "the victim's data": `treasure${crypto.randomUUID()}`,
      "the environment": `environment${crypto.randomUUID()}`,
      "a file of the operator": `canary${crypto.randomUUID()}`,
    };
    mkdirSync(join(dir, "home"));
    writeFileSync(join(dir, "home/canary.txt"), markers["a file of the operator"]);
    options.onCanary?.(canary.port);
    const words = { CANARY_PORT: String(canary.port), FOLDER: dir, ...options.fill };
    const fill = (text: string) => Object.entries(words).reduce((filled, [word, value]) => filled.replaceAll(word, value), text);
    // What an attack sent is looked for in the log, so texts must be in it.
    const own = { CANARY: markers["the environment"], ZEPHYRGATE_LOG__MESSAGE_TEXT: "true" };
    const environment = Object.entries({ ...own, ...options.gateway?.env });
    const attackers = Object.fromEntries(
      options.attacks
        .filter((attack) => attack.act === undefined || attack.strike !== undefined)
        .map((attack) => [attack.name, pluginOf(attack)]),
    );
    const all: Record<string, PluginFiles> = { victim: VICTIM, ...attackers, ...options.others };
    const plugins = Object.fromEntries(
      Object.entries(all).map(([name, files]) => [
        name,
        { ...files, manifest: fill(files.manifest ?? ""), code: fill(files.code) } satisfies PluginFiles,
      ]),
    );
    prepare(dir, {
      plugins: {},
      ...(options.spacingS === undefined ? {} : { spacingS: options.spacingS }),
      config: `${options.config ?? "commands: { sender_rate: 100000/min }"}
plugins:
  paths: PATHS
  enabled_plugins: [${Object.keys(plugins).join(", ")}]
  config: { victim: { treasure: ${markers["the victim's data"]} } }
  health: { backoff_s: 0.1, backoff_max_s: 1 }
${options.plugins ?? ""}
`,
    });
    for (const [name, files] of Object.entries(plugins)) writePlugin(join(dir, "plugins"), name, files);
    for (const { name, arrange } of options.attacks) arrange?.(join(dir, "plugins", name), dir);
    options.arrange?.(dir);
    const gateway = await Gateway.start({
      ...options.gateway,
      dir,
      env: Object.fromEntries(environment.map(([name, value]) => [name, fill(value)])),
    });
    const close = () => {
      canary.stop(true);
      unix.stop(true);
      udp.close();
    };
    const world = new World(gateway, options.attacks, markers, { port: canary.port, close }, heard);
    await world.vitals();
    // A second time with all in place: the first made files and threads that stay.
    await world.vitals();
    world.#tree = world.#files();
    world.#before = world.#left();
    world.#memoryBefore = world.memoryMb();
    return world;
  }

  /** Connections so far do not count, where a test expects them. */
  forget(): void {
    this.heard.connections = 0;
  }

  get canaryPort(): number {
    return this.#canary.port;
  }

  async mark(): Promise<Mark> {
    return { ids: new Set((await this.gateway.messages()).map(({ id }) => id)), output: this.gateway.output.length };
  }

  /** Messages queued since. */
  async sent(since: Mark): Promise<readonly Sent[]> {
    return (await this.gateway.messages()).filter(({ id }) => !since.ids.has(id));
  }

  /** Somebody new each time, so that no limit of one sender is in the way. */
  asker(): string {
    return `!${(0x1000 + ++this.#askers).toString(16).padStart(8, "0")}`;
  }

  /** Answers well and in time, its data as they were. */
  async vitals(): Promise<void> {
    const word = `n${++this.#count}`;
    const started = performance.now();
    // A message that came while its host was being replaced is answered by the new one, so that once is enough.
    const { text } = await this.gateway.ask(`vitals ${word}`, new RegExp(`^victim \\w+ ${word}$`), ANSWER_MS, this.asker());
    this.slowest = Math.max(this.slowest, performance.now() - started);
    expect(text).toBe(`victim lives ${word}`);
  }

  /** Makes the attack, waits for its end, and looks for harm. */
  async strike(attack: Attack): Promise<void> {
    if (attack.stays !== undefined) {
      expect((await this.gateway.state(attack.name)) ?? "absent").toMatch(attack.stays);
      await this.#unharmed(attack, await this.mark(), "");
      return;
    }
    const mark = await this.mark();
    if (attack.act !== undefined) {
      await this.#unharmed(attack, mark, await attack.act(this));
      return;
    }
    await this.gateway.say(
      (attack.says ?? attack.name)
        .replaceAll("API_PORT", String(this.gateway.port))
        .replaceAll("CANARY_PORT", String(this.canaryPort))
        .replaceAll("FOLDER", this.gateway.dir),
      { from: SENDER },
    );
    const said = await this.#outcome(attack, mark);
    await this.#unharmed(attack, mark, said);
    // What goes on for ever has been looked at, and must not slow the next one down.
    if (attack.lets !== undefined && attack.clings !== true) await this.gateway.api("POST", `/plugins/${attack.name}/disable`);
  }

  async #unharmed(attack: Attack, mark: Mark, said: string): Promise<void> {
    await this.vitals();
    expect(isAlive(this.gateway.process.pid)).toBe(true);
    expect(this.heard.connections).toBe(0);
    const told = [...(await this.sent(mark)).map(({ text }) => text), this.gateway.output.slice(mark.output)].join("\n");
    for (const [what, marker] of Object.entries(this.markers)) expect(told.includes(marker) ? `${what} leaked` : "kept").toBe("kept");
    // What a plugin learns of the machine it says on the air; the log is the operator's own.
    expect(said).not.toContain(this.gateway.dir);
    expect(this.#files()).toEqual(this.#tree);
    expect(readFileSync(join(this.gateway.dir, "home/canary.txt"), "utf8")).toBe(this.markers["a file of the operator"] ?? "");
    await attack.check?.(this, said);
  }

  /** Nothing left behind: every attacker is switched off, and the gateway is as before. */
  async settled(): Promise<void> {
    // A few at a time: each connection that is kept open is a descriptor of the gateway.
    const names = this.attacks.filter(({ clings }) => clings !== true).map(({ name }) => name);
    const work = async () => {
      for (let name = names.pop(); name !== undefined; name = names.pop()) await this.gateway.api("POST", `/plugins/${name}/disable`);
    };
    await Promise.all([work(), work(), work(), work()]);
    const before = this.#before;
    if (before === null) throw new Error("the world was never measured");
    let left = this.#left();
    const calm = () => {
      left = this.#left();
      return left.processes <= before.processes && left.descriptors <= before.descriptors + 8 && left.threads <= before.threads + 8;
    };
    await this.gateway.until("nothing is left behind", calm).catch(() => undefined);
    expect(left.processes).toBeLessThanOrEqual(before.processes);
    expect(left.descriptors, this.descriptors().join(" ")).toBeLessThanOrEqual(before.descriptors + 8);
    expect(left.threads).toBeLessThanOrEqual(before.threads + 8);
    await this.vitals();
  }

  async stop(): Promise<void> {
    this.#canary.close();
    const children = descendantsOf(this.gateway.process.pid);
    expect(await this.gateway.stop()).toBeLessThan(25_000);
    expect(children.filter(isAlive)).toEqual([]);
  }

  /** What the gateway's own process occupies, MB. */
  memoryMb(): number {
    const status = readFileSync(`/proc/${this.gateway.process.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
  }

  /** The same before the first attack. */
  get memoryBeforeMb(): number {
    return this.#memoryBefore;
  }

  /** Bytes on disk of a plugin's own folder. */
  size(plugin: string): number {
    const folder = join(this.gateway.dir, "data/plugins", plugin);
    return [...new Bun.Glob("**/*").scanSync({ cwd: folder, dot: true })].reduce((sum, path) => sum + statSync(join(folder, path)).size, 0);
  }

  async #outcome(attack: Attack, mark: Mark): Promise<string> {
    if (attack.lets !== undefined) {
      await Bun.sleep(attack.lets);
      return "";
    }
    let said = "";
    const ended = attack.settles ?? new RegExp(`WARN +${attack.name}: .*(?:strike: |is restarted in |failed \\(ref )`);
    await this.gateway.until(
      `${attack.name} has ended`,
      async () => {
        const answer = (await this.sent(mark)).find(({ text }) => text.startsWith(`${attack.name}: `));
        said = answer?.text ?? "";
        return answer !== undefined || ended.test(this.gateway.output.slice(mark.output));
      },
      STRIKE_MS,
    );
    return said;
  }

  /** All files but the attackers' own databases and what the gateway writes by itself. */
  #files(): string[] {
    const own = new Set(this.attacks.map(({ name }) => name));
    return [...new Bun.Glob("**/*").scanSync({ cwd: this.gateway.dir, dot: true })]
      .filter((path) => {
        const [top = "", folder = "", plugin = ""] = path.split("/");
        const expected =
          top === "data" &&
          (folder === "audit" ||
            folder === "code" ||
            folder === "plugins.lock.json" ||
            /-(?:wal|shm|journal)$/.test(path) ||
            (folder === "plugins" && own.has(plugin)));
        return !expected;
      })
      .sort();
  }

  #left(): Left {
    const { pid } = this.gateway.process;
    const list = (path: string) => readdirSync(`/proc/${pid}/${path}`);
    return { processes: descendantsOf(pid).length, descriptors: list("fd").length, threads: list("task").length };
  }

  /** For a failing row: what the gateway's descriptors are. */
  descriptors(): string[] {
    const folder = `/proc/${this.gateway.process.pid}/fd`;
    return readdirSync(folder).flatMap((fd) => {
      try {
        return [readlinkSync(`${folder}/${fd}`)];
      } catch {
        return []; // Closed meanwhile.
      }
    });
  }
}
