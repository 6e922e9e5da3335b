import * as v from "valibot";
import { nodeOrChannel } from "../call/arguments.ts";
import { denied, done } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";
import { nodeJson } from "./node-json.ts";

export const getNodeInfo: Capability<"get_node_info"> = {
  args: v.strictObject({ node: nodeOrChannel }),
  asks: ["system_state_read"],
  words: "sees what is known about a node",
  methods: ["getNodeInfo"],
  run: async (call) => {
    const decision = call.decide({ permission: "system_state_read" });
    if (!decision.allowed) return denied(decision);
    const node = call.services.nodes.find(call.args.node);
    return done(node.ok ? nodeJson(node.value) : null);
  },
};
