import type { LogLine } from "./line.ts";

export interface RingLimits {
  /** Lines and characters kept for each plugin. */
  readonly lines: number;
  readonly characters: number;
  /** Plugins whose lines are kept; the one that was silent longest is dropped first. */
  readonly plugins: number;
}

export const RING_LIMITS: RingLimits = { lines: 500, characters: 262_144, plugins: 256 };

interface Kept {
  readonly line: LogLine;
  readonly size: number;
}

/** Keeps the last lines of each plugin separately, so that a flood displaces only that plugin's lines. Null: the gateway. */
export class LogRing {
  readonly #rings = new Map<string | null, { kept: Kept[]; size: number }>();

  constructor(private readonly limits: RingLimits = RING_LIMITS) {}

  add(line: LogLine, size: number): void {
    const ring = this.#rings.get(line.plugin) ?? { kept: [], size: 0 };
    // Inserted again at the end: the map's order is the order of last use.
    this.#rings.delete(line.plugin);
    this.#rings.set(line.plugin, ring);
    ring.kept.push({ line, size });
    ring.size += size;
    while (ring.kept.length > 1 && (ring.kept.length > this.limits.lines || ring.size > this.limits.characters)) {
      ring.size -= ring.kept.shift()?.size ?? 0;
    }
    if (this.#rings.size <= this.limits.plugins) return;
    for (const plugin of this.#rings.keys()) {
      if (plugin === null) continue;
      this.#rings.delete(plugin);
      return;
    }
  }

  /** At most `limit` lines that pass `wanted` and are older than `before`, newest last. */
  tail(plugin: string | undefined, wanted: (line: LogLine) => boolean, limit: number, before: number): LogLine[] {
    const rings = plugin === undefined ? [...this.#rings.values()] : [this.#rings.get(plugin)];
    const lines = rings.flatMap((ring) => ring?.kept.map((kept) => kept.line) ?? []).filter((line) => line.seq < before && wanted(line));
    return lines.sort((a, b) => a.seq - b.seq).slice(-limit);
  }
}
