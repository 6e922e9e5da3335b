import * as v from "valibot";
import type { RequestOutcome } from "../../bridge/realm-spec.ts";
import type { Ask } from "../../permissions/grammar/types.ts";
import type { RealmRequest } from "../../sandbox/port.ts";
import { type CallOrigin, type Instance, refused } from "../plugin/instance.ts";
import type { Call } from "./call.ts";
import { sendMessage } from "./messages.ts";
import { getSecret, httpRequest } from "./outside.ts";
import { broadcastToPlugins, emitEvent, requestPermission, revokePermission, sendToPlugin } from "./peers.ts";
import type { PluginServices } from "./ports.ts";
import { dispose, register } from "./registering.ts";
import { schemas } from "./schemas.ts";
import { getNetworkStatus, getNodeInfo, getNodes, getPlugins } from "./state.ts";

type OperationName = keyof typeof schemas;
type Args<Name extends OperationName> = v.InferOutput<(typeof schemas)[Name]>;
type Handlers = { [Name in OperationName]: (call: Call<Args<Name>>) => Promise<RequestOutcome> };

/** Every way out of a realm to the gateway. What is not here does not exist. */
const handlers: Handlers = {
  register,
  dispose,
  send_message: sendMessage as Handlers["send_message"],
  http_request: httpRequest as Handlers["http_request"],
  get_node_info: getNodeInfo,
  get_nodes: getNodes,
  get_network_status: getNetworkStatus,
  get_plugins: getPlugins,
  send_to_plugin: sendToPlugin,
  broadcast_to_plugins: broadcastToPlugins,
  emit_event: emitEvent,
  get_secret: getSecret,
  request_permission: requestPermission,
  revoke_permission: revokePermission,
};

/** Checks the arguments, then runs the operation with a decider that presents the token as it came. */
export function makeOperator(
  services: PluginServices,
): (instance: Instance, request: RealmRequest, origin: CallOrigin) => Promise<RequestOutcome> {
  return async (instance, request, origin) => {
    if (!Object.hasOwn(handlers, request.operation)) return refused("TypeError", "there is no such operation", "invalid_argument");
    const name = request.operation as OperationName;
    const parsed = v.safeParse(schemas[name], request.args);
    if (!parsed.success) {
      const issue = parsed.issues[0];
      return refused("TypeError", `${name}: ${v.getDotPath(issue) ?? "argument"}: ${issue.message.slice(0, 200)}`, "invalid_argument");
    }
    const decide = (ask: Ask) => instance.capabilitySet.check(request.token, ask, origin.correlationId);
    const call = { instance, args: parsed.output, origin, signal: request.signal, services, decide };
    return (handlers[name] as (call: Call<unknown>) => Promise<RequestOutcome>)(call);
  };
}
