import type { RequestOutcome } from "../../../bridge/realm-spec.ts";
import type { Result } from "../../../errors.ts";
import type { NodeNumber } from "../../../mesh/ids.ts";
import type { Call } from "../call/call.ts";
import { denied, done, failed } from "../call/call.ts";
import { plainJson } from "./node-json.ts";

/** Asks another node over the mesh: first the permission, then which node is meant, then the request itself. */
export async function askNode<Args extends { readonly node: string | number }>(
  call: Call<Args>,
  request: (node: NodeNumber) => Promise<Result<object>>,
): Promise<RequestOutcome> {
  const decision = call.decide({ permission: "mesh_requests" });
  if (!decision.allowed) return denied(decision);
  const node = call.services.nodes.resolve(call.args.node);
  if (!node.ok) return failed(node.error);
  const answer = await request(node.value);
  return answer.ok ? done(plainJson(answer.value)) : failed(answer.error);
}
