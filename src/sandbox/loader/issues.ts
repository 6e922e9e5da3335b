/** What is wrong with a plugin's sources, with file and line: at most {@link MAX_ISSUES}, each place once. */
import type { Issue } from "../../errors.ts";
import type { Modules } from "./modules.ts";
import { type ImportSite, placeOf } from "./sites.ts";
import type { Refusal } from "./source.ts";

const MAX_ISSUES = 50;
/** The bundler's name for where plugins' modules come from; it stands before paths in its messages. */
export const NAMESPACE = "plugin";

export class Issues {
  readonly #found: Issue[] = [];
  /** Reported only when the bundler reports nothing. */
  readonly #unsure: Issue[] = [];

  /** `label` stands before paths: the folder, or `bundled:name`. */
  constructor(
    private readonly label: string,
    private readonly modules: Modules,
  ) {}

  /** Certain ones so far. */
  get size(): number {
    return this.#found.length;
  }

  get isEmpty(): boolean {
    return this.#found.length === 0 && this.#unsure.length === 0;
  }

  /** The certain ones; where there is none, the suspected ones. */
  all(): readonly Issue[] {
    return this.#found.length > 0 ? this.#found : this.#unsure;
  }

  /** A module's path as messages show it. */
  name(path: string): string {
    return path === "" ? this.label : `${this.label}/${path}`;
  }

  report(issue: Issue): void {
    const same = (each: Issue) =>
      each.file === issue.file && each.line === issue.line && each.column === issue.column && each.field === issue.field;
    if (this.#found.length < MAX_ISSUES && !this.#found.some(same)) this.#found.push(issue);
  }

  /** Only shown when nothing certain was found. */
  suspect(issue: Issue): void {
    if (this.#unsure.length < MAX_ISSUES) this.#unsure.push(issue);
  }

  /**
   * An import of `importer` that is not allowed, with its line: at `known`, else where `specifier` first stands. In a package
   * it is told of the author's own import that led there.
   */
  refuse(importer: string, specifier: string, why: Refusal, known?: ImportSite): void {
    const own = this.modules.ownImportOf(importer);
    if (own === null) {
      this.#refuseAt(importer, specifier, why, known);
      return;
    }
    const { line } = this.#placeOf(importer, specifier, known);
    const where = `${importer}${line === undefined ? "" : `:${line}`}`;
    const message = `uses ${JSON.stringify(clean(specifier))}, which ${why.message} (${where})`;
    this.#refuseAt(own.importer, own.specifier, { message, hint: packageHint(why.hint) });
  }

  #refuseAt(importer: string, specifier: string, why: Refusal, known?: ImportSite): void {
    const place = this.#placeOf(importer, specifier, known);
    this.report({ file: this.name(importer), ...place, field: JSON.stringify(clean(specifier)), ...why });
  }

  #placeOf(importer: string, specifier: string, known?: ImportSite): { line?: number; column?: number } {
    const text = this.modules.textOf(importer);
    const site = known ?? this.modules.sitesOf(importer).find((each) => each.specifier === specifier);
    return text === undefined || site === undefined ? {} : placeOf(text, site.offset);
  }

  /** The bundler's own complaints: syntax, missing exports. */
  complain(log: BuildMessage | ResolveMessage): void {
    if (log.level !== "error") return;
    const at = log.position;
    const file = at === null ? this.label : this.name(at.file.replace(/^plugin:/, ""));
    const message = clean(log.message).replaceAll(`${NAMESPACE}:`, "");
    const hint = message === "Macros are disabled" ? { hint: 'remove with { type: "macro" }' } : {};
    this.report({ file, ...(at === null ? {} : { line: at.line, column: at.column }), message, ...hint });
  }
}

/** What an author can do who does not change the package. */
function packageHint(hint: string): string {
  return hint.startsWith("run: npm install") ? hint : "use a package that needs no Node; docs/packages.md lists some that were tried";
}

/** One short line without control characters. */
export function clean(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202f\u2066-\u2069]+/g, " ").slice(0, 300);
}
