import { fstatSync } from "node:fs";

/** Whether this descriptor leads to the journal, which then takes `<3>` at the start of a line as the line's priority. */
export function leadsToJournal(env: Readonly<Record<string, string | undefined>>, descriptor: number): boolean {
  const stream = env.JOURNAL_STREAM;
  if (stream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(descriptor, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    return false; // A closed descriptor.
  }
}
