/**
 * The region's keys in a file: the newest seals, the older ones read what was sealed before. A new one is made when a site is
 * revoked. `excludes` lists the revoked sites that were never given a key.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import * as v from "valibot";
import { fail, ok, type Result } from "../../errors.ts";
import { FILE_LIMITS, parseJson } from "../../json-reader.ts";
import { codeOf, isThere, removeFile, writeFileAtomically } from "../../storage/atomic.ts";
import type { SiteId } from "../ports.ts";
import { isSiteId, KEY_BYTES } from "./identity.ts";

export interface RegionKey {
  /** From 1; each new key has the next number. Two sites may make one at the same time. */
  readonly epoch: number;
  /** Base64. */
  readonly secret: string;
  readonly maker: SiteId;
  readonly excludes: readonly SiteId[];
}

/** Of the region that this site is in. */
export interface Membership {
  readonly region: string;
  /** Who made the region: the root of every chain of enrolments. */
  readonly founder: SiteId;
  readonly inviter: SiteId;
}

/** Messages that are older than this many keys cannot be read. */
const KEPT = 32;
/** Of one maker: a hostile site must not push out the keys of the others. */
const KEPT_OF_MAKER = 8;
/** A jump of more than this is a mistake or an attack: the numbers would run out. */
const MAX_STEP = 10_000;
export const KEY_ID_BYTES = 8;

const siteId = v.custom<SiteId>(isSiteId, "is no site's fingerprint");
const secret = v.pipe(
  v.string(),
  v.check((text) => Buffer.from(text, "base64").length === KEY_BYTES, "has not 32 bytes"),
);
export const regionKeySchema = v.strictObject({
  epoch: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  secret,
  maker: siteId,
  excludes: v.pipe(v.array(siteId), v.maxLength(1000), v.readonly()),
});
const fileSchema = v.strictObject({
  version: v.literal(1),
  region: v.string(),
  founder: siteId,
  inviter: siteId,
  keys: v.pipe(v.array(regionKeySchema), v.minLength(1), v.maxLength(KEPT)),
});

/** Names a key without telling it. */
export function keyIdOf({ epoch, secret }: Pick<RegionKey, "epoch" | "secret">): string {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(epoch >>> 0);
  return head.toString("hex") + createHash("sha256").update("zephyrgate key id\0").update(secret).digest("hex").slice(0, 8);
}

export class KeyRing {
  #keys: readonly RegionKey[];

  private constructor(
    private readonly path: string,
    readonly membership: Membership,
    keys: readonly RegionKey[],
  ) {
    this.#keys = keys;
  }

  /** Null: this site is in no region yet. Fails with `data_unusable`. */
  static open(path: string): Result<KeyRing | null> {
    let text: string;
    try {
      if (!isThere(path)) return ok(null);
      text = readFileSync(path, "utf8");
    } catch (cause) {
      return fail("data_unusable", `${path} cannot be read (${codeOf(cause)})`, {
        cause,
        hint: "it must be a file that the gateway may read: check path, owner and mode",
      });
    }
    const json = parseJson(text, FILE_LIMITS);
    const read = json.ok ? v.safeParse(fileSchema, json.value) : null;
    if (read?.success !== true) {
      return fail("data_unusable", `${path} holds no key of a region`, {
        hint: "restore it from a backup, or remove it and join again: zephyrgate region join",
      });
    }
    const { region, founder, inviter, keys } = read.output;
    return ok(new KeyRing(path, { region, founder, inviter }, sorted(keys)));
  }

  /** Makes the file (mode 0600). Fails with `conflict` when there is one, and `data_unusable`. */
  static create(path: string, membership: Membership, key: RegionKey): Result<KeyRing> {
    if (isThere(path)) return fail("conflict", `${path} is there already`);
    const ring = new KeyRing(path, membership, [key]);
    const saved = ring.#save(ring.#keys);
    return saved.ok ? ok(ring) : saved;
  }

  /** What the last key is, among those whose maker is not revoked; it seals. */
  current(isRevoked: (site: SiteId) => boolean): RegionKey {
    const [newest] = this.#keys;
    const good = this.#keys.find(({ maker }) => !isRevoked(maker)) ?? newest;
    if (good === undefined) throw new RangeError("a key ring is never empty");
    return good;
  }

  find(keyId: string): RegionKey | null {
    return this.#keys.find((key) => keyIdOf(key) === keyId) ?? null;
  }

  /**
   * False: it is known, or its number is out of reach of the one that seals; what a revoked site had made does not count for that.
   * Fails with `data_unusable`.
   */
  add(key: RegionKey, isRevoked: (site: SiteId) => boolean): Result<boolean> {
    const { epoch } = this.current(isRevoked);
    if (this.find(keyIdOf(key)) !== null || key.epoch > epoch + MAX_STEP || key.epoch < epoch - KEPT) return ok(false);
    const keys = kept([...this.#keys, key]);
    const saved = this.#save(keys);
    if (!saved.ok) return saved;
    this.#keys = keys;
    return ok(true);
  }

  /** Leaves the region. */
  remove(): void {
    removeFile(this.path);
  }

  #save(keys: readonly RegionKey[]): Result<null> {
    const { region, founder, inviter } = this.membership;
    try {
      writeFileAtomically(this.path, `${JSON.stringify({ version: 1, region, founder, inviter, keys }, null, 1)}\n`, { mode: 0o600 });
      return ok(null);
    } catch (cause) {
      return fail("data_unusable", `${this.path} cannot be written (${codeOf(cause)})`, { cause, hint: "check the folder and free space" });
    }
  }
}

function kept(keys: readonly RegionKey[]): RegionKey[] {
  const ofMaker = new Map<SiteId, number>();
  const fair = sorted(keys).filter(({ maker }) => {
    const count = (ofMaker.get(maker) ?? 0) + 1;
    ofMaker.set(maker, count);
    return count <= KEPT_OF_MAKER;
  });
  return fair.slice(0, KEPT);
}

/** The same order at every site, also where two sites made a key at the same time: the last one is first. */
function sorted(keys: readonly RegionKey[]): RegionKey[] {
  return [...keys].sort((a, b) => b.epoch - a.epoch || keyIdOf(b).localeCompare(keyIdOf(a)));
}
