/**
 * What a site keeps, as a tree of digests over the records' tree keys (day, then id): two sites with equal digests of a prefix
 * keep the same records below it, so that they talk only about what differs.
 */
import type { RecordId } from "../ports.ts";

/** Records below a prefix that are named one by one, and not by digests. */
export const LEAF_MAX = 64;
export const KEY_CHARS = 36;
const DAY_CHARS = 4;
const DIGEST_CHARS = 24;
const NIBBLES = [..."0123456789abcdef"];
const CACHED_MAX = 20_000;

/** Prefix and digest. */
export type Branch = readonly [prefix: string, digest: string];

/** What is below a prefix. */
export type TreeNode =
  | { readonly kind: "ids"; readonly ids: readonly RecordId[] }
  | { readonly kind: "branches"; readonly branches: readonly Branch[] };

interface Keys {
  /** Up to `limit` tree keys below a prefix, in order. */
  keysBelow(prefix: string, limit: number): readonly string[];
}

export class DigestTree {
  readonly #digests = new Map<string, string>();

  constructor(private readonly store: Keys) {}

  /** The digest of all records. */
  root(): string {
    return this.digest("");
  }

  /** The same for the same records, whichever way they came; "" where there is none. */
  digest(prefix: string): string {
    const known = this.#digests.get(prefix);
    if (known !== undefined) return known;
    const digest = this.#compute(prefix);
    if (this.#digests.size >= CACHED_MAX) this.#digests.clear();
    this.#digests.set(prefix, digest);
    return digest;
  }

  node(prefix: string): TreeNode {
    const keys = this.store.keysBelow(prefix, LEAF_MAX + 1);
    if (keys.length <= LEAF_MAX) return { kind: "ids", ids: keys.map((key) => key.slice(DAY_CHARS) as RecordId) };
    const branches = this.#branches(prefix);
    const [only] = branches;
    // Records of one year share the beginning of their keys: nothing is to be compared there.
    return branches.length === 1 && only !== undefined ? this.node(only[0]) : { kind: "branches", branches };
  }

  /** A record of this key came or went. */
  changed(key: string): void {
    for (let length = 0; length <= key.length; length++) this.#digests.delete(key.slice(0, length));
  }

  /** Many came or went. */
  clear(): void {
    this.#digests.clear();
  }

  #branches(prefix: string): Branch[] {
    return NIBBLES.flatMap((nibble) => {
      const digest = this.digest(prefix + nibble);
      return digest === "" ? [] : [[prefix + nibble, digest] as const];
    });
  }

  #compute(prefix: string): string {
    const keys = this.store.keysBelow(prefix, LEAF_MAX + 1);
    if (keys.length === 0) return "";
    const parts = keys.length <= LEAF_MAX ? keys : this.#branches(prefix).flat();
    return new Bun.CryptoHasher("sha256").update(parts.join(" ")).digest("hex").slice(0, DIGEST_CHARS);
  }
}
