/**
 * A plugin's folder made into one ES module for its realm. Plugin source is hostile to whoever bundles it, so the
 * bundler reads nothing itself: every module comes from the checked {@link SourceTree}, in a namespace of its own.
 */
import { devNull } from "node:os";
import type { BunPlugin } from "bun";
import type { Issue, Result } from "../../errors.ts";
import { type JsonLimits, parseJson } from "../../json-reader.ts";
import { inspectCode, inspectJson, inspectLeftovers, inspectSdkNames } from "./inspect.ts";
import { clean, Issues, NAMESPACE } from "./issues.ts";
import { type ModuleSize, Modules } from "./modules.ts";
import { type ModuleLoader, type Resolved, resolveModule, SDK } from "./resolve.ts";
import type { Refusal, SourceTree } from "./source.ts";
import { TracedTree } from "./trace.ts";

/** The realm names a plugin's bundle so; stack lines carry it. */
export function bundleFile(plugin: string): string {
  return `${plugin}.js`;
}

const MAX_BUNDLE_BYTES = 16 * 1024 * 1024;
const MAP_LIMITS: JsonLimits = { chars: 2 * MAX_BUNDLE_BYTES, depth: 8, nodes: 20_000 };
const REFUSED = "refused";
const BRIDGE = "sdk";
/** Modules that throw when they are run; the path holds what they say. */
const MISSING = "missing";
const NOTHING = "nothing";
const EMPTY = { contents: "module.exports = {}", loader: "js" } as const;

export interface LoadedPlugin {
  /** One ES module; its only import is `zephyrgate`. */
  readonly code: string;
  /** Source map (JSON) from the bundle to the author's files; for {@link stackMapper}. */
  readonly map: string;
  /** SHA-256 over the paths and contents of all modules, hex. */
  readonly hash: string;
  /** Canonical paths, sorted. */
  readonly modules: readonly ModuleSize[];
  /** For {@link traceHolds}: the bundle may be used again while this holds. Null when it would take too long to check. */
  readonly trace: string | null;
}

/** Bundles `main` (without it plugin.ts, else plugin.js) of `tree`. Every problem at once. Never throws. */
export async function loadPlugin(tree: SourceTree, main?: string): Promise<Result<LoadedPlugin, readonly Issue[]>> {
  const load = new Load(tree);
  const entry = load.entry(main);
  if (!entry.ok) return { ok: false, error: [entry.error] };
  return load.bundle(entry.value);
}

class Load {
  readonly #modules = new Modules();
  readonly #issues: Issues;
  private readonly tree: TracedTree;

  constructor(tree: SourceTree) {
    this.tree = new TracedTree(tree);
    this.#issues = new Issues(tree.label, this.#modules);
  }

  entry(main: string | undefined): Result<string, Issue> {
    const refuse = (path: string, why: Refusal): Result<string, Issue> => ({ ok: false, error: { file: this.#issues.name(path), ...why } });
    for (const path of main === undefined ? ["plugin.ts", "plugin.js"] : [main]) {
      const look = this.tree.look(path);
      if (look.kind === "refused") return refuse(path, look.why);
      if (look.kind !== "file") continue;
      const resolved = resolveModule(this.tree, `./${path}`, "", "import");
      if (!resolved.ok) return refuse(path, resolved.error);
      if (resolved.value.kind === "file" && resolved.value.loader !== "json") {
        this.#modules.expect(resolved.value.path, resolved.value.loader, null);
        return { ok: true, value: resolved.value.path };
      }
    }
    const hint = main === undefined ? "add plugin.ts, or name the entry as `main` in manifest.yaml" : "correct `main` in manifest.yaml";
    return refuse(main ?? "plugin.ts", { message: "the entry module is missing", hint });
  }

  async bundle(entry: string): Promise<Result<LoadedPlugin, readonly Issue[]>> {
    const built = await this.#build(entry);
    if (built?.success === true && this.#issues.isEmpty) {
      const result = await this.#finish(built, entry);
      if (result !== null) return { ok: true, value: result };
    }
    // What a refused module would have offered is missing too: those complaints only follow from the refusal.
    if (built?.success === false && this.#issues.size === 0) for (const log of built.logs) this.#issues.complain(log);
    if (this.#issues.isEmpty) {
      this.#issues.report({ file: this.#issues.name(entry), message: "could not be bundled", hint: "check its syntax" });
    }
    return { ok: false, error: this.#issues.all() };
  }

  async #build(entry: string): Promise<Bun.BuildOutput | null> {
    try {
      return await Bun.build({
        // Only a name: with a path the bundler would open that folder in the working directory. The resolver answers with the entry.
        entrypoints: [entry.slice(entry.lastIndexOf("/") + 1)],
        plugins: [this.#plugin(entry)],
        target: "browser",
        format: "esm",
        splitting: false,
        minify: false,
        sourcemap: "external",
        env: "disable",
        throw: false,
        metafile: true,
        // In place of the one in the working directory, which is the plugin's own in `plugin check .`.
        tsconfig: devNull,
        // Not in the types of Bun 1.4.5: code imported `with { type: "macro" }` would run here, in the gateway.
        ...({ macros: false } as object),
        define: { "process.env.NODE_ENV": '"production"' },
      });
    } catch (thrown) {
      const why = clean(thrown instanceof Error ? thrown.message : String(thrown));
      this.#issues.report({ file: this.#issues.name(entry), message: `the bundler failed: ${why}` });
      return null;
    }
  }

  #plugin(entry: string): BunPlugin {
    return {
      name: "plugin-folder",
      setup: (build) => {
        build.onResolve({ filter: /[\s\S]*/ }, ({ path, importer, kind }) => {
          if (kind === "entry-point-build") return { path: entry, namespace: NAMESPACE };
          const resolved = this.#resolve(path, importer, kind);
          if (resolved === null) return { path: `${this.#issues.size}`, namespace: REFUSED };
          if (resolved.kind === "missing") return { path: resolved.message, namespace: MISSING };
          if (resolved.kind === "empty") return { path: NOTHING, namespace: NOTHING };
          if (resolved.kind === "file") return { path: resolved.path, namespace: NAMESPACE };
          // The realm's modules can only be imported; a require gets them by way of a module that does.
          return kind === "require-call" ? { path: "for-require", namespace: BRIDGE } : { path: SDK, external: true };
        });
        build.onLoad({ filter: /[\s\S]*/, namespace: NAMESPACE }, ({ path }) => {
          const loader = this.#modules.loaderOf(path);
          const text = loader === undefined ? null : this.#read(path, loader);
          return text === null ? EMPTY : { contents: text, loader: loader ?? "js" };
        });
        const bridge = { contents: `import * as sdk from "${SDK}"; module.exports = sdk;`, loader: "js" } as const;
        build.onLoad({ filter: /[\s\S]*/, namespace: BRIDGE }, () => bridge);
        build.onLoad({ filter: /[\s\S]*/, namespace: REFUSED }, () => EMPTY);
        build.onLoad({ filter: /[\s\S]*/, namespace: NOTHING }, () => EMPTY);
        build.onLoad({ filter: /[\s\S]*/, namespace: MISSING }, ({ path }) => ({ contents: throwing(path), loader: "js" }));
      },
    };
  }

  #resolve(specifier: string, importer: string, kind: string): Resolved | Missing | null {
    const plain = kind === "import-statement" || kind === "dynamic-import" || kind === "require-call" || kind === "require-resolve";
    const resolved: Result<Resolved, Refusal> = plain
      ? resolveModule(this.tree, specifier, importer, kind.startsWith("require") ? "require" : "import")
      : { ok: false, error: { message: "cannot be loaded this way", hint: "use an import statement" } };
    const by = { importer, specifier };
    if (!resolved.ok) {
      if (this.#modules.canDoWithout(by, kind))
        return { kind: "missing", message: `Cannot find module ${JSON.stringify(clean(specifier))}: it ${resolved.error.message}` };
      this.#issues.refuse(importer, specifier, resolved.error);
      return null;
    }
    if (resolved.value.kind === "file") this.#modules.expect(resolved.value.path, resolved.value.loader, by);
    return resolved.value;
  }

  #read(path: string, loader: ModuleLoader): string | null {
    const known = this.#modules.textOf(path);
    if (known !== undefined) return known;
    const read = this.tree.read(path);
    const text = read.ok ? read.value.replace(/^\uFEFF/, "") : "";
    const problem = read.ok ? this.#modules.add(path, text) : read.error;
    if (problem !== null) {
      this.#issues.report({ file: this.#issues.name(path), ...problem });
      return null;
    }
    if (loader === "json") inspectJson(path, text, this.#issues);
    else inspectCode(path, this.#modules, this.#issues);
    return text;
  }

  /** The result, or null with the reasons among the issues. */
  async #finish(built: Bun.BuildOutput, entry: string): Promise<LoadedPlugin | null> {
    const bundle = built.outputs.find((output) => output.kind === "entry-point");
    const map = built.outputs.find((output) => output.kind === "sourcemap");
    if (bundle === undefined || map === undefined || built.outputs.length !== 2) return null;
    const file = this.#issues.name(entry);
    if (bundle.size + map.size > 2 * MAX_BUNDLE_BYTES || bundle.size > MAX_BUNDLE_BYTES) {
      const message = `grows above ${MAX_BUNDLE_BYTES / 2 ** 20} MB when bundled`;
      this.#issues.report({ file, message, hint: "use shorter texts in enums, and fewer packages" });
      return null;
    }
    const facts = built.metafile ?? { inputs: {}, outputs: {} };
    inspectLeftovers(facts, this.tree, this.#issues);
    const code = await bundle.text();
    if (!Object.values(facts.outputs).some((output) => output.exports.includes("default")) && !/^export default /m.test(code)) {
      const hint = "write `export default class MyPlugin extends Plugin { ... }`";
      this.#issues.report({ file, message: "has no default export", hint });
    }
    inspectSdkNames(code, this.#modules, this.#issues);
    return this.#issues.size > 0
      ? null
      : { code, map: withoutContents(await map.text()), ...this.#modules.digest(), trace: this.tree.trace() };
  }
}

interface Missing {
  readonly kind: "missing";
  readonly message: string;
}

/** As in Node: packages look at the code. */
function throwing(message: string): string {
  return `throw Object.assign(new Error(${JSON.stringify(message)}), { code: "MODULE_NOT_FOUND" });`;
}

/** The sources themselves are in the folder; the gateway need not keep a copy. */
function withoutContents(map: string): string {
  const parsed = parseJson(map, MAP_LIMITS);
  if (!parsed.ok || typeof parsed.value !== "object" || parsed.value === null || !("mappings" in parsed.value)) return "{}";
  const { version, sources, mappings } = parsed.value;
  return JSON.stringify({ version, sources, mappings });
}
