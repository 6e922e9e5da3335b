import { type CommandContext, Plugin, type RegionMessage } from "zephyrgate";
import { readScore, type Score } from "./score.ts";

const SHOWN = 3;
/** Without a game a score is forgotten, so that the table does not grow for ever. */
const TTL_S = 30 * 86_400;

export default class RegionScores extends Plugin {
  override initialize() {
    this.registerCommand("score", this.score, { help: "Enters a score", usage: "score POINTS" });
    this.registerCommand("best", this.best, { help: "The best scores of the region" });
    this.region.subscribe("scores", this.hear);
  }

  async score([text = ""]: string[], { senderId, senderName }: CommandContext) {
    const points = Number(text);
    if (!Number.isInteger(points) || points < 0 || points > 1_000_000) return "Send score POINTS, such as: score 42";
    const [leader] = await this.table();
    const [here] = await this.region.sites();
    const score: Score = { name: senderName, points, site: here?.name ?? "" };
    // Every site has it, those that are away now as soon as they are back.
    await this.storeShared(`scores/${senderId}`, score, { ttl: TTL_S });
    if (leader !== undefined && points <= leader.points) return `Noted. ${leader.name} leads with ${leader.points}`;
    // Those that are away need not hear of it: the table tells them.
    const { sites } = await this.region.publish("scores", score);
    return sites === 0 ? "A new best!" : `A new best! ${sites} more ${sites === 1 ? "site hears" : "sites hear"} of it`;
  }

  async best() {
    const table = await this.table();
    if (table.length === 0) return "No scores yet";
    return table
      .slice(0, SHOWN)
      .map(({ name, points, site }, place) => `${place + 1}. ${points} ${name} (${site})`)
      .join("\n");
  }

  async hear({ site, body }: RegionMessage) {
    const score = readScore(body);
    if (score === null) {
      this.log.warn("a message that is no score", { site: site.name });
      return;
    }
    await this.sendMessage(`New best of the region: ${score.points} by ${score.name} at ${site.name}`, {
      destination: "broadcast",
      channel: 0,
    });
  }

  /** The highest first. */
  async table(): Promise<Score[]> {
    const keys = await this.listShared("scores/");
    const scores = await Promise.all(keys.map(async (key) => readScore(await this.retrieveShared(key))));
    return scores.filter((score) => score !== null).sort((a, b) => b.points - a.points);
  }
}
