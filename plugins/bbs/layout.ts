/** What makes answers short: ages, pages of long texts, one line of what strangers wrote. */
import { byteLength, cutText } from "zephyrgate";
import type { T } from "./texts.ts";

const PACKET_BYTES = 200;

/** How long ago, in one short word. */
export function age(t: T, at: number): string {
  const minutes = Math.floor(Math.max(0, Date.now() - at) / 60_000);
  if (minutes < 1) return t("age_now");
  if (minutes < 60) return t("age_minutes", { n: minutes });
  return minutes < 48 * 60 ? t("age_hours", { n: Math.floor(minutes / 60) }) : t("age_days", { n: Math.floor(minutes / 1440) });
}

/** One line without control characters, at most `bytes` long. */
export function short(text: string, bytes: number): string {
  return cutText(text.replace(/[\s\p{C}]+/gu, " ").trim(), bytes);
}

/** A text of several lines without what could disturb a display: other control characters, and those that turn the direction of writing. */
export function cleanBody(text: string): string {
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]+/g, " ").trim();
}

/** A whole number of the user's, or null. */
export function numberOf(word: string | undefined): number | null {
  const digits = /^#?(\d{1,15})[.,:)]?$/.exec(word ?? "")?.[1];
  return digits === undefined ? null : Number(digits);
}

export interface LongText {
  readonly head: string;
  readonly body: string;
  /** From 1. */
  readonly page: number;
  /** The line that says how to get the next page. */
  more(page: number): string;
  /** The last line of the last page; "" for none. */
  readonly foot: string;
}

/** One message of a text that may need several: head and as much of the body as fits, then how to go on. */
export function pageOf({ head, body, page, more, foot }: LongText): string {
  let rest = body;
  for (let number = 1; ; number++) {
    const isFirst = number === 1;
    const whole = [isFirst ? head : "", rest, foot].filter((line) => line !== "").join("\n");
    if (byteLength(whole) <= PACKET_BYTES) return whole;
    const room = PACKET_BYTES - byteLength(more(number + 1)) - 1 - (isFirst ? byteLength(head) + 1 : 0);
    const piece = pieceOf(rest, room);
    if (number >= page) return [...(isFirst ? [head] : []), piece.trim(), more(number + 1)].join("\n");
    rest = rest.slice(piece.length).trimStart();
  }
}

/** The beginning of a text that fits, ended at a blank where there is one near the end. */
function pieceOf(text: string, bytes: number): string {
  const cut = cutText(text, Math.max(bytes, 20) + 3);
  const piece = cut === text ? text : cut.slice(0, -1);
  const blank = piece.lastIndexOf(" ");
  return blank > piece.length / 2 ? piece.slice(0, blank) : piece;
}
