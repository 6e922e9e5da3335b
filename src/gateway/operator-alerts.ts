import type { Clock } from "../clock.ts";
import type { CoreBus } from "../events/core.ts";
import type { Logger } from "../log/logger.ts";
import { parseNodeId } from "../mesh/ids.ts";
import type { Outbox } from "../mesh/outbox/outbox.ts";

export interface AlarmDeps {
  readonly bus: CoreBus;
  readonly clock: Clock;
  readonly log: Logger;
  readonly outbox: Outbox;
  /** Node ids. */
  operators(): readonly string[];
  correlationId(): string;
}

/** The same alert goes on the air once in this time: a crash loop must not become a flood. */
const QUIET_MS = 10 * 60_000;
/** The router itself sends these, with the sender's words. */
const SENT_ELSEWHERE = new Set(["emergency"]);

/** Alerts reach the operators' nodes as texts, for whoever is not at a terminal. */
export function raiseAlarms(deps: AlarmDeps): void {
  const last = new Map<string, number>();
  deps.bus.on("alert", ({ code, message, plugin }) => {
    if (SENT_ELSEWHERE.has(code)) return;
    const key = `${code} ${plugin ?? ""}`;
    const now = deps.clock.monotonic();
    if (now - (last.get(key) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return;
    last.set(key, now);
    for (const to of deps.operators().map(parseNodeId)) {
      if (to === null) continue;
      const queued = deps.outbox.enqueue({
        text: `ALERT ${message}`.slice(0, 600),
        to,
        channel: 0,
        priority: "high",
        wantAck: true,
        sender: { kind: "gateway" },
        correlationId: deps.correlationId(),
      });
      if (!queued.ok) deps.log.warn(`an alert could not be sent: ${queued.error.summary()}`);
    }
  });
}
