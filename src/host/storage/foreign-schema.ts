/**
 * A database file may come from elsewhere: an import, or a host that was taken over. What a plugin cannot make by its own SQL is
 * removed when the file is opened: virtual tables, whose modules are native code that reads their shadow tables, and triggers.
 */
import type { DatabaseSync } from "node:sqlite";
import { tokens } from "./sql-tokens.ts";

const KEPT: ReadonlySet<string> = new Set(["table", "index", "view"]);

/** Returns how many entries were removed. Nothing of the file's schema has run before, and nothing of it runs here. */
export function removeForeignSchema(db: DatabaseSync): number {
  const rows = db.prepare("SELECT rowid AS id, type, rootpage, sql FROM sqlite_schema").all();
  const foreign = rows.filter(({ type, rootpage, sql }) => !isPlain(String(type), Number(rootpage ?? 0), sql));
  if (foreign.length === 0) return 0;
  // Not by DROP, which would call the module to take its table away.
  db.enableDefensive(false);
  db.exec("PRAGMA writable_schema = ON");
  try {
    const remove = db.prepare("DELETE FROM sqlite_schema WHERE rowid = ?");
    for (const { id } of foreign) remove.run(id ?? null);
  } finally {
    // RESET also forgets what was read of the schema before.
    db.exec("PRAGMA writable_schema = RESET");
    db.enableDefensive(true);
  }
  return foreign.length;
}

/** A virtual table has no page of its own; a file that claims one for it is told by its words. */
function isPlain(type: string, rootPage: number, sql: unknown): boolean {
  if (!KEPT.has(type)) return false;
  if (type === "table" && rootPage === 0) return false;
  return typeof sql !== "string" || !madeByForeignWords(sql);
}

function madeByForeignWords(sql: string): boolean {
  const [first, second, third] = tokens(sql);
  const words = [first, second, third].map((token) => token?.text.toLowerCase());
  if (words[0] !== "create") return true;
  return [words[1], words[2]].some((word) => word === "virtual" || word === "trigger");
}
