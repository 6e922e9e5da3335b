import * as v from "valibot";
import { topicOfKey } from "../../../sdk/boundary/topics.ts";
import { denied, done } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";
import { KEY_MAX } from "./shared-key.ts";

export const listShared: Capability<"list_shared"> = {
  args: v.strictObject({ prefix: v.pipe(v.string(), v.maxLength(KEY_MAX)) }),
  asks: ["region"],
  words: "reads what the same plugin keeps at every site",
  methods: ["listShared", "region.listShared"],
  run: async (call) => {
    const decision = call.decide({ permission: "region", any: true });
    if (!decision.allowed) return denied(decision);
    const keys = call.services.region.list(call.instance.plugin, call.args.prefix);
    const topics = [...new Set(keys.map(topicOfKey))];
    // The call itself was decided and audited: what it leaves out is no attempt of the plugin's.
    const isCovered = (topic: string) => call.instance.capabilitySet.explainRule({ permission: "region", topic }).allowed;
    const covered = new Set(topics.filter(isCovered));
    return done(keys.filter((key) => covered.has(topicOfKey(key))));
  },
};
