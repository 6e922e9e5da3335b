/** The Python original's scheduled broadcasts as the plugin broadcasts takes them. */
import type { Json } from "../json.ts";
import { defined, type Fields, fieldsOf, isTrue, listOf, type Note, numberOf, textOf, timeOf } from "./values.ts";

/** As many as the plugin takes. */
const MAX = 15;
const MIN_INTERVAL_S = 600;

export interface Broadcasts {
  readonly messages: readonly { readonly [key: string]: Json }[];
  readonly notes: readonly Note[];
}

/** `link`: the link whose channels the numbers mean; null: none is known. Times of the original are UTC. */
export function takeBroadcasts(section: Fields, link: string | null, now: number): Broadcasts {
  const notes: Note[] = [];
  const messages: { readonly [key: string]: Json }[] = [];
  for (const [index, each] of listOf(section.broadcasts).map(fieldsOf).entries()) {
    const what = `scheduled_broadcasts: ${textOf(each.name) || index + 1}`;
    const judged = messages.length >= MAX ? `the plugin takes ${MAX} at most` : broadcastOf(each, link, now);
    if (typeof judged === "string") {
      notes.push({ what, left: judged });
      continue;
    }
    const taken = new Set(messages.map(({ name }) => name));
    const base = nameOf(textOf(each.name));
    const name = taken.has(base) || base === "" ? `broadcast_${index + 1}` : base;
    messages.push({ name, ...judged });
    notes.push({ what: `${what}; sent once the plugin broadcasts is enabled`, left: null });
  }
  return { messages, notes };
}

function broadcastOf(each: Fields, link: string | null, now: number): { [key: string]: Json } | string {
  const text = textOf(each.message);
  if (each.enabled !== undefined && !isTrue(each.enabled)) return "it was switched off";
  if (textOf(each.command) !== "") return "no program is started here";
  if (text === "") return "it calls a method of a plugin";
  if (link === null) return "no link is known whose channel it means";
  const when = whenOf(each, now);
  if (typeof when === "string") return when;
  return defined({ ...when, text: text.slice(0, 150), channel: `${link}/${numberOf(each.channel, 0, 7) ?? 0}` });
}

function whenOf(
  { schedule_type, cron_expression, interval_seconds, scheduled_time }: Fields,
  now: number,
): { [key: string]: Json } | string {
  switch (textOf(schedule_type)) {
    case "cron":
      return /^(?:\S+ ){4}\S+$/.test(textOf(cron_expression))
        ? { cron: textOf(cron_expression) }
        : "its cron expression has not five fields";
    case "interval": {
      const seconds = numberOf(interval_seconds, MIN_INTERVAL_S, 525_600 * 60);
      return seconds === undefined ? `its interval is under ${MIN_INTERVAL_S} s` : { every_minutes: Math.round(seconds / 60) };
    }
    case "one_time": {
      const at = timeOf(scheduled_time);
      if (at === null) return "its time cannot be read";
      return at <= now ? "its time is over" : { at: new Date(at).toISOString().slice(0, 16) };
    }
    default:
      return "its schedule is not known here";
  }
}

function nameOf(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .slice(0, 20);
}
