import * as v from "valibot";
import { ok } from "../../../errors.ts";
import { nodeOrChannel } from "../call/arguments.ts";
import type { Capability } from "../call/capability.ts";
import { askNode } from "./ask-node.ts";

export const requestPosition: Capability<"request_position"> = {
  args: v.strictObject({ node: nodeOrChannel }),
  asks: ["mesh_requests"],
  words: "asks nodes for their position",
  methods: ["requestPosition"],
  run: (call) =>
    askNode(call, async (node) => {
      const answer = await call.services.requests.position(node, call.signal);
      return answer.ok ? ok(answer.value.position) : answer;
    }),
};
