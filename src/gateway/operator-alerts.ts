import { parseNodeId } from "../mesh/ids.ts";
import type { GatewayContext } from "./context/context.ts";
import type { Mesh } from "./mesh/mesh.ts";

/** The same alert is sent once in this time: a crash loop must not flood the mesh. */
const REPEAT_MS = 10 * 60_000;
/** The router sends emergencies itself, with the sender's text; of a silence nobody can be told by text. */
const SENT_ELSEWHERE = new Set(["emergency", "silenced"]);

/** Sends each alert as a text to the operators' nodes, for operators who are not at a terminal. */
export function sendOperatorAlerts({ bus, clock, log, config }: GatewayContext, { outbox, newId }: Mesh): void {
  const sentAt = new Map<string, number>();
  bus.on("alert", ({ code, message, plugin }) => {
    if (SENT_ELSEWHERE.has(code)) return;
    const key = `${code} ${plugin ?? ""}`;
    const now = clock.monotonic();
    if (now - (sentAt.get(key) ?? Number.NEGATIVE_INFINITY) < REPEAT_MS) return;
    sentAt.set(key, now);
    for (const to of config().operators.map(parseNodeId)) {
      if (to === null) continue;
      const queued = outbox.enqueue({
        text: `ALERT ${message}`.slice(0, 600),
        to,
        channel: 0,
        priority: "high",
        wantAck: true,
        sender: { kind: "gateway" },
        correlationId: newId(),
      });
      if (!queued.ok) log.logger.warn(`an alert could not be sent: ${queued.error.summary()}`);
    }
  });
}
