/** Times of day, local time. `at` is HH:MM; all else is ms since 1970. */
const DAY_MS = 24 * 3_600_000;

/** The next time after `now`. */
export function nextTime(at: string, now: number): number {
  const today = timeOn(at, now);
  return today > now ? today : timeOn(at, now + DAY_MS);
}

/** Whether the time came round between `last` and `now`. */
export function wasMissed(at: string, last: number, now: number): boolean {
  const today = timeOn(at, now);
  return last < (today <= now ? today : timeOn(at, now - DAY_MS));
}

function timeOn(at: string, ms: number): number {
  const [hours = 0, minutes = 0] = at.split(":").map(Number);
  const day = new Date(ms);
  return new Date(day.getFullYear(), day.getMonth(), day.getDate(), hours, minutes).getTime();
}
