import { nothing } from "../call/arguments.ts";
import { denied, done } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";

export const getPlugins: Capability<"get_plugins"> = {
  args: nothing,
  asks: ["system_state_read"],
  words: "sees which plugins there are",
  methods: ["getPlugins"],
  run: async (call) => {
    const decision = call.decide({ permission: "system_state_read" });
    return decision.allowed ? done(call.services.peers.list()) : denied(decision);
  },
};
