import * as v from "valibot";
import { nodeOrChannel } from "../call/arguments.ts";
import { denied, done, failed } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";
import { plainJson } from "./node-json.ts";

export const requestPosition: Capability<"request_position"> = {
  args: v.strictObject({ node: nodeOrChannel }),
  asks: ["mesh_requests"],
  words: "asks nodes for their position",
  methods: ["requestPosition"],
  run: async (call) => {
    const { args, services, signal } = call;
    const decision = call.decide({ permission: "mesh_requests" });
    if (!decision.allowed) return denied(decision);
    const node = services.nodes.resolve(args.node);
    if (!node.ok) return failed(node.error);
    const answer = await services.requests.position(node.value, signal);
    return answer.ok ? done(plainJson(answer.value.position)) : failed(answer.error);
  },
};
