import * as v from "valibot";
import { refused } from "../../plugin/instance.ts";
import { json, word } from "../call/arguments.ts";
import { denied, done, failed } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";

/** Names of the core's own events, those to come included. */
const CORE_FAMILIES = /^(?:message|node|link|plugin|permission|config|region)_|^(?:alert|log)$/;

export const emitEvent: Capability<"emit_event"> = {
  args: v.strictObject({ type: word(100), data: json }),
  asks: ["inter_plugin_messaging"],
  words: "announces an event to other plugins",
  methods: ["emitEvent"],
  run: async (call) => {
    const { type, data } = call.args;
    const { plugin } = call.instance;
    if (CORE_FAMILIES.test(type)) {
      const message = `${type} is a name of the gateway's own events; choose another, such as ${plugin}.changed`;
      return refused("TypeError", message, "invalid_argument");
    }
    const decision = call.decide({ permission: "inter_plugin_messaging", event: type });
    if (!decision.allowed) return denied(decision);
    const room = call.instance.budget.peer(data);
    if (!room.ok) return failed(room.error);
    call.services.bus.emit("plugin_event", { plugin, type, data });
    return done();
  },
};
