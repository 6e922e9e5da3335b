import * as v from "valibot";
import { flag, json, word } from "../call/arguments.ts";
import { done, failed } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";
import { keyDenied, sharedKey } from "./shared-key.ts";

export const storeShared: Capability<"store_shared"> = {
  args: v.strictObject({
    key: sharedKey,
    value: json,
    ttl: v.exactOptional(v.pipe(v.number(), v.finite(), v.gtValue(0))),
    site: v.exactOptional(word(64)),
    own: flag,
  }),
  asks: ["region"],
  words: "keeps data at every site of the region",
  methods: ["storeShared", "region.storeShared"],
  run: async (call) => {
    const { key, value, ttl, site, own = false } = call.args;
    const refusal = keyDenied(call, key);
    if (refusal !== null) return refusal;
    const room = call.instance.budget.share();
    if (!room.ok) return failed(room.error);
    const options = { ttlS: ttl ?? null, site: site ?? null, isOwn: own };
    const stored = call.services.region.store(call.instance.plugin, key, value, options);
    return stored.ok ? done() : failed(stored.error);
  },
};
