/** Packages that can be installed, and the places in which they are looked for. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { packFolder } from "../../authoring/pack.ts";
import { fail, failBecause, ok, type Result } from "../../errors.ts";
import { MANIFEST_FILE, parseManifest } from "../../manifest/parse.ts";
import { isInRange } from "../../manifest/versions.ts";
import { PACKAGE_ENDING, PACKAGE_LIMITS, type PluginPackage, readPackage } from "../../packages/package.ts";

/** Entries of a folder that are looked at for packages. */
const MAX_ENTRIES = 500;

/** A package, read and checked, with where it came from. */
export interface Found {
  readonly bytes: Uint8Array;
  readonly contents: PluginPackage;
  readonly from: string;
}

/** A place in which packages are looked for. */
export interface Source {
  /** The highest version in the range; null when there is none. */
  find(name: string, range: string): Promise<Result<Found | null>>;
}

/** A package file, or a plugin's folder, which is packed first: both are installed in the same way. */
export async function openPackage(path: string, shown: string): Promise<Result<Found>> {
  const bytes =
    statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? await packed(path) : readBytes(path, shown, PACKAGE_LIMITS.packed);
  if (!bytes.ok) return bytes;
  return foundIn(bytes.value, shown);
}

export async function foundIn(bytes: Uint8Array, from: string): Promise<Result<Found>> {
  const contents = await readPackage(bytes);
  return contents.ok ? ok({ bytes, contents: contents.value, from }) : contents;
}

async function packed(folder: string): Promise<Result<Uint8Array>> {
  const made = await packFolder(folder);
  return made.ok ? ok(made.value.bytes) : made;
}

export function readBytes(path: string, shown: string, most: number): Result<Uint8Array> {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) return fail("invalid_argument", `${shown} is not a file`);
    if (stats.size > most) return fail("too_large", `${shown} is larger than ${most / 2 ** 20} MB`);
    return ok(readFileSync(path));
  } catch (cause) {
    return failBecause(cause, "not_found", `cannot read ${shown}`);
  }
}

/** Packages and plugins' folders in a folder. What is broken there is passed over: nobody asked for it. */
export class FolderSource implements Source {
  #versions: Map<string, { version: string; path: string }[]> | null = null;

  constructor(private readonly folder: string) {}

  async find(name: string, range: string): Promise<Result<Found | null>> {
    this.#versions ??= await this.#list();
    const fitting = (this.#versions.get(name) ?? []).filter(({ version }) => isInRange(version, range));
    const [best] = fitting.sort((a, b) => Bun.semver.order(b.version, a.version));
    return best === undefined ? ok(null) : openPackage(best.path, best.path);
  }

  async #list(): Promise<Map<string, { version: string; path: string }[]>> {
    const found = new Map<string, { version: string; path: string }[]>();
    if (!existsSync(this.folder)) return found;
    for (const entry of readdirSync(this.folder).sort().slice(0, MAX_ENTRIES)) {
      const path = resolve(this.folder, entry);
      const about = entry.endsWith(PACKAGE_ENDING) ? await ofPackage(path) : ofFolder(path);
      if (about !== null) found.set(about.name, [...(found.get(about.name) ?? []), { version: about.version, path }]);
    }
    return found;
  }
}

async function ofPackage(path: string): Promise<{ name: string; version: string } | null> {
  const bytes = readBytes(path, path, PACKAGE_LIMITS.packed);
  const read = bytes.ok ? await readPackage(bytes.value) : bytes;
  return read.ok ? read.value.manifest : null;
}

function ofFolder(path: string): { name: string; version: string } | null {
  const text = readBytes(join(path, MANIFEST_FILE), path, 2 ** 20);
  const manifest = text.ok ? parseManifest(new TextDecoder().decode(text.value), path) : null;
  return manifest?.ok === true ? manifest.value : null;
}
