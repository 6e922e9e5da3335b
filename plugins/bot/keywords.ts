import type { IncomingMessage, MessageContext, Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";

type Rule = Config["answers"][number];

const HOUR_MS = 3_600_000;
const USUAL = { cooldown_s: 30, per_hour: 10 } as const;

/** Answers to keywords, as the configuration has them: none by default. */
export class Keywords {
  /** Per rule, the times of its answers in the last hour, ms since 1970. */
  readonly #said = new Map<Rule, number[]>();

  constructor(private readonly plugin: Plugin<Config>) {}

  /** The answer of the first rule that fits and may speak now; null: there is none. */
  answerTo(message: IncomingMessage, { isDirect, channel, timestamp }: MessageContext): string | null {
    if (message.answered === true || message.text === undefined) return null;
    const words = wordsIn(message.text);
    for (const rule of this.plugin.getConfig("answers")) {
      const isHere = isDirect ? rule.direct !== false : (rule.channels ?? []).includes(channel);
      if (
        isHere &&
        rule.keywords.some((keyword) => fits(words, wordsIn(keyword), rule.match)) &&
        this.#mayAnswer(rule, timestamp.getTime())
      )
        return rule.answer;
    }
    return null;
  }

  #mayAnswer(rule: Rule, now: number): boolean {
    const recent = (this.#said.get(rule) ?? []).filter((at) => now - at < HOUR_MS);
    this.#said.set(rule, recent);
    const last = recent.at(-1);
    if (last !== undefined && now - last < (rule.cooldown_s ?? USUAL.cooldown_s) * 1000) return false;
    if (recent.length >= (rule.per_hour ?? USUAL.per_hour)) return false;
    recent.push(now);
    return true;
  }
}

/** Without case and punctuation. */
function wordsIn(text: string): string[] {
  return (
    text
      .normalize("NFKC")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  );
}

function fits(words: readonly string[], keyword: readonly string[], match: Rule["match"]): boolean {
  if (keyword.length === 0) return false;
  if (match === "exact") return words.length === keyword.length && keyword.every((word, at) => words[at] === word);
  return words.some((_, from) => keyword.every((word, at) => words[from + at] === word));
}
