/** Chooses the files of a plugin's folder that go into its package: those that the loader reads, and those that people read. */
import { fail, issueLine, ok, type Result } from "../errors.ts";
import { MANIFEST_FILE, parseManifest } from "../manifest/parse.ts";
import type { Compiler } from "../sandbox/loader/compiler.ts";
import { packageOf } from "../sandbox/loader/resolve.ts";
import { folderSource, type SourceTree } from "../sandbox/loader/source.ts";
import type { Collected } from "./package.ts";

/** Files that are packed when they exist. */
const PAPERS = ["README.md", "LICENSE", "LICENSE.md", "LICENSE.txt", "COPYING", "NOTICE", "CHANGELOG.md"];

/** Collects the files of a plugin's package. Each problem is an issue of its own. */
export async function collect(folder: string, compiler: Pick<Compiler, "load">): Promise<Result<Collected>> {
  const tree = folderSource(folder);
  if (!tree.ok) return fail("load_failed", tree.error.map(issueLine).join("\n"), { data: { issues: tree.error } });
  const text = read(tree.value, MANIFEST_FILE);
  if (!text.ok) return text;
  const manifest = parseManifest(text.value, `${folder}/${MANIFEST_FILE}`);
  if (!manifest.ok) return fail("manifest_invalid", manifest.error.map(issueLine).join("\n"), { data: { issues: manifest.error } });
  const loaded = await compiler.load(folder, manifest.value.main);
  if (!loaded.ok) return fail("load_failed", loaded.error.map(issueLine).join("\n"), { data: { issues: loaded.error } });
  const modules = loaded.value.modules.map((module) => module.path);
  const schema = manifest.value.config.schema_file;
  const packages = (manifest.value.dependencies.packages ?? []).map((entry) => `node_modules/${entry.name}/package.json`);
  const wanted = [MANIFEST_FILE, ...modules, ...(schema === undefined ? [] : [schema])];
  const optional = [...PAPERS, ...packages, ...packageFiles(modules), ...licences(modules)];
  const files = new Map<string, Uint8Array>();
  for (const path of new Set([...wanted, ...optional])) {
    const look = tree.value.look(path);
    if (look.kind !== "file" && !wanted.includes(path)) continue;
    const content = read(tree.value, path);
    if (!content.ok) return content;
    files.set(path, Buffer.from(content.value));
  }
  return ok({ manifest: manifest.value, code: loaded.value.hash, files });
}

/** Whoever gets a package's code gets its licence, too. */
const LICENCES = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "COPYRIGHT"].flatMap((name) =>
  [name, name.toLowerCase(), name.charAt(0) + name.slice(1).toLowerCase()].flatMap((each) => ["", ".md", ".txt"].map((end) => each + end)),
);

/** What may hold the licence of each npm package of which code is packed. */
function licences(modules: readonly string[]): string[] {
  const homes = new Set(modules.flatMap((path) => packageOf(path) ?? []));
  return [...homes].flatMap((home) => LICENCES.map((name) => `${home}/${name}`));
}

/** The package.json files on the way to each module: they say what an import of a package means. */
function packageFiles(modules: readonly string[]): string[] {
  const found = new Set<string>();
  for (const path of modules) {
    const parts = path.split("/").slice(0, -1);
    for (let depth = parts.length; depth >= 0; depth--) found.add([...parts.slice(0, depth), "package.json"].join("/"));
  }
  return [...found];
}

function read(tree: SourceTree, path: string): Result<string> {
  const look = tree.look(path);
  if (look.kind === "file") {
    const text = tree.read(look.path);
    if (text.ok) return text;
    return fail("load_failed", text.error.message, { where: `${tree.label}/${path}`, hint: text.error.hint });
  }
  const why = look.kind === "refused" ? look.why : { message: "is not there", hint: "see that the path is right" };
  return fail("load_failed", why.message, { where: `${tree.label}/${path}`, hint: why.hint });
}
