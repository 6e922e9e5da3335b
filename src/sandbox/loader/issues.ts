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

  /** An import of `importer` that is not allowed, with its line: at `known`, else where `specifier` first stands. */
  refuse(importer: string, specifier: string, why: Refusal, known?: ImportSite): void {
    const text = this.modules.textOf(importer);
    const site = known ?? this.modules.sitesOf(importer).find((each) => each.specifier === specifier);
    const place = text === undefined || site === undefined ? {} : placeOf(text, site.offset);
    this.report({ file: this.name(importer), ...place, field: JSON.stringify(clean(specifier)), ...why });
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

/** One short line without control characters. */
export function clean(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202f\u2066-\u2069]+/g, " ").slice(0, 300);
}
