import * as v from "valibot";
import { ok } from "../../../errors.ts";
import { TELEMETRY_KINDS } from "../../../mesh/requests/requests.ts";
import { nodeOrChannel } from "../call/arguments.ts";
import type { Capability } from "../call/capability.ts";
import { askNode } from "./ask-node.ts";

export const requestTelemetry: Capability<"request_telemetry"> = {
  args: v.strictObject({ node: nodeOrChannel, kind: v.exactOptional(v.picklist(TELEMETRY_KINDS)) }),
  asks: ["mesh_requests"],
  words: "asks nodes for their measurements",
  methods: ["requestTelemetry"],
  run: (call) =>
    askNode(call, async (node) => {
      const answer = await call.services.requests.telemetry(node, call.args.kind ?? "device", call.signal);
      return answer.ok ? ok(answer.value.telemetry) : answer;
    }),
};
