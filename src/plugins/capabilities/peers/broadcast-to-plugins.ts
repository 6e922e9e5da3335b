import * as v from "valibot";
import { json, timeout, word } from "../call/arguments.ts";
import { denied, done, failed } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";
import { messageOf } from "./message-of.ts";

export const broadcastToPlugins: Capability<"broadcast_to_plugins"> = {
  args: v.strictObject({ type: word(100), data: json, timeout }),
  asks: ["inter_plugin_messaging"],
  words: "sends a message to all other plugins within its scope",
  methods: ["broadcastToPlugins"],
  /** The broker is asked again for each receiver: only those within the scope are reached. */
  run: async (call) => {
    const decision = call.decide({ permission: "inter_plugin_messaging", any: true });
    if (!decision.allowed) return denied(decision);
    const room = call.instance.budget.peer(call.args.data);
    if (!room.ok) return failed(room.error);
    const mayReach = (plugin: string) => call.decide({ permission: "inter_plugin_messaging", plugin }).allowed;
    return done(await call.services.peers.broadcast(messageOf(call), mayReach));
  },
};
