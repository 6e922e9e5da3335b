/** Trips as they are kept: from a check-out to a check-in. */
import type { Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";

export interface Trip {
  readonly id: number;
  readonly node: string;
  readonly name: string;
  /** ms since 1970. */
  readonly out_at: number;
  /** ms since 1970; null: no time was named. */
  readonly due_at: number | null;
  readonly note: string;
  /** ms since 1970; null: still out. */
  readonly in_at: number | null;
  readonly in_note: string;
  /** 0: not overdue; 1: was asked; 2: the alarm was given. */
  readonly stage: number;
}

export const MIGRATIONS = [
  [
    `CREATE TABLE trips (
       id INTEGER PRIMARY KEY AUTOINCREMENT, node TEXT NOT NULL, name TEXT NOT NULL, out_at INTEGER NOT NULL, due_at INTEGER,
       note TEXT NOT NULL, in_at INTEGER, in_note TEXT NOT NULL DEFAULT '', stage INTEGER NOT NULL DEFAULT 0
     )`,
    "CREATE UNIQUE INDEX trips_open ON trips (node) WHERE in_at IS NULL",
    "CREATE INDEX trips_due ON trips (due_at) WHERE in_at IS NULL AND due_at IS NOT NULL",
    "CREATE INDEX trips_in_order ON trips (out_at) WHERE in_at IS NULL",
    "CREATE INDEX trips_ended ON trips (in_at) WHERE in_at IS NOT NULL",
    "CREATE TABLE places (asset TEXT NOT NULL, fence TEXT NOT NULL, is_inside INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (asset, fence)) WITHOUT ROWID",
  ],
  ["CREATE INDEX trips_of_node ON trips (node, id)"],
];

/** Every question that a command or the task asks; a test looks at the plan of each. */
export const QUERIES = {
  open: "SELECT * FROM trips WHERE node = ? AND in_at IS NULL",
  allOpen: "SELECT * FROM trips WHERE in_at IS NULL ORDER BY out_at LIMIT ? OFFSET ?",
  due: "SELECT * FROM trips WHERE in_at IS NULL AND due_at IS NOT NULL AND due_at < ? ORDER BY due_at LIMIT ?",
  past: "SELECT * FROM trips WHERE id > 0 ORDER BY id DESC LIMIT ? OFFSET ?",
  pastOf: "SELECT * FROM trips WHERE node = ? ORDER BY id DESC LIMIT ? OFFSET ?",
  page: "SELECT * FROM trips WHERE id > ? ORDER BY id LIMIT ?",
} as const;

/** Numbers back from the newest trip within which ended ones are kept. */
const ENDED_MAX = 20_000;

export class Trips {
  constructor(private readonly plugin: Plugin<Config>) {}

  async open(node: string): Promise<Trip | null> {
    return (await this.plugin.db.query<Trip>(QUERIES.open, node))[0] ?? null;
  }

  /** Those who are out, the longest first. */
  allOpen(limit: number, offset: number): Promise<Trip[]> {
    return this.plugin.db.query<Trip>(QUERIES.allOpen, limit, offset);
  }

  async countOpen(): Promise<number> {
    return (await this.plugin.db.query<{ n: number }>("SELECT count(*) AS n FROM trips WHERE in_at IS NULL"))[0]?.n ?? 0;
  }

  /** Those who were due before a time. */
  due(before: number): Promise<Trip[]> {
    return this.plugin.db.query<Trip>(QUERIES.due, before, 100);
  }

  /** The newest first; `node` null: of everybody. */
  past(node: string | null, limit: number, offset: number): Promise<Trip[]> {
    const { db } = this.plugin;
    return node === null ? db.query<Trip>(QUERIES.past, limit, offset) : db.query<Trip>(QUERIES.pastOf, node, limit, offset);
  }

  /** Everything after a number, in order. */
  page(after: number, limit: number): Promise<Trip[]> {
    return this.plugin.db.query<Trip>(QUERIES.page, after, limit);
  }

  /** Begins a trip, or gives the one that is open another time and note. */
  async leave(node: string, name: string, at: number, dueAt: number | null, note: string): Promise<void> {
    const open = await this.open(node);
    if (open === null) {
      await this.plugin.db.run("INSERT INTO trips (node, name, out_at, due_at, note) VALUES (?, ?, ?, ?, ?)", node, name, at, dueAt, note);
      return;
    }
    const kept = note === "" ? open.note : note;
    const stage = dueAt === open.due_at ? open.stage : 0;
    await this.plugin.db.run("UPDATE trips SET name = ?, due_at = ?, note = ?, stage = ? WHERE id = ?", name, dueAt, kept, stage, open.id);
  }

  async comeBack(id: number, at: number, note: string): Promise<void> {
    await this.plugin.db.run("UPDATE trips SET in_at = ?, in_note = ? WHERE id = ?", at, note, id);
  }

  async setStage(id: number, stage: number): Promise<void> {
    await this.plugin.db.run("UPDATE trips SET stage = ? WHERE id = ?", stage, id);
  }

  async clean(before: number): Promise<void> {
    await this.plugin.db.run(
      "DELETE FROM trips WHERE in_at IS NOT NULL AND (in_at < ? OR id <= (SELECT max(id) FROM trips) - ?)",
      before,
      ENDED_MAX,
    );
  }
}
