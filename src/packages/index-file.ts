/** A package index: one static JSON file that lists packages beside it. Anybody can host it as plain files. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { fail, ok, type Result } from "../errors.ts";
import { type JsonLimits, parseJson } from "../json-reader.ts";
import { isInRange, versionProblem } from "../manifest/versions.ts";
import { toEntry } from "../permissions/grammar/descriptor.ts";
import { codeOf, writeFileAtomically } from "../storage/atomic.ts";
import { PACKAGE_ENDING, PACKAGE_LIMITS, readPackage } from "./package.ts";
import { FINGERPRINT } from "./trust/signature.ts";

export const INDEX_FILE = "index.json";
export const MAX_INDEX_BYTES = 4 * 2 ** 20;
const MAX_PACKAGES = 10_000;
const FORMAT = 1;
const INDEX_LIMITS: JsonLimits = { chars: MAX_INDEX_BYTES, depth: 16, nodes: 1_000_000 };

const text = (most: number, description: string) => v.pipe(v.string(), v.maxLength(most), v.description(description));
const version = v.pipe(
  v.string(),
  v.check((value) => versionProblem(value) === undefined, "is not a version (semver)"),
  v.description("Semantic version"),
);
const name = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_]{0,63}$/), v.description("The plugin's name"));

const indexEntry = v.strictObject({
  name,
  version,
  file: v.pipe(
    v.string(),
    v.maxLength(200),
    v.regex(/^(?:[A-Za-z0-9_+-][A-Za-z0-9._+-]*\/)*[A-Za-z0-9_+-][A-Za-z0-9._+-]*$/),
    v.description("Path of the package file, relative to the index"),
  ),
  bytes: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(PACKAGE_LIMITS.packed), v.description("Size of the file")),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/), v.description("SHA-256 of the file")),
  signer: v.pipe(v.nullable(v.pipe(v.string(), v.regex(FINGERPRINT))), v.description("Fingerprint of who signed it; null: not signed")),
  description: text(500, "What it does"),
  author: text(200, "Who wrote it"),
  permissions: v.pipe(
    v.array(v.union([v.string(), v.record(v.string(), v.unknown())])),
    v.maxLength(64),
    v.description("As in its manifest. The package's own manifest is what the operator accepts"),
  ),
  requires: v.pipe(
    v.array(v.strictObject({ name, version: text(128, "Range of versions") })),
    v.maxLength(64),
    v.description("Plugins that it needs"),
  ),
  zephyrgate: v.pipe(
    v.strictObject({ min_version: v.optional(version), max_version: v.optional(version) }),
    v.description("Gateway versions that it runs on"),
  ),
});

export const indexSchema = v.strictObject({
  format: v.pipe(v.literal(FORMAT), v.description("Version of this format")),
  packages: v.pipe(v.array(indexEntry), v.maxLength(MAX_PACKAGES), v.description("Every version of every package")),
});

export type IndexEntry = v.InferOutput<typeof indexEntry>;

/** `where` names the index in errors. */
export function readIndex(bytes: Uint8Array, where: string): Result<readonly IndexEntry[]> {
  if (bytes.length > MAX_INDEX_BYTES) return fail("too_large", `is larger than ${MAX_INDEX_BYTES / 2 ** 20} MB`, { where });
  const parsed = v.safeParse(indexSchema, parse(bytes));
  if (parsed.success) return ok(parsed.output.packages);
  const [issue] = parsed.issues;
  const path = v.getDotPath(issue);
  return fail("invalid_argument", `is no package index: ${path === null ? "" : `${path}: `}${issue.message.slice(0, 200)}`, {
    where,
    hint: "make it with: zephyrgate plugin index build DIR",
  });
}

/** The highest version of a plugin in a range; null when there is none. */
export function bestOf(entries: readonly IndexEntry[], wanted: string, range: string): IndexEntry | null {
  const fitting = entries.filter((entry) => entry.name === wanted && isInRange(entry.version, range));
  return fitting.sort((a, b) => Bun.semver.order(b.version, a.version))[0] ?? null;
}

/** Lists every package of a folder in its `index.json`. Answers how many. One bad package, and nothing is written. */
export async function buildIndex(folder: string): Promise<Result<number>> {
  const entries: IndexEntry[] = [];
  try {
    const files = readdirSync(folder).filter((file) => file.endsWith(PACKAGE_ENDING));
    if (files.length > MAX_PACKAGES) return fail("too_large", `holds more than ${MAX_PACKAGES} packages`, { where: folder });
    for (const file of files.sort()) {
      const entry = await entryFor(folder, file);
      if (!entry.ok) return entry;
      const { name, version } = entry.value;
      const twin = entries.find((other) => other.name === name && other.version === version);
      if (twin !== undefined)
        return fail("conflict", `${twin.file} and ${file} are both ${name} ${version}`, { where: folder, hint: "remove one of them" });
      entries.push(entry.value);
    }
    entries.sort((a, b) => (a.name === b.name ? Bun.semver.order(a.version, b.version) : a.name < b.name ? -1 : 1));
    writeFileAtomically(join(folder, INDEX_FILE), `${JSON.stringify({ format: FORMAT, packages: entries }, null, 1)}\n`);
    return ok(entries.length);
  } catch (cause) {
    return fail("data_unusable", `the index cannot be made (${codeOf(cause)})`, { where: folder, cause });
  }
}

async function entryFor(folder: string, file: string): Promise<Result<IndexEntry>> {
  const bytes = readFileSync(join(folder, file));
  const found = await readPackage(bytes);
  if (!found.ok)
    return fail(found.error.code, found.error.message, {
      where: join(folder, file),
      ...(found.error.hint === undefined ? {} : { hint: found.error.hint }),
    });
  const { manifest, signer, sha256 } = found.value;
  const required = (manifest.dependencies.plugins ?? []).filter((need) => !need.optional);
  const entry = v.safeParse(indexEntry, {
    name: manifest.name,
    version: manifest.version,
    file,
    bytes: bytes.length,
    sha256,
    signer: signer?.fingerprint ?? null,
    description: manifest.description.slice(0, 500),
    author: manifest.author.slice(0, 200),
    permissions: manifest.permissions.map(toEntry),
    requires: required.map((need) => ({ name: need.name, version: need.version })),
    zephyrgate: { ...manifest.zephyrgate },
  });
  if (entry.success) return ok(entry.output);
  return fail("invalid_argument", `cannot be listed: ${v.getDotPath(entry.issues[0]) ?? ""} ${entry.issues[0].message}`, {
    where: join(folder, file),
  });
}

function parse(bytes: Uint8Array): unknown {
  const parsed = parseJson(new TextDecoder().decode(bytes), INDEX_LIMITS);
  // No JSON, or nested too deep: the schema says so in our words.
  return parsed.ok ? parsed.value : undefined;
}
