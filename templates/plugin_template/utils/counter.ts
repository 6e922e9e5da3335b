import type { Plugin } from "zephyrgate";

const KEY = "greetings";

export async function count(plugin: Plugin): Promise<number> {
  return plugin.retrieveData(KEY, 0);
}

/** Counts one more; answers with the new number. */
export async function countOne(plugin: Plugin): Promise<number> {
  const next = (await count(plugin)) + 1;
  await plugin.storeData(KEY, next);
  return next;
}
