import type { Clock, Random } from "../../../clock.ts";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const TIME_DIGITS = 10;
const RANDOM_DIGITS = 16;

/**
 * Makes message ids: `m_`, ten digits of time and sixteen random digits, base 32. Each sorts after the one before, also when
 * the clock goes back.
 */
export function messageIds(clock: Clock, random: Random): () => string {
  let lastTime = 0;
  let shownTime = "";
  let digits: number[] = [];
  return () => {
    const now = Math.max(0, Math.floor(clock.now()));
    if (now > lastTime || digits.length === 0) {
      lastTime = Math.max(now, lastTime);
      shownTime = timeDigits(lastTime);
      digits = [...random.bytes(RANDOM_DIGITS)].map((byte) => byte & 31);
      digits[0] = (digits[0] ?? 0) & 15; // leaves room for increments
    } else increment(digits);
    return `m_${shownTime}${digits.map((digit) => ALPHABET[digit]).join("")}`;
  };
}

/** The lowest id that could be made at that time (ms since 1970). */
export function firstIdOf(time: number): string {
  return `m_${timeDigits(Math.max(0, time))}`;
}

function timeDigits(time: number): string {
  let text = "";
  for (let i = 0, left = time; i < TIME_DIGITS; i++) {
    text = (ALPHABET[left % 32] ?? "0") + text;
    left = Math.floor(left / 32);
  }
  return text;
}

function increment(digits: number[]): void {
  for (let i = digits.length - 1; i >= 0; i--) {
    const digit = (digits[i] ?? 0) + 1;
    digits[i] = digit % 32;
    if (digit < 32) return;
  }
}
