import type { Plugin } from "zephyrgate";

/** One bed a node, until the next morning. */
const KEPT_S = 24 * 3600;

export class Bookings {
  constructor(private readonly plugin: Plugin) {}

  /** Beds left, by hut. */
  async free(): Promise<Record<string, number>> {
    const free: Record<string, number> = { ...this.plugin.getConfig("huts", {}) };
    for (const key of await this.plugin.listKeys("bed.")) {
      const hut = await this.plugin.retrieveData(key, "");
      if (hut in free) free[hut] = Math.max(0, (free[hut] ?? 0) - 1);
    }
    return free;
  }

  async book(node: string, hut: string): Promise<void> {
    await this.plugin.storeData(`bed.${node}`, hut, { ttl: KEPT_S });
  }

  async of(node: string): Promise<string | null> {
    return (await this.plugin.retrieveData(`bed.${node}`, "")) || null;
  }
}
