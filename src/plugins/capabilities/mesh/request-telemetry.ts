import * as v from "valibot";
import { TELEMETRY_KINDS } from "../../../mesh/requests/requests.ts";
import { nodeOrChannel } from "../call/arguments.ts";
import { denied, done, failed } from "../call/call.ts";
import type { Capability } from "../call/capability.ts";
import { plainJson } from "./node-json.ts";

export const requestTelemetry: Capability<"request_telemetry"> = {
  args: v.strictObject({ node: nodeOrChannel, kind: v.exactOptional(v.picklist(TELEMETRY_KINDS)) }),
  asks: ["mesh_requests"],
  words: "asks nodes for their measurements",
  methods: ["requestTelemetry"],
  run: async (call) => {
    const { args, services, signal } = call;
    const decision = call.decide({ permission: "mesh_requests" });
    if (!decision.allowed) return denied(decision);
    const node = services.nodes.resolve(args.node);
    if (!node.ok) return failed(node.error);
    const answer = await services.requests.telemetry(node.value, args.kind ?? "device", signal);
    return answer.ok ? done(plainJson(answer.value.telemetry)) : failed(answer.error);
  },
};
