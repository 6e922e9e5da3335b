import * as v from "valibot";
import { flag } from "../call/arguments.ts";
import { done, failed } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";
import { keyDenied, sharedKey } from "./shared-key.ts";

export const deleteShared: Capability<"delete_shared"> = {
  args: v.strictObject({ key: sharedKey, own: flag }),
  asks: ["region"],
  words: "removes what the same plugin keeps at every site",
  methods: ["deleteShared", "region.deleteShared"],
  run: async (call) => {
    const refusal = keyDenied(call, call.args.key);
    if (refusal !== null) return refusal;
    const room = call.instance.budget.share();
    if (!room.ok) return failed(room.error);
    const removed = call.services.region.remove(call.instance.plugin, call.args.key, call.args.own ?? false);
    return removed.ok ? done(removed.value) : failed(removed.error);
  },
};
