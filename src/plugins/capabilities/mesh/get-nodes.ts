import { nothing } from "../call/arguments.ts";
import { denied, done } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";
import { nodeJson } from "./node-json.ts";

/** At most this many nodes in one answer, so that it fits a frame; the most recently heard first. */
export const MAX_NODES = 300;

export const getNodes: Capability<"get_nodes"> = {
  args: nothing,
  asks: ["system_state_read"],
  words: "sees all nodes with their positions and battery",
  methods: ["getNodes"],
  run: async (call) => {
    const decision = call.decide({ permission: "system_state_read" });
    if (!decision.allowed) return denied(decision);
    const nodes = [...call.services.nodes.all()].sort((a, b) => (b.lastHeard ?? 0) - (a.lastHeard ?? 0));
    return done(nodes.slice(0, MAX_NODES).map(nodeJson));
  },
};
