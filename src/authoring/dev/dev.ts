/** `zephyrgate dev DIR...`: plugins in a gateway of their own, reloaded on save, and a prompt where one is the mesh. */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { LeapClock, systemClock } from "../../clock.ts";
import { deepMerge } from "../../config/merge.ts";
import { WALLS } from "../../config/schema/plugins.ts";
import { asGatewayError, causeOf, fail, type GatewayError, ok, type Result } from "../../errors.ts";
import type { SpawnHost } from "../../gateway/context/overrides.ts";
import type { LogLine } from "../../log/line.ts";
import { silentLogger } from "../../log/logger.ts";
import { MANIFEST_FILE, parseManifest } from "../../manifest/parse.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { folderSource } from "../../sandbox/loader/source.ts";
import type { PluginHost } from "../../sandbox/port.ts";
import { spawnHost } from "../../sandbox/process.ts";
import { Fixture, type FixturePlugin } from "../fixture.ts";
import { refreshLocalSdk } from "../local-sdk/package.ts";
import { TYPES_FILE, writeConfigTypes } from "../types/types.ts";
import { People } from "./people.ts";
import { Prompt } from "./prompt.ts";
import { Screen, type Terminal } from "./screen.ts";
import { type Operator, settingsFrom } from "./settings.ts";
import { parseSpeech } from "./speech.ts";
import { FolderWatch } from "./watch.ts";

/** As long as the configuration allows. */
const MAX_TIMEOUT_S = 3600;
const PATIENT = { plugins: { limits: { timeout_s: MAX_TIMEOUT_S } } };

export interface DevOptions {
  readonly folders: readonly string[];
  readonly terminal: Terminal;
  /** Whose gateway is imitated. */
  readonly operator?: Operator;
  /** Runs the plugins where a debugger can stop them, and never ends anything for taking long. */
  readonly inspect?: () => Promise<Result<PluginHost>>;
  /** The next line that was typed; null at the end. */
  next(): Promise<string | null>;
  readonly signal: AbortSignal;
}

/** Runs until `quit`, the end of the input, or the signal. */
export async function runDev(options: DevOptions): Promise<Result<null>> {
  for (const folder of options.folders) {
    const source = folderSource(folder);
    if (source.ok) continue;
    const [issue] = source.error;
    return fail("load_failed", issue?.message ?? "cannot be opened", { where: folder, hint: issue?.hint ?? "" });
  }
  const dev = new Dev(options);
  try {
    await dev.run();
    return ok(null);
  } finally {
    await dev.stop();
  }
}

class Dev {
  readonly #screen: Screen;
  readonly #watches: readonly FolderWatch[];
  readonly #people = new People();
  readonly #hosts = new Set<PluginHost>();
  readonly #clock = new LeapClock(systemClock, (aheadMs) => {
    for (const host of this.#hosts) host.moveClock?.(aheadMs);
  });
  readonly #prompt: Prompt;
  #fixture: Fixture | null = null;
  /** What runs, by folder. */
  #loaded: readonly FixturePlugin[] = [];
  /** One change after the other, and none in the middle of an answer. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: DevOptions) {
    const { folders } = options;
    this.#screen = new Screen(options.terminal, folders);
    this.#watches = folders.map(
      (folder) =>
        new FolderWatch(folder, systemClock, () => {
          this.#alone(() => this.#changed([folder])).catch((thrown) => this.#failed(asGatewayError(thrown)));
        }),
    );
    this.#prompt = new Prompt({
      screen: this.#screen,
      people: this.#people,
      clock: this.#clock,
      fixture: () => this.#fixture,
      names: () => this.#names,
      reload: () => this.#changed(folders),
      restart: () => this.#restart(),
      ...(this.#isInspected ? { answerMs: MAX_TIMEOUT_S * 1000 } : {}),
    });
  }

  async run(): Promise<void> {
    const { signal, next } = this.options;
    await this.#alone(() => this.#open());
    for (const watch of this.#watches) watch.start();
    this.#screen.show("type a message, or help for more; quit ends it", "dim");
    const stopped = new Promise<null>((resolve) => {
      if (signal.aborted) resolve(null);
      signal.addEventListener("abort", () => resolve(null), { once: true });
    });
    for (;;) {
      this.#screen.prompt();
      const line = await Promise.race([next(), stopped]);
      this.#screen.typed();
      if (line === null) return;
      const speech = parseSpeech(line);
      if (speech.kind === "quit") return;
      await this.#alone(() => this.#prompt.take(speech));
    }
  }

  async stop(): Promise<void> {
    for (const watch of this.#watches) watch.stop();
    await this.#tail;
    await this.#close();
  }

  get #isInspected(): boolean {
    return this.options.inspect !== undefined;
  }

  get #names(): readonly string[] {
    return this.#loaded.map(({ manifest }) => manifest.name);
  }

  async #open(): Promise<void> {
    const plugins = this.#manifests();
    if (plugins === null) return this.#screen.show("fix it and save: the plugin is loaded again", "dim");
    for (const { folder } of plugins) {
      this.#refresh(folder);
      this.#types(folder);
    }
    this.#loaded = plugins;
    const { operator } = this.options;
    const opened = await Fixture.open({
      plugins,
      nodes: this.#people.names,
      clock: this.#clock,
      ...(operator === undefined ? {} : { secrets: operator.secrets }),
      settings: deepMerge(operator === undefined ? {} : settingsFrom(operator.config), this.#isInspected ? PATIENT : {}),
      overrides: { spawnHost: this.#spawn },
      onLog: (line) => this.#logged(line),
      onDecision: (item) => {
        if (item.result === "deny") this.#screen.denied(item, this.#prompt.hasTaken(item.plugin, item.permission));
      },
    });
    if (!opened.ok) return this.#screen.failure(opened.error);
    this.#fixture = opened.value;
    this.#prompt.listen(opened.value);
    this.#showAll("runs");
  }

  /** Plugins see the moved time; the host itself is watched by the machine's. */
  readonly #spawn: SpawnHost = async (_, folder) => {
    const host = await (this.options.inspect?.() ??
      spawnHost({ databases: [folder], allowMissing: WALLS, clock: systemClock, log: silentLogger }));
    if (!host.ok) return host;
    this.#hosts.add(host.value);
    host.value.moveClock?.(this.#clock.aheadMs);
    host.value.exited.then(
      () => this.#hosts.delete(host.value),
      () => this.#hosts.delete(host.value),
    );
    return host;
  };

  async #restart(): Promise<void> {
    const fixture = this.#fixture;
    if (fixture === null) return;
    const started = await fixture.restart();
    if (!started.ok) return this.#screen.failure(started.error);
    this.#prompt.listen(fixture);
    this.#showAll("runs again");
  }

  #showAll(how: string): void {
    for (const { manifest } of this.#loaded) {
      const plugin = this.#fixture?.named(manifest.name) ?? null;
      if (plugin?.state === "running") this.#running(manifest, how);
      else this.#screen.show(`${manifest.name}: ${plugin === null ? "it was not found" : plugin.status.reason}`, "bad");
    }
    const missing = new Set(this.#loaded.flatMap(({ manifest }) => required(manifest)).filter((name) => !this.#names.includes(name)));
    for (const name of missing)
      this.#screen.show(
        `  give the folder of ${name}, too: dev ${this.options.folders.map((folder) => basename(folder)).join(" ")} ../${name}`,
        "warn",
      );
  }

  async #changed(folders: readonly string[]): Promise<void> {
    const plugins = this.#manifests();
    if (plugins === null) return this.#lastGood(this.#names);
    const isOther = plugins.some(({ manifest }, index) => manifest.name !== this.#loaded[index]?.manifest.name);
    if (this.#fixture === null || isOther) {
      await this.#close();
      return this.#open();
    }
    this.#loaded = plugins;
    for (const { folder, manifest } of plugins) {
      if (!folders.includes(folder)) continue;
      this.#types(folder);
      const reloaded = await this.#fixture.reload(manifest.name);
      if (reloaded.ok) this.#running(manifest, "reloaded");
      else {
        this.#screen.failure(reloaded.error);
        this.#lastGood([manifest.name]);
      }
    }
  }

  #lastGood(names: readonly string[]): void {
    if (names.some((name) => this.#fixture?.named(name)?.state === "running"))
      this.#screen.show("the last good version keeps running", "dim");
  }

  #running(manifest: Manifest, how: string): void {
    const counts = Object.entries(this.#fixture?.named(manifest.name)?.instance?.registrations.counts() ?? {});
    const what =
      counts.length === 0 ? "it registered nothing" : counts.map(([kind, count]) => `${count} ${kind}${count === 1 ? "" : "s"}`).join(", ");
    this.#screen.show(`${manifest.name} ${manifest.version} ${how}: ${what}`, "good");
  }

  /** After an upgrade of the program the author's types are the new ones. */
  #refresh(folder: string): void {
    try {
      const said = refreshLocalSdk(folder);
      if (said !== null) this.#screen.show(said, "dim");
    } catch (thrown) {
      this.#screen.show(`the types cannot be written: ${asGatewayError(thrown).message}`, "warn");
    }
  }

  /** Follows the schema, where the author has the file. What is wrong with the schema itself, loading says. */
  #types(folder: string): void {
    const written = writeConfigTypes(folder, { onlyIfThere: true });
    if (written.ok && written.value?.changed === true) this.#screen.show(`${written.value.path} was updated`, "dim");
    else if (!written.ok) this.#screen.show(`${TYPES_FILE}: ${written.error.summary()}`, "warn");
  }

  /** Of all folders; null when one is not valid, which was shown. */
  #manifests(): readonly FixturePlugin[] | null {
    const found = this.options.folders.map((folder) => ({ folder, manifest: this.#manifest(folder) }));
    const valid = found.flatMap(({ folder, manifest }) => (manifest === null ? [] : [{ folder, manifest }]));
    const twice = valid.find(({ manifest }, index) => valid.findIndex((each) => each.manifest.name === manifest.name) !== index);
    if (twice !== undefined) this.#screen.show(`two of the folders hold a plugin called ${twice.manifest.name}`, "bad");
    return twice === undefined && valid.length === found.length ? valid : null;
  }

  #manifest(folder: string): Manifest | null {
    const file = join(folder, MANIFEST_FILE);
    try {
      const manifest = parseManifest(readFileSync(file, "utf8"), file);
      if (manifest.ok) return manifest.value;
      this.#screen.issues(manifest.error);
    } catch (thrown) {
      this.#screen.show(`${file}: cannot be read (${causeOf(thrown)})`, "bad");
    }
    return null;
  }

  /** The plugins' own lines, and the gateway's where something is wrong. */
  #logged(line: LogLine): void {
    const isOwn = line.plugin !== null && (this.#loaded.length === 0 || this.#names.includes(line.plugin));
    if (
      line.level === "DEBUG" ? isOwn && line.category === line.plugin && !/^\w+ -> \w+/.test(line.message) : isOwn || line.level === "ERROR"
    ) {
      this.#screen.log(line);
    }
  }

  #failed(error: GatewayError): void {
    this.#screen.show(error.summary(), "warn");
  }

  async #close(): Promise<void> {
    await this.#fixture?.stop();
    this.#fixture = null;
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work, work);
    this.#tail = result.catch(() => undefined);
    return result;
  }
}

function required(manifest: Manifest): string[] {
  return (manifest.dependencies.plugins ?? []).filter((need) => !need.optional).map(({ name }) => name);
}
