/** One record as it is made, signed, sent and checked. */
import * as v from "valibot";
import { fail, ok, type Result } from "../../errors.ts";
import type { Json } from "../../json.ts";
import { parseJson } from "../../json-reader.ts";
import type { RecordId, SiteId, SiteKeys } from "../ports.ts";
import {
  AHEAD_MAX_MS,
  BODY_BYTES_MAX,
  BODY_LIMITS,
  CLOCK_SET,
  REMOVAL_OUTLIVES_MS,
  STREAM_PATTERN,
  TTL_MAX_MS,
  TTL_MIN_MS,
  WIRE_BYTES_MAX,
} from "./bounds.ts";
import { canonicalJson } from "./canonical.ts";

const HEX_32 = /^[0-9a-f]{32}$/;

const siteIdSchema = v.pipe(
  v.string(),
  v.regex(HEX_32),
  v.transform((text) => text as SiteId),
);
export const recordIdSchema = v.pipe(
  v.string(),
  v.regex(HEX_32),
  v.transform((text) => text as RecordId),
);

const jsonSchema = v.custom<Json>((value) => value !== undefined);
const actSchema = v.variant("kind", [
  /** `to`: `body` is sealed to this site. */
  v.strictObject({ kind: v.literal("add"), body: jsonSchema, to: v.nullable(siteIdSchema) }),
  v.strictObject({ kind: v.literal("remove"), target: recordIdSchema, as: v.picklist(["origin", "operator"]) }),
]);

const contentEntries = {
  stream: v.pipe(v.string(), v.regex(STREAM_PATTERN)),
  origin: siteIdSchema,
  act: actSchema,
  /** ms since 1970 by the origin's clock. */
  madeAt: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  expiresAt: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  nonce: v.pipe(v.string(), v.regex(HEX_32)),
};
const wireSchema = v.strictObject({ ...contentEntries, signature: v.pipe(v.string(), v.maxLength(200)) });

/** What the origin signed. */
export type RecordContent = Omit<v.InferOutput<typeof wireSchema>, "signature">;

/** A record with its id and the text that travels. */
export interface SignedRecord extends RecordContent {
  readonly id: RecordId;
  readonly wire: string;
}

/** Why a record of another site is not kept. `forged`: no enrolled site signed it. */
export type Refusal = "malformed" | "forged" | "expired" | "ahead" | "removed" | "crowded" | "known";

export interface RecordFormat {
  /** A record of one region is none in another. */
  readonly region: string;
  readonly keys: SiteKeys;
}

function signedBytes(region: string, content: RecordContent): Uint8Array {
  const { stream, origin, act, madeAt, expiresAt, nonce } = content;
  return new TextEncoder().encode(`zephyrgate record 1\n${canonicalJson({ region, stream, origin, act, madeAt, expiresAt, nonce })}`);
}

function idOf(bytes: Uint8Array): RecordId {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex").slice(0, 32) as RecordId;
}

export function signRecord({ region, keys }: RecordFormat, content: RecordContent): SignedRecord {
  const bytes = signedBytes(region, content);
  return { ...content, id: idOf(bytes), wire: JSON.stringify({ ...content, signature: keys.sign(bytes) }) };
}

/** A record that this site signed or checked, as a message carries it. */
export function wireJson(wire: string): Json {
  return JSON.parse(wire);
}

/** Reads a record that was kept: its signature was checked before. */
export function readKept({ region }: RecordFormat, wire: string): SignedRecord | null {
  const parsed = v.safeParse(wireSchema, wireJson(wire));
  if (!parsed.success) return null;
  const { signature: _, ...content } = parsed.output;
  return { ...content, id: idOf(signedBytes(region, content)), wire };
}

/** `id`: null where it is no record at all. */
export type Checked =
  | { readonly ok: true; readonly record: SignedRecord }
  | { readonly ok: false; readonly why: Refusal; readonly id: RecordId | null };

/** Checks a record from another site; the id is that of its content, whatever the sender says. `now`: ms since 1970. */
export function checkRecord({ region, keys }: RecordFormat, wire: string, now: number): Checked {
  const parsed = readWire(wire);
  if (parsed === null) return { ok: false, why: "malformed", id: null };
  const { signature, ...content } = parsed;
  const bytes = signedBytes(region, content);
  const id = idOf(bytes);
  const why = timeProblem(content, now);
  if (why !== null) return { ok: false, why, id };
  if (!keys.verify(content.origin, bytes, signature)) return { ok: false, why: "forged", id };
  return { ok: true, record: { ...content, id, wire: JSON.stringify({ ...content, signature }) } };
}

function readWire(wire: string): v.InferOutput<typeof wireSchema> | null {
  if (Buffer.byteLength(wire) > WIRE_BYTES_MAX) return null;
  const json = parseJson(wire, { ...BODY_LIMITS, depth: BODY_LIMITS.depth + 2 });
  const parsed = json.ok ? v.safeParse(wireSchema, json.value) : null;
  return parsed?.success === true ? parsed.output : null;
}

function timeProblem({ act, madeAt, expiresAt }: RecordContent, now: number): Refusal | null {
  const lives = expiresAt - madeAt;
  // A removal lives as long as what it removes, which may come from a clock that is ahead.
  const most = act.kind === "remove" ? TTL_MAX_MS + AHEAD_MAX_MS + REMOVAL_OUTLIVES_MS : TTL_MAX_MS;
  if (lives < TTL_MIN_MS || lives > most) return "malformed";
  if (now < CLOCK_SET) return null;
  if (madeAt > now + AHEAD_MAX_MS) return "ahead";
  return expiresAt <= now ? "expired" : null;
}

/** What a site is asked to add, as a body that every site takes. */
export function checkBody(stream: string, body: Json, ttlMs: number): Result<Json> {
  if (!STREAM_PATTERN.test(stream)) return fail("invalid_argument", `"${stream.slice(0, 100)}" is no name of a stream`);
  if (!Number.isSafeInteger(ttlMs) || ttlMs < TTL_MIN_MS || ttlMs > TTL_MAX_MS) {
    return fail("invalid_argument", "a record lives one minute to 400 days");
  }
  const text = canonicalJson(body);
  if (Buffer.byteLength(text) > BODY_BYTES_MAX) return fail("too_large", `a record has at most ${BODY_BYTES_MAX / 1024} KB`);
  const read = parseJson(text, BODY_LIMITS);
  if (read.ok && canonicalJson(read.value) !== text) return fail("invalid_argument", "a record has no key __proto__");
  return read.ok ? ok(read.value) : fail(read.error.code, `a record ${read.error.message}`);
}

/** Binds what is sealed to its place, so that another site cannot pass it on as its own. */
export function sealContext(region: string, { stream, origin }: Pick<RecordContent, "stream" | "origin">, to: SiteId): Uint8Array {
  return new TextEncoder().encode(`zephyrgate sealed record 1\n${canonicalJson([region, stream, origin, to])}`);
}
