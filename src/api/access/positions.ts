/**
 * Where others are is known exactly to those who run the gateway alone. Everything that leaves the API for anybody else passes
 * {@link roundPositions}: answers, events, metrics and log lines, whoever made them.
 */
import { allows, type Role } from "../contract/roles.ts";

/** Decimal places of a degree from which on nothing is rounded: about ten centimetres. */
export const EXACT_DIGITS = 6;

const LATITUDE = /^lat(?:itude)?$/i;
const LONGITUDE = /^(?:lon|lng|long|longitude)$/i;
/** On a slope the height tells the place. */
const TELLING = /^(?:altitude|altitude_hae|height|elevation|precision_?bits)$/i;
const DECIMAL = /-?\d{1,3}\.\d+/g;
/** What stands between the two degrees of a place, as in `46.91234, 9.34123` or `46.91234\u00b0 N 9.34123\u00b0 E`. */
const BETWEEN = /^\u00b0?(?: ?[NS])?[,;/ ]{1,3}$/i;
const LONGEST_BETWEEN = 6;
/** A degree with its name: `lat=46.91234`, `"longitude":9.34123`. */
const NAMED = /(\b(?:lat(?:itude)?|lon(?:gitude)?|lng)"? ?[:=] ?"?)(-?\d{1,3}\.\d+)/gi;

/** How many decimal places of a degree a caller learns of others' positions; null: all of them. */
export function digitsFor(role: Role | null, digits: number): number | null {
  return (role !== null && allows(role, "operate")) || digits >= EXACT_DIGITS ? null : digits;
}

/** A copy of JSON in which positions are rounded: pairs of latitude and longitude, GeoJSON coordinates, and degrees in texts. The gateway's own node stays. */
export function roundPositions(value: unknown, digits: number): unknown {
  if (typeof value === "string") return roundText(value, digits);
  if (Array.isArray(value)) return value.map((item) => roundPositions(item, digits));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value);
  const isOwn = entries.some(([key, inner]) => key === "is_own" && inner === true);
  const isPlace = entries.some(([key]) => LATITUDE.test(key)) && entries.some(([key]) => LONGITUDE.test(key));
  const kept = isPlace ? entries.filter(([key]) => !TELLING.test(key)) : entries;
  return Object.fromEntries(
    kept.map(([key, inner]) => {
      if (isOwn && key === "position") return [key, inner];
      if (isPlace && (LATITUDE.test(key) || LONGITUDE.test(key))) return [key, roundNumber(inner, digits)];
      return [key, key === "coordinates" ? roundNumber(inner, digits) : roundPositions(inner, digits)];
    }),
  );
}

/** Numbers that stand next to each other as the degrees of a place do, and those with its names, rounded. */
export function roundText(text: string, digits: number): string {
  const named = text.replace(NAMED, (_, name: string, degrees: string) => `${name}${shortened(degrees, digits)}`);
  const numbers = [...named.matchAll(DECIMAL)].map((match) => ({ text: match[0], at: match.index, end: match.index + match[0].length }));
  const isPair = (left: { end: number } | undefined, right: { at: number } | undefined) =>
    left !== undefined && right !== undefined && right.at - left.end <= LONGEST_BETWEEN && BETWEEN.test(named.slice(left.end, right.at));
  let rounded = "";
  let done = 0;
  for (const [index, number] of numbers.entries()) {
    if (!isPair(numbers[index - 1], number) && !isPair(number, numbers[index + 1])) continue;
    rounded += named.slice(done, number.at) + shortened(number.text, digits);
    done = number.end;
  }
  return rounded + named.slice(done);
}

function shortened(number: string, digits: number): string {
  return (number.split(".")[1]?.length ?? 0) <= digits ? number : Number(number).toFixed(digits);
}

/** A number, one in a text, or lists of them. */
function roundNumber(value: unknown, digits: number): unknown {
  if (Array.isArray(value)) return value.map((item) => roundNumber(item, digits));
  if (typeof value === "number") return Number.isFinite(value) ? Number(value.toFixed(digits)) : value;
  if (typeof value !== "string") return roundPositions(value, digits);
  return value.trim() !== "" && Number.isFinite(Number(value)) ? shortened(value.trim(), digits) : roundText(value, digits);
}
