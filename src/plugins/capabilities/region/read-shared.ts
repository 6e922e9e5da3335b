import * as v from "valibot";
import { copyJson } from "../../../json-reader.ts";
import { topicOfKey } from "../../../sdk/boundary/topics.ts";
import { denied, done } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";
import { KEY_MAX } from "./shared-key.ts";

/** Characters of a cursor: a key with the id of a site. */
const CURSOR_MAX = KEY_MAX + 64;

export const readShared: Capability<"read_shared"> = {
  args: v.strictObject({
    prefix: v.pipe(v.string(), v.maxLength(KEY_MAX)),
    after: v.exactOptional(v.pipe(v.string(), v.maxLength(CURSOR_MAX))),
  }),
  asks: ["region"],
  words: "reads what the same plugin keeps at every site, and which site wrote it",
  methods: ["region.readShared"],
  run: async (call) => {
    const decision = call.decide({ permission: "region", any: true });
    if (!decision.allowed) return denied(decision);
    const { entries, next } = call.services.region.entries(call.instance.plugin, call.args.prefix, call.args.after ?? "");
    const topics = [...new Set(entries.map(({ key }) => topicOfKey(key)))];
    // As in list_shared: what it leaves out is no attempt of the plugin's.
    const isCovered = (topic: string) => call.instance.capabilitySet.explainRule({ permission: "region", topic }).allowed;
    const covered = new Set(topics.filter(isCovered));
    return done(copyJson({ entries: entries.filter(({ key }) => covered.has(topicOfKey(key))), next }));
  },
};
