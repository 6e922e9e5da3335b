import * as v from "valibot";
import type { RequestOutcome } from "../../bridge/realm-spec.ts";
import type { RealmRequest } from "../../sandbox/port.ts";
import { isOperation, type OperationName } from "../../sdk/boundary/operations.ts";
import { type AnswerCapabilityCall, type CallOrigin, type Instance, refused } from "../plugin/instance.ts";
import type { Capability, WayIn } from "./call/capability.ts";
import type { PluginServices } from "./call/ports.ts";
import { event } from "./inward/event.ts";
import { heardMessage } from "./inward/heard-message.ts";
import { pluginMessage } from "./inward/plugin-message.ts";
import { regionMessage } from "./inward/region-message.ts";
import { reply } from "./inward/reply.ts";
import { storage } from "./inward/storage.ts";
import { task } from "./inward/task.ts";
import { getNetworkStatus } from "./mesh/get-network-status.ts";
import { getNodeInfo } from "./mesh/get-node-info.ts";
import { getNodes } from "./mesh/get-nodes.ts";
import { requestPosition } from "./mesh/request-position.ts";
import { requestTelemetry } from "./mesh/request-telemetry.ts";
import { sendMessage } from "./mesh/send-message.ts";
import { traceroute } from "./mesh/traceroute.ts";
import { getSecret } from "./outside/get-secret.ts";
import { httpRequest } from "./outside/http-request.ts";
import { dispose } from "./own/dispose.ts";
import { getMessageStatus } from "./own/get-message-status.ts";
import { register } from "./own/register.ts";
import { requestPermission } from "./own/request-permission.ts";
import { revokePermission } from "./own/revoke-permission.ts";
import { broadcastToPlugins } from "./peers/broadcast-to-plugins.ts";
import { emitEvent } from "./peers/emit-event.ts";
import { getPlugins } from "./peers/get-plugins.ts";
import { sendToPlugin } from "./peers/send-to-plugin.ts";
import { deleteShared } from "./region/delete-shared.ts";
import { listShared } from "./region/list-shared.ts";
import { readShared } from "./region/read-shared.ts";
import { regionPublish } from "./region/region-publish.ts";
import { regionSites } from "./region/region-sites.ts";
import { retrieveShared } from "./region/retrieve-shared.ts";
import { storeShared } from "./region/store-shared.ts";

/** Every way out of a realm to the gateway, one row for each operation of the wire. What is not here does not exist. */
export const CAPABILITIES: { readonly [O in OperationName]: Capability<O> } = {
  register,
  dispose,
  send_message: sendMessage,
  get_message_status: getMessageStatus,
  http_request: httpRequest,
  get_node_info: getNodeInfo,
  get_nodes: getNodes,
  get_network_status: getNetworkStatus,
  request_position: requestPosition,
  request_telemetry: requestTelemetry,
  traceroute,
  get_plugins: getPlugins,
  send_to_plugin: sendToPlugin,
  broadcast_to_plugins: broadcastToPlugins,
  emit_event: emitEvent,
  region_publish: regionPublish,
  region_sites: regionSites,
  store_shared: storeShared,
  retrieve_shared: retrieveShared,
  delete_shared: deleteShared,
  list_shared: listShared,
  read_shared: readShared,
  get_secret: getSecret,
  request_permission: requestPermission,
  revoke_permission: revokePermission,
};

/** Every way into a realm that a permission guards, and storage, whose gate is inside the plugin host. */
export const WAYS_IN = {
  reply,
  heard_message: heardMessage,
  event,
  plugin_message: pluginMessage,
  region_message: regionMessage,
  task,
  storage,
} as const satisfies { readonly [name: string]: WayIn };

/** Checks the arguments, then runs the operation; its decisions are made with the token as it was presented. */
export function answerCapabilityCalls(services: PluginServices): AnswerCapabilityCall {
  return async (instance, request, origin) => {
    if (!isOperation(request.operation)) return refused("TypeError", "there is no such operation", "invalid_argument");
    return answer(request.operation, { instance, request, origin, services });
  };
}

interface Asked {
  readonly instance: Instance;
  readonly request: RealmRequest;
  readonly origin: CallOrigin;
  readonly services: PluginServices;
}

async function answer<O extends OperationName>(name: O, { instance, request, origin, services }: Asked): Promise<RequestOutcome> {
  const capability: Capability<O> = CAPABILITIES[name];
  const parsed = v.safeParse(capability.args, request.args);
  if (!parsed.success) {
    const issue = parsed.issues[0];
    return refused("TypeError", `${name}: ${v.getDotPath(issue) ?? "argument"}: ${issue.message.slice(0, 200)}`, "invalid_argument");
  }
  const { capabilitySet } = instance;
  return capability.run({
    instance,
    args: parsed.output,
    origin,
    signal: request.signal,
    services,
    decide: (ask) => capabilitySet.check(request.token, ask, origin.correlationId),
    decideOwn: (ask) => capabilitySet.checkOwn(ask, origin.correlationId),
  });
}
