import type { IncidentBook } from "../book.ts";
import type { Incident } from "../incident.ts";
import { ANSWERS_MAX, NOTES_MAX, PLACES_MAX, type View } from "./view.ts";

/** Characters of a note, and of all that is told, as JSON: a shared value has at most 6 KB. */
const NOTE_CHARS = 120;
const VIEW_BYTES = 5_500;

const LETTERS = { reached: "r", pending: "p", failed: "f" } as const;

/** What this site says about an incident to the others; null: it has nothing to say. `ids`: nodes of responders by their name. */
export async function ownView(book: IncidentBook, incident: Incident, ids: ReadonlyMap<string, string>): Promise<View | null> {
  const [answers, alerts] = [await book.ownAnswers(incident.id), await book.alerts(incident.id)];
  if (incident.turn === 0 && answers.length === 0 && alerts.length === 0 && incident.closing === null) return null;
  const { notes, places } = await book.ownStory(incident.id, NOTES_MAX, PLACES_MAX);
  const alerted: Record<string, string> = {};
  for (const { target, is_channel, state } of alerts) {
    const id = ids.get(target) ?? target;
    if (is_channel === 0 && alerted[id] !== "r") alerted[id] = LETTERS[state];
  }
  const channels = alerts.filter(({ is_channel, state }) => is_channel === 1 && state === "reached").map(({ target }) => target);
  const { latitude, longitude, position_at, opened_at } = incident;
  const view: View = {
    ...{ sender: incident.sender, name: incident.name.slice(0, 60), kind: incident.kind, drill: incident.drill },
    ...{ called: incident.called.slice(0, 240), text: incident.text.slice(0, 300), at: opened_at },
    ...{ turn: incident.turn, heard: incident.heard, packet: incident.packet },
    place: latitude === null || longitude === null ? null : [latitude, longitude, position_at ?? opened_at],
    answers: answers
      .slice(-ANSWERS_MAX)
      .map(({ node, name, what, is_responder, at }) => [node, name.slice(0, 60), what, is_responder === 1 ? 1 : 0, at]),
    notes: notes.map(({ at, who, text }) => [at, nameOf(who, incident, answers), text.slice(0, NOTE_CHARS), who === incident.sender]),
    places: places.map(({ at, latitude, longitude }) => [at, latitude, longitude]),
    alerted,
    channels: [...new Set(channels)].slice(0, 5).map((name) => name.slice(0, 60)),
    closed: incident.closing === null ? null : JSON.parse(incident.closing),
    // A site that never heard the sender forgets him by itself; that ends nothing elsewhere.
    isOver: incident.closed_at !== null && (incident.outcome !== "expired" || incident.turn > 0),
  };
  return fitted(view);
}

/** The oldest notes are left out where it would be too large. */
function fitted(view: View): View {
  let cut = view;
  while (cut.notes.length > 0 && new TextEncoder().encode(JSON.stringify(cut)).length > VIEW_BYTES)
    cut = { ...cut, notes: cut.notes.slice(0, -1) };
  return cut;
}

function nameOf(who: string, incident: Incident, answers: readonly { readonly node: string; readonly name: string }[]): string {
  if (who === incident.sender) return incident.name.slice(0, 60);
  return (answers.find(({ node }) => node === who)?.name ?? who).slice(0, 60);
}
