import type { GatewayError, Result } from "../../../errors.ts";
import { BROADCAST } from "../../../mesh/ids.ts";
import type { OutboxRequest, Priority } from "../../../mesh/outgoing.ts";
import type { Ask, Decision } from "../../../permissions/grammar/types.ts";
import type { OutboxPort } from "../call/ports.ts";

/** A text of a plugin whose destination is known. */
export interface PluginText extends Omit<OutboxRequest, "sender" | "priority"> {
  readonly plugin: string;
  /** How many parts the text makes on the air. */
  readonly parts: number;
  readonly channelName: string | undefined;
  /** Asked for once the text is allowed. */
  priority(): Priority;
  /** True for what a handler returned, false for sendMessage. */
  readonly isReply: boolean;
}

type Queued =
  | { readonly state: "denied"; readonly decision: Decision & { readonly allowed: false } }
  | { readonly state: "refused"; readonly error: GatewayError }
  | { readonly state: "queued"; readonly id: string; readonly stored: Promise<Result<null>> };

/** The steps that sendMessage and a handler's reply share: asks for `send_messages`, then queues the text. */
export function queueText(outbox: Pick<OutboxPort, "enqueue">, decide: (ask: Ask) => Decision, text: PluginText): Queued {
  const { plugin, parts, channelName, isReply, priority, ...request } = text;
  const decision = decide({
    permission: "send_messages",
    kind: text.to === BROADCAST ? "broadcast" : "direct",
    channel: channelName === undefined ? { index: text.channel } : { index: text.channel, name: channelName },
    parts,
    isReply,
  });
  if (!decision.allowed) return { state: "denied", decision };
  const queued = outbox.enqueue({ ...request, priority: priority(), sender: { kind: "plugin", plugin } });
  if (!queued.ok) return { state: "refused", error: queued.error };
  return { state: "queued", id: queued.value.id, stored: queued.value.stored };
}
