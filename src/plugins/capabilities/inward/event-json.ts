import type { CoreEvents } from "../../../events/core.ts";
import type { Json } from "../../../json.ts";
import { copyJson } from "../../../json-reader.ts";
import { BROADCAST, formatNodeId } from "../../../mesh/ids.ts";
import { messageForHandler } from "../../../router/context.ts";
import type { CORE_EVENTS } from "../../../sdk/boundary/operations.ts";

type Heard = (typeof CORE_EVENTS)[number];

/** What a plugin gets of an event of the core: JSON, with every node as `!%08x`. */
export function eventJson<T extends Heard>(type: T, data: CoreEvents[T]): Json;
export function eventJson(type: Heard, data: unknown): Json {
  switch (type) {
    case "message_received": {
      const message = data as CoreEvents["message_received"];
      const { receivedAt, correlationId } = message;
      return copyJson({ ...messageForHandler(message), receivedAt, correlationId });
    }
    case "message_status": {
      const status = data as CoreEvents["message_status"];
      return copyJson({ ...status, to: status.to === BROADCAST ? "broadcast" : formatNodeId(status.to) });
    }
    case "link_state": {
      const { ownNode, ...link } = data as CoreEvents["link_state"];
      return copyJson(ownNode === undefined ? link : { ...link, ownNode: formatNodeId(ownNode) });
    }
    case "node_seen": {
      const node = data as CoreEvents["node_seen"];
      return copyJson({ ...node, id: formatNodeId(node.number) });
    }
    case "region_shared_changed": {
      const { plugin: _, ...change } = data as CoreEvents["region_shared_changed"];
      return copyJson(change);
    }
    default:
      return copyJson(data);
  }
}
