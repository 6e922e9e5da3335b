/** Who is active, and whose battery is low. */
import { fitLines, type NodeInfo } from "zephyrgate";
import type { Environment } from "./environment.ts";
import { short } from "./layout.ts";

const DAY_MS = 86_400_000;
const FRESH_MS = 60_000;
/** Days that count. */
const DAYS = 7;
/** Nodes counted between two writes; numbers can be invented. */
const NODES_MAX = 1_000;
/** Packets above this mean that a node is powered by something else. */
const POWERED = 100;

/** What is old goes, and of today those who were heard least beyond the bound. */
const limitsOf = (today: number) =>
  [
    ["DELETE FROM heard WHERE day <= ?", today - DAYS],
    [
      "DELETE FROM heard WHERE day = ? AND node NOT IN (SELECT node FROM heard WHERE day = ? ORDER BY packets DESC LIMIT ?)",
      today,
      today,
      NODES_MAX,
    ],
  ] as const;

interface Heard {
  name: string;
  packets: number;
}

/** Counts packets in memory; `store` writes them, so that the disk is not written with every packet. */
export class Activity {
  readonly #heard = new Map<string, Heard>();

  constructor(private readonly environment: Environment) {}

  heard({ id, isOwn, longName, shortName, lastHeard }: NodeInfo): void {
    // What a radio tells of nodes when it connects is no packet of theirs.
    if (isOwn || lastHeard === undefined || Date.now() - lastHeard > FRESH_MS) return;
    const known = this.#heard.get(id);
    if (known === undefined && this.#heard.size >= NODES_MAX) return;
    this.#heard.set(id, { name: longName ?? shortName ?? id, packets: (known?.packets ?? 0) + 1 });
  }

  async store(): Promise<void> {
    const { plugin } = this.environment;
    const today = Math.floor(Date.now() / DAY_MS);
    const counted = [...this.#heard].map(
      ([node, { name, packets }]) =>
        [
          "INSERT INTO heard VALUES (?, ?, ?, ?) ON CONFLICT (day, node) DO UPDATE SET packets = packets + excluded.packets, name = excluded.name",
          today,
          node,
          name,
          packets,
        ] as const,
    );
    await plugin.db.transaction([...counted, ...limitsOf(today)]);
    this.#heard.clear();
  }

  async lines(): Promise<string> {
    const { plugin, t } = this.environment;
    await this.store();
    const active = await plugin.db.query<{ name: string; packets: number }>(
      "SELECT max(name) AS name, sum(packets) AS packets FROM heard GROUP BY node ORDER BY packets DESC LIMIT 5",
    );
    const low = (await plugin.getNodes())
      .filter(({ isOwn, batteryLevel = POWERED + 1 }) => !isOwn && batteryLevel < plugin.getConfig("low_battery", 25))
      .sort((a, b) => (a.batteryLevel ?? 0) - (b.batteryLevel ?? 0))
      .slice(0, 5);
    const lines = [
      t("stats_counts", await this.#counts()),
      t("stats_active"),
      ...active.map(({ name, packets }) => t("stats_active_line", { name: short(name, 20), count: packets })),
      low.length === 0 ? t("stats_low_none") : t("stats_low"),
      ...low.map((node) => t("stats_low_line", { name: short(node.longName ?? node.id, 20), percent: node.batteryLevel ?? 0 })),
    ];
    return fitLines(lines, { more: () => "…" }).text;
  }

  async #counts() {
    const sql = `SELECT coalesce((SELECT n FROM counts WHERE name = 'bulletins'), 0) AS bulletins,
      (SELECT count(*) FROM letters) AS letters, (SELECT count(*) FROM channels) AS channels`;
    const rows = await this.environment.plugin.db.query<{ bulletins: number; letters: number; channels: number }>(sql);
    return rows[0] ?? { bulletins: 0, letters: 0, channels: 0 };
  }
}
