import { fail, ok, type Result } from "../errors.ts";

/** Longer patterns are refused without being parsed. */
export const MAX_PATTERN = 100;
/** By the month's number; in a leap year. */
const DAYS_OF_SHORT_MONTHS: ReadonlyMap<number, number> = new Map([
  [2, 29],
  [4, 30],
  [6, 30],
  [9, 30],
  [11, 30],
]);
const EXAMPLES = "0 7 * * * (every day at 7:00), */15 * * * * (every quarter of an hour), 0 18 * * MON-FRI";
/** A map: the source is the plugin's own text, and an object has keys of its own such as __proto__. */
const NICKNAMES: ReadonlyMap<string, string> = new Map([
  ["@yearly", "0 0 1 1 *"],
  ["@annually", "0 0 1 1 *"],
  ["@monthly", "0 0 1 * *"],
  ["@weekly", "0 0 * * 0"],
  ["@daily", "0 0 * * *"],
  ["@midnight", "0 0 * * *"],
  ["@hourly", "0 * * * *"],
]);

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const SECOND: Field = { name: "second", min: 0, max: 59 };
const MINUTE: Field = { name: "minute", min: 0, max: 59 };
const HOUR: Field = { name: "hour", min: 0, max: 23 };
const DAY: Field = { name: "day of the month", min: 1, max: 31 };
const MONTH: Field = {
  name: "month",
  min: 1,
  max: 12,
  names: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
};
const WEEKDAY: Field = { name: "day of the week", min: 0, max: 7, names: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] };

/** A pattern that was checked in full, in time linear to its length. */
export interface CronGrammar {
  /** Six fields, seconds first. */
  readonly pattern: string;
  /** A lower bound for the time between two runs, except on days when the clocks change. */
  readonly minGapS: number;
}

/**
 * Reads five fields (minute hour day month weekday) or six (second first): numbers, names, `*`, lists, ranges, steps,
 * and for days L, LW, 15W, FRI#2, FRIL. Patterns without a possible day are refused here, before the
 * calendar is searched for one.
 */
export function readCron(source: string): Result<CronGrammar> {
  if (source.length > MAX_PATTERN) return fail("invalid_argument", `the cron pattern is longer than ${MAX_PATTERN} characters`);
  const text = NICKNAMES.get(source.trim().toLowerCase()) ?? source.trim();
  const show = JSON.stringify(source);
  if (/^\d{4}-\d{2}/.test(text)) {
    const hint = `a task repeats: write a pattern such as ${EXAMPLES}`;
    return fail("invalid_argument", `${show} is a date, not a cron pattern`, { hint });
  }
  const words = text.toUpperCase().split(/\s+/);
  if (words.length !== 5 && words.length !== 6) {
    const hint = `write five fields, or six with seconds first, such as ${EXAMPLES}`;
    return fail("invalid_argument", `${show} has ${words.length} fields`, { hint });
  }
  const [second = "", minute = "", hour = "", day = "", month = "", weekday = ""] = words.length === 5 ? ["0", ...words] : words;
  const sets: number[][] = [];
  const fields: [string, Field][] = [
    [second, SECOND],
    [minute, MINUTE],
    [hour, HOUR],
    [day, DAY],
    [month, MONTH],
    [weekday, WEEKDAY],
  ];
  for (const [fieldText, field] of fields) {
    const values = readField(fieldText, field);
    if (typeof values === "string") return fail("invalid_argument", `${show}: ${values}`, { hint: `for example ${EXAMPLES}` });
    sets.push(values);
  }
  const [seconds = [], minutes = [], hours = [], days = [], months = []] = sets;
  if (isWild(weekday) && !isWild(day) && !day.includes("L")) {
    const longest = Math.max(...months.map((value) => DAYS_OF_SHORT_MONTHS.get(value) ?? DAY.max));
    if (Math.min(...days) > longest) {
      const hint = `those months have at most ${longest} days; write L for the last day of a month`;
      return fail("invalid_argument", `${show} never fires: there is no such day`, { hint });
    }
  }
  return ok({ pattern: [second, minute, hour, day, month, weekday].join(" "), minGapS: minGap(seconds, minutes, hours) });
}

/** The values of one field, or what is wrong with it. */
function readField(text: string, field: Field): number[] | string {
  const values = new Set<number>();
  for (const item of text.split(",")) {
    const read = readItem(item, field);
    if (typeof read === "string") return read;
    for (const value of read) values.add(value);
  }
  return [...values].sort((a, b) => a - b);
}

function readItem(item: string, field: Field): readonly number[] | string {
  const special = readSpecialDay(item, field);
  if (special !== null) return special;
  const [range = "", step, ...more] = item.split("/");
  if (more.length > 0 || step === "") return `${field.name} ${JSON.stringify(item)} is not understood`;
  const [from = "", to, ...rest] = range.split("-");
  if (rest.length > 0) return `${field.name} ${JSON.stringify(item)} is not understood`;
  const isAll = isWild(range);
  const first = isAll ? field.min : readValue(from, field);
  const last = isAll ? field.max : to === undefined ? first : readValue(to, field);
  if (typeof first === "string") return first;
  if (typeof last === "string") return last;
  if (first > last) return `${field.name} ${item}: the range runs backwards; write two ranges, such as 22-23,0-5`;
  if (step !== undefined && !isAll && to === undefined)
    return `${field.name} ${item}: a step needs * or a range, as ${from}-${field.max}/${step}`;
  const by = step === undefined ? 1 : /^\d{1,2}$/.test(step) ? Number(step) : 0;
  if (by < 1 || by > field.max - field.min + 1) return `${field.name} ${item}: the step is a number from 1 to ${field.max - field.min + 1}`;
  const values: number[] = [];
  for (let value = first; value <= last; value += by) values.push(value);
  return values;
}

/** L, LW, 15W for days of the month; FRI#2, FRI#L, FRIL for weekdays. Null for anything else. */
function readSpecialDay(item: string, field: Field): readonly number[] | string | null {
  if (field === DAY) {
    if (item === "L" || item === "LW") return [28];
    return item.endsWith("W") ? single(readValue(item.slice(0, -1), field)) : null;
  }
  if (field !== WEEKDAY) return null;
  const nth = /^([A-Z0-9]{1,3})(?:#([1-5L])|L)$/.exec(item);
  return nth === null ? null : single(readValue(nth[1] ?? "", field));
}

function single(value: number | string): readonly number[] | string {
  return typeof value === "string" ? value : [value];
}

function readValue(text: string, field: Field): number | string {
  const named = field.names?.indexOf(text) ?? -1;
  if (named >= 0) return named + field.min;
  if (!/^\d{1,2}$/.test(text)) return `${field.name} ${JSON.stringify(text)} is not understood`;
  const value = Number(text);
  return value >= field.min && value <= field.max ? value : `${field.name} ${value} is not within ${field.min} to ${field.max}`;
}

function isWild(text: string): boolean {
  return text === "*" || text === "?";
}

function minGap(seconds: readonly number[], minutes: readonly number[], hours: readonly number[]): number {
  if (seconds.length > 1) return cyclicGap(seconds, 60);
  if (minutes.length > 1) return cyclicGap(minutes, 60) * 60;
  return cyclicGap(hours, 24) * 3600;
}

function cyclicGap(values: readonly number[], cycle: number): number {
  let smallest = cycle;
  for (const [at, value] of values.entries()) {
    const next = values[at + 1] ?? (values[0] ?? 0) + cycle;
    smallest = Math.min(smallest, next - value);
  }
  return smallest;
}
