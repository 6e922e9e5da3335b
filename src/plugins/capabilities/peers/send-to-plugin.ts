import * as v from "valibot";
import { refused } from "../../plugin/instance.ts";
import { json, timeout, word } from "../call/arguments.ts";
import { denied, done, failed } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";
import { messageOf } from "./message-of.ts";

export const sendToPlugin: Capability<"send_to_plugin"> = {
  args: v.strictObject({ plugin: word(64), type: word(100), data: json, timeout }),
  asks: ["inter_plugin_messaging"],
  words: "sends a message to another plugin",
  methods: ["sendToPlugin"],
  run: async (call) => {
    const { plugin } = call.args;
    const decision = call.decide({ permission: "inter_plugin_messaging", plugin });
    if (!decision.allowed) return denied(decision);
    const room = call.instance.budget.peer(call.args.data);
    if (!room.ok) return failed(room.error);
    const answer = await call.services.peers.send(plugin, messageOf(call));
    return answer.ok ? done(answer.value) : refused("PluginMessageError", answer.message, answer.code);
  },
};
