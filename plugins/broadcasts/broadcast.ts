/** A scheduled text: when, where to, and what. */

export type When =
  | { readonly kind: "every"; readonly minutes: number }
  | { readonly kind: "cron"; readonly cron: string }
  | { readonly kind: "at"; readonly at: string };
export type To = { readonly kind: "channel"; readonly channel: string } | { readonly kind: "node"; readonly node: string };
export type Content =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "action"; readonly plugin: string; readonly type: string; readonly data: string };

export interface Broadcast {
  readonly name: string;
  readonly when: When;
  readonly to: To;
  readonly content: Content;
  /** What was missed while the gateway was away is sent once. */
  readonly catchUp: boolean;
  readonly isOfConfiguration: boolean;
  readonly isOn: boolean;
}

export const NAME = /^[a-z0-9_]{1,20}$/;
export const LOCAL_TIME = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d$/;
/** As the permission allows. */
export const EVERY_MIN = 10;
export const SLOTS = 20;

const MINUTES_A_DAY = 1440;
const MONTHS = ["", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/** Smallest and largest value of each field, and its names. */
const FIELDS: readonly (readonly [number, number, readonly string[]])[] = [
  [0, 59, []],
  [0, 23, []],
  [1, 31, []],
  [1, 12, MONTHS],
  [0, 7, WEEKDAYS],
];
const PART = /^(?:\*|([a-z]{3}|\d{1,2})(?:-([a-z]{3}|\d{1,2}))?)(?:\/(\d{1,2}))?$/i;
/** Days of the longest February and of the others. */
const DAYS_OF = [0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Five fields of numbers, names, lists, ranges and steps within their bounds, which fit some day of the calendar. */
export function isCron(pattern: string): boolean {
  const fields = pattern.trim().split(/\s+/);
  if (fields.length !== FIELDS.length || !fields.every((field, at) => field.split(",").every((part) => isPart(part, at)))) return false;
  const [, , days = "*", months = "*", weekdays = "*"] = fields;
  if (days === "*" || weekdays !== "*") return true;
  return MONTHS.some((_, month) => month > 0 && fits(months, month, 3) && range(1, DAYS_OF[month] ?? 31).some((day) => fits(days, day, 2)));
}

function isPart(part: string, field: number): boolean {
  const [whole, first, last, step] = PART.exec(part) ?? [];
  if (whole === undefined || (step !== undefined && Number(step) < 1)) return false;
  if (first === undefined) return true;
  const [from, to] = [numberOf(first, field), numberOf(last ?? first, field)];
  return from !== null && to !== null && from <= to;
}

function numberOf(word: string, field: number): number | null {
  const [least, most, names] = FIELDS[field] ?? [0, 0, []];
  const value = /^\d/.test(word) ? Number(word) : names.indexOf(word.toLowerCase());
  return value >= least && value <= most ? value : null;
}

/** Whether a value is one of a checked field. */
function fits(text: string, value: number, field: number): boolean {
  return text.split(",").some((part) => {
    const [, first, last, step] = PART.exec(part) ?? [];
    const [least, most] = FIELDS[field] ?? [0, 0];
    const from = first === undefined ? least : (numberOf(first, field) ?? least);
    const to = last !== undefined ? (numberOf(last, field) ?? most) : first === undefined || step !== undefined ? most : from;
    return value >= from && value <= to && (value - from) % Number(step ?? 1) === 0;
  });
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}

/** How often it is sent in one day at most. */
export function perDay(when: When): number {
  if (when.kind === "at") return 1;
  if (when.kind === "every") return MINUTES_A_DAY / when.minutes;
  const [minutes = "*", hours = "*"] = when.cron.trim().split(/\s+/);
  return count(minutes, 60) * count(hours, 24);
}

function count(field: string, size: number): number {
  const all = new Set<number>();
  for (const part of field.split(",")) {
    const [range = "*", step = "1"] = part.split("/");
    const [from, to] = range === "*" ? [0, size - 1] : range.split("-").map(Number);
    const last = to ?? (part.includes("/") ? size - 1 : from);
    for (let value = from ?? 0; value <= Math.min(last ?? 0, size - 1); value += Math.max(1, Number(step))) all.add(value);
  }
  return Math.max(1, all.size);
}

/** A time of the calendar as the pattern that fits it in this year and any other. */
export function cronOf(at: string): string {
  const [, month, day, hour, minute] = at.split(/[-T:]/).map(Number);
  return `${minute} ${hour} ${day} ${month} *`;
}
