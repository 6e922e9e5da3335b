import { escapeJson, escapeText } from "../../log/escape.ts";
import type { Io } from "./verb.ts";

/** Prints one line for a person; unsafe characters are escaped. */
export function line(io: Io, text: string): void {
  io.stdout.write(`${escapeText(text)}\n`);
}

export function note(io: Pick<Io, "stderr">, text: string): void {
  io.stderr.write(`${escapeText(text)}\n`);
}

/** Prints one line of JSON, for programs. */
export function json(io: Io, value: unknown): void {
  io.stdout.write(`${escapeJson(JSON.stringify(value))}\n`);
}

/** Prints aligned columns; cells are escaped before they are measured, and the last is cut to the terminal's width. */
export function table(io: Io, head: readonly string[], rows: readonly (readonly (string | number | null | undefined)[])[]): void {
  if (rows.length === 0) {
    io.stdout.write("none\n");
    return;
  }
  const cells = [head.map((name) => name.toUpperCase()), ...rows.map((row) => row.map((cell) => escapeText(String(cell ?? "-"))))];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => Bun.stringWidth(row[column] ?? ""))));
  for (const row of cells) {
    const padded = row.map((cell, column) =>
      column === row.length - 1 ? cell : cell + " ".repeat((widths[column] ?? 0) - Bun.stringWidth(cell)),
    );
    io.stdout.write(`${cut(padded.join("  ").trimEnd(), io.columns)}\n`);
  }
}

/** Cells of one line must not break the columns below. */
function cut(text: string, columns: number | undefined): string {
  if (columns === undefined || Bun.stringWidth(text) <= columns) return text;
  let end = text.length;
  while (end > 0 && Bun.stringWidth(text.slice(0, end)) >= columns) end--;
  return `${text.slice(0, end).toWellFormed()}…`;
}

/** `3 min`, `2 h`, `5 d`. */
export function span(seconds: number): string {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

export function ago(time: string | null | undefined): string {
  if (time === null || time === undefined) return "-";
  return `${span((Date.now() - Date.parse(time)) / 1000)} ago`;
}

/** The first line of standard input, without its line break; "" when there is none. */
export async function readLine(io: Io): Promise<string> {
  let text = "";
  for await (const chunk of io.stdin) {
    text += typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk);
    if (text.includes("\n")) break;
  }
  return text.split("\n")[0]?.replace(/\r$/, "") ?? "";
}

/** All of standard input; null when it is more than 64 KB. */
export async function readAll(io: Io): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of io.stdin) {
    const bytes = typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
    size += bytes.length;
    if (size > 65_536) return null;
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString();
}
