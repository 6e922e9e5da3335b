import type { Plugin, SqlValue } from "zephyrgate";
import type { Config } from "./config.types.ts";
import { type Alert, type AlertState, type Answer, type Incident, MIGRATIONS, type Outcome } from "./incident.ts";

/** Open calls for help at most: numbers of nodes can be invented. */
const OPEN_MAX = 50;
const POSITIONS_MAX = 500;
const NOTES_MAX = 200;
/** People who are no responders and say that they come. */
const STRANGERS_MAX = 5;

export type NewIncident = Pick<
  Incident,
  | "sender"
  | "name"
  | "kind"
  | "text"
  | "drill"
  | "opened_at"
  | "place"
  | "packet"
  | "escalate_at"
  | "latitude"
  | "longitude"
  | "position_at"
>;

/** One entry in what happened, as `history` tells it. */
export interface Moment {
  readonly at: number;
  readonly what: "call" | "position" | "note" | "coming" | "ack" | "closed";
  /** Name of whoever did it; "" where the gateway did. */
  readonly who: string;
  readonly text: string;
}

/** All entries of incident `?1`: bounded by what is kept of one. Who wrote a note is a node id, and the sender has a name. */
const MOMENTS = `
  SELECT opened_at AS at, 'call' AS what, name AS who, called AS text, 0 AS seq FROM incidents WHERE id = ?1
  UNION ALL SELECT at, 'position', '', printf('%.5f %.5f', latitude, longitude), rowid FROM positions WHERE incident = ?1
  UNION ALL SELECT n.at, 'note', CASE n.who WHEN i.sender THEN i.name ELSE coalesce((SELECT name FROM answers a WHERE a.incident = ?1 AND a.node = n.who), n.who) END, n.text, n.rowid
    FROM notes n JOIN incidents i ON i.id = n.incident WHERE n.incident = ?1
  UNION ALL SELECT at, what, name, '', 0 FROM answers WHERE incident = ?1
  UNION ALL SELECT closed_at, 'closed', coalesce(closed_by, ''), outcome, 0 FROM incidents WHERE id = ?1 AND closed_at IS NOT NULL`;

/** The written record of calls for help, which survives restarts. */
export class IncidentBook {
  constructor(private readonly plugin: Plugin<Config>) {}

  async open(): Promise<void> {
    await this.plugin.db.migrate(MIGRATIONS);
  }

  /** Null: too many are open. */
  async add(incident: NewIncident): Promise<Incident | null> {
    const [counted] = await this.plugin.db.query<{ n: number }>("SELECT count(*) AS n FROM incidents WHERE closed_at IS NULL");
    if ((counted?.n ?? 0) >= OPEN_MAX) return null;
    const { opened_at } = incident;
    const values: Record<string, SqlValue> = { ...incident, called: incident.text, heard_at: opened_at, told_at: opened_at };
    const names = Object.keys(values);
    const { lastInsertRowid } = await this.plugin.db.run(
      `INSERT INTO incidents (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`,
      ...Object.values(values),
    );
    await this.#forgetOld();
    return this.get(Number(lastInsertRowid));
  }

  async get(id: number): Promise<Incident | null> {
    const [found] = await this.plugin.db.query<Incident>("SELECT * FROM incidents WHERE id = ?", id);
    return found ?? null;
  }

  /** Oldest first. */
  allOpen(): Promise<Incident[]> {
    return this.plugin.db.query<Incident>("SELECT * FROM incidents WHERE closed_at IS NULL ORDER BY id");
  }

  async openOf(sender: string): Promise<Incident | null> {
    const sql = "SELECT * FROM incidents WHERE sender = ? AND closed_at IS NULL ORDER BY drill, id DESC LIMIT 1";
    const [found] = await this.plugin.db.query<Incident>(sql, sender);
    return found ?? null;
  }

  /** Newest first, those before `before`. */
  past(before: number, count: number): Promise<Incident[]> {
    return this.plugin.db.query<Incident>("SELECT * FROM incidents WHERE id < ? ORDER BY id DESC LIMIT ?", before, count);
  }

  async change(id: number, values: Partial<Incident>): Promise<void> {
    const names = Object.keys(values);
    await this.plugin.db.run(
      `UPDATE incidents SET ${names.map((name) => `${name} = ?`).join(", ")} WHERE id = ?`,
      ...Object.values(values),
      id,
    );
  }

  /** Once: false when it is closed already. */
  async close(id: number, outcome: Outcome, by: string): Promise<boolean> {
    const sql = "UPDATE incidents SET closed_at = ?, outcome = ?, closed_by = ? WHERE id = ? AND closed_at IS NULL";
    return (await this.plugin.db.run(sql, Date.now(), outcome, by, id)).changes > 0;
  }

  alerts(incident: number): Promise<Alert[]> {
    return this.plugin.db.query<Alert>(
      "SELECT target, is_channel, message, state, at FROM alerts WHERE incident = ? ORDER BY id",
      incident,
    );
  }

  /** Written before the text is queued, so that nobody takes those queued so far for all. Gives its number. */
  async addAlert(incident: number, target: string, isChannel: boolean): Promise<number> {
    const sql = "INSERT INTO alerts (incident, target, is_channel, state, at) VALUES (?, ?, ?, 'pending', ?)";
    return Number((await this.plugin.db.run(sql, incident, target, isChannel, Date.now())).lastInsertRowid);
  }

  /** `message` null: it could not be queued. */
  async alertQueued(id: number, message: string | null): Promise<void> {
    const state = message === null ? "failed" : "pending";
    await this.plugin.db.run("UPDATE alerts SET message = ?, state = ?, at = ? WHERE id = ?", message, state, Date.now(), id);
  }

  /** Texts that were to be queued when the plugin ended: nobody knows whether they were. */
  async forgetUnqueued(incident: number, before: number): Promise<void> {
    const sql = "UPDATE alerts SET state = 'failed' WHERE incident = ? AND message IS NULL AND state = 'pending' AND at < ?";
    await this.plugin.db.run(sql, incident, before);
  }

  /** The incident whose alert this message is, where its state is new. */
  async moveAlert(message: string, state: AlertState): Promise<Incident | null> {
    const sql = "UPDATE alerts SET state = ? WHERE message = ? AND state <> ? AND state <> 'reached'";
    const { changes } = await this.plugin.db.run(sql, state, message, state);
    if (changes === 0) return null;
    const [found] = await this.plugin.db.query<Incident>(
      "SELECT * FROM incidents WHERE id = (SELECT incident FROM alerts WHERE message = ?)",
      message,
    );
    return found ?? null;
  }

  async openOfTelling(message: string): Promise<Incident | null> {
    const [found] = await this.plugin.db.query<Incident>("SELECT * FROM incidents WHERE telling = ?", message);
    return found ?? null;
  }

  async isChannelAlert(message: string): Promise<boolean> {
    const [found] = await this.plugin.db.query<{ is_channel: number }>("SELECT is_channel FROM alerts WHERE message = ?", message);
    return found?.is_channel === 1;
  }

  answers(incident: number): Promise<Answer[]> {
    return this.plugin.db.query<Answer>("SELECT node, name, what, is_responder FROM answers WHERE incident = ? ORDER BY at", incident);
  }

  /** Who is coming goes on coming when he writes `ack` after it. False: nothing new. */
  async addAnswer(incident: number, { node, name, what, is_responder }: Answer): Promise<boolean> {
    const known = (await this.answers(incident)).find((each) => each.node === node);
    if (known?.what === "coming" || known?.what === what) return false;
    const strangers = (await this.answers(incident)).filter((each) => each.is_responder === 0);
    if (is_responder === 0 && known === undefined && strangers.length >= STRANGERS_MAX) return false;
    const sql = "INSERT OR REPLACE INTO answers (incident, node, name, what, is_responder, at) VALUES (?, ?, ?, ?, ?, ?)";
    await this.plugin.db.run(sql, incident, node, name, what, is_responder, Date.now());
    return true;
  }

  async addPosition(incident: number, at: number, latitude: number, longitude: number): Promise<void> {
    await this.plugin.db.transaction([
      ["UPDATE incidents SET latitude = ?, longitude = ?, position_at = ? WHERE id = ?", latitude, longitude, at, incident],
      [
        `INSERT INTO positions (incident, at, latitude, longitude) SELECT ?, ?, ?, ?
         WHERE (SELECT count(*) FROM positions WHERE incident = ?) < ${POSITIONS_MAX}`,
        incident,
        at,
        latitude,
        longitude,
        incident,
      ],
    ]);
  }

  /** The newest first. */
  moments(incident: number, limit: number, skip: number): Promise<Moment[]> {
    return this.plugin.db.query<Moment>(
      `SELECT at, what, who, text FROM (${MOMENTS}) ORDER BY at DESC, what = 'call', what, seq DESC LIMIT ?2 OFFSET ?3`,
      incident,
      limit,
      skip,
    );
  }

  async countMoments(incident: number): Promise<number> {
    const [counted] = await this.plugin.db.query<{ n: number }>(`SELECT count(*) AS n FROM (${MOMENTS})`, incident);
    return counted?.n ?? 0;
  }

  async note(incident: number, who: string, text: string): Promise<void> {
    const sql = `INSERT INTO notes (incident, at, who, text) SELECT ?, ?, ?, ? WHERE (SELECT count(*) FROM notes WHERE incident = ?) < ${NOTES_MAX}`;
    await this.plugin.db.run(sql, incident, Date.now(), who, text, incident);
  }

  /** How much somebody wrote about an incident since then. */
  async notesSince(incident: number, who: string, since: number): Promise<number> {
    const sql = "SELECT count(*) AS n FROM notes WHERE incident = ? AND who = ? AND at > ?";
    return (await this.plugin.db.query<{ n: number }>(sql, incident, who, since))[0]?.n ?? 0;
  }

  async #forgetOld(): Promise<void> {
    const keep = this.plugin.getConfig("history");
    const old = "(SELECT id FROM incidents WHERE closed_at IS NOT NULL ORDER BY id DESC LIMIT -1 OFFSET ?)";
    await this.plugin.db.transaction([
      [`DELETE FROM alerts WHERE incident IN ${old}`, keep],
      [`DELETE FROM answers WHERE incident IN ${old}`, keep],
      [`DELETE FROM positions WHERE incident IN ${old}`, keep],
      [`DELETE FROM notes WHERE incident IN ${old}`, keep],
      [`DELETE FROM incidents WHERE id IN ${old}`, keep],
    ]);
  }
}
