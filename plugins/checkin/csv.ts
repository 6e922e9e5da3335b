/** Trips as comma-separated values: `zephyrgate plugin ask checkin export`. */
import type { Json, PluginMessage } from "zephyrgate";
import type { Trip, Trips } from "./store.ts";

/** The gateway names the operator so; no plugin can have this name. */
const OPERATOR = "@operator";
const ROWS = 100;
const HEAD = "id,node,name,out,due,note,in,in_note,overdue";

/** One page, and what to ask for the next; null for everybody but the operator. */
export async function exported({ source, type, data }: PluginMessage, trips: Trips): Promise<Json> {
  if (source !== OPERATOR || type !== "export") return null;
  const after = Number((data as { after?: number } | null)?.after ?? 0);
  const rows = await trips.page(after, ROWS);
  const lines = [...(after === 0 ? [HEAD] : []), ...rows.map(lineOf)];
  return { text: lines.join("\n"), next: rows.length < ROWS ? null : { after: rows.at(-1)?.id ?? after } };
}

function lineOf({ id, node, name, out_at, due_at, note, in_at, in_note, stage }: Trip): string {
  return [id, node, name, timeOf(out_at), timeOf(due_at), note, timeOf(in_at), in_note, stage === 2 ? "yes" : ""].map(cellOf).join(",");
}

function timeOf(at: number | null): string {
  return at === null ? "" : new Date(at).toISOString();
}

/** Quoted where it must be. A cell that a table program would run as a formula begins with an apostrophe. */
function cellOf(value: string | number): string {
  const text = String(value).replace(/[\r\n]+/g, " ");
  const safe = /^[=+\-@\t]/.test(text) ? `'${text}` : text;
  return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
