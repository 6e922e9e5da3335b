import type { Plugin } from "zephyrgate";

export async function cleanUp(plugin: Plugin): Promise<void> {
  const before = Date.now() - plugin.getConfig("keep_days", 30) * 24 * 3_600_000;
  // Both or none.
  const done = await plugin.db.transaction([
    ["DELETE FROM positions WHERE at < ?", before],
    ["DELETE FROM batteries WHERE at < ?", before],
  ]);
  const deleted = done.reduce((sum, { changes }) => sum + changes, 0);
  if (deleted > 0) plugin.log.info(`${deleted} old measurements deleted`);
}
