import type { Plugin, SqlValue } from "zephyrgate";
import type { Config } from "./config.types.ts";
import { type Alert, type AlertState, type Answer, type Incident, MIGRATIONS, type Outcome } from "./incident.ts";
import { SiteViews } from "./region/site-views.ts";
import { type Closing, digitsOf } from "./region/view.ts";

/** Open calls for help at most: numbers of nodes can be invented. */
const OPEN_MAX = 50;
/** Digits of the number of an incident of a region. */
const NUMBER_DIGITS = 6;
/** Longer than the region keeps what a site says. */
const REMEMBERED_MS = 8 * 86_400_000;
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
> &
  Partial<Pick<Incident, "key" | "site" | "site_name" | "turn" | "heard" | "closed_at" | "closed_by" | "outcome">>;

/** One entry in what happened, as `history` tells it. */
export interface Moment {
  readonly at: number;
  readonly what: "call" | "position" | "note" | "coming" | "ack" | "closed";
  /** Name of whoever did it; "" where the gateway did. */
  readonly who: string;
  readonly text: string;
}

/** What other sites tell of one list of theirs; a text that was heard here as well is told once. */
const ofSites = (list: string) => `FROM views w, json_each(w.value, '$.${list}') e WHERE w.incident = ?1`;
const part = (at: number) => `json_extract(e.value, '$[${at}]')`;

/** All entries of incident `?1`: bounded by what is kept of one. Who wrote a note is a node id, and the sender has a name. */
const MOMENTS = `
  SELECT opened_at AS at, 'call' AS what, name AS who, called AS text, 0 AS seq FROM incidents WHERE id = ?1
  UNION ALL SELECT at, 'position', '', printf('%.5f %.5f', latitude, longitude), rowid FROM positions WHERE incident = ?1
  UNION ALL SELECT n.at, 'note', CASE n.who WHEN i.sender THEN i.name ELSE coalesce((SELECT name FROM answers a WHERE a.incident = ?1 AND a.node = n.who), n.who) END, n.text, n.rowid
    FROM notes n JOIN incidents i ON i.id = n.incident WHERE n.incident = ?1
  UNION ALL SELECT at, what, name, '', 0 FROM answers WHERE incident = ?1
  UNION ALL SELECT ${part(0)}, 'position', '', printf('%.5f %.5f', ${part(1)}, ${part(2)}), e.key ${ofSites("places")}
  UNION ALL SELECT ${part(0)}, 'note', CASE ${part(1)} WHEN '' THEN '' ELSE ${part(1)} || w.mark END, ${part(2)}, e.key ${ofSites("notes")}
    AND NOT EXISTS (SELECT 1 FROM notes n WHERE n.incident = ?1 AND n.text = ${part(2)})
  UNION ALL SELECT ${part(4)}, ${part(2)}, ${part(1)} || w.mark, '', 0 ${ofSites("answers")}
  UNION ALL SELECT closed_at, 'closed', coalesce(closed_by, ''), outcome, 0 FROM incidents WHERE id = ?1 AND closed_at IS NOT NULL`;

/** The written record of calls for help, which survives restarts. */
export class IncidentBook {
  /** What other sites say. */
  readonly views: SiteViews;
  /** Something about an incident changed. */
  onChange: (id: number) => void = () => undefined;

  constructor(private readonly plugin: Plugin<Config>) {
    this.views = new SiteViews(plugin);
  }

  async open(): Promise<void> {
    await this.plugin.db.migrate(MIGRATIONS);
  }

  /** Null: too many are open. Those of other sites have bounds of their own, and take no room here. */
  async add(incident: NewIncident, heardAt = incident.opened_at): Promise<Incident | null> {
    const [counted] = await this.plugin.db.query<{ n: number }>(
      "SELECT count(*) AS n FROM incidents WHERE closed_at IS NULL AND site IS NULL",
    );
    if ((counted?.n ?? 0) >= OPEN_MAX && (incident.site ?? null) === null) return null;
    const { opened_at } = incident;
    const id = await this.#number(incident.key ?? null);
    const values: Record<string, SqlValue> = { id, called: incident.text, ...incident, heard_at: heardAt, told_at: opened_at };
    const names = Object.keys(values);
    const { lastInsertRowid } = await this.plugin.db.run(
      `INSERT INTO incidents (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`,
      ...Object.values(values),
    );
    await this.#forgetOld();
    this.onChange(Number(lastInsertRowid));
    return this.get(Number(lastInsertRowid));
  }

  /** The next one; in a region the shortest beginning of its digits, six at least, that no other incident has. */
  async #number(key: string | null): Promise<number> {
    if (key === null) {
      const [last] = await this.plugin.db.query<{ id: number | null }>("SELECT max(id) AS id FROM incidents WHERE key IS NULL");
      return (last?.id ?? 0) + 1;
    }
    const digits = digitsOf(key);
    for (let length = NUMBER_DIGITS; length < digits.length; length++) {
      const id = Number(digits.slice(0, length));
      if ((await this.get(id)) === null) return id;
    }
    return Number(digits);
  }

  /** What this site told the others last. */
  async markShared(id: number, value: string): Promise<void> {
    await this.plugin.db.run("UPDATE incidents SET shared = ? WHERE id = ?", value, id);
  }

  async byKey(key: string): Promise<Incident | null> {
    const [found] = await this.plugin.db.query<Incident>("SELECT * FROM incidents WHERE key = ?", key);
    return found ?? null;
  }

  /** Of a region: those that are open, or were closed since then. */
  ofRegion(since: number): Promise<Incident[]> {
    const sql = "SELECT * FROM incidents WHERE key IS NOT NULL AND (closed_at IS NULL OR closed_at > ?) ORDER BY opened_at";
    return this.plugin.db.query<Incident>(sql, since);
  }

  /** Incidents that became known from another site: those that are open, and all. */
  async countFrom(site: string): Promise<{ readonly open: number; readonly all: number }> {
    const [counted] = await this.plugin.db.query<{ open: number | null; all: number }>(
      'SELECT sum(closed_at IS NULL) AS open, count(*) AS "all" FROM incidents WHERE site = ?',
      site,
    );
    return { open: counted?.open ?? 0, all: counted?.all ?? 0 };
  }

  async get(id: number): Promise<Incident | null> {
    const [found] = await this.plugin.db.query<Incident>("SELECT * FROM incidents WHERE id = ?", id);
    return found ?? null;
  }

  /** Oldest first. */
  allOpen(): Promise<Incident[]> {
    return this.plugin.db.query<Incident>("SELECT * FROM incidents WHERE closed_at IS NULL ORDER BY opened_at, id");
  }

  async openOf(sender: string): Promise<Incident | null> {
    const sql = "SELECT * FROM incidents WHERE sender = ? AND closed_at IS NULL ORDER BY drill, opened_at DESC LIMIT 1";
    const [found] = await this.plugin.db.query<Incident>(sql, sender);
    return found ?? null;
  }

  /** Newest first, those before `before`. */
  past(before: number, count: number): Promise<Incident[]> {
    const sql = `SELECT * FROM incidents WHERE opened_at < coalesce((SELECT opened_at FROM incidents WHERE id = ?1), ?1)
      OR opened_at = (SELECT opened_at FROM incidents WHERE id = ?1) AND id < ?1 ORDER BY opened_at DESC, id DESC LIMIT ?2`;
    return this.plugin.db.query<Incident>(sql, before, count);
  }

  async change(id: number, values: Partial<Incident>): Promise<void> {
    const names = Object.keys(values);
    await this.plugin.db.run(
      `UPDATE incidents SET ${names.map((name) => `${name} = ?`).join(", ")} WHERE id = ?`,
      ...Object.values(values),
      id,
    );
    this.onChange(id);
  }

  /** Once: false when it is closed already. `closing`: it is ended here, which is told to the other sites. */
  async close(id: number, outcome: Outcome, by: string, closing: Closing | null = null): Promise<boolean> {
    const sql = "UPDATE incidents SET closed_at = ?, outcome = ?, closed_by = ?, closing = ? WHERE id = ? AND closed_at IS NULL";
    const own = closing === null ? null : JSON.stringify(closing);
    const { changes } = await this.plugin.db.run(sql, Date.now(), outcome, by, own, id);
    this.onChange(id);
    return changes > 0;
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
    const { lastInsertRowid } = await this.plugin.db.run(sql, incident, target, isChannel, Date.now());
    this.onChange(incident);
    return Number(lastInsertRowid);
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
    if (found !== undefined) this.onChange(found.id);
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

  /** Of all sites: one of each node, and who is coming before who has read it. */
  async answers(incident: number): Promise<Answer[]> {
    const answers: Answer[] = [...(await this.ownAnswers(incident))];
    for (const { mark, view } of await this.views.of(incident)) {
      for (const [node, name, what, is_responder] of view.answers) {
        const at = answers.findIndex((each) => each.node === node);
        const answer = { node, name: name + mark, what, is_responder };
        if (at === -1) answers.push(answer);
        else if (what === "coming" && answers[at]?.what === "ack") answers[at] = answer;
      }
    }
    return answers;
  }

  /** Of this site. */
  ownAnswers(incident: number): Promise<(Answer & { readonly at: number })[]> {
    return this.plugin.db.query("SELECT node, name, what, is_responder, at FROM answers WHERE incident = ? ORDER BY at", incident);
  }

  /** Who is coming goes on coming when he writes `ack` after it. False: nothing new. */
  async addAnswer(incident: number, { node, name, what, is_responder }: Answer): Promise<boolean> {
    const own = await this.ownAnswers(incident);
    const known = own.find((each) => each.node === node);
    if (known?.what === "coming" || known?.what === what) return false;
    const strangers = own.filter((each) => each.is_responder === 0);
    if (is_responder === 0 && known === undefined && strangers.length >= STRANGERS_MAX) return false;
    const sql = "INSERT OR REPLACE INTO answers (incident, node, name, what, is_responder, at) VALUES (?, ?, ?, ?, ?, ?)";
    await this.plugin.db.run(sql, incident, node, name, what, is_responder, Date.now());
    this.onChange(incident);
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
    this.onChange(incident);
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
    this.onChange(incident);
  }

  /** Notes and positions of this site, the newest first. */
  async ownStory(incident: number, notes: number, places: number) {
    const { db } = this.plugin;
    return {
      notes: await db.query<{ at: number; who: string; text: string }>(
        "SELECT at, who, text FROM notes WHERE incident = ? ORDER BY rowid DESC LIMIT ?",
        incident,
        notes,
      ),
      places: await db.query<{ at: number; latitude: number; longitude: number }>(
        "SELECT at, latitude, longitude FROM positions WHERE incident = ? ORDER BY rowid DESC LIMIT ?",
        incident,
        places,
      ),
    };
  }

  /** Whether this text of the sender is on record here. */
  async hasNote(incident: number, text: string): Promise<boolean> {
    const sql = "SELECT count(*) AS n FROM notes WHERE incident = ? AND text = ?";
    return ((await this.plugin.db.query<{ n: number }>(sql, incident, text))[0]?.n ?? 0) > 0;
  }

  /** How much somebody wrote about an incident since then. */
  async notesSince(incident: number, who: string, since: number): Promise<number> {
    const sql = "SELECT count(*) AS n FROM notes WHERE incident = ? AND who = ? AND at > ?";
    return (await this.plugin.db.query<{ n: number }>(sql, incident, who, since))[0]?.n ?? 0;
  }

  async #forgetOld(): Promise<void> {
    const keep = this.plugin.getConfig("history");
    // Those of other sites push out none of this one: they go when the region has forgotten them.
    const old = `(SELECT * FROM (SELECT id FROM incidents WHERE closed_at IS NOT NULL AND site IS NULL ORDER BY opened_at DESC, id DESC LIMIT -1 OFFSET ?1)
      UNION ALL SELECT id FROM incidents WHERE site IS NOT NULL AND closed_at < ?2)`;
    const before = Date.now() - REMEMBERED_MS;
    await this.plugin.db.transaction(
      ["alerts", "answers", "positions", "notes", "views"].map((table): [string, ...SqlValue[]] => [
        `DELETE FROM ${table} WHERE incident IN ${old}`,
        keep,
        before,
      ]),
    );
    await this.plugin.db.run(`DELETE FROM incidents WHERE id IN ${old}`, keep, before);
  }
}
