/** Finds what the bundler accepts and a realm cannot do, in the sources and in the finished bundle. */
import { type JsonLimits, jsonProblem, parseJson } from "../../json-reader.ts";
import { nearest } from "../../nearest.ts";
import { clean, type Issues, NAMESPACE } from "./issues.ts";
import type { Modules } from "./modules.ts";
import { resolveModule, SDK } from "./resolve.ts";
import type { ImportSite } from "./sites.ts";
import { MAX_FILE_BYTES, type SourceTree } from "./source.ts";

/** All values of the sdk; a test holds them equal to its own. */
export const SDK_NAMES: readonly string[] = [
  "Plugin",
  "definePlugin",
  "PermissionDenied",
  "PluginError",
  "defineTexts",
  "byteLength",
  "cutText",
  "fitLines",
  "asWritten",
];
/** A data file of a plugin is code of it: it is bounded by the size of modules, and by what the parser takes. */
const MODULE_LIMITS: JsonLimits = { chars: MAX_FILE_BYTES, depth: 200, nodes: 2_000_000 };
/** As the bundler writes it. */
const SDK_IMPORT = /^import \{([^{}]*)\} from "zephyrgate";$/gm;
/** Only sources that match are read token by token. */
const COMPUTED_OR_ATTRIBUTE = /\bimport\s*[(/]|\b(?:with|assert)\s*[{/]/;

/** Import attributes other than json, and imports of a computed path. */
export function inspectCode(path: string, modules: Modules, issues: Issues): void {
  if (!COMPUTED_OR_ATTRIBUTE.test(modules.textOf(path) ?? "")) return;
  for (const site of modules.sitesOf(path)) {
    if (site.attribute !== undefined && site.attribute !== "json") {
      const why = {
        message: `is imported as ${JSON.stringify(site.attribute)}`,
        hint: 'only with { type: "json" } is allowed; leave it out',
      };
      issues.refuse(path, site.specifier ?? "import", why, site);
    } else if (site.specifier === null && !path.includes("node_modules/")) {
      issues.refuse(path, "import()", { message: "takes a path computed at run time", hint: "write the path as a string" }, site);
    }
  }
}

/** The bundler accepts comments in JSON. So this is only suspected, and reported when nothing else is wrong. */
export function inspectJson(path: string, text: string, issues: Issues): void {
  const parsed = parseJson(text, MODULE_LIMITS);
  if (parsed.ok) return;
  const hint = parsed.error.hint ?? "make it smaller and flatter";
  issues.suspect({ file: issues.name(path), message: clean(jsonProblem(parsed.error)), hint });
}

/**
 * Imports that are not part of the bundle. The bundler drops an import of types only, or an unused one, without resolving
 * it, as TypeScript does. One that could not have been loaded is still a mistake, and is reported.
 */
export function inspectLeftovers({ inputs, outputs }: Bun.BuildMetafile, tree: SourceTree, issues: Issues): void {
  const kept = new Set(Object.values(outputs).flatMap(({ imports }) => imports.map((each) => each.path)));
  for (const [input, { imports }] of Object.entries(inputs)) {
    const importer = input.replace(`${NAMESPACE}:`, "");
    for (const each of imports) {
      if (!("external" in each && each.external === true) || each.path === SDK) continue;
      const resolved = resolveModule(tree, each.path, importer, "import");
      if (!resolved.ok) issues.refuse(importer, each.path, resolved.error);
      else if (each.kind !== "import-statement" || kept.has(each.path)) {
        issues.refuse(importer, each.path, { message: "was not bundled", hint: "use a plain import statement" });
      }
    }
  }
}

/** The engine also refuses a name that the sdk does not export, but cannot say on which line it is imported. */
export function inspectSdkNames(bundle: string, modules: Modules, issues: Issues): void {
  const used = [...bundle.matchAll(SDK_IMPORT)].flatMap(([, names = ""]) => namesOf(names));
  for (const name of used.filter((each) => !SDK_NAMES.includes(each))) {
    const near = nearest(name, SDK_NAMES);
    const hint = near === null ? `there are ${SDK_NAMES.join(", ")}` : `did you mean ${near}?`;
    for (const { path, text, sites } of modules.code()) {
      const named = (site: ImportSite) => namesOf(/\{([^{}]*)\}\s*from\s*$/.exec(text.slice(0, site.offset))?.[1] ?? "").includes(name);
      const site = sites.find((each) => each.specifier === SDK && named(each));
      if (site !== undefined) issues.refuse(path, SDK, { message: `has no ${name}`, hint }, site);
    }
  }
}

/** `a, b as c` imports a and b. */
function namesOf(list: string): string[] {
  return list
    .split(",")
    .map((each) => each.trim().split(/\s+as\s+/)[0] ?? "")
    .filter((name) => name !== "" && !name.startsWith("type "));
}
