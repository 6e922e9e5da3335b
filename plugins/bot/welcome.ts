import { cutText, type MessageContext, type Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";
import { wordsOf } from "./words.ts";

const HOUR_MS = 3_600_000;
/** Numbers of nodes can be invented. */
const PER_HOUR = 6;
const KNOWN_MAX = 5_000;

/** Greets nodes that were never heard before, once; off by default. */
export class Welcome {
  constructor(private readonly plugin: Plugin<Config>) {}

  /** Everybody who is known when it is switched on is no newcomer. */
  async begin(): Promise<void> {
    if (!this.plugin.getConfig("welcome").enabled || (await this.plugin.retrieveData("welcoming", false))) return;
    for (const { id } of await this.plugin.getNodes()) await this.#know(id);
    await this.plugin.storeData("welcoming", true);
  }

  /** A node told its names. */
  async met({ senderId, senderName }: MessageContext): Promise<void> {
    const { enabled, text } = this.plugin.getConfig("welcome");
    if (!enabled || !(await this.plugin.retrieveData("welcoming", false))) return;
    if (!(await this.#know(senderId))) return;
    const sql = "SELECT count(*) AS n FROM met WHERE at > ? AND greeted = 1";
    const [recent] = await this.plugin.db.query<{ n: number }>(sql, Date.now() - HOUR_MS);
    if ((recent?.n ?? 0) >= PER_HOUR) return;
    await this.plugin.db.run("UPDATE met SET greeted = 1 WHERE node = ?", senderId);
    const greeting = text === "" ? wordsOf(this.plugin)("welcome", { name: senderName }) : text.replaceAll("{name}", senderName);
    await this.plugin.sendMessage(cutText(greeting), { destination: senderId, priority: "low" });
  }

  /** True: it was not known. */
  async #know(node: string): Promise<boolean> {
    const sql = `INSERT INTO met (node, at, greeted) SELECT ?, ?, 0 WHERE (SELECT count(*) FROM met) < ${KNOWN_MAX} ON CONFLICT DO NOTHING`;
    return (await this.plugin.db.run(sql, node, Date.now())).changes > 0;
  }
}
