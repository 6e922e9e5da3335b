import * as v from "valibot";
import { denied, done } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";
import { nodeJson } from "./node-json.ts";

/** Characters; nodes have at most 39 bytes. */
const NAME_MAX = 100;

export const getNodeInfo: Capability<"get_node_info"> = {
  // Whatever somebody wrote may be asked for: what cannot be a name is nobody's.
  args: v.strictObject({ node: v.union([v.pipe(v.string(), v.maxLength(16_000)), v.number()]) }),
  asks: ["system_state_read"],
  words: "sees what is known about a node",
  methods: ["getNodeInfo"],
  run: async (call) => {
    const decision = call.decide({ permission: "system_state_read" });
    if (!decision.allowed) return denied(decision);
    const { node: asked } = call.args;
    if (typeof asked === "string" && (asked === "" || asked.length > NAME_MAX)) return done(null);
    const node = call.services.nodes.find(asked);
    return done(node.ok ? nodeJson(node.value) : null);
  },
};
