import * as v from "valibot";
import { nodeOrChannel } from "../call/arguments.ts";
import { denied, done, failed } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";
import { plainJson } from "./node-json.ts";

export const traceroute: Capability<"traceroute"> = {
  args: v.strictObject({ node: nodeOrChannel }),
  asks: ["mesh_requests"],
  words: "finds the way to nodes",
  methods: ["traceroute"],
  run: async (call) => {
    const { args, services, signal } = call;
    const decision = call.decide({ permission: "mesh_requests" });
    if (!decision.allowed) return denied(decision);
    const node = services.nodes.resolve(args.node);
    if (!node.ok) return failed(node.error);
    const answer = await services.requests.traceroute(node.value, signal);
    return answer.ok ? done(plainJson(answer.value.route)) : failed(answer.error);
  },
};
