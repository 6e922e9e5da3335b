/** Which file of an npm package an import means: `exports`, `imports`, `module` and `main` of its package.json. */
import type { Result } from "../../errors.ts";
import { FILE_LIMITS, parseJson } from "../../json-reader.ts";
import type { Refusal, SourceTree } from "./source.ts";

const MAX_DEPTH = 16;
const MAX_KEYS = 2000;

export interface PackageJson {
  readonly exports?: unknown;
  readonly imports?: unknown;
  readonly main?: unknown;
  readonly module?: unknown;
  /** For engines that are no Node: another entry, or a map from files and packages to others, or to false for nothing. */
  readonly browser?: unknown;
  readonly version?: unknown;
}

/** Reads `folder/package.json`; undefined when there is none. */
export function readPackageJson(tree: SourceTree, folder: string): Result<PackageJson | undefined, Refusal> {
  const known = kept.get(tree)?.get(folder);
  if (known !== undefined) return known;
  const read = readFrom(tree, folder);
  const all = kept.get(tree) ?? new Map<string, Read>();
  kept.set(tree, all.set(folder, read));
  return read;
}

type Read = Result<PackageJson | undefined, Refusal>;

/** Each is asked for by every module of its package. A tree is made anew for each bundle. */
const kept = new WeakMap<SourceTree, Map<string, Read>>();

function readFrom(tree: SourceTree, folder: string): Read {
  const path = folder === "" ? "package.json" : `${folder}/package.json`;
  const look = tree.look(path);
  if (look.kind === "refused") return { ok: false, error: look.why };
  if (look.kind !== "file") return { ok: true, value: undefined };
  const text = tree.read(look.path);
  if (!text.ok) return text;
  const parsed = parseJson(text.value, FILE_LIMITS);
  if (!parsed.ok) return refuse(`${path} ${parsed.error.message}`, "install the package again");
  return { ok: true, value: isObject(parsed.value) ? parsed.value : {} };
}

/** The target for `subpath` (`.` or `./x`) in `exports`, relative to the package; null when it offers none. */
export function exportsTarget(exports: unknown, subpath: string, kind: "import" | "require"): string | null {
  if (isObject(exports) && Object.keys(exports).some((key) => key.startsWith("."))) return fromMap(exports, subpath, kind);
  return subpath === "." ? pick(exports, kind, "", 0) : null;
}

const SUFFIXES = ["", ".js", "/index.js", ".json"];

/** What a map in `browser` puts in the place of a file (`./x.js`) or package: another, or false for an empty module; null where it says nothing. */
export function browserTarget(browser: unknown, wanted: string): string | false | null {
  if (!isObject(browser)) return null;
  for (const suffix of wanted.startsWith("./") ? SUFFIXES : [""]) {
    const key = suffix !== "" && wanted.endsWith(suffix) ? wanted.slice(0, -suffix.length) : suffix === "" ? wanted : null;
    const target = key !== null && Object.hasOwn(browser, key) ? browser[key] : undefined;
    if (target === false || typeof target === "string") return target;
  }
  return null;
}

/** The target for `#name` in `imports`: a path that starts with `./`, or another package's name. */
export function importsTarget(imports: unknown, name: string, kind: "import" | "require"): string | null {
  return isObject(imports) ? fromMap(imports, name, kind) : null;
}

function fromMap(map: Readonly<Record<string, unknown>>, wanted: string, kind: "import" | "require"): string | null {
  if (Object.hasOwn(map, wanted) && !wanted.includes("*")) return pick(map[wanted], kind, "", 0);
  let best: { key: string; middle: string } | undefined;
  for (const key of Object.keys(map).slice(0, MAX_KEYS)) {
    const star = key.indexOf("*");
    if (star < 0) continue;
    const [before, after] = [key.slice(0, star), key.slice(star + 1)];
    if (wanted.length < key.length || !wanted.startsWith(before) || !wanted.endsWith(after)) continue;
    if (best === undefined || star > best.key.indexOf("*")) best = { key, middle: wanted.slice(star, wanted.length - after.length) };
  }
  return best === undefined ? null : pick(map[best.key], kind, best.middle, 0);
}

/** First condition that holds, in the author's order: this engine is no Node and has no files, most like a browser's. */
function pick(target: unknown, kind: "import" | "require", middle: string, depth: number): string | null {
  if (depth > MAX_DEPTH) return null;
  if (typeof target === "string") return target.length > 1000 ? null : target.replaceAll("*", () => middle);
  if (Array.isArray(target)) {
    for (const each of target.slice(0, MAX_DEPTH)) {
      const found = pick(each, kind, middle, depth + 1);
      if (found !== null) return found;
    }
    return null;
  }
  if (!isObject(target)) return null;
  for (const [condition, value] of Object.entries(target).slice(0, MAX_KEYS)) {
    if (condition !== kind && condition !== "browser" && condition !== "default") continue;
    const found = pick(value, kind, middle, depth + 1);
    if (found !== null) return found;
  }
  return null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refuse(message: string, hint: string): { ok: false; error: Refusal } {
  return { ok: false, error: { message, hint } };
}
