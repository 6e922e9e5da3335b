import type { GatewayError, Result } from "../../../errors.ts";
import { BROADCAST, type NodeNumber } from "../../../mesh/ids.ts";
import type { OutboxRequest, Priority } from "../../../mesh/outgoing.ts";
import type { Route } from "../../../mesh/routes.ts";
import type { Ask, Decision } from "../../../permissions/grammar/types.ts";
import type { OutboxPort } from "../call/ports.ts";

/** A text of a plugin whose destination is known. */
export interface PluginText extends Omit<OutboxRequest, "sender" | "priority" | "routes"> {
  readonly plugin: string;
  /** How many parts the text makes on the air. */
  readonly parts: number;
  readonly routes: readonly Route[];
  /** Asked for once the text is allowed. */
  priority(): Priority;
  /** True for what a handler returned, false for sendMessage. */
  readonly isReply: boolean;
}

type Denied = Decision & { readonly allowed: false };
type Queued =
  | { readonly state: "denied"; readonly decision: Denied }
  | { readonly state: "refused"; readonly error: GatewayError }
  | { readonly state: "queued"; readonly id: string; readonly stored: Promise<Result<null>> };

/** The steps that sendMessage and a handler's reply share: asks for `send_messages`, then queues the text. */
export function queueText(outbox: Pick<OutboxPort, "enqueue">, decide: (ask: Ask) => Decision, text: PluginText): Queued {
  const { plugin, parts, isReply, priority, routes, ...request } = text;
  const allowed: Route[] = [];
  for (const route of routes) {
    const decided = allowedPlaces(route, { to: text.to, parts, isReply }, decide);
    if ("allowed" in decided) return { state: "denied", decision: decided };
    allowed.push(decided);
  }
  const queued = outbox.enqueue({ ...request, routes: allowed, priority: priority(), sender: { kind: "plugin", plugin } });
  if (!queued.ok) return { state: "refused", error: queued.error };
  return { state: "queued", id: queued.value.id, stored: queued.value.stored };
}

/**
 * The places of a route that the plugin may use; the first one's denial when there is none. The text counts once against
 * a rate: the places that stand in for the first are asked about without parts.
 */
function allowedPlaces(
  route: Route,
  { to, parts, isReply }: { readonly to: NodeNumber; readonly parts: number; readonly isReply: boolean },
  decide: (ask: Ask) => Decision,
): Route | Denied {
  const kind = to === BROADCAST ? "broadcast" : "direct";
  const places = [];
  let refusal: Denied | null = null;
  for (const place of route) {
    // Direct messages are not limited by channels, so one answer holds for every link.
    if (kind === "direct" && places.length > 0) return route;
    const decision = decide({ permission: "send_messages", kind, channel: place, parts: places.length === 0 ? parts : 0, isReply });
    if (decision.allowed) places.push(place);
    else refusal ??= decision;
    if (kind === "direct" && !decision.allowed) return decision;
  }
  return places.length > 0 || refusal === null ? places : refusal;
}
