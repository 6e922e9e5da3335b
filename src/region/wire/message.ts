/** The texts inside envelopes, and the one reader for them. */
import * as v from "valibot";
import type { Json } from "../../json.ts";
import { type JsonLimits, parseJson } from "../../json-reader.ts";
import { arePublicKeys, isSiteId } from "../keys/identity.ts";
import { regionKeySchema } from "../keys/key-ring.ts";
import type { SiteId } from "../ports.ts";

export const BODY_BYTES_MAX = 32 * 1024;
export const REPORT_BYTES_MAX = 4 * 1024;
export const SITE_NAME = /^[a-z][a-z0-9_-]{0,31}$/;
/** More statements in one message would not fit it. */
export const STATEMENTS_A_MESSAGE = 50;
const LIMITS: JsonLimits = { chars: 64 * 1024, depth: 66, nodes: 40_000 };

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const json = v.custom<Json>((value) => value !== undefined);
const siteId = v.custom<SiteId>(isSiteId);
const keys = v.pipe(v.strictObject({ sign: v.string(), box: v.string() }), v.check(arePublicKeys));
const name = v.pipe(v.string(), v.regex(SITE_NAME));
const appTopic = v.pipe(v.string(), v.minLength(1), v.maxLength(160));
const statements = v.pipe(v.array(json), v.maxLength(1000));
const sealed = v.pipe(v.string(), v.maxLength(64 * 1024));

/**
 * `from`: the sender. `boot`: higher at each start of the sender's gateway. `connection`: counts its connections since then.
 * `number`: counts its messages since then. `time`: by its clock, ms.
 */
const head = { from: siteId, boot: count, connection: count, number: count, time: count };
const bodies = [
  /** Kept by the broker. It proves its sender by itself: the id is the fingerprint of the keys. */
  v.object({
    ...head,
    kind: v.literal("site"),
    keys,
    name,
    version: v.pipe(v.string(), v.maxLength(64)),
    roster: v.pipe(v.string(), v.maxLength(64)),
    report: json,
  }),
  /** The last will: the connection ended without a farewell. `left`: a farewell. */
  v.object({ ...head, kind: v.literal("gone"), keys, name, version: v.pipe(v.string(), v.maxLength(64)), left: v.boolean() }),
  /** Every site may say its presence again. */
  v.object({ ...head, kind: v.literal("ask") }),
  v.object({ ...head, kind: v.literal("roster"), statements }),
  /** For all: `body`. For one site: `box`, the body as JSON sealed to it. */
  v.object({ ...head, kind: v.literal("app"), topic: appTopic, body: v.optional(json), box: v.optional(sealed) }),
] as const;
const schema = v.variant("kind", bodies);

export type RegionMessage = v.InferOutput<typeof schema>;
export type MessageOf<Kind extends RegionMessage["kind"]> = Extract<RegionMessage, { kind: Kind }>;
/** What is in a message beside its head. */
export type Content = RegionMessage extends infer Message
  ? Message extends RegionMessage
    ? Omit<Message, keyof typeof head>
    : never
  : never;

/** Sealed to one site and signed: the region's newest key, and why its sender may give it. */
const noticeSchema = v.object({ from: siteId, to: siteId, key: v.nullable(regionKeySchema), statements });
export type Notice = v.InferOutput<typeof noticeSchema>;

/** Null where it is not of this form, or too large. */
export const readMessage = (text: Uint8Array): RegionMessage | null => readAs(schema, text);
export const readNotice = (text: Uint8Array): Notice | null => readAs(noticeSchema, text);

function readAs<T extends v.GenericSchema>(schema: T, text: Uint8Array): v.InferOutput<T> | null {
  const parsed = parseJson(new TextDecoder().decode(text), LIMITS);
  const read = parsed.ok ? v.safeParse(schema, parsed.value) : null;
  return read?.success === true ? read.output : null;
}
