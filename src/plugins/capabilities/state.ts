import type { RequestOutcome } from "../../bridge/realm-spec.ts";
import type { Json } from "../../json.ts";
import type { MeshNode } from "../../mesh/node.ts";
import { type Call, denied, done } from "./call.ts";

/** Read-only views of nodes, links and plugins (requirement 10.3), all behind system_state_read. */
function guarded<Args>(call: Call<Args>, read: () => Json): RequestOutcome {
  const decision = call.decide({ permission: "system_state_read" });
  return decision.allowed ? done(read()) : denied(decision);
}

export async function getNodeInfo(call: Call<{ node: string | number }>): Promise<RequestOutcome> {
  return guarded(call, () => {
    const node = call.services.nodes.find(call.args.node);
    return node.ok ? nodeJson(node.value) : null;
  });
}

/** At most this many nodes in one answer, so that it fits a frame; the most recently heard first. */
const MAX_NODES = 300;

export async function getNodes(call: Call<object>): Promise<RequestOutcome> {
  return guarded(call, () => {
    const nodes = [...call.services.nodes.all()].sort((a, b) => (b.lastHeard ?? 0) - (a.lastHeard ?? 0));
    return nodes.slice(0, MAX_NODES).map(nodeJson);
  });
}

export async function getNetworkStatus(call: Call<object>): Promise<RequestOutcome> {
  return guarded(call, () => {
    const links = call.services.links();
    return {
      connected: links.some((link) => link.state === "up"),
      nodeCount: call.services.nodes.all().length,
      links: links.map((link) => ({
        name: link.name,
        type: link.type,
        state: link.state,
        ownNode: link.ownNode ?? null,
        channels: link.channels.map(({ index, name, role }) => ({ index, name, role })),
        channelUtilization: link.channelUtilization ?? null,
        airUtilTx: link.airUtilTx ?? null,
      })),
    };
  });
}

export async function getPlugins(call: Call<object>): Promise<RequestOutcome> {
  return guarded(call, () => call.services.peers.list());
}

export function nodeJson(node: MeshNode): Json {
  return JSON.parse(JSON.stringify(node)) as Json;
}
