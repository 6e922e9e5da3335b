/** The package indexes of the configuration (`plugins.indexes`): folders, or hosts that the operator named. Nothing else is asked. */
import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail, ok, type Result } from "../../errors.ts";
import { bestOf, INDEX_FILE, type IndexEntry, MAX_INDEX_BYTES, readIndex } from "../../packages/index-file.ts";
import { codeOf } from "../../storage/atomic.ts";
import { type Found, foundIn, readBytes, type Source } from "./found.ts";

const DEADLINE_MS = 30_000;

/** An index that was read. */
export class PackageIndex implements Source {
  constructor(
    readonly place: string,
    readonly entries: readonly IndexEntry[],
    private readonly signal?: AbortSignal | undefined,
  ) {}

  /** The highest version that is listed; null when there is none. */
  best(name: string): IndexEntry | null {
    return bestOf(this.entries, name, "*");
  }

  async find(name: string, range: string): Promise<Result<Found | null>> {
    const best = bestOf(this.entries, name, range);
    return best === null ? ok(null) : this.take(best);
  }

  /** Gets a package, and checks it against the index: size, hash, name, version and signer. */
  async take(entry: IndexEntry): Promise<Result<Found>> {
    const bytes = await read(new IndexPlace(this.place).file(entry.file), entry.bytes, this.signal);
    if (!bytes.ok) return bytes;
    const where = `${entry.file} of ${this.place}`;
    const sha256 = new Bun.CryptoHasher("sha256").update(bytes.value).digest("hex");
    if (sha256 !== entry.sha256 || bytes.value.length !== entry.bytes) return unlike(where, "its hash is another");
    const found = await foundIn(bytes.value, where);
    if (!found.ok) return found;
    const { manifest, signer } = found.value.contents;
    if (manifest.name !== entry.name || manifest.version !== entry.version)
      return unlike(where, `it is ${manifest.name} ${manifest.version}`);
    return (signer?.fingerprint ?? null) === entry.signer ? found : unlike(where, "its signer is another");
  }
}

function unlike(where: string, why: string): Result<never> {
  return fail("conflict", `the package is not what the index says: ${why}`, {
    where,
    hint: "tell whoever runs the index; nothing was installed",
  });
}

/** All indexes of the configuration, read when they are first needed: what is at hand is installed without the network. */
export class Indexes implements Source {
  #opened: Promise<readonly PackageIndex[]> | null = null;

  constructor(
    readonly places: readonly string[],
    private readonly note: (text: string) => void,
    private readonly signal?: AbortSignal | undefined,
  ) {}

  /** Those that could be read, in the order of the configuration. One that could not is told, and the others still count. */
  all(): Promise<readonly PackageIndex[]> {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  async find(name: string, range: string): Promise<Result<Found | null>> {
    for (const index of await this.all()) {
      const found = await index.find(name, range);
      if (!found.ok || found.value !== null) return found;
    }
    return ok(null);
  }

  async #open(): Promise<readonly PackageIndex[]> {
    const opened: PackageIndex[] = [];
    for (const place of this.places) {
      const bytes = await read(new IndexPlace(place).file(INDEX_FILE), MAX_INDEX_BYTES, this.signal);
      const entries = bytes.ok ? readIndex(bytes.value, place) : bytes;
      if (entries.ok) opened.push(new PackageIndex(place, entries.value, this.signal));
      else this.note(`this index is left out: ${entries.error.summary()}`);
    }
    return opened;
  }
}

/** Where an index and its packages lie: a URL or a folder, with or without `index.json` at the end. */
class IndexPlace {
  constructor(private readonly place: string) {}

  file(path: string): URL | string {
    const url = /^https?:\/\//.test(this.place) ? URL.parse(this.place) : null;
    if (url !== null) {
      if (!url.pathname.endsWith("/") && !url.pathname.endsWith(`/${INDEX_FILE}`)) url.pathname += "/";
      return new URL(path, url);
    }
    const isFile = statSync(this.place, { throwIfNoEntry: false })?.isFile() === true;
    return join(isFile ? dirname(this.place) : this.place, path);
  }
}

async function read(from: URL | string, most: number, signal: AbortSignal | undefined): Promise<Result<Uint8Array>> {
  if (typeof from === "string") return readBytes(from, from, most);
  const where = from.href;
  try {
    const signals = [AbortSignal.timeout(DEADLINE_MS), ...(signal === undefined ? [] : [signal])];
    // No redirect: it would lead to a host that the operator did not name.
    const response = await fetch(from, { redirect: "error", signal: AbortSignal.any(signals) });
    if (!response.ok || response.body === null) return fail("unavailable", `the host answers ${response.status}`, { where });
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body) {
      size += chunk.length;
      if (size > most) return fail("too_large", `is larger than ${most} bytes`, { where });
      chunks.push(chunk);
    }
    return ok(Buffer.concat(chunks));
  } catch (cause) {
    return fail("unavailable", `cannot be reached (${codeOf(cause)})`, { where, cause, hint: "see plugins.indexes in the configuration" });
  }
}
