/** The folder that is checked, with its manifest and the places of each part of it. */
import { existsSync, statSync } from "node:fs";
import { readYaml, type YamlFile } from "../../config/yaml.ts";
import { type Issue, ok, type Result } from "../../errors.ts";
import { MANIFEST_FILE, parseManifest } from "../../manifest/parse.ts";
import { MAX_MANIFEST_BYTES, type Manifest } from "../../manifest/schema.ts";
import { folderSource, type SourceTree } from "../../sandbox/loader/source.ts";

export interface Subject {
  readonly folder: string;
  readonly tree: SourceTree;
  readonly manifest: Manifest;
  readonly yaml: YamlFile;
}

/** Fails with what is wrong with the folder or its manifest. */
export function openSubject(folder: string): Result<Subject, readonly Issue[]> {
  const file = `${folder}/${MANIFEST_FILE}`;
  const tree = folderSource(folder);
  if (!tree.ok) return isNoPlugin(folder) ? { ok: false, error: [noManifest(file)] } : tree;
  const look = tree.value.look(MANIFEST_FILE);
  if (look.kind === "absent") {
    return { ok: false, error: [noManifest(file)] };
  }
  const text = look.kind === "file" ? tree.value.read(look.path) : null;
  if (text === null || !text.ok) {
    const why = text?.error ?? (look.kind === "refused" ? look.why : { message: "is not a file", hint: "put a plain file there" });
    return { ok: false, error: [{ file, ...why }] };
  }
  const manifest = parseManifest(text.value, file);
  if (!manifest.ok) return manifest;
  const yaml = readYaml(text.value, file, MAX_MANIFEST_BYTES);
  return yaml.ok ? ok({ folder, tree: tree.value, manifest: manifest.value, yaml: yaml.value }) : yaml;
}

/** A folder without a manifest: whatever else is wrong with it does not matter. */
function isNoPlugin(folder: string): boolean {
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true && !existsSync(`${folder}/${MANIFEST_FILE}`);
}

function noManifest(file: string): Issue {
  return { file, message: "there is no manifest", hint: "write one, or start with: zephyrgate plugin create" };
}

export const mainOf = ({ manifest }: Subject): string => manifest.main ?? "plugin.ts";
