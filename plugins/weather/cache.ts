import type { Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";
import { type Found, found } from "./model.ts";

const KEPT_S = 24 * 3600;
const KEYS_MAX = 300;

export interface Kept<T> {
  readonly value: T;
  /** ms since the service said so. */
  readonly age: number;
  /** It could not be asked again. */
  readonly isStale: boolean;
}

/** What a service said: asked again when it is old, and told with its age when the service does not answer. */
export async function cached<T>(plugin: Plugin<Config>, key: string, fetch: () => Promise<Found<T>>): Promise<Found<Kept<T>>> {
  const name = `cache.${key}`;
  // Its own words, of this version or of an earlier one with the same shapes.
  const kept: { at: number; value: T } | null = JSON.parse(await plugin.retrieveData(name, "null"));
  const age = kept === null ? Number.POSITIVE_INFINITY : Date.now() - kept.at;
  if (kept !== null && age >= 0 && age < plugin.getConfig("cache_minutes") * 60_000)
    return found({ value: kept.value, age, isStale: false });
  const fresh = await fetch();
  if (!fresh.ok) return kept !== null && fresh.why === "no_answer" ? found({ value: kept.value, age, isStale: true }) : fresh;
  await makeRoom(plugin);
  await plugin.storeData(name, JSON.stringify({ at: Date.now(), value: fresh.value }), { ttl: KEPT_S });
  return found({ value: fresh.value, age: 0, isStale: false });
}

async function makeRoom(plugin: Plugin<Config>): Promise<void> {
  const keys = await plugin.listKeys("cache.");
  for (const key of keys.slice(0, Math.max(0, keys.length - KEYS_MAX))) await plugin.deleteData(key);
}
