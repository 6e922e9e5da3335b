/** What an import specifier means inside a plugin's folder, or why it means nothing there. */
import { builtinModules } from "node:module";
import type { Result } from "../../errors.ts";
import { browserTarget, exportsTarget, importsTarget, readPackageJson } from "./package.ts";
import type { Refusal, SourceTree } from "./source.ts";

export const SDK = "zephyrgate";

export type ModuleLoader = "ts" | "js" | "json";
export type Resolved =
  | { readonly kind: "sdk" }
  /** A module without exports: the package says that it needs none of this here. */
  | { readonly kind: "empty" }
  | { readonly kind: "file"; readonly path: string; readonly loader: ModuleLoader };

const BUILTINS = new Set([...builtinModules.map((name) => name.replace(/^node:/, "").split("/")[0] ?? name), "bun"]);
const LOADERS: Readonly<Record<string, ModuleLoader>> = { ts: "ts", mts: "ts", cts: "ts", js: "js", mjs: "js", cjs: "js", json: "json" };
const SUFFIXES = [".ts", ".js", ".mts", ".mjs", ".cjs", ".json"];
const MAX_SPECIFIER = 500;
const MAX_STEPS = 8;

const INSTEAD: Readonly<Record<string, string>> = {
  fs: "keep data with storeData or db",
  sqlite: "use db of the plugin",
  http: "use httpGet, httpPost or fetch, with http_requests",
  https: "use httpGet, httpPost or fetch, with http_requests",
  net: "use httpGet or httpPost, with http_requests",
  child_process: "plugins cannot start programs",
  crypto: "use crypto.getRandomValues or crypto.randomUUID",
  timers: "setTimeout is there without an import",
  url: "URL is there without an import",
};

export type ImportKind = "import" | "require";

/** Where an import stands. */
interface Importer {
  readonly tree: SourceTree;
  /** The importing module's canonical path. */
  readonly path: string;
  /** Its folder. */
  readonly folder: string;
  readonly kind: ImportKind;
  /** How many times `imports` of a package.json has led on already. */
  readonly steps: number;
}

/** Resolves `specifier` as it stands in `importer` (canonical path; the entry's own is ""). */
export function resolveModule(tree: SourceTree, specifier: string, importer: string, kind: ImportKind): Result<Resolved, Refusal> {
  const folder = importer.includes("/") ? importer.slice(0, importer.lastIndexOf("/")) : "";
  const from = { tree, path: importer, folder, kind, steps: 0 };
  const other = specifier === SDK ? null : replaced(specifier, importer, from);
  if (other !== null) return other;
  const resolved = resolve(specifier, from);
  if (!resolved.ok || resolved.value.kind !== "file") return resolved;
  const { path } = resolved.value;
  const home = packageOf(path);
  return home === null ? resolved : (replaced(`./${path.slice(home.length + 1)}`, path, from) ?? resolved);
}

/** The folder of the package that a file belongs to; null for the plugin's own files. */
export function packageOf(path: string): string | null {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0] ?? null;
}

/** What the package of `file` puts in the place of `wanted` for engines that are no Node; null where it says nothing. */
function replaced(wanted: string, file: string, from: Importer): Result<Resolved, Refusal> | null {
  const home = packageOf(file);
  if (home === null) return null;
  const found = readPackageJson(from.tree, home);
  const target = found.ok ? browserTarget(found.value?.browser, wanted) : null;
  if (target === null || target === wanted) return null;
  if (target === false) return { ok: true, value: { kind: "empty" } };
  if (!target.startsWith("./")) return resolve(target, from);
  return inside(from.tree, home, target, true);
}

/** A file that a package replaces need not be there: a plugin's own package holds only what it uses. */
function absent(tree: SourceTree, path: string): Result<Resolved, Refusal> | null {
  const home = packageOf(path);
  if (home === null) return null;
  const from: Importer = { tree, path, folder: parent(path) ?? "", kind: "require", steps: 0 };
  for (const candidate of candidates(path)) {
    const other = replaced(`./${candidate.slice(home.length + 1)}`, path, from);
    if (other !== null) return other;
  }
  return null;
}

function resolve(specifier: string, from: Importer): Result<Resolved, Refusal> {
  if (specifier === SDK) return { ok: true, value: { kind: "sdk" } };
  if (from.steps > MAX_STEPS) return refuse("leads in a circle", "correct the package's package.json");
  const odd = oddity(specifier);
  if (odd !== undefined) return { ok: false, error: odd };
  if (/^\.\.?(?:\/|$)/.test(specifier)) {
    const path = join(from.folder, specifier);
    return path === undefined ? refuse("leads out of the plugin's folder", "copy the file into the folder") : file(from.tree, path);
  }
  return specifier.startsWith("#") ? own(specifier, from) : bare(specifier, from);
}

/** Refuses forms that can never name a file of the folder. */
function oddity(specifier: string): Refusal | undefined {
  const is = (message: string, hint: string): Refusal => ({ message, hint });
  if (specifier.length > MAX_SPECIFIER) return is("is too long", "write a short path");
  if (/[\u0000-\u001f\u007f]/.test(specifier)) return is("has a control character in it", "remove it");
  if (specifier === "" || specifier.includes("\\")) return is("is not a path with slashes", 'write it as "./folder/file.ts"');
  const [, builtin] = /^(?:node|bun):(.*)$/.exec(specifier) ?? [];
  if (builtin !== undefined || specifier === "bun")
    return is("is built into Node or Bun, and plugins run in neither", instead(builtin ?? "bun"));
  if (specifier.startsWith(`${SDK}/`)) return is("is for tests only", `import from "${SDK}" in the plugin`);
  if (specifier.startsWith("/") || /^[A-Za-z]:\//.test(specifier))
    return is("is an absolute path", "write it relative to this file, as ./file.ts");
  if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(specifier))
    return is("is a URL", "copy the file into the folder, or install it as an npm package there");
  if (/[?%]/.test(specifier)) return is("has ? or % in it", "name the file as it is called");
  return undefined;
}

function instead(builtin: string): string {
  return INSTEAD[builtin.split("/")[0] ?? ""] ?? "see the plugin API for what there is instead";
}

/** `folder` joined with a relative path; undefined when it leads out. */
function join(folder: string, relative: string): string | undefined {
  const parts = folder === "" ? [] : folder.split("/");
  for (const part of relative.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join("/");
}

/** A path that may lack its extension, or be a folder with an index. */
function file(tree: SourceTree, path: string): Result<Resolved, Refusal> {
  let folder = false;
  for (const candidate of candidates(path)) {
    const look = tree.look(candidate);
    if (look.kind === "refused") return { ok: false, error: look.why };
    if (look.kind === "file") return asModule(look.path);
    if (look.kind === "folder" && candidate === path) folder = true;
  }
  if (!folder) return absent(tree, path) ?? refuse("there is no such file", "check the path and its capitals");
  const packed = path === "" ? { ok: true as const, value: undefined } : readPackageJson(tree, path);
  if (!packed.ok) return packed;
  const main = packed.value?.main;
  const inner = typeof main === "string" && !oddity(main) ? join(path, main) : undefined;
  return index(tree, path, inner);
}

function candidates(path: string): string[] {
  // TypeScript authors write `./x.js` for x.ts.
  const swapped = /\.[cm]?js$/.test(path) ? [path.replace(/js$/, "ts")] : [];
  return path === "" ? [""] : [path, ...swapped, ...SUFFIXES.map((suffix) => path + suffix)];
}

function index(tree: SourceTree, folder: string, main: string | undefined): Result<Resolved, Refusal> {
  const base = folder === "" ? "" : `${folder}/`;
  const tries = main === undefined || main === folder ? [] : [...candidates(main), `${main}/index.js`];
  for (const candidate of [...tries, `${base}index.ts`, `${base}index.js`, `${base}index.mjs`, `${base}index.cjs`, `${base}index.json`]) {
    const look = tree.look(candidate);
    if (look.kind === "refused") return { ok: false, error: look.why };
    if (look.kind === "file") return asModule(look.path);
  }
  return refuse("is a folder without an index file", "name the file");
}

function asModule(path: string): Result<Resolved, Refusal> {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const extension = name.includes(".") ? name.slice(name.lastIndexOf(".") + 1) : "";
  const loader = Object.hasOwn(LOADERS, extension) ? LOADERS[extension] : undefined;
  if (loader !== undefined) return { ok: true, value: { kind: "file", path, loader } };
  if (extension === "node") return refuse("is native code", "use a package in pure JavaScript");
  if (extension === "wasm") return refuse("is WebAssembly, which a plugin's realm does not have", "use a package in pure JavaScript");
  if (extension === "tsx" || extension === "jsx") return refuse("is JSX, which plugins have no use for", "write it in a .ts file");
  return refuse("is neither TypeScript, JavaScript nor JSON", "put text into a .ts file, data into a .json file");
}

/** A package of a node_modules folder at or above the importer, never above the plugin's own folder. */
function bare(specifier: string, from: Importer): Result<Resolved, Refusal> {
  const [, name, rest = ""] = /^(@[^/]+\/[^/]+|[^/@][^/]*)(\/.*)?$/.exec(specifier) ?? [];
  if (name === undefined || name.split("/").some((part) => part === "." || part === "..")) {
    return refuse("is not the name of a package", 'write "./name" for a file');
  }
  for (let folder: string | undefined = from.folder; folder !== undefined; folder = parent(folder)) {
    const home = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`;
    const look = from.tree.look(home);
    if (look.kind === "refused") return { ok: false, error: look.why };
    if (look.kind === "folder") return inPackage({ home: look.path, name, rest }, from);
    if (look.kind === "file") return refuse(`${home} is a file`, "install the package again");
  }
  if (BUILTINS.has(name)) return refuse("is built into Node, and plugins do not run in it", instead(name));
  return refuse(
    "is not installed in the plugin's node_modules",
    `run: npm install ${name}, in the plugin's folder; a file needs ./ before it`,
  );
}

function parent(folder: string): string | undefined {
  if (folder === "") return undefined;
  return folder.includes("/") ? folder.slice(0, folder.lastIndexOf("/")) : "";
}

/** `home` is the package's folder, `rest` what the specifier says after its name: empty, or `/path`. */
function inPackage(
  { home, name, rest }: { readonly home: string; readonly name: string; readonly rest: string },
  { tree, kind }: Importer,
): Result<Resolved, Refusal> {
  const found = readPackageJson(tree, home);
  if (!found.ok) return found;
  const { exports, module, main, browser } = found.value ?? {};
  if (exports !== undefined && exports !== null) {
    const target = exportsTarget(exports, `.${rest}`, kind);
    if (target === null) return refuse(`the package ${name} does not offer .${rest}`, "import what its package.json exports");
    return inside(tree, home, target);
  }
  const inner = rest === "" ? undefined : join("", rest.slice(1));
  if (rest !== "") return inner === undefined ? refuse("leads out of its package", "name a file inside") : file(tree, `${home}/${inner}`);
  for (const field of kind === "import" ? [browser, module, main] : [browser, main]) {
    if (typeof field !== "string") continue;
    const path = oddity(field.replace(/^\.?\//, "./")) === undefined ? join("", field) : undefined;
    if (path === undefined) return refuse(`its package.json leads out of the package ${name}`, "install the package again");
    const entry = index(tree, home, `${home}/${path}`.replace(/\/$/, ""));
    if (entry.ok) return entry;
    if (field === main) return absent(tree, `${home}/${path}`) ?? entry;
  }
  return index(tree, home, undefined);
}

/** A target of `exports` or `imports`: always `./...`, and never out of its package. */
function inside(tree: SourceTree, home: string, target: string, isReplaced = false): Result<Resolved, Refusal> {
  const path =
    target.startsWith("./") && oddity(target) === undefined && !/(?:^|\/)(?:\.\.|node_modules)(?:\/|$)/.test(target.slice(2))
      ? join("", target)
      : undefined;
  if (path === undefined) return refuse("its package.json leads out of the package", "install the package again");
  const look = tree.look(home === "" ? path : `${home}/${path}`);
  if (look.kind === "refused") return { ok: false, error: look.why };
  if (look.kind === "file") return asModule(look.path);
  const other = isReplaced || home === "" ? null : absent(tree, `${home}/${path}`);
  return other ?? refuse(`its package.json names ${target}, which is not there`, "install the package again");
}

/** `#name`: by the `imports` of the nearest package.json. */
function own(specifier: string, from: Importer): Result<Resolved, Refusal> {
  for (let folder: string | undefined = from.folder; folder !== undefined; folder = parent(folder)) {
    const found = readPackageJson(from.tree, folder);
    if (!found.ok) return found;
    if (found.value === undefined) continue;
    const target = importsTarget(found.value.imports, specifier, from.kind);
    if (target === null) break;
    if (target.startsWith("./")) return inside(from.tree, folder, target);
    return resolve(/^[./#]/.test(target) ? "" : target, { ...from, steps: from.steps + 1 });
  }
  return refuse("is not in the `imports` of package.json", "write a relative path");
}

function refuse(message: string, hint: string): { ok: false; error: Refusal } {
  return { ok: false, error: { message, hint } };
}
