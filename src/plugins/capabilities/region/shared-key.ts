import * as v from "valibot";
import type { RequestOutcome } from "../../../bridge/realm-spec.ts";
import { isPlainKey, topicOfKey } from "../../../sdk/boundary/topics.ts";
import { word } from "../call/arguments.ts";
import { type Call, denied } from "../call/call.ts";

/** Characters of a key. */
export const KEY_MAX = 128;
export const sharedKey = v.pipe(word(KEY_MAX), v.check(isPlainKey, "a key has no control characters"));

/** Whether the permission covers a key: by the topic that stands before its first `/`. Null: it does. */
export function keyDenied(call: Pick<Call<unknown>, "decide">, key: string): RequestOutcome | null {
  const decision = call.decide({ permission: "region", topic: topicOfKey(key) });
  return decision.allowed ? null : denied(decision);
}
