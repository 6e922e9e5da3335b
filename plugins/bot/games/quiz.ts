import type { CommandContext, Plugin } from "zephyrgate";
import type { Config } from "../config.types.ts";
import type { Scores } from "../scores.ts";
import { wordsOf } from "../words.ts";
import { questionsOf } from "./questions.ts";

const TIMEOUT_S = 120;
const LETTERS = ["A", "B", "C"] as const;

/** One question with three answers. */
export class Quiz {
  constructor(
    private readonly plugin: Plugin<Config>,
    private readonly scores: Scores,
  ) {}

  async play(args: readonly string[], context: CommandContext): Promise<string> {
    if (/^(?:scores?|punkte)$/i.test(args[0] ?? "")) return this.scores.best();
    const t = wordsOf(this.plugin);
    const questions = questionsOf(this.plugin.language);
    // Kept, because the handler runs again from its start when its process was restarted.
    context.sessionData.quiz ??= {
      question: Math.floor(Math.random() * questions.length),
      turn: Math.floor(Math.random() * LETTERS.length),
    };
    const { question, turn } = chosen(context.sessionData.quiz);
    const [text = "", right = "", second = "", third = ""] = questions[question] ?? questions[0] ?? [];
    const options = [right, second, third].map((_, at, all) => all[(at + turn) % all.length] ?? "");
    const [a = "", b = "", c = ""] = options;
    let answer = await context.ask(t("quiz", { question: text, a, b, c }), { timeout: TIMEOUT_S });
    // What is no answer is asked for once more: it may have been meant for somebody else.
    if (answer !== null && chosenBy(answer, options) === null) answer = await context.ask(t("quiz_odd"), { timeout: TIMEOUT_S });
    delete context.sessionData.quiz;
    const shown = `${LETTERS[options.indexOf(right)] ?? "A"}, ${right}`;
    const option = answer === null ? null : chosenBy(answer, options);
    if (option === null) return t("quiz_left", { answer: shown });
    const points = await this.scores.add(context, option === right ? 1 : 0);
    return option === right ? t("quiz_right", { points }) : t("quiz_wrong", { answer: shown, points });
  }
}

/** By its letter or its words; null: it is none of them. */
function chosenBy(answer: string, options: readonly string[]): string | null {
  const written = answer
    .trim()
    .toLowerCase()
    .replace(/[.)!]$/, "");
  return options.find((option, at) => written === LETTERS[at]?.toLowerCase() || written === option.toLowerCase()) ?? null;
}

function chosen(kept: unknown): { readonly question: number; readonly turn: number } {
  const read = typeof kept === "object" && kept !== null ? kept : {};
  const whole = (value: unknown) => (typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : 0);
  return { question: whole("question" in read ? read.question : 0), turn: whole("turn" in read ? read.turn : 0) };
}
