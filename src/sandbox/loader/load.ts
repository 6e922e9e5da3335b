/**
 * A plugin's folder made into one ES module for its realm. Plugin source is hostile to whoever bundles it, so the
 * bundler reads nothing itself: every module comes from the checked {@link SourceTree}, in a namespace of its own.
 */
import { devNull } from "node:os";
import type { BunPlugin } from "bun";
import { nearest } from "../../config/check.ts";
import type { Issue, Result } from "../../errors.ts";
import { type ModuleLoader, type Resolved, resolveModule, SDK } from "./resolve.ts";
import { type ImportSite, importSites, placeOf } from "./sites.ts";
import { MAX_MODULES, MAX_TOTAL_BYTES, type Refusal, type SourceTree } from "./source.ts";

/** The realm names a plugin's bundle so; stack lines carry it. */
export function bundleFile(plugin: string): string {
  return `${plugin}.js`;
}

const MAX_BUNDLE_BYTES = 16 * 1024 * 1024;
const MAX_ISSUES = 50;
const NAMESPACE = "plugin";
const REFUSED = "refused";
const BRIDGE = "sdk";
/** Spares plain sources the reading of their tokens. */
const COMPUTED_OR_ATTRIBUTE = /\bimport\s*[(/]|\b(?:with|assert)\s*[{/]/;

/** All values of the sdk; a test holds them equal to its own. */
export const SDK_NAMES: readonly string[] = ["Plugin", "definePlugin", "PermissionDenied", "PluginError"];
/** As the bundler writes it. */
const SDK_IMPORT = /^import \{([^{}]*)\} from "zephyrgate";$/gm;

export interface LoadedPlugin {
  /** One ES module; its only import is `zephyrgate`. */
  readonly code: string;
  /** Source map (JSON) from the bundle to the author's files; for {@link stackMapper}. */
  readonly map: string;
  /** SHA-256 over the paths and contents of all modules, hex. */
  readonly hash: string;
  /** Canonical paths, sorted. */
  readonly modules: readonly { readonly path: string; readonly bytes: number }[];
}

/** Bundles `main` (without it plugin.ts, else plugin.js) of `tree`. Every problem at once. Never throws. */
export async function loadPlugin(tree: SourceTree, main?: string): Promise<Result<LoadedPlugin, readonly Issue[]>> {
  const load = new Load(tree);
  const entry = load.entry(main);
  if (!entry.ok) return { ok: false, error: [entry.error] };
  return load.bundle(entry.value);
}

class Load {
  readonly #issues: Issue[] = [];
  /** Reported when the bundler has nothing better to say. */
  readonly #unsure: Issue[] = [];
  readonly #texts = new Map<string, string>();
  readonly #loaders = new Map<string, ModuleLoader>();
  readonly #sites = new Map<string, ImportSite[]>();
  #bytes = 0;

  constructor(private readonly tree: SourceTree) {}

  entry(main: string | undefined): Result<string, Issue> {
    for (const path of main === undefined ? ["plugin.ts", "plugin.js"] : [main]) {
      const look = this.tree.look(path);
      if (look.kind === "refused") return { ok: false, error: { file: this.#name(path), ...look.why } };
      if (look.kind !== "file") continue;
      const resolved = resolveModule(this.tree, `./${path}`, "", "import");
      if (!resolved.ok) return { ok: false, error: { file: this.#name(path), ...resolved.error } };
      if (resolved.value.kind === "file" && resolved.value.loader !== "json") {
        this.#loaders.set(resolved.value.path, resolved.value.loader);
        return { ok: true, value: resolved.value.path };
      }
    }
    const hint = main === undefined ? "add plugin.ts, or name the entry as `main` in manifest.yaml" : "mend `main` in manifest.yaml";
    return { ok: false, error: { file: this.#name(main ?? "plugin.ts"), message: "the entry module is not there", hint } };
  }

  async bundle(entry: string): Promise<Result<LoadedPlugin, readonly Issue[]>> {
    const built = await this.#build(entry);
    if (built?.success === true && this.#issues.length === 0 && this.#unsure.length === 0) {
      const result = await this.#finish(built, entry);
      if (result !== null) return { ok: true, value: result };
    }
    // What a refused module would have offered is missing too: those complaints only follow from the refusal.
    if (built?.success === false && this.#issues.length === 0) for (const log of built.logs) this.#complain(log);
    if (this.#issues.length === 0) this.#issues.push(...this.#unsure);
    if (this.#issues.length === 0) this.#report({ file: this.#name(entry), message: "could not be bundled", hint: "check its syntax" });
    return { ok: false, error: this.#issues };
  }

  async #build(entry: string): Promise<Bun.BuildOutput | null> {
    try {
      return await Bun.build({
        // A name alone: the bundler opens the folder of a path, in the working directory. The resolver answers with the entry.
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
      this.#report({
        file: this.#name(entry),
        message: `the bundler failed: ${clean(thrown instanceof Error ? thrown.message : String(thrown))}`,
      });
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
          if (resolved === null) return { path: `${this.#issues.length}`, namespace: REFUSED };
          if (resolved.kind === "file") return { path: resolved.path, namespace: NAMESPACE };
          // The realm's modules can only be imported; a require gets them by way of a module that does.
          return kind === "require-call" ? { path: "for-require", namespace: BRIDGE } : { path: SDK, external: true };
        });
        build.onLoad({ filter: /[\s\S]*/, namespace: NAMESPACE }, ({ path }) => {
          const loader = this.#loaders.get(path);
          const text = loader === undefined ? null : this.#read(path, loader);
          return text === null ? { contents: "module.exports = {}", loader: "js" } : { contents: text, loader: loader ?? "js" };
        });
        build.onLoad({ filter: /[\s\S]*/, namespace: BRIDGE }, () => ({
          contents: `import * as sdk from "${SDK}"; module.exports = sdk;`,
          loader: "js",
        }));
        build.onLoad({ filter: /[\s\S]*/, namespace: REFUSED }, () => ({ contents: "module.exports = {}", loader: "js" }));
      },
    };
  }

  #resolve(specifier: string, importer: string, kind: string): Resolved | null {
    const plain = kind === "import-statement" || kind === "dynamic-import" || kind === "require-call" || kind === "require-resolve";
    const resolved: Result<Resolved, Refusal> = plain
      ? resolveModule(this.tree, specifier, importer, kind.startsWith("require") ? "require" : "import")
      : { ok: false, error: { message: "cannot be loaded this way", hint: "use an import statement" } };
    if (!resolved.ok) {
      this.#refuse(importer, specifier, resolved.error);
      return null;
    }
    if (resolved.value.kind === "file") this.#loaders.set(resolved.value.path, resolved.value.loader);
    return resolved.value;
  }

  #read(path: string, loader: ModuleLoader): string | null {
    const known = this.#texts.get(path);
    if (known !== undefined) return known;
    const read = this.tree.read(path);
    const text = read.ok ? read.value.replace(/^\uFEFF/, "") : "";
    this.#bytes += Buffer.byteLength(text);
    const problem = read.ok ? this.#tooMuch() : read.error;
    if (problem !== null) {
      this.#report({ file: this.#name(path), ...problem });
      return null;
    }
    this.#texts.set(path, text);
    if (loader === "json") this.#json(path, text);
    else this.#inspect(path, text);
    return text;
  }

  #tooMuch(): Refusal | null {
    if (this.#texts.size >= MAX_MODULES)
      return { message: `is one module more than ${MAX_MODULES}`, hint: "use fewer or smaller packages" };
    if (this.#bytes > MAX_TOTAL_BYTES) {
      return { message: `brings the plugin above ${MAX_TOTAL_BYTES / 2 ** 20} MB`, hint: "use fewer or smaller packages" };
    }
    return null;
  }

  /** The bundler takes comments in JSON; where it finds nothing wrong either, ours is the only complaint. */
  #json(path: string, text: string): void {
    try {
      JSON.parse(text);
    } catch (thrown) {
      const hint = "JSON has no comments and no trailing commas";
      this.#unsure.push({ file: this.#name(path), message: `is not JSON: ${clean((thrown as Error).message)}`, hint });
    }
  }

  /** What the bundler would let pass and the realm cannot do. */
  #inspect(path: string, text: string): void {
    if (!COMPUTED_OR_ATTRIBUTE.test(text)) return;
    for (const site of this.#sitesOf(path)) {
      if (site.attribute !== undefined && site.attribute !== "json") {
        const why = {
          message: `is imported as ${JSON.stringify(site.attribute)}`,
          hint: 'only with { type: "json" } is allowed; leave it out',
        };
        this.#refuse(path, site.specifier ?? "import", why, site);
      } else if (site.specifier === null && !path.includes("node_modules/")) {
        this.#refuse(path, "import()", { message: "takes a path computed at run time", hint: "write the path as a string" }, site);
      }
    }
  }

  #sitesOf(path: string): readonly ImportSite[] {
    const known = this.#sites.get(path);
    if (known !== undefined) return known;
    const sites = importSites(this.#texts.get(path) ?? "");
    this.#sites.set(path, sites);
    return sites;
  }

  #refuse(importer: string, specifier: string, why: Refusal, known?: ImportSite): void {
    const text = this.#texts.get(importer);
    const site = known ?? this.#sitesOf(importer).find((each) => each.specifier === specifier);
    const place = text === undefined || site === undefined ? {} : placeOf(text, site.offset);
    this.#report({ file: this.#name(importer), ...place, field: JSON.stringify(clean(specifier)), ...why });
  }

  #report(issue: Issue): void {
    const same = (each: Issue) =>
      each.file === issue.file && each.line === issue.line && each.column === issue.column && each.field === issue.field;
    if (this.#issues.length < MAX_ISSUES && !this.#issues.some(same)) this.#issues.push(issue);
  }

  /** The bundler's own complaints: syntax, missing exports. */
  #complain(log: BuildMessage | ResolveMessage): void {
    if (log.level !== "error") return;
    const at = log.position;
    const file = at === null ? this.tree.label : this.#name(at.file.replace(/^plugin:/, ""));
    const message = clean(log.message).replaceAll(`${NAMESPACE}:`, "");
    const hint = message === "Macros are disabled" ? { hint: 'remove with { type: "macro" }' } : {};
    this.#report({ file, ...(at === null ? {} : { line: at.line, column: at.column }), message, ...hint });
  }

  async #finish(built: Bun.BuildOutput, entry: string): Promise<LoadedPlugin | null> {
    const bundle = built.outputs.find((output) => output.kind === "entry-point");
    const map = built.outputs.find((output) => output.kind === "sourcemap");
    if (bundle === undefined || map === undefined || built.outputs.length !== 2) return null;
    if (bundle.size + map.size > 2 * MAX_BUNDLE_BYTES || bundle.size > MAX_BUNDLE_BYTES) {
      this.#report({
        file: this.#name(entry),
        message: `grows above ${MAX_BUNDLE_BYTES / 2 ** 20} MB when bundled`,
        hint: "use shorter texts in enums, and fewer packages",
      });
      return null;
    }
    const { inputs = {}, outputs = {} } = built.metafile ?? {};
    for (const [input, { imports }] of Object.entries(inputs)) {
      for (const each of imports) if ("external" in each && each.external === true) this.#stray(input, each, outputs);
    }
    const code = await bundle.text();
    const named = Object.values(outputs).some((output) => output.exports.includes("default"));
    if (!named && !/^export default /m.test(code)) {
      const hint = "write `export default class MyPlugin extends Plugin { ... }`";
      this.#report({ file: this.#name(entry), message: "has no default export", hint });
    }
    this.#checkNames(code);
    if (this.#issues.length > 0) return null;
    return { code, map: withoutContents(await map.text()), ...this.#digest() };
  }

  /**
   * What the bundler left alone. An import of nothing but types, or that nobody uses, it drops without asking where it
   * leads: TypeScript does the same. One that could not have been loaded is a mistake all the same, and named.
   */
  #stray(input: string, { path, kind }: { path: string; kind: string }, outputs: Bun.BuildMetafile["outputs"]): void {
    if (path === SDK) return;
    const importer = input.replace(`${NAMESPACE}:`, "");
    const resolved = resolveModule(this.tree, path, importer, "import");
    const isGone = kind === "import-statement" && !Object.values(outputs).some(({ imports }) => imports.some((each) => each.path === path));
    if (resolved.ok && isGone) return;
    this.#refuse(importer, path, resolved.ok ? { message: "was not bundled", hint: "use a plain import statement" } : resolved.error);
  }

  /** The engine refuses a name that the sdk does not have too, but cannot say where it stands. */
  #checkNames(code: string): void {
    const used = [...code.matchAll(SDK_IMPORT)].flatMap(([, names = ""]) => namesOf(names));
    for (const name of used.filter((each) => !SDK_NAMES.includes(each))) {
      for (const [path, text] of this.#texts) {
        const named = (site: ImportSite) => namesOf(/\{([^{}]*)\}\s*from\s*$/.exec(text.slice(0, site.offset))?.[1] ?? "").includes(name);
        const site =
          this.#loaders.get(path) === "json" ? undefined : this.#sitesOf(path).find((each) => each.specifier === SDK && named(each));
        const near = nearest(name, SDK_NAMES);
        const hint = near === undefined ? `there are ${SDK_NAMES.join(", ")}` : `did you mean ${near}?`;
        if (site !== undefined) this.#refuse(path, SDK, { message: `has no ${name}`, hint }, site);
      }
    }
  }

  #digest(): { hash: string; modules: { path: string; bytes: number }[] } {
    const hash = new Bun.CryptoHasher("sha256");
    const paths = [...this.#texts.keys()].sort();
    const modules = paths.map((path) => {
      const text = this.#texts.get(path) ?? "";
      // Hash of each text, not the text: no two lists of modules then run together to the same bytes.
      hash.update(`${path}\0${new Bun.CryptoHasher("sha256").update(text).digest("hex")}\n`);
      return { path, bytes: Buffer.byteLength(text) };
    });
    return { hash: hash.digest("hex"), modules };
  }

  #name(path: string): string {
    return path === "" ? this.tree.label : `${this.tree.label}/${path}`;
  }
}

/** `a, b as c` imports a and b. */
function namesOf(list: string): string[] {
  return list
    .split(",")
    .map((each) => each.trim().split(/\s+as\s+/)[0] ?? "")
    .filter((name) => name !== "" && !name.startsWith("type "));
}

/** The sources themselves are in the folder; the gateway need not keep a copy. */
function withoutContents(map: string): string {
  const { version, sources, mappings } = JSON.parse(map) as Record<string, unknown>;
  return JSON.stringify({ version, sources, mappings });
}

/** One short line without control characters. */
function clean(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202f\u2066-\u2069]+/g, " ").slice(0, 300);
}
