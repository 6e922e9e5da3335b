import type { CommandContext, Plugin } from "zephyrgate";
import type { Config } from "../config.types.ts";
import type { Scores } from "../scores.ts";
import { wordsOf } from "../words.ts";
import { wordsToGuess } from "./questions.ts";

const WRONG_MAX = 7;
const TIMEOUT_S = 900;
const POINTS = 2;

/** The word stays in the session; the letters are the player's answers, which are given again after a restart. */
export class Hangman {
  constructor(
    private readonly plugin: Plugin<Config>,
    private readonly scores: Scores,
  ) {}

  async play(context: CommandContext): Promise<string> {
    const t = wordsOf(this.plugin);
    const words = wordsToGuess(this.plugin.language);
    context.sessionData.hangman ??= Math.floor(Math.random() * words.length);
    const word = words[Number(context.sessionData.hangman)] ?? words[0] ?? "";
    const guessed = new Set<string>();
    let odd = "";
    for (;;) {
      const wrong = [...guessed].filter((letter) => !word.includes(letter));
      const shown = [...word].map((letter) => (guessed.has(letter) ? letter : "_")).join(" ");
      const letters = wrong.length === 0 ? "" : t("hangman_letters", { letters: wrong.join(" ") });
      const answer = await context.ask(odd + t("hangman", { word: shown, wrong: wrong.length, letters }), { timeout: TIMEOUT_S });
      if (answer === null) return this.#end(context, t("hangman_left", { word }));
      const guess = answer.normalize("NFC").trim().toLowerCase();
      odd = /^\p{L}$/u.test(guess) || guess.length === word.length ? "" : t("hangman_odd");
      if (odd !== "") continue;
      if (guess === word) return this.#won(context, word);
      guessed.add(guess);
      if ([...word].every((letter) => guessed.has(letter))) return this.#won(context, word);
      if ([...guessed].filter((letter) => !word.includes(letter)).length >= WRONG_MAX)
        return this.#end(context, t("hangman_lost", { word }));
    }
  }

  async #won(context: CommandContext, word: string): Promise<string> {
    return this.#end(context, wordsOf(this.plugin)("hangman_won", { word, points: await this.scores.add(context, POINTS) }));
  }

  #end(context: CommandContext, text: string): string {
    delete context.sessionData.hangman;
    return text;
  }
}
