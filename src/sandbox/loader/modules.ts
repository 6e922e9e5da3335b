/** The modules that one bundle is made of: their texts, how each is read, and where each imports what. */
import { type ModuleLoader, packageOf } from "./resolve.ts";
import { type ImportSite, importSites } from "./sites.ts";
import { MAX_MODULES, MAX_TOTAL_BYTES, type Refusal } from "./source.ts";

/** An import as it stands in a module. */
export interface Import {
  readonly importer: string;
  readonly specifier: string;
}

export interface ModuleSize {
  readonly path: string;
  readonly bytes: number;
}

/** By canonical path. */
export class Modules {
  readonly #texts = new Map<string, string>();
  readonly #loaders = new Map<string, ModuleLoader>();
  readonly #sites = new Map<string, readonly ImportSite[]>();
  /** For each module the import by which it was found first. */
  readonly #found = new Map<string, Import>();
  #bytes = 0;

  /** How a module that was resolved is to be read; `by` is the import that led to it, null for the entry. */
  expect(path: string, loader: ModuleLoader, by: Import | null): void {
    this.#loaders.set(path, loader);
    if (by !== null && !this.#found.has(path) && by.importer !== path) this.#found.set(path, by);
  }

  /** The author's own import by which a module of a package came into the bundle; null for the author's own modules. */
  ownImportOf(path: string): Import | null {
    let at: Import | undefined;
    const seen = new Set<string>();
    for (let module = path; packageOf(module) !== null && !seen.has(module); module = at.importer) {
      seen.add(module);
      at = this.#found.get(module);
      if (at === undefined) return null;
    }
    return at ?? null;
  }

  /** Whether a module can do without an import: each place of it is in a `try`, or, in a package, waits for the import to be run. */
  canDoWithout({ importer, specifier }: Import, kind: string): boolean {
    const inPackage = packageOf(importer) !== null;
    const isCall = kind.startsWith("require");
    if (kind === "dynamic-import") return inPackage;
    const places = this.sitesOf(importer).filter((site) => site.specifier === specifier && (site.kind === "require") === isCall);
    return isCall && places.length > 0 && places.every((site) => site.isGuarded === true);
  }

  loaderOf(path: string): ModuleLoader | undefined {
    return this.#loaders.get(path);
  }

  textOf(path: string): string | undefined {
    return this.#texts.get(path);
  }

  /** Counts a text that was read and keeps it, unless it is one too many. */
  add(path: string, text: string): Refusal | null {
    this.#bytes += Buffer.byteLength(text);
    if (this.#texts.size >= MAX_MODULES) {
      return { message: `is one module more than ${MAX_MODULES}`, hint: "use fewer or smaller packages" };
    }
    if (this.#bytes > MAX_TOTAL_BYTES) {
      return { message: `brings the plugin above ${MAX_TOTAL_BYTES / 2 ** 20} MB`, hint: "use fewer or smaller packages" };
    }
    this.#texts.set(path, text);
    return null;
  }

  /** Where a module imports what; none for a module that was not read. */
  sitesOf(path: string): readonly ImportSite[] {
    const known = this.#sites.get(path);
    if (known !== undefined) return known;
    const sites = importSites(this.#texts.get(path) ?? "");
    this.#sites.set(path, sites);
    return sites;
  }

  /** Every module that is code, and where it imports what. */
  *code(): Generator<{ readonly path: string; readonly text: string; readonly sites: readonly ImportSite[] }> {
    for (const [path, text] of this.#texts) {
      if (this.#loaders.get(path) !== "json") yield { path, text, sites: this.sitesOf(path) };
    }
  }

  /** SHA-256 over the paths and contents of all modules, hex; and what they are, sorted by path. */
  digest(): { readonly hash: string; readonly modules: readonly ModuleSize[] } {
    const hash = new Bun.CryptoHasher("sha256");
    const modules = [...this.#texts].sort(byPath).map(([path, text]): ModuleSize => {
      // Hash of each text, not the text: two different lists of modules never give the same bytes.
      hash.update(`${path}\0${new Bun.CryptoHasher("sha256").update(text).digest("hex")}\n`);
      return { path, bytes: Buffer.byteLength(text) };
    });
    return { hash: hash.digest("hex"), modules };
  }
}

function byPath([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
