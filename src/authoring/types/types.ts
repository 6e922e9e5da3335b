/** `config.types.ts`: the type of a plugin's configuration, from the JSON Schema that its manifest names. */
import { basename, dirname, join, posix } from "node:path";
import { fail, failBecause, issueLine, ok, type Result } from "../../errors.ts";
import type { Json } from "../../json.ts";
import { FILE_LIMITS, jsonProblem, parseJson } from "../../json-reader.ts";
import { MANIFEST_FILE, parseManifest } from "../../manifest/parse.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { folderSource, type SourceTree } from "../../sandbox/loader/source.ts";
import { writeFileAtomically } from "../../storage/atomic.ts";
import { printConfig } from "./print.ts";

export const TYPES_FILE = "config.types.ts";

export interface ConfigTypes {
  /** Beside the schema; with slashes, relative to the plugin's folder. */
  readonly path: string;
  readonly text: string;
}

/** What the file should hold; null when the manifest names no schema. Fails when the schema cannot be read. */
export function configTypes(tree: SourceTree, manifest: Manifest): Result<ConfigTypes | null> {
  const name = manifest.config.schema_file;
  if (name === undefined) return ok(null);
  const look = tree.look(name);
  const where = { where: name };
  if (look.kind !== "file")
    return fail("not_found", "the schema is missing", { ...where, hint: `fix config.schema_file in ${MANIFEST_FILE}` });
  const text = tree.read(look.path);
  if (!text.ok) return fail("invalid_argument", text.error.message, { ...where, hint: text.error.hint });
  const schema = parseJson(text.value, FILE_LIMITS);
  if (!schema.ok) {
    const { code, hint = "make it smaller and flatter", cause } = schema.error;
    return fail(code, `the schema ${jsonProblem(schema.error)}`, { ...where, cause, hint });
  }
  const printed = printConfig(schema.value, (manifest.config.defaults ?? {}) as Json, basename(look.path));
  return ok({ path: posix.join(posix.dirname(look.path), TYPES_FILE), text: printed });
}

/** True: the file is there and says something else than the schema. Without the file nothing is stale: it is not used. */
export function isStale(tree: SourceTree, { path, text }: ConfigTypes): boolean {
  const look = tree.look(path);
  const found = look.kind === "file" ? tree.read(look.path) : null;
  return found?.ok === true && found.value !== text;
}

export interface WrittenTypes {
  readonly path: string;
  readonly changed: boolean;
}

/**
 * Reads the plugin in `folder` and writes its `config.types.ts`; null when it has no schema. `onlyIfThere`: an author
 * who has no such file does not want one.
 */
export function writeConfigTypes(folder: string, options: { readonly onlyIfThere?: boolean } = {}): Result<WrittenTypes | null> {
  const opened = open(folder);
  if (!opened.ok) return opened;
  const { tree, manifest } = opened.value;
  const types = configTypes(tree, manifest);
  if (!types.ok || types.value === null) return types.ok ? ok(null) : types;
  const { path, text } = types.value;
  const look = tree.look(path);
  if (look.kind === "absent" && options.onlyIfThere === true) return ok(null);
  if (look.kind === "refused" || look.kind === "folder") {
    const why = look.kind === "refused" ? look.why : { message: "is a folder", hint: "move it away" };
    return fail("invalid_argument", why.message, { where: path, hint: why.hint });
  }
  if (look.kind === "file" && !isStale(tree, types.value)) return ok({ path, changed: false });
  const file = join(folder, path);
  try {
    writeFileAtomically(file, new TextEncoder().encode(text), { mode: 0o644 });
  } catch (cause) {
    return failBecause(cause, "data_unusable", `cannot write ${file}`, { hint: `you need to own ${dirname(file)}` });
  }
  return ok({ path, changed: true });
}

function open(folder: string): Result<{ tree: SourceTree; manifest: Manifest }> {
  const tree = folderSource(folder);
  if (!tree.ok) return refused(folder, tree.error);
  const file = join(folder, MANIFEST_FILE);
  const look = tree.value.look(MANIFEST_FILE);
  if (look.kind !== "file") return fail("not_found", `${file} is not there`, { hint: "name the folder of a plugin" });
  const text = tree.value.read(look.path);
  if (!text.ok) return fail("load_failed", text.error.message, { where: file, hint: text.error.hint });
  const manifest = parseManifest(text.value, file);
  return manifest.ok ? ok({ tree: tree.value, manifest: manifest.value }) : refused(folder, manifest.error);
}

function refused(folder: string, issues: readonly Parameters<typeof issueLine>[0][]): Result<never> {
  return fail("load_failed", issues.map(issueLine).join("\n") || "cannot be opened", { where: folder });
}
