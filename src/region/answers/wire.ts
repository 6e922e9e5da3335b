/** What sites say to each other about who answers a text that several of them heard. */
import * as v from "valibot";
import type { Json } from "../../json.ts";

export const ANSWERS_TOPIC = "answers";

const uint32 = v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(0xffff_ffff));
const whole = (min: number, max: number) => v.pipe(v.number(), v.safeInteger(), v.minValue(min), v.maxValue(max));
export const NODES_MAX = 16;
export const HOPS_MAX = 7;
/** dB, where the radio named none. */
export const NO_SNR = -128;

const wireSchema = v.variant("kind", [
  /** The site would answer, and heard the text so well. */
  v.strictObject({ kind: v.literal("claim"), from: uint32, packet: uint32, hops: whole(0, HOPS_MAX), snr: whole(NO_SNR, 127) }),
  /** The site answers: it is too late for others. */
  v.strictObject({ kind: v.literal("taken"), from: uint32, packet: uint32 }),
  /** The nodes under which the site answers, so that others know an overheard answer. */
  v.strictObject({ kind: v.literal("nodes"), nodes: v.pipe(v.array(uint32), v.maxLength(NODES_MAX)) }),
]);

export type AnswersWire = v.InferOutput<typeof wireSchema>;
export type Claim = Extract<AnswersWire, { kind: "claim" }>;

/** Null: it is none of these. */
export function readAnswersWire(body: Json): AnswersWire | null {
  const read = v.safeParse(wireSchema, body);
  return read.success ? read.output : null;
}
