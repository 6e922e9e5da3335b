import { defineTexts, type Plugin } from "zephyrgate";
import type { Broadcast } from "./broadcast.ts";
import type { Config } from "./config.types.ts";
import de from "./locales/de.ts";
import en from "./locales/en.ts";

const texts = defineTexts({ en, de });

export type Words = ReturnType<typeof texts>;

export function wordsOf(plugin: Plugin<Config>): Words {
  return texts(plugin.language);
}

export function whenText(t: Words, { when }: Pick<Broadcast, "when">): string {
  if (when.kind === "every") return t("every", { minutes: when.minutes });
  return when.kind === "cron" ? t("cron", { cron: when.cron }) : t("at", { at: when.at });
}

export function toText({ to }: Pick<Broadcast, "to">): string {
  return to.kind === "channel" ? to.channel : `@${to.node}`;
}
