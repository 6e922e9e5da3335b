import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { fileName } from "./chain.ts";

/** One line of the log as the API shows it. `kind` is `decision` for those of the broker. */
export interface AuditItem {
  /** Its place in the chain; absent of a decision that is not written yet. */
  readonly seq?: number;
  readonly time: string;
  readonly plugin: string | null;
  readonly permission: string;
  readonly scope: string;
  readonly result: string;
  readonly rule: string;
  readonly correlation_id: string;
  readonly count: number;
  readonly kind?: string;
  readonly first?: string;
  readonly last?: string;
  /** Of other lines than decisions. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

export interface AuditQuery {
  readonly plugin?: string;
  readonly permission?: string;
  readonly result?: "allow" | "deny";
  /** ms since 1970. */
  readonly since?: number;
  readonly correlationId?: string;
  /** Only those before, or behind, this place in the chain. */
  readonly before?: number;
  readonly after?: number;
  /** 1 to 1000; 100 when not given. */
  readonly limit?: number;
}

const LIMIT_MAX = 1000;
const rowSchema = v.looseObject({
  seq: v.number(),
  time: v.string(),
  kind: v.string(),
  plugin: v.optional(v.nullable(v.string()), null),
  prev: v.optional(v.string()),
});
type Row = v.InferOutput<typeof rowSchema>;

/** A line of the log, or null when it is none. */
export function readItem(line: string): Row | null {
  try {
    const parsed = v.safeParse(rowSchema, JSON.parse(line));
    return parsed.success ? parsed.output : null;
  } catch {
    // A damaged line is the business of verify; a query passes over it.
    return null;
  }
}

export function matches(item: AuditItem, query: AuditQuery): boolean {
  return (
    (query.plugin === undefined || item.plugin === query.plugin) &&
    (query.permission === undefined || item.permission === query.permission) &&
    (query.result === undefined || item.result === query.result) &&
    (query.correlationId === undefined || item.correlation_id === query.correlationId) &&
    (query.since === undefined || Date.parse(item.last ?? item.time) >= query.since)
  );
}

/** Latest first, from the newest file backwards, one file in memory at a time. */
export async function searchFiles(dir: string, query: AuditQuery): Promise<AuditItem[]> {
  const limit = Math.max(1, Math.min(LIMIT_MAX, Math.floor(query.limit ?? 100)));
  const numbers = (await readdir(dir)).flatMap((name) => /^audit-(\d{8})\.jsonl$/.exec(name)?.[1] ?? []).map(Number);
  const needle = query.plugin === undefined ? "" : `"plugin":${JSON.stringify(query.plugin)}`;
  const found: AuditItem[] = [];
  for (const number of numbers.sort((a, b) => b - a)) {
    const lines = (await readFile(join(dir, fileName(number)), "utf8")).split("\n");
    for (const line of lines.reverse()) {
      if (line === "" || !line.includes(needle)) continue;
      const row = readItem(line);
      if (row === null) continue;
      if (query.after !== undefined && row.seq <= query.after) return found;
      if (row.kind === "open" || (query.before !== undefined && row.seq >= query.before)) continue;
      const item = itemOf(row);
      if (matches(item, query)) found.push(item);
      if (found.length >= limit) return found;
    }
  }
  return found;
}

const text = (value: unknown) => (typeof value === "string" ? value : "");

function itemOf(row: Row): AuditItem {
  const {
    seq,
    hash: _hash,
    prev: _prev,
    time,
    kind,
    plugin,
    permission,
    scope,
    result,
    rule,
    correlation_id,
    count,
    first,
    last,
    ...facts
  } = row;
  return {
    seq,
    time,
    plugin,
    permission: text(permission),
    scope: text(scope),
    result: text(result),
    rule: text(rule),
    correlation_id: text(correlation_id),
    count: typeof count === "number" ? count : 1,
    kind,
    ...(typeof first === "string" ? { first } : {}),
    ...(typeof last === "string" ? { last } : {}),
    ...(Object.keys(facts).length > 0 ? { facts } : {}),
  };
}
