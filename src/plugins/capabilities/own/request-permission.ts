import * as v from "valibot";
import { refused } from "../../plugin/instance.ts";
import { json } from "../call/arguments.ts";
import { done, failed } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";

export const requestPermission: Capability<"request_permission"> = {
  args: v.strictObject({ permission: json }),
  asks: [],
  words: "asks the operator for a permission",
  methods: [],
  run: async (call) => {
    const room = call.instance.budget.permission(call.args.permission);
    if (!room.ok) return failed(room.error);
    const state = call.services.permissions.request(call.instance.plugin, call.args.permission);
    return state.ok ? done({ state: state.value }) : refused("TypeError", state.error.summary(), state.error.code);
  },
};
