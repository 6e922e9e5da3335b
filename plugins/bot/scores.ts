import { type Context, cutText, type Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";
import { wordsOf } from "./words.ts";

const SHOWN = 5;
const KEPT_MAX = 2_000;

/** Points of all games together. */
export class Scores {
  constructor(private readonly plugin: Plugin<Config>) {}

  /** What the player has now, in words. */
  async add({ senderId, senderName }: Context, points: number): Promise<string> {
    await this.plugin.db.run(
      `INSERT INTO scores (node, name, points) SELECT ?, ?, ? WHERE true
       ON CONFLICT (node) DO UPDATE SET points = points + excluded.points, name = excluded.name`,
      senderId,
      senderName,
      points,
    );
    await this.plugin.db.run("DELETE FROM scores WHERE node IN (SELECT node FROM scores ORDER BY points DESC LIMIT -1 OFFSET ?)", KEPT_MAX);
    const [own] = await this.plugin.db.query<{ points: number }>("SELECT points FROM scores WHERE node = ?", senderId);
    return wordsOf(this.plugin)("points", { count: own?.points ?? points });
  }

  async best(): Promise<string> {
    const t = wordsOf(this.plugin);
    const rows = await this.plugin.db.query<{ name: string; points: number }>(
      "SELECT name, points FROM scores WHERE points > 0 ORDER BY points DESC, name LIMIT ?",
      SHOWN,
    );
    if (rows.length === 0) return t("scores_none");
    return rows
      .map(({ name, points }, at) => t("scores", { place: at + 1, name: cutText(name, 20), points: t("points", { count: points }) }))
      .join("\n");
  }
}
