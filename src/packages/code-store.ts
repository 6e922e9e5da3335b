/**
 * Bundled code of plugins, in the data folder: what was accepted and ran last survives a restart, also when its folder holds
 * another version by then; and while no file of a folder changes, its plugin starts without being bundled again. Each file is named by the hash of its content and checked against it at every read, so the whole
 * folder may be deleted at any time. No plugin host can reach it.
 */
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import type { Json } from "../json.ts";
import { parseJson } from "../json-reader.ts";
import { removeFile, writeFileAtomically } from "../storage/atomic.ts";

/** One version of a plugin, ready to be loaded. */
export interface KeptCode {
  readonly plugin: string;
  /** Text of its manifest.yaml. */
  readonly manifest: string;
  /** The JSON Schema of its configuration; null without one. */
  readonly schema: Json;
  /** The bundle, and its source map. */
  readonly code: string;
  readonly map: string;
  /** sha256 of the sources. */
  readonly hash: string;
  /** How the bundle was made; null when it cannot be told whether it would be the same today. */
  readonly made: MadeBy | null;
}

export interface MadeBy {
  /** Names the loader: another one may make another bundle of the same files. */
  readonly loader: string;
  /** The manifest's `main`; empty without one. */
  readonly main: string;
  /** The loader's trace. */
  readonly trace: string;
}

export interface CodeStoreLimits {
  /** Of all files together. */
  readonly bytes: number;
  readonly keys: number;
}

const LIMITS: CodeStoreLimits = { bytes: 128 * 2 ** 20, keys: 500 };
const INDEX = "index.json";
const FILE = /^[0-9a-f]{64}\.json$/;
const FILE_LIMITS = { chars: 64 * 2 ** 20, depth: 80, nodes: 50_000 };
const INDEX_LIMITS = { chars: 2 ** 20, depth: 4, nodes: 10_000 };

const keptSchema = v.strictObject({
  plugin: v.string(),
  manifest: v.string(),
  schema: v.custom<Json>((value) => value !== undefined),
  code: v.string(),
  map: v.string(),
  hash: v.string(),
  // Older files have none.
  made: v.optional(v.nullable(v.strictObject({ loader: v.string(), main: v.string(), trace: v.string() })), null),
});
const indexSchema = v.record(v.string(), v.strictObject({ file: v.pipe(v.string(), v.regex(FILE)), at: v.number() }));
type Index = v.InferOutput<typeof indexSchema>;

/** Keys with this mark are removed last when space is needed: no other copy of that code exists. */
const ACCEPTED = "accepted:";

/** The key of the version of a plugin that was accepted at a place and ran last. */
export function acceptedKey(plugin: string, path: string): string {
  return `${ACCEPTED}${plugin}:${path}`;
}

/** The key of a plugin that is part of the program. */
export function bundledKey(plugin: string): string {
  return `bundled:${plugin}`;
}

/** Keeps code under keys of the caller's. A file that cannot be read, or is damaged, is as if it were not there. */
export class CodeStore {
  #index: Index | null = null;

  constructor(
    private readonly folder: string,
    private readonly now: () => number,
    private readonly limits: CodeStoreLimits = LIMITS,
  ) {}

  get(key: string): KeptCode | null {
    const name = this.#read()[key]?.file;
    if (name === undefined) return null;
    const text = this.#text(join(this.folder, name));
    if (text === null || `${sha256(text)}.json` !== name) return null;
    const parsed = parseJson(text, FILE_LIMITS);
    const kept = v.safeParse(keptSchema, parsed.ok ? parsed.value : null);
    return kept.success ? kept.output : null;
  }

  /** Whether code of a plugin in this folder is kept; it may be that of another version. */
  holds(path: string): boolean {
    return Object.keys(this.#read()).some((key) => key.endsWith(`:${path}`));
  }

  /** Writes nothing where this content has this key already. Throws the system's error. */
  put(key: string, code: KeptCode): void {
    const { plugin, manifest, schema, code: bundle, map, hash, made } = code;
    const text = JSON.stringify({ plugin, manifest, schema, code: bundle, map, hash, made });
    const file = `${sha256(text)}.json`;
    const index = this.#read();
    if (index[key]?.file === file && this.#text(join(this.folder, file)) === text) return;
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    writeFileAtomically(join(this.folder, file), text, { mode: 0o600 });
    this.#write({ ...index, [key]: { file, at: this.now() } });
  }

  /** Forgets every key of a plugin. Throws the system's error. */
  forget(plugin: string): void {
    const kept = Object.entries(this.#read()).filter(([key]) => !key.startsWith(acceptedKey(plugin, "")));
    this.#write(Object.fromEntries(kept));
  }

  #read(): Index {
    const text = this.#index === null ? this.#text(join(this.folder, INDEX)) : null;
    const parsed = parseJson(text ?? "{}", INDEX_LIMITS);
    const checked = v.safeParse(indexSchema, parsed.ok ? parsed.value : {});
    this.#index ??= checked.success ? checked.output : {};
    return this.#index;
  }

  /** Deletes files that no key names. The index that no longer names them is written first. */
  #write(wanted: Index): void {
    const index = this.#bounded(wanted);
    if (Object.keys(index).length > 0 || this.#text(join(this.folder, INDEX)) !== null) {
      writeFileAtomically(join(this.folder, INDEX), JSON.stringify(index), { mode: 0o600 });
    }
    this.#index = index;
    const named = new Set(Object.values(index).map(({ file }) => file));
    for (const name of this.#files()) if (!named.has(name)) removeFile(join(this.folder, name));
  }

  /** The keys for which there is room: accepted ones first, then the newest. */
  #bounded(index: Index): Index {
    const rank = (key: string) => (key.startsWith(ACCEPTED) ? 1 : 0);
    const order = Object.entries(index).sort(([a, one], [b, other]) => rank(b) - rank(a) || other.at - one.at);
    const fits: Index = {};
    let bytes = 0;
    for (const [key, entry] of order.slice(0, this.limits.keys)) {
      bytes += statSync(join(this.folder, entry.file), { throwIfNoEntry: false })?.size ?? 0;
      if (bytes <= this.limits.bytes) fits[key] = entry;
    }
    return fits;
  }

  #files(): string[] {
    try {
      return readdirSync(this.folder).filter((name) => FILE.test(name));
    } catch {
      // The folder was deleted, which is allowed.
      return [];
    }
  }

  #text(path: string): string | null {
    try {
      return readFileSync(path, "utf8");
    } catch {
      // Deleted, or not readable: the code is bundled again, or the plugin waits for approval.
      return null;
    }
  }
}

function sha256(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}
