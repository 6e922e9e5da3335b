import type { Plugin } from "zephyrgate";

/** Counts of a day, the oldest first. */
const KEPT = 24;

export async function countNodes(plugin: Plugin): Promise<void> {
  const { nodeCount } = await plugin.getNetworkStatus();
  const counts = await counted(plugin);
  await plugin.storeData("counts", [...counts, nodeCount].slice(-KEPT));
}

export async function counted(plugin: Plugin): Promise<readonly number[]> {
  const counts = await plugin.retrieveData("counts", []);
  return (counts as readonly unknown[]).filter((count) => typeof count === "number");
}
