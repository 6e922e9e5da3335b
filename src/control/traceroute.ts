import { type Actor, by, type TracedRoute } from "../api/contract/control.ts";
import { ok, type Result } from "../errors.ts";
import { formatNodeId } from "../mesh/ids.ts";
import type { NodePort, RequestPort } from "../plugins/capabilities/call/ports.ts";

export interface TracerouteDeps {
  readonly nodes: Pick<NodePort, "resolve">;
  readonly requests: Pick<RequestPort, "traceroute">;
  audit(event: string, detail: string): void;
}

/** The operator's own traceroute: by number, id or name of the node. */
export async function operatorTraceroute(node: string | number, actor: Actor, deps: TracerouteDeps): Promise<Result<TracedRoute>> {
  const to = deps.nodes.resolve(node);
  if (!to.ok) return to;
  const id = formatNodeId(to.value);
  deps.audit("traceroute", `${by(actor)}: ${id}`);
  const answer = await deps.requests.traceroute(to.value);
  return answer.ok ? ok({ node: id, towards: answer.value.route.towards, back: answer.value.route.back }) : answer;
}
