import { asWritten, byteLength, type CommandContext, cutText, type Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";
import { wordsOf } from "./words.ts";

const PACKET_BYTES = 200;
const OPTIONS = { min: 2, max: 6 } as const;

interface Poll {
  readonly id: number;
  readonly question: string;
  /** JSON: a list of texts. */
  readonly options: string;
  readonly ended: number;
}

/** Votes of one poll. */
export const VOTES_MAX = 2_000;

/** One poll at a time; everybody has one vote, which can be changed. */
export class Polls {
  constructor(private readonly plugin: Plugin<Config>) {}

  async poll(args: readonly string[], context: CommandContext): Promise<string> {
    const t = wordsOf(this.plugin);
    const [word = ""] = args;
    const isChange = ["new", "end"].includes(word.toLowerCase());
    if (isChange && !context.isOperator && this.plugin.getConfig("polls_by") !== "all") return t("poll_not_allowed");
    const last = await this.#last();
    if (word.toLowerCase() === "new") return last?.ended === 0 ? t("poll_open_already") : this.#begin(asWritten(context, args.slice(1)));
    if (last === null) return this.#none(context);
    if (word.toLowerCase() !== "end") return this.#show(last);
    await this.plugin.db.run("UPDATE polls SET ended = 1 WHERE id = ?", last.id);
    return this.#show({ ...last, ended: 1 });
  }

  async vote(args: readonly string[], context: CommandContext): Promise<string> {
    const { senderId } = context;
    const t = wordsOf(this.plugin);
    const last = await this.#last();
    if (last === null || last.ended === 1) return this.#none(context);
    const options = optionsOf(last);
    const word = args.join(" ").toLowerCase();
    const number = /^#?\d$/.test(word) ? Number(word.replace("#", "")) : options.findIndex((each) => each.toLowerCase() === word) + 1;
    const option = options[number - 1];
    if (option === undefined) return t("vote_which", { count: options.length });
    // Whoever has voted may change it; numbers of nodes can be invented, and the database has an end.
    const sql = `INSERT INTO votes (poll, node, choice) SELECT ?1, ?2, ?3
      WHERE (SELECT count(*) FROM votes WHERE poll = ?1) < ${VOTES_MAX} OR EXISTS (SELECT 1 FROM votes WHERE poll = ?1 AND node = ?2)
      ON CONFLICT DO UPDATE SET choice = excluded.choice`;
    const { changes } = await this.plugin.db.run(sql, last.id, senderId, number);
    return changes === 0 ? t("votes_full") : cutText(t("voted", { option }));
  }

  /** How to begin one is told to those who may. */
  #none({ isOperator }: CommandContext): string {
    const t = wordsOf(this.plugin);
    return isOperator || this.plugin.getConfig("polls_by") === "all" ? t("poll_none_begin") : t("poll_none");
  }

  async #begin(text: string): Promise<string> {
    const t = wordsOf(this.plugin);
    const [question = "", ...options] = text.split("|").map((part) => part.trim());
    if (question === "" || options.length < OPTIONS.min || options.length > OPTIONS.max || options.includes("")) return t("poll_usage");
    // It must fit one message with its result too.
    if (
      byteLength(
        this.#text(
          { question, ended: 1 },
          options,
          options.map(() => 9999),
        ),
      ) > PACKET_BYTES
    )
      return t("poll_too_long");
    const { lastInsertRowid } = await this.plugin.db.run(
      "INSERT INTO polls (question, options) VALUES (?, ?)",
      question,
      JSON.stringify(options),
    );
    await this.plugin.db.run("DELETE FROM votes WHERE poll < ?", Number(lastInsertRowid) - 10);
    return this.#show({ id: Number(lastInsertRowid), question, options: JSON.stringify(options), ended: 0 });
  }

  async #show(poll: Poll): Promise<string> {
    const sql = "SELECT choice, count(*) AS n FROM votes WHERE poll = ? GROUP BY choice";
    const counted = await this.plugin.db.query<{ choice: number; n: number }>(sql, poll.id);
    const options = optionsOf(poll);
    return this.#text(
      poll,
      options,
      options.map((_, at) => counted.find(({ choice }) => choice === at + 1)?.n ?? 0),
    );
  }

  #text({ question, ended }: Pick<Poll, "question" | "ended">, options: readonly string[], counts: readonly number[]): string {
    const t = wordsOf(this.plugin);
    const head = ended === 1 ? t("poll_ended", { question }) : t("poll_question", { question });
    const lines = options.map((option, at) => t("poll_result", { number: at + 1, option, count: counts[at] ?? 0 }));
    return [head, ...lines, ...(ended === 1 ? [] : [t("poll_how")])].join("\n");
  }

  async #last(): Promise<Poll | null> {
    const [last] = await this.plugin.db.query<Poll>("SELECT id, question, options, ended FROM polls ORDER BY id DESC LIMIT 1");
    return last ?? null;
  }
}

function optionsOf({ options }: Pick<Poll, "options">): string[] {
  const read: unknown = JSON.parse(options);
  return Array.isArray(read) ? read.map(String) : [];
}
