import * as v from "valibot";
import { done } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";
import { keyDenied, sharedKey } from "./shared-key.ts";

export const retrieveShared: Capability<"retrieve_shared"> = {
  args: v.strictObject({ key: sharedKey }),
  asks: ["region"],
  words: "reads what the same plugin keeps at every site",
  methods: ["retrieveShared", "region.retrieveShared"],
  run: async (call) => {
    const refusal = keyDenied(call, call.args.key);
    if (refusal !== null) return refusal;
    const found = call.services.region.retrieve(call.instance.plugin, call.args.key);
    return done(found === null ? null : [found[0]]);
  },
};
