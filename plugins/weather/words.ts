import { defineTexts, type Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";
import de from "./locales/de.ts";
import en from "./locales/en.ts";
import type { Sky, Weather } from "./model.ts";

const texts = defineTexts({ en, de });

export type Words = ReturnType<typeof texts>;

export function wordsOf(plugin: Plugin<Config>): Words {
  return texts(plugin.language);
}

const KMH_PER_MPH = 1.609344;
const MM_PER_INCH = 25.4;
const SEVERITIES = ["Unknown", "Minor", "Moderate", "Severe", "Extreme"];

type Units = Config["units"];

export function temperature(celsius: number, units: Units): string {
  const shown = units === "metric" ? celsius : (celsius * 9) / 5 + 32;
  return `${Math.round(shown) || 0}°${units === "metric" ? "C" : "F"}`;
}

export function speed(kmh: number, units: Units): string {
  return units === "metric" ? `${Math.round(kmh)} km/h` : `${Math.round(kmh / KMH_PER_MPH)} mph`;
}

export function amount(t: Words, mm: number, units: Units): string {
  const shown = units === "metric" ? mm.toFixed(1) : (mm / MM_PER_INCH).toFixed(2);
  return `${shown.replace(".", t("decimal"))} ${units === "metric" ? "mm" : "in"}`;
}

/** The five words of the Common Alerting Protocol, in the language of the mesh. */
export function severityText(t: Words, severity: string): string {
  const words = t("severities").split("|");
  return words[SEVERITIES.indexOf(severity)] ?? severity;
}

export function skyText(t: Words, sky: Sky): string {
  return "key" in sky ? t(sky.key) : sky.words.slice(0, 40);
}

export function windText(t: Words, { windKmh, windFrom }: Weather, units: Units): string {
  const from = windFrom === null ? "" : ` ${t("bearings").split("|")[Math.round(windFrom / 45) % 8] ?? ""}`;
  return speed(windKmh, units) + from;
}

export function ageText(t: Words, ms: number): string {
  const minutes = Math.max(1, Math.round(ms / 60_000));
  return minutes < 120 ? t("minutes", { count: minutes }) : t("hours", { count: Math.round(minutes / 60) });
}
