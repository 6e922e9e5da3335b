/** A plugin as one file: manifest, sources and the modules they need, each with its hash. */
import * as v from "valibot";
import { fail, type Issue, issueLine, ok, type Result } from "../errors.ts";
import { type JsonLimits, parseJson } from "../json-reader.ts";
import { MANIFEST_FILE, parseManifest } from "../manifest/parse.ts";
import type { Manifest } from "../manifest/schema.ts";
import { MAX_MODULES, MAX_TOTAL_BYTES } from "../sandbox/loader/source.ts";
import { type ArchiveLimits, type Files, packArchive, unpackArchive } from "./archive.ts";
import { Pauses, pause } from "./pauses.ts";
import { SIGNATURE_FILE, type Signer, type SigningKey, sign, verify } from "./trust/signature.ts";

export const PACKAGE_ENDING = ".zgp";
const CONTENTS_FILE = "zephyrgate-package.json";
/** Parts of a package that its own table of contents cannot list. */
export const SEAL_FILES: readonly string[] = [CONTENTS_FILE, SIGNATURE_FILE];
const FORMAT = 1;
/** A line for each file of the largest package. */
const TABLE_LIMITS: JsonLimits = { chars: 2 * 2 ** 20, depth: 8, nodes: 16_000 };

/** Code as the loader takes it, and as much again for README, schema and the packages' own manifests. */
export const PACKAGE_LIMITS: ArchiveLimits = { packed: MAX_TOTAL_BYTES, unpacked: 2 * MAX_TOTAL_BYTES, files: 2 * MAX_MODULES };

const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const contents = v.strictObject({
  format: v.literal(FORMAT),
  name: v.string(),
  version: v.string(),
  code: v.pipe(sha256, v.description("The loader's hash of all modules")),
  files: v.record(v.string(), v.strictObject({ bytes: v.number(), sha256 })),
});

/** What a package is made from. */
export interface Collected {
  readonly manifest: Manifest;
  /** The loader's hash of all modules, as the packer saw it. */
  readonly code: string;
  /** Without table of contents and signature. */
  readonly files: Files;
}

/** A package that was read and checked. */
export interface PluginPackage extends Collected {
  /** Null when it is not signed. */
  readonly signer: Signer | null;
  /** Table of contents and signature, by file name. */
  readonly seal: Files;
  /** SHA-256 of the whole file. */
  readonly sha256: string;
  /** SHA-256 of the table of contents. */
  readonly contents: string;
}

/** All that is put into the plugin's folder: with the seal, so that it can be verified there. */
export function filesToPlace({ files, seal }: PluginPackage): Files {
  return new Map([...files, ...seal]);
}

/** The package's bytes; the same files, and the same key, give the same bytes. */
export async function writePackage({ manifest, code, files }: Collected, key: SigningKey | null = null): Promise<Result<Uint8Array>> {
  const list = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
  const table = {
    format: FORMAT,
    name: manifest.name,
    version: manifest.version,
    code,
    files: Object.fromEntries(list.map(([path, bytes]) => [path, { bytes: bytes.length, sha256: hash(bytes) }])),
  };
  const head: [string, Uint8Array][] = [[CONTENTS_FILE, Buffer.from(`${JSON.stringify(table, null, 1)}\n`)]];
  for (const [, bytes] of [...head]) if (key !== null) head.push([SIGNATURE_FILE, await sign(bytes, key)]);
  return packArchive(new Map([...head, ...files]), CONTENTS_FILE);
}

/** How the text of a manifest is read; `file` names it in the issues. */
export type ReadManifestText = (
  text: string,
  file: string,
) => Result<Manifest, readonly Issue[]> | Promise<Result<Manifest, readonly Issue[]>>;

/**
 * Checks all that can be known without running anything: form, paths, sizes, hashes, signature, manifest. In pieces of a few
 * milliseconds, but for the manifest: a process with other work reads it elsewhere, by `manifest`.
 */
export async function readPackage(bytes: Uint8Array, manifest: ReadManifestText = parseManifest): Promise<Result<PluginPackage>> {
  const unpacked = await unpackArchive(bytes, PACKAGE_LIMITS);
  if (!unpacked.ok) return unpacked;
  const sealed = await readSealed(unpacked.value, manifest);
  return sealed.ok ? ok({ ...sealed.value, sha256: await hashInPieces(bytes, new Pauses(HASH_AT_ONCE)) }) : sealed;
}

/** What an installed plugin's folder holds, checked like a package: nothing changed, nothing added, nothing missing. */
export async function readSealed(
  all: Files,
  readManifest: ReadManifestText = parseManifest,
): Promise<Result<Omit<PluginPackage, "sha256">>> {
  const files = new Map(all);
  const sealed = files.get(CONTENTS_FILE);
  const parsed = parse(sealed);
  await pause();
  // One problem is enough to refuse it, and a table may have thousands.
  const table = v.safeParse(contents, parsed, { abortEarly: true });
  await pause();
  if (sealed === undefined || !table.success) return bad("has no table of contents that this version knows");
  const signature = files.get(SIGNATURE_FILE);
  const signer = signature === undefined ? ok(null) : await verify(sealed, signature);
  if (!signer.ok) return signer;
  for (const name of SEAL_FILES) files.delete(name);
  const damage = await damaged(files, table.output.files);
  if (damage !== null) return bad(damage);
  const manifest = await readManifest(new TextDecoder().decode(files.get(MANIFEST_FILE) ?? new Uint8Array()), MANIFEST_FILE);
  if (!manifest.ok) return fail("manifest_invalid", manifest.error.map(issueLine).join("\n"), { data: { issues: manifest.error } });
  const { name, version, code } = table.output;
  if (manifest.value.name !== name || manifest.value.version !== version) return bad("says another name or version than its manifest");
  const seal = new Map([...all].filter(([path]) => SEAL_FILES.includes(path)));
  return ok({ manifest: manifest.value, code, files, seal, signer: signer.value, contents: hash(sealed) });
}

/** How the files differ from what the table of contents lists; null when they do not. */
async function damaged(files: Files, table: v.InferOutput<typeof contents>["files"]): Promise<string | null> {
  const unlisted = [...files.keys()].find((path) => !Object.hasOwn(table, path));
  if (unlisted !== undefined) return `holds ${unlisted}, which is not in its table of contents`;
  const pauses = new Pauses(HASH_AT_ONCE);
  for (const [path, { bytes: length, sha256: wanted }] of Object.entries(table)) {
    const file = files.get(path);
    if (file === undefined) return `lacks ${path}`;
    if (file.length !== length || (await hashInPieces(file, pauses)) !== wanted)
      return `is damaged: ${path} is not what the table of contents says`;
  }
  return null;
}

/** Bytes; a file counts as one of a few kilobytes at least. */
const HASH_AT_ONCE = 2 ** 20;
const FILE_COST = 2 ** 12;

async function hashInPieces(bytes: Uint8Array, pauses: Pauses): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for (let at = 0; at < bytes.length; at += HASH_AT_ONCE) {
    const piece = bytes.subarray(at, at + HASH_AT_ONCE);
    hasher.update(piece);
    await pauses.spend(piece.length);
  }
  await pauses.spend(FILE_COST);
  return hasher.digest("hex");
}

function hash(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

function parse(bytes: Uint8Array | undefined): unknown {
  if (bytes === undefined) return undefined;
  const parsed = parseJson(new TextDecoder().decode(bytes), TABLE_LIMITS);
  // No JSON, or too much of it: the schema says so in our words.
  return parsed.ok ? parsed.value : undefined;
}

function bad(what: string): Result<never> {
  return fail("invalid_argument", `the package ${what}`, { hint: "make it with: zephyrgate plugin pack DIR" });
}
