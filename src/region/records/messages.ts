/** What sites say to each other about records. Whatever an enrolled site sends is checked by these schemas first. */
import * as v from "valibot";
import type { Json } from "../../json.ts";
import { KEY_CHARS, LEAF_MAX } from "./digest-tree.ts";
import { recordIdSchema } from "./record.ts";

export const RECORDS_TOPIC = "records";
/** Prefixes in one question, so that an answer fits one message. */
export const ASKED_MAX = 12;
/** Ids in one request for records. */
export const WANTED_MAX = 100;
/** Records in one message, whatever their size. */
const CARRIED_MAX = 200;

const prefix = v.pipe(v.string(), v.regex(new RegExp(`^[0-9a-f]{0,${KEY_CHARS}}$`)));
const digest = v.pipe(v.string(), v.regex(/^(?:[0-9a-f]{24})?$/));
const branches = v.array(v.strictTuple([prefix, digest]));
/** The asker numbers its questions; the answer repeats the number. */
const question = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const records = v.pipe(v.array(v.custom<Json>((value) => value !== undefined)), v.maxLength(CARRIED_MAX));

const schema = v.variant("kind", [
  /** `root`: the digest of all that the sender keeps. `isAsking`: it has just come, and wants to know those of others. */
  v.strictObject({ kind: v.literal("hello"), root: digest, isAsking: v.boolean() }),
  v.strictObject({ kind: v.literal("news"), records }),
  v.strictObject({ kind: v.literal("ask"), question, branches: v.pipe(branches, v.minLength(1), v.maxLength(ASKED_MAX)) }),
  v.strictObject({
    kind: v.literal("answer"),
    question,
    /** What is asked again was left out because the message was full. */
    nodes: v.pipe(
      v.array(
        v.strictObject({
          prefix,
          ids: v.pipe(v.array(recordIdSchema), v.maxLength(LEAF_MAX)),
          branches: v.pipe(branches, v.maxLength(16)),
        }),
      ),
      v.maxLength(ASKED_MAX),
    ),
  }),
  v.strictObject({ kind: v.literal("want"), question, ids: v.pipe(v.array(recordIdSchema), v.minLength(1), v.maxLength(WANTED_MAX)) }),
  /** `gone`: wanted, and no longer kept. What is in neither list did not fit. */
  v.strictObject({ kind: v.literal("batch"), question, records, gone: v.pipe(v.array(recordIdSchema), v.maxLength(WANTED_MAX)) }),
]);

export type RecordMessage = v.InferOutput<typeof schema>;
export type MessageOf<Kind extends RecordMessage["kind"]> = Extract<RecordMessage, { kind: Kind }>;

/** Null: it is no message of this version. */
export function readRecordMessage(body: Json): RecordMessage | null {
  const parsed = v.safeParse(schema, body);
  return parsed.success ? parsed.output : null;
}
