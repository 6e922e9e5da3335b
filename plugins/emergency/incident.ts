/** What is known of one call for help, and how it is written down. */

export type Kind = "sos" | "sosp" | "sosf" | "sosm";
export type Outcome = "cleared" | "cancelled" | "expired";

/** A row of `incidents`. Times are ms since 1970. */
export interface Incident {
  readonly id: number;
  /** `!%08x`. */
  readonly sender: string;
  readonly name: string;
  readonly kind: Kind;
  /** What it wrote, with what it wrote later; `called`: first. */
  readonly text: string;
  readonly called: string;
  /** 1: it is a drill. */
  readonly drill: number;
  readonly opened_at: number;
  readonly closed_at: number | null;
  readonly closed_by: string | null;
  readonly outcome: Outcome | null;
  /** `LINK/INDEX` of the channel that it was sent on; null for a direct message. */
  readonly place: string | null;
  /** Packet id of the sender's last call. */
  readonly packet: number;
  readonly latitude: number | null;
  readonly longitude: number | null;
  readonly position_at: number | null;
  /** How often all were alerted again. */
  readonly escalations: number;
  /** When they are alerted again; null: not any more, or somebody answered. */
  readonly escalate_at: number | null;
  /** The sender was heard last. */
  readonly heard_at: number;
  /** The sender was asked whether it is all right, and has not answered. */
  readonly asked_at: number | null;
  readonly misses: number;
  /** How often the responders were told that the sender is silent. */
  readonly silences: number;
  /** What the sender was told last, and when. */
  readonly told: string;
  readonly told_at: number;
  /** The message that told it; null once it arrived. */
  readonly telling: string | null;
  readonly tell_tries: number;
  /** Under which it is shared in the region; null: it is known here alone. */
  readonly key: string | null;
  /** The site that it became known from, and its name; null: it was heard here. */
  readonly site: string | null;
  readonly site_name: string | null;
  /** Grows whenever this site looks after the sender anew; 0: it never heard him. */
  readonly turn: number;
  /** Texts of the sender that were heard here. */
  readonly heard: number;
  /** What this site told the others last, as JSON. */
  readonly shared: string | null;
  /** How it was ended here, as JSON; null: it was ended elsewhere, or is open. */
  readonly closing: string | null;
}

/** A text sent to a responder. */
export interface Alert {
  readonly target: string;
  readonly is_channel: number;
  /** Null: it could not be queued. */
  readonly message: string | null;
  readonly state: AlertState;
  readonly at: number;
}

/** `reached`: a node has confirmed it; on a channel, it went on the air. */
export type AlertState = "pending" | "reached" | "failed";

/** Somebody who answered. */
export interface Answer {
  readonly node: string;
  readonly name: string;
  readonly what: "ack" | "coming";
  readonly is_responder: number;
}

export const MIGRATIONS = [
  [
    `CREATE TABLE incidents (
      id INTEGER PRIMARY KEY AUTOINCREMENT, sender TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL,
      drill INTEGER NOT NULL, opened_at INTEGER NOT NULL, closed_at INTEGER, closed_by TEXT, outcome TEXT, place TEXT,
      packet INTEGER NOT NULL, latitude REAL, longitude REAL, position_at INTEGER, escalations INTEGER NOT NULL DEFAULT 0,
      escalate_at INTEGER, heard_at INTEGER NOT NULL, asked_at INTEGER, misses INTEGER NOT NULL DEFAULT 0,
      silences INTEGER NOT NULL DEFAULT 0, told TEXT NOT NULL DEFAULT '', told_at INTEGER NOT NULL, telling TEXT,
      tell_tries INTEGER NOT NULL DEFAULT 0)`,
    "CREATE INDEX incidents_open ON incidents (sender) WHERE closed_at IS NULL",
    "CREATE TABLE alerts (id INTEGER PRIMARY KEY, incident INTEGER NOT NULL, target TEXT NOT NULL, is_channel INTEGER NOT NULL, message TEXT, state TEXT NOT NULL, at INTEGER NOT NULL)",
    "CREATE INDEX alerts_by_incident ON alerts (incident)",
    "CREATE INDEX alerts_by_message ON alerts (message)",
    "CREATE TABLE answers (incident INTEGER NOT NULL, node TEXT NOT NULL, name TEXT NOT NULL, what TEXT NOT NULL, is_responder INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (incident, node))",
    "CREATE TABLE positions (incident INTEGER NOT NULL, at INTEGER NOT NULL, latitude REAL NOT NULL, longitude REAL NOT NULL)",
    "CREATE INDEX positions_by_incident ON positions (incident)",
    "CREATE TABLE notes (incident INTEGER NOT NULL, at INTEGER NOT NULL, who TEXT NOT NULL, text TEXT NOT NULL)",
    "CREATE INDEX notes_by_incident ON notes (incident)",
  ],
  // What the sender wrote first; `text` grows by what it writes later.
  ["ALTER TABLE incidents ADD COLUMN called TEXT NOT NULL DEFAULT ''", "UPDATE incidents SET called = text"],
  // One incident at all sites of a region.
  [
    "ALTER TABLE incidents ADD COLUMN key TEXT",
    "ALTER TABLE incidents ADD COLUMN site TEXT",
    "ALTER TABLE incidents ADD COLUMN site_name TEXT",
    "ALTER TABLE incidents ADD COLUMN turn INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE incidents ADD COLUMN heard INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE incidents ADD COLUMN shared TEXT",
    "ALTER TABLE incidents ADD COLUMN closing TEXT",
    "CREATE UNIQUE INDEX incidents_by_key ON incidents (key)",
    // What each other site says about an incident; `mark` stands behind the names of its people.
    "CREATE TABLE views (incident INTEGER NOT NULL, site TEXT NOT NULL, mark TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (incident, site))",
  ],
] as const;

/** `SOS TEST` and `SOS TEST: we try this`, in any case. Anything else is meant: in doubt it is a call for help. */
export function isDrill(text: string): boolean {
  return /^(?:test|drill|übung|uebung)\s*(?:$|[:.,;!-])/iu.test(text.trim());
}

/** A text of the mesh, without what could disturb a display: control characters and those that turn the direction of writing. */
export function plainText(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g, " ").trim();
}
