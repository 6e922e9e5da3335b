import type { CoreBus } from "../../events/core.ts";
import type { Logger } from "../../log/logger.ts";
import { BROADCAST, formatNodeId } from "../../mesh/ids.ts";
import type { TextMessage } from "../../mesh/message.ts";
import type { NodeDirectory } from "../../mesh/nodes/directory.ts";
import type { MessageStatus } from "../../mesh/outgoing.ts";

/** Ids of sent messages that are remembered; far more than can be under way at once. */
const REMEMBERED = 2000;

const NO_KEY = "the radio has no public key of that node: it comes with the node's NodeInfo, once both have heard each other";

/**
 * Logs each received and each sent text as one line, for operators who watch the terminal. The log escapes the texts. What two people write to
 * each other directly is private: of that only the length is logged, unless `showsDirect`.
 */
export function logTraffic(bus: CoreBus, nodes: NodeDirectory, log: Logger, showsDirect: () => boolean): void {
  const shown = new Set<string>();
  /** A message in parts, or one that is sent again, is logged once; an ack may come before the report that it was sent. */
  const isNew = ({ id }: MessageStatus): boolean => {
    if (shown.has(id)) return false;
    shown.add(id);
    for (const oldest of shown) {
      if (shown.size <= REMEMBERED) break;
      shown.delete(oldest);
    }
    return true;
  };
  const shownText = (text: string, isDirect: boolean) => (isDirect && !showsDirect() ? `(${[...text].length} characters)` : text);
  bus.on("message_received", (message) => {
    if (message.kind === "text")
      log.info(`<- ${who(nodes, message.from)} ${where(message)}: ${shownText(message.text, message.isDirect)}`, {
        correlation_id: message.correlationId,
      });
  });
  bus.on("message_status", (status) => {
    if (status.state === "queued") return;
    const to = status.to === BROADCAST ? `channel ${status.channel}` : who(nodes, status.to);
    const text = shownText(status.text, status.to !== BROADCAST);
    const hint = status.reason === "no_key" ? { hint: NO_KEY } : {};
    const fields = { correlation_id: status.correlationId, id: status.id, ...hint };
    if (status.state === "failed") log.warn(`-> ${to} FAILED (${status.reason ?? "no reason given"}): ${text}`, fields);
    else if (isNew(status)) log.info(`-> ${to}: ${text}`, fields);
    else if (status.state !== "sent") log.debug(`-> ${to} ${status.state}`, fields);
  });
}

function who(nodes: NodeDirectory, number: number): string {
  const id = formatNodeId(number);
  const name = nodes.nameOf(number);
  return name === id ? id : `${name} (${id})`;
}

function where(message: TextMessage): string {
  return message.isDirect ? "directly" : `on channel ${message.channel}`;
}
