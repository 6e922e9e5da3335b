/** Pieces of the argument schemas. What they check arrives from a process that may have been taken over. */
import * as v from "valibot";
import type { Json } from "../../../json.ts";

export const word = (max: number) => v.pipe(v.string(), v.minLength(1), v.maxLength(max));
export const identifier = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
export const flag = v.exactOptional(v.boolean());
/** JSON that passed the bridge's own size and depth limits. */
export const json = v.custom<Json>((value) => value !== undefined);
/** Seconds. */
export const timeout = v.exactOptional(v.pipe(v.number(), v.minValue(0.01), v.maxValue(60)));
export const nothing = v.strictObject({});
export const nodeOrChannel = v.union([word(100), v.number()]);
