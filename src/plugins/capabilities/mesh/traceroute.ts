import * as v from "valibot";
import { ok } from "../../../errors.ts";
import { nodeOrChannel } from "../call/arguments.ts";
import type { Capability } from "../call/capability.ts";
import { askNode } from "./ask-node.ts";

export const traceroute: Capability<"traceroute"> = {
  args: v.strictObject({ node: nodeOrChannel }),
  asks: ["mesh_requests"],
  words: "finds the way to nodes",
  methods: ["traceroute"],
  run: (call) =>
    askNode(call, async (node) => {
      const answer = await call.services.requests.traceroute(node, call.signal);
      return answer.ok ? ok(answer.value.route) : answer;
    }),
};
