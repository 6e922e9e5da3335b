import type { NodeInfo, Plugin } from "zephyrgate";
import { counted } from "./count.ts";

const DAY_MS = 24 * 3_600_000;
const LOW_PERCENT = 25;

/** One short message: what a reader on the way wants to know. */
export async function report(plugin: Plugin): Promise<string> {
  const [nodes, network, counts] = await Promise.all([plugin.getNodes(), plugin.getNetworkStatus(), counted(plugin)]);
  const others = nodes.filter((node) => !node.isOwn);
  const active = others.filter((node) => (node.lastHeard ?? 0) > Date.now() - DAY_MS);
  // The engine knows no time zones: the gateway formats times for it.
  const time = plugin.formatTime(new Date(), { timeZone: plugin.getConfig("timezone", "UTC") });
  const lines = [
    `${time} ${network.connected ? "link up" : "LINK DOWN"}`,
    `${active.length} of ${others.length} nodes heard today${trend(counts)}`,
    ...weak(others),
  ];
  return lines.join("\n");
}

function trend(counts: readonly number[]): string {
  const change = (counts.at(-1) ?? 0) - (counts[0] ?? 0);
  return change === 0 ? "" : ` (${change > 0 ? "+" : ""}${change})`;
}

function weak(nodes: readonly NodeInfo[]): string[] {
  const low = nodes.filter((node) => (node.batteryLevel ?? 100) < LOW_PERCENT);
  return low.length === 0 ? [] : [`Low battery: ${low.map((node) => node.shortName ?? node.id).join(", ")}`];
}
