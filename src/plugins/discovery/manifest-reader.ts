/** Reads manifests without holding up the gateway: small ones here, one at a time, larger ones in the bundler's process. */
import { asGatewayError, type Issue, type Result } from "../../errors.ts";
import type { Json } from "../../json.ts";
import { MANIFEST_FILE, manifestFromValue, parseManifest } from "../../manifest/parse.ts";
import { MAX_MANIFEST_BYTES, type Manifest } from "../../manifest/schema.ts";
import { folderSource, type SourceTree } from "../../sandbox/loader/source.ts";

export type ReadManifest = Result<Manifest, readonly Issue[]>;

/** The checked value of a folder's manifest, read in a process that may be killed. */
export type ReadApart = (folder: string) => Promise<Result<Json, readonly Issue[]>>;

/** The checked value of a manifest that lies in no folder yet, read in such a process. */
export type ReadTextApart = (text: string, file: string) => Promise<Result<Json, readonly Issue[]>>;

/** Reads the text of a stranger's manifest by the rule of {@link ManifestReader}. Never rejects. */
export async function readManifestText(text: string, file: string, apart: ReadTextApart | undefined): Promise<ReadManifest> {
  if (apart === undefined || text.length > MAX_MANIFEST_BYTES || sizeOf(text) <= SMALL) return parseSafely(text, file);
  const read = await apart(text, file);
  return read.ok ? manifestFromValue(read.value, file) : read;
}

/** A YAML parser's time goes by the characters that separate values: about 20 us each. The manifests of the examples have 130. */
const STRUCTURE = /[,:[\]{}\n&*!?#|>"'-]/g;
const SMALL = 500;
/** Time between two pauses for the gateway's other work. */
const PAUSE_AFTER = 1000;

export class ManifestReader {
  /** Read, and not yet asked for. */
  readonly #ready = new Map<string, { readonly stamp: string; readonly manifest: ReadManifest }>();

  constructor(private readonly apart: ReadApart | undefined) {}

  /** Reads the manifests of these folders ahead of {@link read}. `stamp` changes with the file. Never rejects. */
  async prepare(folders: readonly { readonly folder: string; readonly stamp: string }[]): Promise<void> {
    let size = 0;
    for (const { folder, stamp } of folders) {
      const source = folderSource(folder);
      const text = source.ok ? textOf(source.value) : null;
      if (!source.ok || text === null || !text.ok) continue; // The scan says what is wrong.
      const own = sizeOf(text.value);
      const isLarge = own > SMALL && this.apart !== undefined;
      const manifest = isLarge ? await this.#readApart(folder) : parseSafely(text.value, fileOf(source.value));
      this.#ready.set(folder, { stamp, manifest });
      size += isLarge ? 0 : own;
      if (size < PAUSE_AFTER) continue;
      size = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The manifest of a folder, from what was prepared; null when it is large and has changed since. */
  read(tree: SourceTree, folder: string, stamp: string): ReadManifest | null {
    const ready = this.#ready.get(folder);
    this.#ready.delete(folder);
    if (ready?.stamp === stamp) return ready.manifest;
    const file = fileOf(tree);
    const text = textOf(tree);
    if (!text.ok) return { ok: false, error: [{ file, ...text.error }] };
    return this.apart === undefined || sizeOf(text.value) <= SMALL ? parseSafely(text.value, file) : null;
  }

  async #readApart(folder: string): Promise<ReadManifest> {
    const read = await this.apart?.(folder);
    if (read === undefined || !read.ok) return { ok: false, error: read?.error ?? [] };
    return manifestFromValue(read.value, `${folder}/${MANIFEST_FILE}`);
  }
}

/** An upper bound of the values in a text. */
function sizeOf(text: string): number {
  return text.match(STRUCTURE)?.length ?? 0;
}

function fileOf(tree: SourceTree): string {
  return `${tree.label}/${MANIFEST_FILE}`;
}

export function textOf(tree: SourceTree): ReturnType<SourceTree["read"]> {
  const look = tree.look(MANIFEST_FILE);
  if (look.kind === "file") return tree.read(look.path);
  return { ok: false, error: look.kind === "refused" ? look.why : { message: "is not a file", hint: "write the manifest" } };
}

/** One manifest that makes the parser throw leaves its own folder out, never the others. */
function parseSafely(text: string, file: string): ReadManifest {
  try {
    return parseManifest(text, file);
  } catch (thrown) {
    const message = `cannot be read: ${asGatewayError(thrown).message}`;
    return { ok: false, error: [{ file, message, hint: "write a smaller and flatter manifest" }] };
  }
}
