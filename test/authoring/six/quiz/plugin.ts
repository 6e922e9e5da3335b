import { type CommandContext, Plugin } from "zephyrgate";
import questions from "./questions.json" with { type: "json" };

const PATIENCE_S = 120;

export default class Quiz extends Plugin {
  override async initialize() {
    await this.db.migrate([
      "CREATE TABLE scores (node TEXT PRIMARY KEY, name TEXT NOT NULL, best INTEGER NOT NULL, rounds INTEGER NOT NULL)",
    ]);
    this.registerCommand("quiz", this.quiz, { help: "Three questions" });
    this.registerCommand("scores", this.scores, { help: "The best so far", aliases: ["top"] });
  }

  async quiz(_args: string[], context: CommandContext) {
    let right = 0;
    for (const [index, { question, answers }] of questions.entries()) {
      const answer = await context.ask(`${index + 1}/${questions.length}: ${question}?`, { timeout: PATIENCE_S });
      if (answer === null) return `Stopped after ${index}, ${right} right.`;
      if (answers.includes(answer.toLowerCase().replace(/[.!]$/, ""))) right += 1;
    }
    await this.db.run(
      "INSERT INTO scores VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET best = max(best, excluded.best), name = excluded.name, rounds = rounds + 1",
      context.senderId,
      context.senderName,
      right,
    );
    return `${right} of ${questions.length}. ${right === questions.length ? "Well done!" : "Send quiz to try again."}`;
  }

  async scores() {
    const rows = await this.db.query<{ name: string; best: number; rounds: number }>(
      "SELECT name, best, rounds FROM scores ORDER BY best DESC, rounds LIMIT 5",
    );
    return rows.length === 0 ? "Nobody has played yet." : rows.map(({ name, best, rounds }) => `${name}: ${best} (${rounds})`).join("\n");
  }
}
