import { closeSync, constants, existsSync, fstatSync, openSync, readSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Actor, by, type InstallChoice, type PackageControl, type PluginChange } from "../api/contract/control.ts";
import type { PluginImported } from "../api/contract/views.ts";
import { fail, ok, type Result } from "../errors.ts";
import { BACKUP_LIMITS, writeBackup } from "../packages/backup.ts";
import { installPackage, removePackage, useVersion } from "../packages/install.ts";
import { installedPath } from "../packages/installed.ts";
import { type ReadManifestText, readPackage } from "../packages/package.ts";
import { signedText } from "../packages/trust/policy.ts";
import type { Candidate } from "../plugins/plugin/candidate.ts";
import type { Plugin } from "../plugins/plugin/plugin.ts";
import type { PluginHost } from "../sandbox/port.ts";
import { setAsideDatabase } from "../storage/database-files.ts";
import { PluginData, type PluginDataDeps } from "./plugin-data.ts";

export interface PackagesDeps extends PluginDataDeps {
  readonly dataDir: string;
  now(): number;
  /** Reads a stranger's manifest without holding up the gateway. */
  readonly readManifest: ReadManifestText;
  /** Whether this is the name of a bundled plugin. */
  isReserved(name: string): boolean;
  /** Everything that a plugin may have written. */
  dataFolders(plugin: string): readonly string[];
  /** Deletes grants, decisions, settings and secrets of a removed plugin. */
  forget(candidate: Candidate, keepsData: boolean): void;
  /** The other folder that the candidate's name belongs to; null when it is the candidate's. */
  heldElsewhere(candidate: Candidate): string | null;
}

/** Installs, removes, exports and imports plugins and their data as files. */
export class Packages implements PackageControl {
  /** Changes of the folder of installed plugins run one after another. */
  #tail: Promise<unknown> = Promise.resolve();

  readonly #data: PluginData;

  constructor(private readonly deps: PackagesDeps) {
    this.#data = new PluginData(deps);
  }

  install(bytes: Uint8Array, options: InstallChoice, actor: Actor): Promise<Result<PluginChange>> {
    return this.#alone(() => this.#install(bytes, options, actor));
  }

  use(name: string, version: string, actor: Actor): Promise<Result<PluginChange>> {
    return this.#alone(() => this.#use(name, version, actor));
  }

  remove(name: string, options: { readonly purge: boolean }, actor: Actor): Promise<Result<null>> {
    return this.#alone(() => this.#remove(name, options.purge, actor));
  }

  export(name: string, actor: Actor): Promise<Result<Uint8Array>> {
    return this.deps.supervisor.withHost(name, async (plugin, host) => {
      const database = await this.#copyData(plugin, host);
      if (!database.ok) return database;
      this.deps.audit(name, "export", `${by(actor)} took a copy of its data`);
      return writeBackup({
        plugin: name,
        version: plugin.candidate.manifest.version,
        exportedAt: new Date(this.deps.now()).toISOString(),
        config: this.deps.userConfig(name),
        database: database.value,
      });
    });
  }

  import(name: string, bytes: Uint8Array, actor: Actor): Promise<Result<PluginImported>> {
    return this.#alone(() => this.#data.import(name, bytes, actor));
  }

  /** Sets its database aside, under a name that says when, and starts it with an empty one. */
  emptyData(name: string, actor: Actor): Promise<Result<PluginChange>> {
    return this.#alone(async () => {
      const stamp = new Date(this.deps.now()).toISOString().slice(0, 19).replaceAll(":", "");
      let aside: string | null = null;
      const done = await this.deps.supervisor.whileDown(name, "its data is being set aside", async (plugin) => {
        aside = setAsideDatabase(this.deps.databaseOf(plugin.name, plugin.hostKey), stamp);
        return ok("back");
      });
      if (!done.ok) return done;
      this.deps.audit(name, "import", `${by(actor)} set its data aside${aside === null ? ": there was none" : `: ${aside}`}`);
      return ok({ plugin: this.deps.summary(done.value.plugin), waits: done.value.waits });
    });
  }

  async #install(bytes: Uint8Array, options: InstallChoice, actor: Actor): Promise<Result<PluginChange>> {
    const { deps } = this;
    const read = await readPackage(bytes, deps.readManifest);
    if (!read.ok) return read;
    const { manifest, code, signer } = read.value;
    const { name, version } = manifest;
    const refused = this.#mayPlace(name, version, options.force);
    if (refused !== null) return refused;
    const undo = await installPackage(deps.dataDir, read.value, { ...options, now: deps.now() });
    if (!undo.ok) return undo;
    deps.audit(name, "install", `${by(actor)} installed version ${version}, code ${code}, ${signedText(signer?.fingerprint ?? null)}`);
    const started = await this.#begin(name);
    if (started.ok) return started;
    // The version before keeps running; a first install stays in place, so that the operator can supply what it lacks.
    const plugin = deps.supervisor.get(name);
    if (plugin !== null && plugin.state !== "running") return ok({ plugin: deps.summary(plugin), waits: false });
    const undone = undo.value();
    await deps.supervisor.discover();
    deps.audit(name, "install", `version ${version} did not start and was removed again`);
    return undone.ok ? started : undone;
  }

  async #use(name: string, version: string, actor: Actor): Promise<Result<PluginChange>> {
    const { deps } = this;
    if (deps.supervisor.get(name) === null) return unknown(name);
    const chosen = useVersion(deps.dataDir, name, version);
    if (!chosen.ok) return chosen;
    if (chosen.value === null) return this.#begin(name);
    deps.audit(name, "use", `${by(actor)} chose version ${version} in place of ${chosen.value}`);
    const started = await this.#begin(name);
    if (started.ok) return started;
    const back = useVersion(deps.dataDir, name, chosen.value);
    await deps.supervisor.discover();
    deps.audit(name, "use", `version ${version} did not start: ${chosen.value} is active again`);
    return back.ok ? started : back;
  }

  #mayPlace(name: string, version: string, force: boolean): Result<never> | null {
    const known = this.deps.supervisor.get(name);
    if (this.deps.isReserved(name)) {
      return fail("conflict", `${name} is the name of a bundled plugin`, { hint: "give the plugin another name in its manifest.yaml" });
    }
    if (known === null) return null;
    const { path, manifest } = known.candidate;
    if (path !== installedPath(this.deps.dataDir, name) && existsSync(path)) {
      return fail("conflict", `a plugin called ${name} is loaded from ${path}`, {
        hint: "remove that folder, or take it out of plugins.paths, first",
      });
    }
    if (Bun.semver.order(version, manifest.version) < 0 && !force) {
      return fail("conflict", `version ${version} is older than the installed ${manifest.version}`, {
        hint: "add --force to go back to it",
      });
    }
    return null;
  }

  /** Discovers a new plugin, reloads a known one; a disabled plugin stays disabled. */
  async #begin(name: string): Promise<Result<PluginChange>> {
    const { supervisor, summary } = this.deps;
    await supervisor.discover();
    const plugin = supervisor.get(name);
    if (plugin === null) return fail("load_failed", `${name} was installed but discovery did not find it`, { hint: "see the log" });
    if (plugin.state === "disabled") return ok({ plugin: summary(plugin), waits: false });
    const change = await supervisor.reload(name);
    return change.ok ? ok({ plugin: summary(change.value.plugin), waits: change.value.waits }) : change;
  }

  async #remove(name: string, purge: boolean, actor: Actor): Promise<Result<null>> {
    const { deps } = this;
    const plugin = deps.supervisor.get(name);
    if (plugin === null) return unknown(name);
    if (plugin.candidate.bundled) {
      return fail("conflict", `${name} is a bundled plugin and cannot be removed`, { hint: `zephyrgate plugin disable ${name}` });
    }
    // A folder that only waits for a name of another place stays: what that place kept is purged, and the name is free.
    const isOthers = purge && deps.heldElsewhere(plugin.candidate) !== null;
    if (!isOthers && plugin.candidate.path !== installedPath(deps.dataDir, name) && existsSync(plugin.candidate.path)) {
      return fail("conflict", `${name} was not installed from a package; it is loaded from ${plugin.candidate.path}`, {
        hint: `remove that folder yourself, or: zephyrgate plugin disable ${name}`,
      });
    }
    const removed = await deps.supervisor.whileDown(name, "it is being removed", async () => {
      const uninstalled = removePackage(deps.dataDir, name, !purge);
      if (!uninstalled.ok) return uninstalled;
      deps.forget(plugin.candidate, !purge);
      if (purge) for (const folder of deps.dataFolders(name)) rmSync(folder, { recursive: true, force: true });
      return ok("gone");
    });
    if (!removed.ok) return removed;
    await deps.supervisor.discover();
    deps.audit(name, "remove", `${by(actor)} removed it${purge ? " and its data" : "; its data is kept"}`);
    return ok(null);
  }

  async #copyData(plugin: Plugin, host: PluginHost): Promise<Result<Uint8Array | null>> {
    const path = this.deps.databaseOf(plugin.name, plugin.hostKey);
    if (!existsSync(path)) return ok(null);
    const copy = join(dirname(path), `export-${crypto.randomUUID()}.db`);
    try {
      const copied = await host.backupDatabase(path, copy);
      return copied.ok ? readFile(copy) : copied;
    } finally {
      rmSync(copy, { force: true });
    }
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work, work);
    this.#tail = result.catch(() => undefined);
    return result;
  }
}

/** The file comes from the plugin host, which is not trusted: no link is followed, and the size is bounded. */
function readFile(path: string): Result<Uint8Array> {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile() || stats.size > BACKUP_LIMITS.unpacked) return fail("too_large", "the plugin's data is too large to be exported");
    const bytes = new Uint8Array(stats.size);
    let length = 0;
    for (let count = 1; count > 0 && length < bytes.length; length += count)
      count = readSync(descriptor, bytes, length, bytes.length - length, null);
    return ok(bytes.subarray(0, length));
  } finally {
    closeSync(descriptor);
  }
}

function unknown(name: string): Result<never> {
  return fail("not_found", `there is no plugin called ${JSON.stringify(name.slice(0, 64))}`, { hint: "zephyrgate plugin list" });
}
