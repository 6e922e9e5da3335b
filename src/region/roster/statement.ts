/** What sites say about each other for good: founded, enrolled, revoked. Signed, so that it counts whoever passes it on. */
import { createHash } from "node:crypto";
import * as v from "valibot";
import type { Json } from "../../json.ts";
import { arePublicKeys, isSiteId, type PublicKeys, type SiteIdentity, siteIdOf, verifySignature } from "../keys/identity.ts";
import type { SiteId } from "../ports.ts";

const siteId = v.custom<SiteId>(isSiteId);
const keys = v.pipe(v.strictObject({ sign: v.string(), box: v.string() }), v.check(arePublicKeys));
/** Milliseconds since 1970 by the signer's clock, for people and to order the sites that one site enrolled. */
const at = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const named = v.pipe(v.string(), v.maxLength(64));
const bodySchema = v.variant("kind", [
  v.strictObject({ kind: v.literal("found"), region: named, by: siteId, keys, at }),
  v.strictObject({ kind: v.literal("enrol"), region: named, by: siteId, site: siteId, keys, name: named, at }),
  v.strictObject({ kind: v.literal("revoke"), region: named, by: siteId, site: siteId, name: named, at }),
]);
const schema = v.strictObject({ body: bodySchema, signature: v.pipe(v.string(), v.maxLength(100)) });

export type StatementBody = v.InferOutput<typeof bodySchema>;
export interface Statement {
  readonly body: StatementBody;
  /** Base64. */
  readonly signature: string;
}

export function makeStatement(identity: SiteIdentity, body: StatementBody): Statement {
  return { body, signature: Buffer.from(identity.sign(bytesOf(body))).toString("base64") };
}

export function isSignedBy(keys: PublicKeys, { body, signature }: Statement): boolean {
  return siteIdOf(keys) === body.by && verifySignature(keys, bytesOf(body), Buffer.from(signature, "base64"));
}

/** Null where it has not the form of a statement of this region; who signed it is not looked at. */
export function readStatement(json: Json, region: string): Statement | null {
  const read = v.safeParse(schema, json);
  if (!read.success || read.output.body.region !== region) return null;
  const { body } = read.output;
  const isWhole = body.kind === "revoke" || siteIdOf(body.keys) === (body.kind === "found" ? body.by : body.site);
  return isWhole ? read.output : null;
}

export function statementId({ body }: Statement): string {
  return createHash("sha256").update(bytesOf(body)).digest("hex").slice(0, 32);
}

/** In one order of members, because a signature is over bytes. */
function bytesOf(body: StatementBody): Uint8Array {
  const { kind, region, by, at: when } = body;
  const rest =
    kind === "found"
      ? [body.keys.sign, body.keys.box]
      : kind === "enrol"
        ? [body.site, body.keys.sign, body.keys.box, body.name]
        : [body.site, body.name];
  return new TextEncoder().encode(`zephyrgate region statement 1\0${JSON.stringify([kind, region, by, when, ...rest])}`);
}
