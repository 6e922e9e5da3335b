/** The supervisor's view of configuration, discovery and loader. */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { embeddedPlugins } from "../../../plugins/embedded.ts";
import type { RealmLimits } from "../../bridge/realm-spec.ts";
import { IS_COMPILED } from "../../compiled.ts";
import { deepMerge } from "../../config/merge.ts";
import type { Config } from "../../config/schema.ts";
import { asGatewayError, fail, issueLine, ok, type Result } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { Logger } from "../../log/logger.ts";
import { effectiveLimits, LIMIT_FACTOR, MANIFEST_FILE, parseManifest } from "../../manifest/parse.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { acceptedKey, bundledKey, type CodeStore, type KeptCode } from "../../packages/code-store.ts";
import { installedFolder } from "../../packages/installed.ts";
import type { Settings, StoredDecisions } from "../../plugins/approval/decisions.ts";
import { type BundledPlugin, Discovery, type FoundPlugin, readConfigSchema } from "../../plugins/discovery/discovery.ts";
import { type ReadManifest, readManifestText } from "../../plugins/discovery/manifest-reader.ts";
import { planStart } from "../../plugins/discovery/order.ts";
import type { Bundle } from "../../plugins/plugin/bundle.ts";
import type { Candidate, Discovered, Ordered } from "../../plugins/plugin/candidate.ts";
import type { Compiler } from "../../sandbox/loader/compiler.ts";
import { loaderIdentity } from "../../sandbox/loader/identity.ts";
import { bundleFile, type LoadedPlugin, loadPlugin } from "../../sandbox/loader/load.ts";
import { folderSource } from "../../sandbox/loader/source.ts";
import { stackMapper } from "../../sandbox/loader/stack.ts";
import { traceHolds } from "../../sandbox/loader/trace.ts";
import { VERSION } from "../../version.ts";
import { unknownNames } from "./unknown-names.ts";

const embedded = IS_COMPILED ? (require("./embedded.ts") as typeof import("./embedded.ts")) : null;

export const BUNDLED = embedded?.BUNDLED ?? embeddedPlugins("plugins");
/** Loaded only when there is neither a configuration file nor a radio: for a first look. */
export const EXAMPLES = embedded?.EXAMPLES ?? embeddedPlugins("examples");

const LOADER = embedded?.LOADER ?? loaderIdentity();

/** Bundled plugins that run only where the operator wants them: they send of themselves, or belong to one kind of mesh. */
export const OFF_AT_FIRST: ReadonlySet<string> = new Set(["bridge", "broadcasts", "checkin"]);

export interface CatalogueDeps {
  readonly log: Logger;
  config(): Config;
  readonly decisions: StoredDecisions;
  /** The folder that a name belongs to; null when it is free. */
  holder(name: string): string | null;
  readonly safe: boolean;
  readonly withExamples: boolean;
  /** Code that outlives a restart. */
  readonly code: Pick<CodeStore, "get" | "put" | "forget" | "holds">;
  /** Replaces the program's own bundled plugins. */
  readonly bundled?: readonly BundledPlugin[];
  /** Bundles third-party source code in a process of its own. */
  readonly compiler: Pick<Compiler, "load"> & Partial<Pick<Compiler, "warm" | "readManifest" | "readManifestText">>;
}

/** Bundled code, with the manifest that it belongs to. */
interface Built {
  readonly manifest: Manifest;
  readonly bundle: Bundle;
  /** What is kept of it once it runs; null when its folder changed meanwhile. */
  readonly kept: KeptCode | null;
  /** It came from the store. */
  readonly isKept: boolean;
}

/** Where each plugin came from, its code, and its part of the configuration. */
export class Catalogue {
  readonly #discovery: Discovery;
  readonly #found = new Map<string, FoundPlugin>();
  readonly #examples: ReadonlySet<string>;
  #unknown: ReadonlySet<string> = new Set();
  /** The last bundled code of each plugin, with the manifest that it belongs to. */
  readonly #built = new Map<string, Built>();

  constructor(private readonly deps: CatalogueDeps) {
    const bundled = deps.bundled ?? BUNDLED;
    const readApart = deps.compiler.readManifest?.bind(deps.compiler);
    this.#discovery = new Discovery(deps.withExamples ? [...bundled, ...EXAMPLES] : bundled, deps.log, readApart);
    this.#examples = new Set(deps.withExamples ? EXAMPLES.map((plugin) => plugin.name) : []);
  }

  async discover(): Promise<Discovered> {
    const { plugins: settings, data_dir } = this.deps.config();
    const paths = settings.auto_discover ? [...settings.paths] : [];
    // The folder of installed plugins is always searched, whatever the configuration lists.
    if (existsSync(installedFolder(data_dir))) paths.push(installedFolder(data_dir));
    if (settings.auto_load && !this.deps.safe) this.#warm(paths);
    const searched = this.deps.safe ? [] : paths;
    await this.#discovery.prepare(searched);
    const { plugins, broken } = this.#discovery.scan(searched, (name) => this.deps.holder(name));
    this.#found.clear();
    for (const plugin of plugins) this.#found.set(plugin.name, plugin);
    if (!this.deps.safe) this.#warnOfUnknown([...plugins.map(({ name }) => name), ...broken.map(({ path }) => basename(path))]);
    return {
      candidates: plugins.map(candidateOf),
      unusable: broken.map(({ path, issues }) => ({
        name: path.split("/").at(-1) ?? path,
        path,
        problem: issues.map(issueLine).join("; "),
      })),
    };
  }

  /** The bundler's process starts beside the discovery, for the folders whose plugins were never bundled. */
  #warm(paths: readonly string[]): void {
    this.deps.compiler.warm?.(this.#discovery.folders(paths).filter((folder) => !this.deps.code.holds(folder)));
  }

  /** A line is logged again only after a discovery in which it did not hold. */
  #warnOfUnknown(found: readonly string[]): void {
    const known = new Set([...found, ...EXAMPLES.map(({ name }) => name)]);
    const lines = new Set(unknownNames(this.deps.config().plugins, known));
    for (const line of lines) if (!this.#unknown.has(line)) this.deps.log.warn(line);
    this.#unknown = lines;
  }

  /** A stranger's manifest, read as discovery reads it. */
  readManifest(text: string, file: string): Promise<ReadManifest> {
    const { compiler } = this.deps;
    return readManifestText(text, file, compiler.readManifestText?.bind(compiler));
  }

  /** The plugin in this folder, whether or not it was chosen for its name; null when none was found there. */
  at(path: string): Candidate | null {
    const found = this.#discovery.at(path);
    return found === null ? null : candidateOf(found);
  }

  order(candidates: readonly Candidate[]): Ordered {
    const found = candidates.flatMap((candidate) => this.#found.get(candidate.name) ?? []);
    const plan = planStart(found, VERSION);
    for (const [name, notes] of plan.notes) for (const note of notes) this.deps.log.debug(note, { plugin: name });
    return { order: plan.order, unmet: new Map([...plan.blocked].map(([name, problems]) => [name, problems.map(({ line }) => line)])) };
  }

  async build(candidate: Candidate): Promise<Result<Bundle>> {
    const built = this.#built.get(candidate.name);
    const found = this.#foundAt(candidate);
    if (found === null) {
      // Another folder has the name by now: the accepted version starts from its kept bundle, never from that folder.
      if (this.#found.has(candidate.name) && built?.manifest === candidate.manifest) return ok(built.bundle);
      return fail("load_failed", "its folder is gone", { where: candidate.path });
    }
    const limits = effectiveLimits(candidate.manifest, this.#usualLimits(), `${found.tree.label}/${MANIFEST_FILE}`);
    if (!limits.ok) return fail("load_failed", limits.error.map(issueLine).join("; "));
    const { origin, path, tree, manifest } = found;
    // The folder holds a newer version that waits for approval: the accepted version starts from its kept bundle.
    if (manifest !== candidate.manifest && built?.manifest === candidate.manifest) return ok(built.bundle);
    const known = this.#unchanged(found);
    if (known !== null) {
      const bundle = bundleOf(candidate.name, known.kept);
      if (manifest === candidate.manifest) this.#built.set(candidate.name, { manifest, bundle, ...known });
      return ok(bundle);
    }
    const loaded = await (origin === "bundled" ? loadPlugin(tree, manifest.main) : this.deps.compiler.load(path, manifest.main));
    if (!loaded.ok) return fail("load_failed", loaded.error.map(issueLine).join("; "), { data: { issues: loaded.error } });
    const bundle = bundleOf(candidate.name, loaded.value);
    if (manifest === candidate.manifest)
      this.#built.set(candidate.name, { manifest, bundle, kept: keptOf(found, loaded.value), isKept: false });
    return ok(bundle);
  }

  /**
   * What was bundled before, where the same loader would make the same bundle of the folder as it is now. Manifest and schema
   * are no part of the bundle: they are those of the folder, and `isKept` is false where the store has others.
   */
  #unchanged(found: FoundPlugin): (Pick<Built, "isKept"> & { readonly kept: KeptCode }) | null {
    const kept = this.deps.code.get(keyOf(found));
    if (kept?.made?.loader !== LOADER || kept.made.main !== (found.manifest.main ?? "")) return null;
    // Looked at anew: who may write to the folder may have changed as well.
    const tree = found.origin === "bundled" ? ok(found.tree) : folderSource(found.path);
    if (!tree.ok || !traceHolds(kept.made.trace, tree.value)) return null;
    const [text, schema] = [tree.value.read(MANIFEST_FILE), readConfigSchema(found)];
    if (text.ok && text.value === kept.manifest && schema.ok && Bun.deepEquals(schema.value, kept.schema)) return { kept, isKept: true };
    const now = keptOf(found, { ...kept, trace: kept.made.trace });
    return now === null ? null : { kept: now, isKept: false };
  }

  /** This version was accepted and runs. Its code is used where its folder holds another version, also after a restart. */
  keep(candidate: Candidate, { hash }: Bundle): void {
    const built = this.#built.get(candidate.name);
    if (built?.manifest !== candidate.manifest || built.kept === null || built.isKept || built.bundle.hash !== hash) return;
    try {
      this.deps.code.put(candidate.bundled ? bundledKey(candidate.name) : acceptedKey(candidate.name, candidate.path), built.kept);
    } catch (thrown) {
      this.deps.log.warn(`its code cannot be kept for the next start: ${asGatewayError(thrown).message}`, { plugin: candidate.name });
    }
  }

  /** The version at this candidate's place that was kept; null when there is none, or it is the candidate itself. */
  kept({ name, path, bundled }: Candidate): Candidate | null {
    const kept = bundled ? null : this.deps.code.get(acceptedKey(name, path));
    const manifest = kept === null ? null : parseManifest(kept.manifest, `${path}/${MANIFEST_FILE}`);
    if (kept === null || manifest?.ok !== true || kept.plugin !== name || manifest.value.name !== name) return null;
    this.#built.set(name, { manifest: manifest.value, bundle: bundleOf(name, kept), kept, isKept: true });
    return { name, manifest: manifest.value, bundled, path };
  }

  /** The plugin was removed. */
  forget(plugin: string): void {
    this.#built.delete(plugin);
    this.deps.code.forget(plugin);
  }

  /** The operator's values: those set through the API, else those of the configuration file. */
  userConfig(name: string): Settings {
    return this.deps.decisions.settings(name) ?? (this.deps.config().plugins.config[name] as Settings | undefined) ?? {};
  }

  configOf(candidate: Candidate): Settings {
    return deepMerge(candidate.manifest.config.defaults ?? {}, this.userConfig(candidate.name));
  }

  async schemaOf(candidate: Candidate): Promise<Result<Json | null>> {
    const built = this.#built.get(candidate.name);
    if (built?.manifest === candidate.manifest && built.kept !== null) return ok(built.kept.schema);
    const found = this.#foundAt(candidate);
    if (found === null) return ok(null);
    const schema = readConfigSchema(found);
    return schema.ok ? ok(schema.value) : fail("load_failed", schema.error.map(issueLine).join("; "));
  }

  limitsOf(candidate: Candidate): RealmLimits {
    const usual = this.#usualLimits();
    const own = candidate.manifest.limits ?? {};
    const pick = (mine: number | undefined, most: number) => (mine === undefined ? most : Math.min(mine, most * LIMIT_FACTOR));
    return {
      memoryMb: pick(own.memory_mb, usual.memoryMb),
      sliceMs: pick(own.slice_ms, usual.sliceMs),
      timeoutS: pick(own.timeout_s, usual.timeoutS),
      storageMb: pick(own.storage_mb, usual.storageMb),
    };
  }

  /** Null where the folder is gone, or where the name is another folder's by now. */
  #foundAt({ name, path }: Candidate): FoundPlugin | null {
    const found = this.#found.get(name);
    return found?.path === path ? found : null;
  }

  #usualLimits(): RealmLimits {
    const { memory_mb, slice_ms, timeout_s, storage_mb } = this.deps.config().plugins.limits;
    return { memoryMb: memory_mb, sliceMs: slice_ms, timeoutS: timeout_s, storageMb: storage_mb };
  }

  /** Limits in the manifest that are above the configured defaults: the operator approves them with the permissions. */
  limitsAbove(candidate: Candidate): Record<string, number> {
    return limitsAbove(candidate.manifest, this.deps.config());
  }

  disabledByConfig(name: string): string | null {
    const { disabled_plugins, enabled_plugins = [] } = this.deps.config().plugins;
    if (disabled_plugins.includes(name)) return "disabled in the configuration (plugins.disabled_plugins)";
    const isOff = OFF_AT_FIRST.has(name) && this.isReserved(name) && !enabled_plugins.includes(name);
    return isOff ? `off until it is wanted (zephyrgate plugin enable ${name}, or plugins.enabled_plugins)` : null;
  }

  /** Whether the name belongs to a bundled plugin. */
  isReserved(name: string): boolean {
    return (this.deps.bundled ?? BUNDLED).some((plugin) => plugin.name === name);
  }

  isExample(name: string): boolean {
    return this.#examples.has(name);
  }
}

/** See {@link Catalogue.limitsAbove}. */
export function limitsAbove(manifest: Manifest, config: Config): Record<string, number> {
  const defaults: Readonly<Record<string, unknown>> = config.plugins.limits;
  const wanted = Object.entries(manifest.limits ?? {});
  return Object.fromEntries(
    wanted.filter((entry): entry is [string, number] => typeof entry[1] === "number" && entry[1] > Number(defaults[entry[0]])),
  );
}

function candidateOf(found: FoundPlugin): Candidate {
  return { name: found.name, manifest: found.manifest, bundled: found.origin === "bundled", path: found.path };
}

function bundleOf(plugin: string, { code, hash, map }: Pick<KeptCode, "code" | "hash" | "map">): Bundle {
  return { code, hash, mapStack: stackMapper(map, bundleFile(plugin)) };
}

/** Null where the folder changed since it was looked at: what it holds now is another version. */
function keptOf(found: FoundPlugin, { code, hash, map, trace }: Omit<LoadedPlugin, "modules">): KeptCode | null {
  const text = found.tree.read(MANIFEST_FILE);
  const schema = readConfigSchema(found);
  const now = text.ok ? parseManifest(text.value, MANIFEST_FILE) : null;
  if (!text.ok || !schema.ok || now?.ok !== true || !Bun.deepEquals(now.value, found.manifest)) return null;
  const made = trace === null ? null : { loader: LOADER, main: found.manifest.main ?? "", trace };
  return { plugin: found.name, manifest: text.value, schema: schema.value, code, map, hash, made };
}

function keyOf({ origin, name, path }: FoundPlugin): string {
  return origin === "bundled" ? bundledKey(name) : acceptedKey(name, path);
}
