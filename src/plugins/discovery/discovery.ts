import { readdirSync, realpathSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { type Issue, issueLine, type Result } from "../../errors.ts";
import type { Json } from "../../json.ts";
import { FILE_LIMITS, jsonProblem, parseJson } from "../../json-reader.ts";
import type { Logger } from "../../log/logger.ts";
import { MANIFEST_FILE } from "../../manifest/parse.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { readPackageJson } from "../../sandbox/loader/package.ts";
import { embeddedSource, folderSource, type SourceTree } from "../../sandbox/loader/source.ts";
import { ManifestReader, type ReadApart, type ReadManifest } from "./manifest-reader.ts";

const MAX_FOLDERS = 1000;

/** A plugin that is part of the program: its files as text, by path with slashes. */
export interface BundledPlugin {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
}

/** A plugin that was found and whose manifest holds. */
export interface FoundPlugin {
  readonly name: string;
  /** A property of the place, never of the name. */
  readonly origin: "bundled" | "folder";
  /** Absolute path of the folder, or `bundled:name`. */
  readonly path: string;
  readonly manifest: Manifest;
  /** Its modules, for the loader. */
  readonly tree: SourceTree;
  /** Differs when manifest or entry have changed. */
  readonly stamp: string;
  /** Of an npm package in its own node_modules; null when it is not there. */
  packageVersion(name: string): string | null;
}

/** A folder with a manifest that does not hold, or that is not safe to load from. */
export interface BrokenPlugin {
  readonly path: string;
  readonly issues: readonly Issue[];
}

export interface Discovered {
  /** Bundled ones first, then by path and folder name; names are unique. */
  readonly plugins: readonly FoundPlugin[];
  readonly broken: readonly BrokenPlugin[];
}

const CHANGED = { message: "was changed while it was read", hint: "run: zephyrgate plugin reload NAME" };

interface Entry {
  readonly stamp: string;
  readonly result: FoundPlugin | BrokenPlugin;
}

/** Finds plugins in the program and in folders of plugin folders. Keeps what it read until a file changes. */
export class Discovery {
  readonly #bundled: readonly FoundPlugin[];
  readonly #reserved: ReadonlySet<string>;
  readonly #manifests: ManifestReader;
  #known = new Map<string, Entry>();
  #said = new Set<string>();

  /**
   * Bundled manifests are part of the program: one that does not hold is reported like any other. `apart` reads the large
   * manifests of strangers; without it they are read here.
   */
  constructor(
    bundled: readonly BundledPlugin[],
    private readonly log: Logger,
    apart?: ReadApart,
  ) {
    this.#manifests = new ManifestReader(apart);
    const all = bundled.map(({ name, files }) => {
      const tree = embeddedSource(name, files);
      const path = `bundled:${name}`;
      return found(new ManifestReader(undefined).read(tree, path, "bundled"), { tree, origin: "bundled", path, stamp: "bundled" });
    });
    this.#bundled = all.filter(isFound);
    this.#reserved = new Set(bundled.map((plugin) => plugin.name));
    for (const broken of all) if (!isFound(broken)) this.#say(broken);
  }

  /**
   * Looks at `paths` (absolute, see loadConfig) anew. Each is a folder of plugin folders, or a plugin folder itself. Of
   * several folders with one name the one counts that the name belongs to (`holder`), else the one that is called so,
   * else the first: a new folder must not come into another's name, grants and data by how it is called.
   */
  scan(paths: readonly string[], holder: (name: string) => string | null = () => null): Discovered {
    const broken: BrokenPlugin[] = [];
    const byName = new Map<string, FoundPlugin[]>(this.#bundled.map((plugin) => [plugin.name, [plugin]]));
    const seen = new Map<string, Entry>();
    const said = new Set<string>();
    for (const folder of paths.flatMap((path) => foldersOf(path, (line) => this.#once(line, said)))) {
      if (seen.has(folder)) continue;
      const entry = this.#entry(folder);
      if (entry === null) continue;
      seen.set(folder, entry);
      const { result } = entry;
      if (isFound(result)) byName.set(result.name, [...(byName.get(result.name) ?? []), result]);
      else {
        broken.push(result);
        this.#say(result, said);
      }
    }
    const plugins = [...byName].flatMap(([name, same]) => this.#choose(name, same, holder, said) ?? []);
    this.#known = seen;
    this.#said = said;
    return { plugins, broken };
  }

  /** Reads the manifests that changed, before {@link scan}, without holding up the caller's other work. */
  async prepare(paths: readonly string[]): Promise<void> {
    const stamped = this.folders(paths).map((folder) => ({ folder, stamp: stampOf(join(folder, MANIFEST_FILE)) ?? "" }));
    await this.#manifests.prepare(stamped.filter(({ folder, stamp }) => this.#known.get(folder)?.stamp.startsWith(`${stamp} `) !== true));
  }

  /** Folders in `paths` that hold a manifest. */
  folders(paths: readonly string[]): readonly string[] {
    // What cannot be looked at is told by the scan.
    const all = paths.flatMap((path) => foldersOf(path, () => {}));
    return [...new Set(all)].filter((folder) => stampOf(join(folder, MANIFEST_FILE)) !== null);
  }

  /** The plugin in this folder as the last scan saw it, whether or not it was chosen for its name. */
  at(path: string): FoundPlugin | null {
    const real = realPath(path);
    for (const [folder, { result }] of this.#known)
      if (isFound(result) && (folder === path || (real !== null && realPath(folder) === real))) return result;
    return null;
  }

  /** Null: the name is a bundled plugin's, which is not there. */
  #choose(name: string, same: readonly FoundPlugin[], holder: (name: string) => string | null, said: Set<string>): FoundPlugin | null {
    const reserved = this.#reserved.has(name);
    const held = same.length > 1 && !reserved ? holder(name) : null;
    const chosen = reserved
      ? same.find((plugin) => plugin.origin === "bundled")
      : (same.find((plugin) => plugin.path === held) ?? same.find((plugin) => basename(plugin.path) === name) ?? same[0]);
    for (const other of same) {
      if (other === chosen) continue;
      const why = reserved ? "that name belongs to a bundled plugin" : `${chosen?.path} has it`;
      this.#once(`${other.path}: a second plugin called ${name} is left out, because ${why}`, said);
    }
    return chosen ?? null;
  }

  /** Null: no plugin folder at all. */
  #entry(folder: string): Entry | null {
    const manifest = stampOf(join(folder, MANIFEST_FILE));
    if (manifest === null) return null;
    const known = this.#known.get(folder);
    const main = known !== undefined && isFound(known.result) ? known.result.manifest.main : undefined;
    const stamp = stampOfFolder(folder, manifest, main);
    if (known?.stamp === stamp) return known;
    const opened = folderSource(folder);
    if (!opened.ok) return { stamp, result: { path: folder, issues: opened.error } };
    const tree = opened.value;
    const text = this.#manifests.read(tree, folder, manifest);
    // Without a stamp the next scan reads it anew.
    if (text === null) return { stamp: "", result: { path: folder, issues: [{ file: `${tree.label}/${MANIFEST_FILE}`, ...CHANGED }] } };
    const result = found(text, { tree, origin: "folder", path: folder, stamp });
    if (!isFound(result)) return { stamp, result };
    const whole = stampOfFolder(folder, manifest, result.manifest.main);
    return { stamp: whole, result: { ...result, stamp: whole } };
  }

  #say(broken: BrokenPlugin, said: Set<string> = this.#said): void {
    const [first, ...more] = broken.issues;
    if (first === undefined) return;
    const rest = more.length === 0 ? "" : ` (and ${more.length} more: zephyrgate plugin check ${broken.path})`;
    this.#once(`plugin left out: ${issueLine(first)}${rest}`, said);
  }

  /** A line is logged again only after a scan in which it did not hold. */
  #once(line: string, said: Set<string>): void {
    if (!this.#said.has(line) && !said.has(line)) this.log.warn(line);
    said.add(line);
  }
}

/** A plugin folder itself, or the folders in it. */
function foldersOf(path: string, tell: (line: string) => void): string[] {
  try {
    if (statSync(join(path, MANIFEST_FILE), { throwIfNoEntry: false }) !== undefined) return [path];
    const names = readdirSync(path).filter((name) => !name.startsWith(".") && name !== "node_modules");
    if (names.length > MAX_FOLDERS) tell(`${path}: only the first ${MAX_FOLDERS} folders are looked at`);
    return names
      .sort()
      .slice(0, MAX_FOLDERS)
      .map((name) => join(path, name));
  } catch (thrown) {
    const code = (thrown as { code?: string }).code;
    const what = code === "ENOENT" ? "there is no such folder" : `cannot be read (${code ?? String(thrown)})`;
    tell(`${path}: ${what}; fix plugins.paths in the configuration`);
    return [];
  }
}

function isFound(result: FoundPlugin | BrokenPlugin): result is FoundPlugin {
  return "manifest" in result;
}

function found(
  manifest: ReadManifest | null,
  { tree, ...place }: Pick<FoundPlugin, "tree" | "origin" | "path" | "stamp">,
): FoundPlugin | BrokenPlugin {
  if (manifest?.ok !== true) return { path: place.path, issues: manifest?.error ?? [] };
  const packageVersion = (name: string): string | null => {
    const described = readPackageJson(tree, `node_modules/${name}`);
    return described.ok && typeof described.value?.version === "string" ? described.value.version : null;
  };
  return { name: manifest.value.name, ...place, manifest: manifest.value, tree, packageVersion };
}

/** Null when there is no such folder. */
function realPath(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    // It is gone, or may not be entered: it equals no folder that was found.
    return null;
  }
}

/** Modification time, size and inode; null when there is no such file. */
function stampOf(path: string): string | null {
  try {
    const stats = statSync(path, { throwIfNoEntry: false, bigint: true });
    return stats === undefined ? null : `${stats.mtimeNs}:${stats.size}:${stats.ino}:${stats.mode}`;
  } catch {
    // Not a folder, or one that may not be entered: then nothing in it can be a plugin.
    return null;
  }
}

function stampOfFolder(folder: string, manifest: string, main: string | undefined): string {
  const entry =
    main === undefined ? (stampOf(join(folder, "plugin.ts")) ?? stampOf(join(folder, "plugin.js"))) : stampOf(join(folder, main));
  return `${manifest} ${entry ?? "-"} ${statSync(folder, { throwIfNoEntry: false })?.mode ?? "-"}`;
}

/** The plugin's JSON Schema for its configuration; null when it names none. It is hostile: only the host compiles it. */
export function readConfigSchema(plugin: FoundPlugin): Result<Json, readonly Issue[]> {
  const name = plugin.manifest.config.schema_file;
  if (name === undefined) return { ok: true, value: null };
  const file = `${plugin.tree.label}/${name}`;
  const refuse = (message: string, hint: string) => ({ ok: false as const, error: [{ file, message, hint }] });
  const look = plugin.tree.look(name);
  if (look.kind === "refused") return refuse(look.why.message, look.why.hint);
  if (look.kind !== "file") return refuse("is not there", "fix config.schema_file in manifest.yaml");
  const text = plugin.tree.read(look.path);
  if (!text.ok) return refuse(text.error.message, text.error.hint);
  const parsed = parseJson(text.value, FILE_LIMITS);
  return parsed.ok ? parsed : refuse(jsonProblem(parsed.error), parsed.error.hint ?? "make the schema smaller and flatter");
}
