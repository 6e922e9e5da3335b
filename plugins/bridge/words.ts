import { defineTexts, type Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";
import de from "./locales/de.ts";
import en from "./locales/en.ts";

const texts = defineTexts({ en, de });

export type Words = ReturnType<typeof texts>;

export function wordsOf(plugin: Plugin<Config>): Words {
  return texts(plugin.language);
}
