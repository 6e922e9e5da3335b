/** What sites say to each other while a package is rolled out. Whatever an enrolled site sends is checked by these schemas first. */
import * as v from "valibot";
import type { Json } from "../../json.ts";

export const ROLLOUT_TOPIC = "rollout";
/** A package that is rolled out has at most this many bytes: every site gets it through the broker. */
export const PACKAGE_BYTES_MAX = 2 * 1024 * 1024;
/** Of one message; as base64 it fits into one. */
export const PIECE_BYTES = 20 * 1024;

/** Where a site is with a rollout. `refused`: by its own rules; `failed`: it tried, and the plugin does not run; `returned`: the version before is back. */
export const SITE_STEPS = ["offered", "fetching", "installing", "running", "returned", "refused", "failed"] as const;
export type SiteStep = (typeof SITE_STEPS)[number];

const REASON_MAX = 300;
const rollout = v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/));
const at = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(PACKAGE_BYTES_MAX));
const name = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_]{0,63}$/));
const version = v.pipe(v.string(), v.minLength(1), v.maxLength(64));
const schema = v.variant("kind", [
  v.strictObject({
    kind: v.literal("offer"),
    rollout,
    name,
    version,
    sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
    bytes: v.pipe(at, v.minValue(1)),
  }),
  v.strictObject({ kind: v.literal("want"), rollout, at }),
  v.strictObject({ kind: v.literal("piece"), rollout, at, data: v.pipe(v.string(), v.maxLength(2 * PIECE_BYTES)) }),
  /** The version before this one is to run again. */
  v.strictObject({ kind: v.literal("back"), rollout, name, version }),
  /** How is it? */
  v.strictObject({ kind: v.literal("ask"), rollout }),
  v.strictObject({
    kind: v.literal("step"),
    rollout,
    step: v.picklist(SITE_STEPS),
    reason: v.nullable(v.pipe(v.string(), v.maxLength(REASON_MAX))),
  }),
]);

export type RolloutMessage = v.InferOutput<typeof schema>;
export type MessageOf<K extends RolloutMessage["kind"]> = Extract<RolloutMessage, { kind: K }>;

/** Null: it is none of this version. */
export function readRolloutMessage(body: Json): RolloutMessage | null {
  const read = v.safeParse(schema, body);
  return read.success ? read.output : null;
}

export function reasonText(text: string): string {
  return text.length <= REASON_MAX ? text : `${text.slice(0, REASON_MAX - 1).toWellFormed()}…`;
}
