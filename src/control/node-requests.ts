import { type Actor, by, type NodeQuestion, type TracedRoute } from "../api/contract/control.ts";
import type { NodeSampleView } from "../api/contract/views.ts";
import { ok, type Result } from "../errors.ts";
import { formatNodeId } from "../mesh/ids.ts";
import type { NodeHistory, NodeSample } from "../mesh/nodes/history.ts";
import type { NodePort, RequestPort } from "../plugins/capabilities/call/ports.ts";
import { iso } from "./views.ts";

export interface NodeRequestDeps {
  readonly nodes: Pick<NodePort, "resolve">;
  readonly history: Pick<NodeHistory, "of">;
  readonly requests: Pick<RequestPort, "traceroute" | "position" | "telemetry">;
  audit(event: string, detail: string): void;
}

/** The operator's own requests to nodes, given by number, id or name. Each is noted in the audit log. */
export function nodeRequests({ nodes, history, requests, audit }: NodeRequestDeps) {
  return {
    async traceroute(node: string | number, actor: Actor): Promise<Result<TracedRoute>> {
      const to = nodes.resolve(node);
      if (!to.ok) return to;
      const id = formatNodeId(to.value);
      audit("traceroute", `${by(actor)}: ${id}`);
      const answer = await requests.traceroute(to.value);
      return answer.ok ? ok({ node: id, towards: answer.value.route.towards, back: answer.value.route.back }) : answer;
    },
    nodeHistory(node: string | number): Result<readonly NodeSampleView[]> {
      const of = nodes.resolve(node);
      return of.ok ? ok(history.of(of.value).map(sampleView)) : of;
    },
    /** The node directory keeps what the node answers. */
    async askNode(node: string | number, what: NodeQuestion, actor: Actor): Promise<Result<null>> {
      const to = nodes.resolve(node);
      if (!to.ok) return to;
      audit("ask_node", `${by(actor)}: ${what} of ${formatNodeId(to.value)}`);
      const answer = what === "position" ? await requests.position(to.value) : await requests.telemetry(to.value, "device");
      return answer.ok ? ok(null) : answer;
    },
  };
}

function sampleView({ at, batteryLevel, channelUtilization, airUtilTx, ...rest }: NodeSample): NodeSampleView {
  return { time: iso(at), ...rest, battery_level: batteryLevel, channel_utilization: channelUtilization, air_util_tx: airUtilTx };
}
