/** A gzipped tar, written and read piece by piece: a backup may be larger than the memory. */
import { createReadStream, createWriteStream, statfsSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { asGatewayError, fail, GatewayError, type Result } from "../errors.ts";
import { BLOCK, header, readHeader } from "../packages/archive.ts";
import { codeOf } from "../storage/atomic.ts";
import { type BackupFile, type BackupHead, HEAD, MAX_HEAD_BYTES, notOurs, readHead } from "./head.ts";

/** What unpacking leaves free: the gateway goes on beside it. */
const SPARE_BYTES = 4 * 2 ** 20;

/** Refuses files that the disk of `folder` has no room for, before the first is unpacked. Throws GatewayError. */
export function needRoom(files: readonly BackupFile[], folder: string): void {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (bytes + SPARE_BYTES <= free) return;
  const mb = (count: number) => `${Math.ceil(count / 2 ** 20)} MB`;
  throw new GatewayError("data_unusable", `the disk has no room for it: unpacked it has ${mb(bytes)}, ${mb(free)} are free`, {
    where: folder,
    hint: "free some space",
  });
}

const padding = (size: number) => new Uint8Array(-size & (BLOCK - 1));

/** Writes head and files to a new file, mode 0600; `sourceOf` says where each file's content is. Throws the system's error. */
export async function writeArchive(path: string, head: BackupHead, sourceOf: (file: BackupFile) => string): Promise<void> {
  async function* blocks(): AsyncGenerator<Uint8Array> {
    const about = Buffer.from(`${JSON.stringify(head)}\n`);
    yield header(HEAD, about.length);
    yield about;
    yield padding(about.length);
    for (const file of head.files) {
      yield header(file.entry, file.size);
      let size = 0;
      for await (const chunk of createReadStream(sourceOf(file))) {
        size += chunk.length;
        yield chunk;
      }
      if (size !== file.size) throw new GatewayError("internal", `${file.entry} changed while it was packed`);
      yield padding(file.size);
    }
    yield new Uint8Array(2 * BLOCK);
  }
  // Speed counts more than size: this runs beside the radio, on a small board.
  await pipeline(Readable.from(blocks()), createGzip({ level: 3 }), createWriteStream(path, { flags: "wx", mode: 0o600, flush: true }));
}

/** Takes a file's content, piece by piece; `end` is called when all of it was given. */
export interface Sink {
  write(chunk: Uint8Array): void;
  end(): void;
}

/**
 * Reads a whole backup and checks every byte against the table at its beginning. `open` says where a file's content goes,
 * null for nowhere; what was written is only good if the result is.
 */
export async function readArchive(path: string, open: (file: BackupFile, head: BackupHead) => Sink | null): Promise<Result<BackupHead>> {
  const source = createReadStream(path);
  const unpacked = source.pipe(createGunzip());
  source.on("error", (error) => unpacked.destroy(error));
  const reader = new BlockReader(unpacked);
  try {
    return await readEntries(reader, open);
  } catch (thrown) {
    const code = codeOf(thrown);
    if (code === "ENOENT" || code === "EACCES" || code === "EISDIR")
      return fail("not_found", `the backup cannot be read (${code})`, { where: path, cause: thrown });
    if (thrown instanceof GatewayError) return { ok: false, error: thrown };
    return code.startsWith("Z_") ? notOurs() : fail("data_unusable", asGatewayError(thrown).message, { where: path, cause: thrown });
  } finally {
    unpacked.destroy();
    source.destroy();
  }
}

async function readEntries(reader: BlockReader, open: (file: BackupFile, head: BackupHead) => Sink | null): Promise<Result<BackupHead>> {
  const first = await reader.header();
  if (first === null || first.path !== HEAD || first.size > MAX_HEAD_BYTES) return notOurs();
  const head = readHead(await reader.content(first.size));
  if (!head.ok) return head;
  for (const file of head.value.files) {
    const entry = await reader.header();
    if (entry === null || entry.path !== file.entry || entry.size !== file.size) return notOurs();
    const sink = open(file, head.value);
    const hash = new Bun.CryptoHasher("sha256");
    await reader.each(file.size, (chunk) => {
      hash.update(chunk);
      sink?.write(chunk);
    });
    sink?.end();
    if (hash.digest("hex") !== file.sha256) return notOurs();
  }
  return (await reader.header()) === null ? head : notOurs();
}

/** Blocks of a tar out of a stream of chunks of any size. */
class BlockReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** The next entry's name and size; null at the end of the archive. Throws where there is neither. */
  async header(): Promise<{ path: string; size: number } | null> {
    const block = await this.content(BLOCK);
    if (block.every((byte) => byte === 0)) return null;
    const read = readHeader(block);
    if (!read.ok) throw read.error;
    return read.value;
  }

  async content(size: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    await this.#take(size, (chunk) => parts.push(chunk));
    if (size !== BLOCK) await this.#take(-size & (BLOCK - 1), () => undefined);
    return Buffer.concat(parts);
  }

  async each(size: number, run: (chunk: Uint8Array) => void): Promise<void> {
    await this.#take(size, run);
    await this.#take(-size & (BLOCK - 1), () => undefined);
  }

  async #take(size: number, run: (chunk: Uint8Array) => void): Promise<void> {
    for (let left = size; left > 0; ) {
      if (this.#rest.length === 0) {
        const { done, value } = await this.#chunks.next();
        if (done === true) throw new GatewayError("invalid_argument", "the backup is cut short", { hint: "take another one" });
        this.#rest = value;
      }
      const chunk = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(chunk.length);
      left -= chunk.length;
      run(chunk);
    }
  }
}
