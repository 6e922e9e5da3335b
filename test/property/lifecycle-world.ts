/** Plugins over played hosts with real files, for the model of their lives: what is seen that must never be. */
import { closeSync, existsSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Actor } from "../../src/api/contract/control.ts";
import type { PluginSummary } from "../../src/api/contract/views.ts";
import { Packages } from "../../src/control/packages.ts";
import { asGatewayError, ok } from "../../src/errors.ts";
import { Databases } from "../../src/gateway/plugins/databases.ts";
import type { Json } from "../../src/json.ts";
import { parseManifest } from "../../src/manifest/parse.ts";
import { writeBackup } from "../../src/packages/backup.ts";
import { type FakeRealm, fine, gone, threw, World } from "../plugins/world.ts";

export const NAMES = ["a", "b", "c"] as const;
export type Name = (typeof NAMES)[number];
/** b needs a; c stands alone. */
export const NEEDS: Readonly<Record<Name, Name | null>> = { a: null, b: "a", c: null };

const ACTOR: Actor = { via: "api", address: "test" };
const MAGIC = "SQLite format 3\0";
/** The longest pause before a restart, and then three health checks, which forget failures. */
const QUIET_MS = 150_000;

export class Lives {
  readonly world = new World();
  readonly folder = mkdtempSync(join(tmpdir(), "zg-lives-"));
  readonly databases = new Databases(() => this.folder);
  /** What must never be seen, in words. */
  readonly faults: string[] = [];
  readonly packages: Packages;
  /** Plugins whose initialize throws, whose stop hook takes long, and whose start ends the host. */
  readonly broken = new Set<string>();
  readonly slow = new Set<string>();
  readonly versions: Record<string, number> = {};
  readonly #open = new Map<FakeRealm, { readonly fd: number; readonly path: string }>();
  readonly #pending = new Set<Promise<unknown>>();
  #imports = 0;
  /** What was imported last and must be there still, by plugin. */
  readonly #imported = new Map<string, string>();

  constructor() {
    const { world, databases } = this;
    world.databaseOf = (name, key) => databases.pathOf(name, key);
    world.settleData = (name, key) => databases.settle(name, key);
    world.onRelease = (realm, path) => this.#release(realm, path);
    for (const name of NAMES) this.#script(name);
    this.packages = new Packages({
      dataDir: this.folder,
      supervisor: world.supervisor,
      now: () => world.clock.now(),
      readManifest: parseManifest,
      isReserved: () => false,
      databaseOf: (name, key) => databases.pathOf(name, key),
      dataFolders: (name) => databases.foldersOf(name),
      storageMb: () => 16,
      userConfig: () => ({}),
      saveConfig: ({ name }, config) => this.configure(name, config),
      forget: (candidate) => {
        world.candidates = world.candidates.filter(({ name }) => name !== candidate.name);
        world.decisions.delete(candidate.name);
      },
      heldElsewhere: () => null,
      summary: () => ({}) as PluginSummary,
      audit: () => undefined,
      ask: async () => ok(null),
    });
  }

  async start(): Promise<void> {
    for (const name of NAMES) this.add(name);
    await this.world.supervisor.start();
  }

  /** The folder holds a new version. The version. */
  add(name: Name): string {
    this.versions[name] = (this.versions[name] ?? 0) + 1;
    const version = `${this.versions[name]}.0.0`;
    const need = NEEDS[name];
    this.world.add(name, { version, ...(need === null ? {} : { dependencies: { plugins: [{ name: need }] } }) });
    return version;
  }

  /** Begins an operation; {@link quiet} waits for it. */
  begin(work: Promise<unknown>): void {
    const watched = work
      .catch((thrown) => void this.faults.push(`an operation threw: ${asGatewayError(thrown).message}`))
      .finally(() => this.#pending.delete(watched));
    this.#pending.add(watched);
  }

  configure(name: string, config: { readonly [key: string]: Json }) {
    const change = { of: () => ({ next: config, changed: Object.keys(config) }), save: () => undefined };
    return this.world.supervisor.reconfigure(name, change);
  }

  install(name: Name): Promise<unknown> {
    this.add(name);
    const { supervisor } = this.world;
    return supervisor.discover().then(() => supervisor.reload(name));
  }

  remove(name: Name, purge: boolean): Promise<unknown> {
    return this.packages.remove(name, { purge }, ACTOR).then((removed) => {
      if (removed.ok && purge) this.#imported.delete(name);
    });
  }

  export(name: Name): Promise<unknown> {
    return this.packages.export(name, ACTOR);
  }

  /** Data with a mark of its own. */
  import(name: Name): Promise<unknown> {
    this.#imports += 1;
    const text = `${MAGIC}import ${this.#imports}`;
    const database = Buffer.from(text);
    const file = writeBackup({ plugin: name, version: "0.0.1", exportedAt: "", config: {}, database });
    if (!file.ok) return Promise.resolve(file);
    return this.packages.import(name, file.value, ACTOR).then((imported) => {
      if (imported.ok) this.#imported.set(name, text);
      // It may have been refused before the data was replaced, or the plugin did not start afterwards.
      else if (this.#data(name) === text) this.#imported.set(name, text);
    });
  }

  /** Waits until all operations have ended and all pauses are over; false when something hangs. */
  async quiet(): Promise<void> {
    for (let round = 0; this.#pending.size > 0; round++) {
      await this.world.pass(1_000);
      // Reading and writing take real time.
      await Bun.sleep(0);
      if (round > 20_000) {
        this.faults.push("an operation hangs");
        return;
      }
    }
    for (let passed = 0; passed < QUIET_MS; passed += 30_000) {
      await this.world.pass(30_000);
      await Bun.sleep(0);
    }
  }

  /** At any time: files that are open are where they were opened. */
  look(): void {
    for (const [realm, { fd, path }] of this.#open) {
      if (!existsSync(path) || statSync(path).ino !== fstatSync(fd).ino)
        this.faults.push(`the open database of ${realm.plugin} was taken away`);
    }
  }

  /** When nothing is under way. */
  lookAtRest(): void {
    this.look();
    for (const name of NAMES) this.#lookAt(name);
    const hosts = this.world.hosts.running().filter(({ key }) => key !== "shared");
    for (const { key } of hosts) {
      const plugin = this.world.supervisor.get(key.slice(key.indexOf(":") + 1));
      if (plugin?.hostKey !== key || plugin.state !== "running") this.faults.push(`host ${key} has nothing to do`);
    }
    const live = this.world.capabilitySets.filter((set) => !set.signal("send_messages").aborted).length;
    const running = this.world.supervisor.list().filter(({ state }) => state === "running").length;
    if (live !== running) this.faults.push(`${live} capability sets for ${running} running plugins`);
  }

  realms(name: string): FakeRealm[] {
    return this.world.hostsStarted
      .filter(({ isDead }) => !isDead)
      .flatMap(({ realms }) => realms.filter((realm) => realm.plugin === name && !realm.isClosed));
  }

  /** In whichever place it is. */
  #data(name: Name): string | null {
    const [path] = this.databases
      .foldersOf(name)
      .flatMap((folder) => (existsSync(join(folder, "data.db")) ? [join(folder, "data.db")] : []));
    return path === undefined ? null : readFileSync(path, "utf8");
  }

  dispose(): void {
    for (const { fd } of this.#open.values()) closeSync(fd);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #lookAt(name: Name): void {
    const plugin = this.world.supervisor.get(name);
    const open = this.realms(name);
    const state = plugin?.state ?? "unknown";
    if (["loading", "stopping", "backing_off", "discovered"].includes(state)) this.faults.push(`${name} stays ${state}`);
    const wanted = plugin?.instance?.realm ?? null;
    if (state === "running" ? open.length !== 1 || open[0] !== wanted : open.length > 0)
      this.faults.push(`${name} is ${state} and has ${open.length} realms`);
    const decision = this.world.decisions.get(name);
    if (decision === "disabled" && plugin !== null && state !== "disabled") this.faults.push(`${name} was disabled and is ${state}`);
    const need = NEEDS[name];
    if (need === null || this.world.supervisor.get(need)?.state === "running") {
      if (plugin?.lacks === true) this.faults.push(`${name} waits for ${need}, which runs`);
    } else if (state === "running") this.faults.push(`${name} runs without ${need}`);
    const imported = this.#imported.get(name);
    if (imported !== undefined && this.#data(name) !== imported)
      this.faults.push(`the data of ${name} is ${this.#data(name)}, not ${imported}`);
    const places = this.databases.foldersOf(name).filter((folder) => existsSync(join(folder, "data.db"))).length;
    if (places > 1) this.faults.push(`${name} has data in ${places} places`);
    for (const folder of this.databases.foldersOf(name))
      for (const left of ["data.db.before-reload", "data.db.next", "import.db", "import-sent.db", "data.db.superseded"])
        if (existsSync(join(folder, left))) this.faults.push(`${left} of ${name} was left`);
  }

  /** Opens its database in start, as a plugin with data does, and holds it alone. */
  #script(name: Name): void {
    const { answers } = this.world;
    answers.set(`${name} initialize`, () => (this.broken.has(name) ? threw("broken") : fine()));
    answers.set(`${name} start`, (realm) => this.#opens(realm));
    answers.set(`${name} stop`, () => (this.slow.has(name) ? this.#later(3_000) : fine()));
  }

  #later(ms: number) {
    return new Promise<ReturnType<typeof fine>>((resolve) => this.world.clock.after(ms, () => resolve(fine())));
  }

  #opens(realm: FakeRealm) {
    const host = this.world.hostsStarted.find(({ realms }) => realms.includes(realm));
    if (host === undefined || host.isDead || realm.isClosed) return gone();
    const path = this.databases.pathOf(realm.plugin, host.key);
    for (const [other, file] of this.#open)
      if (file.path === path) this.faults.push(`${realm.plugin}: two realms have the database open (${other === realm})`);
    if (!existsSync(path)) writeFileSync(path, `${MAGIC}new`);
    this.#open.set(realm, { fd: openSync(path, "r+"), path });
    return fine();
  }

  #release(realm: FakeRealm, path: string | null): void {
    const file = this.#open.get(realm);
    if (file === undefined || (path !== null && path !== file.path)) return;
    closeSync(file.fd);
    this.#open.delete(realm);
  }
}
