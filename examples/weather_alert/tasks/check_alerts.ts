import type { Plugin } from "zephyrgate";
import type { Config } from "../config.types.ts";
import { fetchAlerts } from "../services.ts";

/** An alert is said once, and forgotten when it can no longer come back. */
const REMEMBER_S = 3 * 24 * 3600;

export async function checkAlerts(plugin: Plugin<Config>): Promise<void> {
  const alerts = await fetchAlerts(plugin);
  if (!alerts.ok) {
    plugin.log.warn("alerts could not be looked up", { why: alerts.why });
    return;
  }
  const wanted = plugin.getConfig("severities");
  for (const alert of alerts.value) {
    if (!wanted.some((severity) => severity === alert.severity)) continue;
    const key = `said.${alert.id.slice(-200)}`;
    if (await plugin.retrieveData(key, false)) continue;
    await plugin.sendMessage(`${alert.severity.toUpperCase()}: ${alert.headline}`, {
      destination: "broadcast",
      channel: plugin.getConfig("channel"),
      priority: "high",
    });
    // After the sending: if that fails, the next check says it.
    await plugin.storeData(key, true, { ttl: REMEMBER_S });
  }
}
