/** Spans of time as people write and read them. */
import { cutText } from "zephyrgate";
import type { T } from "./texts.ts";

const MINUTE_MS = 60_000;
const UNITS: Readonly<Record<string, number>> = { m: 1, min: 1, h: 60, d: 1440, t: 1440 };

/** A span in one short word, rounded down. */
export function spanOf(t: T, ms: number): string {
  const minutes = Math.floor(Math.max(0, ms) / MINUTE_MS);
  if (minutes < 120) return t("minutes", { n: minutes });
  return minutes < 48 * 60 ? t("hours", { n: Math.floor(minutes / 60) }) : t("days", { n: Math.floor(minutes / 1440) });
}

/** `4h`, `30m`, `2d` or `4` (hours), in ms; null for anything else. */
export function readSpan(word: string | undefined): number | null {
  const match = /^(\d{1,4}(?:[.,]\d)?)(m|min|h|d|t)?$/i.exec(word ?? "");
  if (match === null) return null;
  return Number((match[1] ?? "").replace(",", ".")) * (UNITS[(match[2] ?? "h").toLowerCase()] ?? 60) * MINUTE_MS;
}

/** A number that was meant as a span and is none: `-5h`, `99999h`, `5x`. A note may begin with a number and go on with a word. */
export function isSpanLike(word: string | undefined): boolean {
  return /^[-+]?\d+(?:[.,]\d+)?[a-z]{0,5}$/i.test(word ?? "");
}

/** One line of what somebody wrote, without what could disturb a display: control characters and those that turn the direction of writing. */
export function cleanText(text: string, bytes: number): string {
  return cutText(text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]+/g, " ").trim(), bytes);
}
