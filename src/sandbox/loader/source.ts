/**
 * Where a plugin's modules come from: a folder on disk, where every path is checked after symbolic links are followed, or a map of
 * texts embedded in the program. The bundler never touches the disk itself.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { Issue, Result } from "../../errors.ts";

/** As the program's first argument: be the process that bundles (see compiler.ts). */
export const COMPILER_VERB = "__compile";

/** Bytes of one file, and of all that one plugin loads. */
export const MAX_FILE_BYTES = 2 * 1024 * 1024;
export const MAX_TOTAL_BYTES = 8 * 1024 * 1024;
export const MAX_MODULES = 2000;

export interface Refusal {
  readonly message: string;
  readonly hint: string;
}

/** What stands at a path. `path` is canonical: slashes, relative to the folder, symlinks followed. */
export type Look =
  | { readonly kind: "file" | "folder"; readonly path: string }
  | { readonly kind: "absent" }
  | { readonly kind: "refused"; readonly why: Refusal };

export interface SourceTree {
  /** The folder, or `bundled:name`: stands before paths in messages. */
  readonly label: string;
  /** `path` is relative, with slashes and without `..`. */
  look(path: string): Look;
  read(path: string): Result<string, Refusal>;
}

/** Texts embedded in the program: bundled plugins. Keys are paths with slashes. */
export function embeddedSource(name: string, files: Readonly<Record<string, string>>): SourceTree {
  const folders = new Set([""]);
  for (const path of Object.keys(files)) {
    for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) folders.add(path.slice(0, at));
  }
  return {
    label: `bundled:${name}`,
    look: (path) => {
      if (Object.hasOwn(files, path)) return { kind: "file", path };
      return folders.has(path) ? { kind: "folder", path } : { kind: "absent" };
    },
    read: (path) => {
      const text = Object.hasOwn(files, path) ? files[path] : undefined;
      return text === undefined ? refuse("is not embedded", "add it to the bundled plugin's files") : { ok: true, value: text };
    },
  };
}

/** Opens a plugin's folder. Refused when others on this machine could write into it. */
export function folderSource(folder: string): Result<SourceTree, readonly Issue[]> {
  const given = resolve(folder);
  const found = system(() => realpathSync(given));
  if (!found.ok) return { ok: false, error: [{ file: given, ...found.error }] };
  const root = found.value;
  const problem = writableByOthers(root);
  if (problem !== undefined) return { ok: false, error: [{ file: given, ...problem }] };
  return { ok: true, value: new FolderSource(given, root) };
}

class FolderSource implements SourceTree {
  /** Folders already known to be closed to others. */
  readonly #closed = new Set<string>();

  constructor(
    readonly label: string,
    private readonly root: string,
  ) {}

  look(path: string): Look {
    const full = join(this.root, path);
    if (path.includes("\0")) return { kind: "refused", why: { message: "a NUL byte stands in the path", hint: "remove it" } };
    const found = system(() => statSync(full, { throwIfNoEntry: false }));
    if (!found.ok) return { kind: "refused", why: found.error };
    const stats = found.value;
    if (stats === undefined) return { kind: "absent" };
    const real = system(() => realpathSync(full));
    if (!real.ok) return { kind: "refused", why: real.error };
    if (real.value !== this.root && !real.value.startsWith(this.root + sep)) {
      return {
        kind: "refused",
        why: { message: "a symbolic link leads out of the plugin's folder", hint: "copy the file into the folder" },
      };
    }
    const canonical = relative(this.root, real.value).split(sep).join("/");
    if (canonical !== path && canonical.toLowerCase() === path.toLowerCase()) {
      return { kind: "refused", why: { message: `the file is called ${canonical}`, hint: "write capitals as the file has them" } };
    }
    if (stats.isDirectory()) return { kind: "folder", path: canonical };
    if (stats.isFile()) return { kind: "file", path: canonical };
    return { kind: "refused", why: { message: `is ${special(stats)}, not a file`, hint: "put a plain file there" } };
  }

  read(path: string): Result<string, Refusal> {
    const full = join(this.root, path);
    const open = this.#closedTo(full);
    if (open !== undefined) return { ok: false, error: open };
    const bytes = system(() => readPlainFile(full));
    if (!bytes.ok) return bytes;
    if (typeof bytes.value === "string") return refuse(bytes.value, "put a plain file there");
    if (bytes.value.length > MAX_FILE_BYTES)
      return refuse(`is larger than ${MAX_FILE_BYTES / 2 ** 20} MB`, "split it, or leave out what is not code");
    return { ok: true, value: new TextDecoder("utf-8").decode(bytes.value) };
  }

  /** The file and every folder from it up to the root. */
  #closedTo(full: string): Refusal | undefined {
    const mode = lstatSync(full, { throwIfNoEntry: false })?.mode ?? 0;
    if ((mode & 0o002) !== 0) return openToAll(full);
    for (let folder = dirname(full); folder !== this.root && folder.length > this.root.length; folder = dirname(folder)) {
      if (this.#closed.has(folder)) return undefined;
      if (((lstatSync(folder, { throwIfNoEntry: false })?.mode ?? 0) & 0o002) !== 0) return openToAll(folder);
      this.#closed.add(folder);
    }
    return undefined;
  }
}

/** Reads without waiting on a FIFO and without following a link put there a moment ago. A string says what it is instead. */
function readPlainFile(full: string): Uint8Array | string {
  const descriptor = openSync(full, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) return `is ${special(stats)}, not a file`;
    const buffer = new Uint8Array(Math.min(stats.size, MAX_FILE_BYTES) + 1);
    let length = 0;
    for (let count = 1; count > 0 && length < buffer.length; length += count) {
      count = readSync(descriptor, buffer, length, buffer.length - length, null);
    }
    return buffer.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}

/** Code must not lie in a folder that anyone may write to or rename. A sticky parent such as /tmp is allowed. */
function writableByOthers(root: string): Refusal | undefined {
  const own = statSync(root, { throwIfNoEntry: false });
  if (own === undefined) return { message: "there is no such folder", hint: "check the path" };
  if (!own.isDirectory()) return { message: "is not a folder", hint: "name the folder that holds manifest.yaml" };
  if ((own.mode & 0o002) !== 0) return openToAll(root);
  for (let folder = dirname(root); ; folder = dirname(folder)) {
    const mode = statSync(folder, { throwIfNoEntry: false })?.mode ?? 0;
    if ((mode & 0o002) !== 0 && (mode & 0o1000) === 0) return openToAll(folder);
    if (folder === dirname(folder)) return undefined;
  }
}

function openToAll(path: string): Refusal {
  // A sticky folder is meant to be open, as /tmp is.
  const isMeant = ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o1000) !== 0;
  const hint = isMeant ? "give the plugin a folder of its own, in it or elsewhere" : `run: chmod o-w ${path}`;
  return { message: `every user of this machine may write to ${path}, so anyone could change the code`, hint };
}

function special(stats: Stats): string {
  if (stats.isFIFO()) return "a pipe";
  if (stats.isSocket()) return "a socket";
  if (stats.isCharacterDevice() || stats.isBlockDevice()) return "a device";
  return stats.isDirectory() ? "a folder" : "something else";
}

function refuse(message: string, hint: string): { ok: false; error: Refusal } {
  return { ok: false, error: { message, hint } };
}

const SYSTEM: Readonly<Record<string, Refusal>> = {
  ENOENT: { message: "does not exist", hint: "check the path" },
  EACCES: { message: "may not be read by the gateway", hint: "run: chmod u+r on it, or change its owner" },
  ELOOP: { message: "is a symbolic link that leads nowhere", hint: "put a plain file there" },
  ENAMETOOLONG: { message: "has too long a name", hint: "shorten it" },
  ENXIO: { message: "is a device or pipe, not a file", hint: "put a plain file there" },
};

function system<T>(run: () => T): Result<T, Refusal> {
  try {
    return { ok: true, value: run() };
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
    return { ok: false, error: SYSTEM[code] ?? { message: `cannot be read (${code || String(thrown)})`, hint: "check the file" } };
  }
}
