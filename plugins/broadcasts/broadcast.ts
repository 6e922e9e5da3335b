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
const FIELD = /^(?:\*|[a-z]{3}|\d{1,2}(?:-\d{1,2})?|[a-z]{3}-[a-z]{3})(?:\/\d{1,2})?$/i;

/** Five fields of numbers, names, lists, ranges and steps. The gateway reads it again, more strictly. */
export function isCron(pattern: string): boolean {
  const fields = pattern.trim().split(/\s+/);
  return fields.length === 5 && fields.every((field) => field.split(",").every((each) => FIELD.test(each)));
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
