/** Circles around places, and which assets are inside. */
import { fitLines, type NodeInfo, type Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";
import type { T } from "./texts.ts";

const EARTH_M = 6_371_000;
/** A fence is left only beyond this part of its radius, so that a position on its edge does not tell every minute. */
const SLACK = 1.1;

export class Fences {
  constructor(
    private readonly plugin: Plugin<Config>,
    private readonly t: T,
    private readonly tell: (text: string) => Promise<void>,
  ) {}

  /** An asset was heard: tells which fences it has entered or left since. The first position only counts. */
  async heard({ id, position }: NodeInfo): Promise<void> {
    const asset = this.plugin.getConfig("assets").find(({ node }) => node.toLowerCase() === id);
    if (asset === undefined || position === undefined) return;
    for (const fence of this.plugin.getConfig("fences")) {
      const rows = await this.plugin.db.query<{ is_inside: number }>(
        "SELECT is_inside FROM places WHERE asset = ? AND fence = ?",
        id,
        fence.name,
      );
      const was = rows[0] === undefined ? null : rows[0].is_inside === 1;
      const isInside = metresBetween(position, fence) <= fence.radius_m * (was === true ? SLACK : 1);
      if (was === isInside) continue;
      await this.plugin.db.run("INSERT OR REPLACE INTO places VALUES (?, ?, ?, ?)", id, fence.name, isInside ? 1 : 0, Date.now());
      if (was !== null) await this.tell(this.t(isInside ? "entered" : "left", { asset: asset.name, fence: fence.name }));
    }
  }

  async list(): Promise<string> {
    const rows = await this.plugin.db.query<{ asset: string; fence: string; is_inside: number }>(
      "SELECT asset, fence, is_inside FROM places ORDER BY is_inside DESC, asset, fence LIMIT 50",
    );
    const names = new Map(this.plugin.getConfig("assets").map(({ node, name }) => [node.toLowerCase(), name]));
    const fences = new Set(this.plugin.getConfig("fences").map(({ name }) => name));
    const lines = rows
      .filter(({ asset, fence }) => names.has(asset) && fences.has(fence))
      .map(({ asset, fence, is_inside }) =>
        this.t(is_inside === 1 ? "fence_inside" : "fence_outside", { asset: names.get(asset) ?? asset, fence }),
      );
    return lines.length === 0 ? this.t("fences_none") : fitLines(lines, { more: () => "…" }).text;
  }
}

interface Point {
  readonly latitude: number;
  readonly longitude: number;
}

/** Along the great circle. */
export function metresBetween(a: Point, b: Point): number {
  const radians = Math.PI / 180;
  const [dLat, dLon] = [(b.latitude - a.latitude) * radians, (b.longitude - a.longitude) * radians];
  const h = Math.sin(dLat / 2) ** 2 + Math.cos(a.latitude * radians) * Math.cos(b.latitude * radians) * Math.sin(dLon / 2) ** 2;
  return 2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(h)));
}
