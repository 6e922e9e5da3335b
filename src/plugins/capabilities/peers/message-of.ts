import type { Json } from "../../../json.ts";
import type { Call } from "../call/call.ts";
import type { PeerMessage } from "../call/ports.ts";

const DEFAULT_TIMEOUT_S = 10;

export function messageOf({ args, instance, origin }: Call<{ type: string; data: Json; timeout?: number }>): PeerMessage {
  const { type, data, timeout = DEFAULT_TIMEOUT_S } = args;
  return { from: instance.plugin, type, data, timeoutMs: timeout * 1000, correlationId: origin.correlationId };
}
