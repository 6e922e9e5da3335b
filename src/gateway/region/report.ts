/** What a site tells the others about itself: facts for an operator elsewhere, and nothing secret. At most 4 KB as JSON. */
import { availableParallelism, loadavg } from "node:os";
import type { GatewayStatus } from "../../api/contract/control.ts";
import type { Json } from "../../json.ts";

const LINKS = 8;
const ALERTS = 8;
const TEXT = 120;

const cut = (text: string) => (text.length <= TEXT ? text : `${text.slice(0, TEXT - 1).toWellFormed()}…`);

export function siteReport(status: GatewayStatus, nodes: number): Json {
  const { uptime_s, degraded, links, plugins, outbox, alerts, silence } = status;
  return {
    uptime_s,
    degraded: degraded.slice(0, ALERTS).map(cut),
    links: links.slice(0, LINKS).map(({ name, type, state, reason }) => ({
      name,
      type,
      state,
      ...(reason === undefined || state === "up" ? {} : { reason: cut(reason) }),
    })),
    alerts: alerts.slice(0, ALERTS).map(({ time, code, message }) => ({ time, code, message: cut(message) })),
    plugins: { ...plugins },
    queue: { queued: outbox.queued, oldest_s: outbox.oldest_queued_s ?? 0, failed: outbox.failed },
    /** Of the whole machine, by processor: 1 is busy. */
    load: Math.round(((loadavg()[0] ?? 0) / availableParallelism()) * 100) / 100,
    memory_mb: Math.round(process.memoryUsage.rss() / 1_048_576),
    nodes,
    silenced: silence.silenced,
  };
}
