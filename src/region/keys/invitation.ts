/** One line with which a further site finds a region: `zgr1:`, then base64url. It holds the region's key: whoever has it can read along, though nothing that he says counts before he is enrolled. */
import * as v from "valibot";
import { fail, ok, type Result } from "../../errors.ts";
import { FILE_LIMITS, parseJson } from "../../json-reader.ts";
import type { SiteId } from "../ports.ts";
import { isSiteId } from "./identity.ts";
import { type Membership, type RegionKey, regionKeySchema } from "./key-ring.ts";

const PREFIX = "zgr1:";
const HINT = "copy the whole line that zephyrgate region join printed at the other site";
const siteId = v.custom<SiteId>(isSiteId, "is no site's fingerprint");
const schema = v.strictObject({
  region: v.pipe(v.string(), v.maxLength(64)),
  founder: siteId,
  inviter: siteId,
  key: regionKeySchema,
  check: v.string(),
});

export interface Invitation {
  readonly membership: Membership;
  readonly key: RegionKey;
}

export const isInvitation = (text: string) => /^zgr\d*:/i.test(text.trim());

export function writeInvitation({ membership: { region, founder, inviter }, key }: Invitation): string {
  const { epoch, secret, maker, excludes } = key;
  const facts = { region, founder, inviter, key: { epoch, secret, maker, excludes } };
  return PREFIX + Buffer.from(JSON.stringify({ ...facts, check: checkOf(facts) })).toString("base64url");
}

/** Fails with `invalid_argument`: a line that is cut off or mistyped is named as such. */
export function readInvitation(text: string): Result<Invitation> {
  const line = text.replaceAll(/\s+/g, "");
  if (!line.startsWith(PREFIX)) {
    const other = /^zgr\d+:/.test(line);
    return fail("invalid_argument", other ? "this invitation is of another version of zephyrgate" : "this is no invitation", {
      hint: other ? "run the same version at both sites" : HINT,
    });
  }
  const json = parseJson(Buffer.from(line.slice(PREFIX.length), "base64url").toString("utf8"), FILE_LIMITS);
  const read = json.ok ? v.safeParse(schema, json.value) : null;
  if (read?.success !== true) return fail("invalid_argument", "the invitation is damaged or cut off", { hint: HINT });
  const { region, founder, inviter, key, check } = read.output;
  if (check !== checkOf({ region, founder, inviter, key })) return fail("invalid_argument", "the invitation is mistyped", { hint: HINT });
  return ok({ membership: { region, founder, inviter }, key });
}

const checkOf = (facts: object) => new Bun.CryptoHasher("sha256").update(JSON.stringify(facts)).digest("hex").slice(0, 8);
