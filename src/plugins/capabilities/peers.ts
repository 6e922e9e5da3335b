import type { RequestOutcome } from "../../bridge/realm-spec.ts";
import type { Json } from "../../json.ts";
import { refused } from "../plugin/instance.ts";
import { type Call, denied, done } from "./call.ts";

const DEFAULT_TIMEOUT_S = 10;

export async function sendToPlugin(
  call: Call<{ plugin: string; type: string; data: unknown; timeout?: number | undefined }>,
): Promise<RequestOutcome> {
  const { plugin, type, data, timeout = DEFAULT_TIMEOUT_S } = call.args;
  const decision = call.decide({ permission: "inter_plugin_messaging", plugin });
  if (!decision.allowed) return denied(decision);
  const answer = await call.services.peers.send(
    call.instance.plugin,
    plugin,
    type,
    data as Json,
    timeout * 1000,
    call.origin.correlationId,
  );
  return answer.ok ? done(answer.value) : refused("PluginMessageError", answer.message, answer.code);
}

/** Reaches those plugins that the scope names; the broker is asked for each. */
export async function broadcastToPlugins(
  call: Call<{ type: string; data: unknown; timeout?: number | undefined }>,
): Promise<RequestOutcome> {
  const { type, data, timeout = DEFAULT_TIMEOUT_S } = call.args;
  const decision = call.decide({ permission: "inter_plugin_messaging", any: true });
  if (!decision.allowed) return denied(decision);
  return done(await call.services.peers.broadcast(call.instance.plugin, type, data as Json, timeout * 1000, call.origin.correlationId));
}

const CORE_FAMILIES = /^(?:message|node|link|plugin|permission|config)_|^(?:alert|log)$/;

/** Plugin events carry the emitter's name; the core's own names cannot be emitted by a plugin. */
export async function emitEvent(call: Call<{ type: string; data: unknown }>): Promise<RequestOutcome> {
  if (CORE_FAMILIES.test(call.args.type)) {
    return refused(
      "TypeError",
      `${call.args.type} is a name of the gateway's own events; choose another, such as ${call.instance.plugin}.changed`,
      "invalid_argument",
    );
  }
  const decision = call.decide({ permission: "inter_plugin_messaging", event: call.args.type });
  if (!decision.allowed) return denied(decision);
  call.services.bus.emit("plugin_event", { plugin: call.instance.plugin, type: call.args.type, data: call.args.data });
  return done();
}

export async function requestPermission(call: Call<{ permission: unknown }>): Promise<RequestOutcome> {
  const state = call.services.permissions.request(call.instance.plugin, call.args.permission as Json);
  return state.ok ? done({ state: state.value }) : refused("TypeError", state.error.summary(), state.error.code);
}

export async function revokePermission(call: Call<{ permission: unknown }>): Promise<RequestOutcome> {
  const state = call.services.permissions.revoke(call.instance.plugin, call.args.permission as Json);
  return state.ok ? done({ state: state.value }) : refused("TypeError", state.error.summary(), state.error.code);
}
