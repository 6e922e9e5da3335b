import { defineTexts, type Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";
import de from "./locales/de.ts";
import en from "./locales/en.ts";

const texts = defineTexts({ en, de });

export type Words = ReturnType<typeof texts>;

export function wordsOf(plugin: Plugin<Config>): Words {
  return texts(plugin.language);
}

/** How long ago a time (ms since 1970) was. */
export function ageOf(t: Words, at: number): string {
  const minutes = Math.max(0, Math.round((Date.now() - at) / 60_000));
  if (minutes < 1) return t("now");
  if (minutes < 120) return t("minutes", { count: minutes });
  const hours = Math.round(minutes / 60);
  return hours < 48 ? t("hours", { count: hours }) : t("days", { count: Math.round(hours / 24) });
}
