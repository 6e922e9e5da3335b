import { Cron } from "croner";
import { fail, ok, type Result } from "../errors.ts";
import { readCron } from "./cron-grammar.ts";

const MAX_ZONE = 64;

/** When a cron task runs. Times are ms since 1970, on whole seconds. */
export interface CronRule {
  readonly minGapS: number;
  /** The first time strictly after `ms`; null when there is none. */
  next(ms: number): number | null;
  /** How many runs are due after `from` and up to `to`, at most `limit`. */
  count(from: number, to: number, limit: number): number;
}

/**
 * Makes a rule from a pattern and a time zone (the gateway's own when absent). Fails with `invalid_argument` and what to
 * write instead, as {@link readCron} does, and for unknown zones and patterns that never fire.
 */
export function makeCronRule(pattern: string, timezone: string | undefined, now: number): Result<CronRule> {
  const grammar = readCron(pattern);
  if (!grammar.ok) return grammar;
  const zone = timezone === undefined ? ok(null) : checkTimeZone(timezone);
  if (!zone.ok) return zone;
  let cron: Cron;
  let first: Date | null;
  try {
    cron = new Cron(grammar.value.pattern, { paused: true, mode: "6-part", ...(timezone === undefined ? {} : { timezone }) });
    first = cron.nextRun(new Date(now));
  } catch (thrown) {
    return fail("invalid_argument", `${JSON.stringify(pattern)} is not a cron pattern: ${reason(thrown)}`, { cause: thrown });
  }
  if (first === null) return fail("invalid_argument", `${JSON.stringify(pattern)} never fires`, { hint: "use a date that exists" });
  const next = (ms: number) => cron.nextRun(new Date(ms))?.getTime() ?? null;
  return ok({
    minGapS: grammar.value.minGapS,
    next,
    count(from, to, limit) {
      let found = 0;
      for (let at = next(from); at !== null && at <= to && found < limit; at = next(at)) found++;
      return found;
    },
  });
}

/** Only IANA names: an offset such as +02:00 would be wrong for half of the year. */
export function checkTimeZone(name: string): Result<null> {
  const shown = JSON.stringify(name.slice(0, MAX_ZONE));
  const hint = "write an IANA name such as Europe/Zurich, America/New_York or UTC";
  if (name.length > MAX_ZONE || !/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(name))
    return fail("invalid_argument", `${shown} is not a time zone`, { hint });
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return ok(null);
  } catch (cause) {
    return fail("invalid_argument", `there is no time zone ${shown}`, { hint, cause });
  }
}

function reason(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return message.replace(/^CronPattern: /, "");
}
