import { escapeJson, escapeText } from "../../log/escape.ts";
import type { Io } from "./verb.ts";

/** Prints one line for a person, unsafe characters escaped; with `--json` as `{"message": …}`. */
export function line(io: Io, text: string): void {
  if (io.asJson === true) json(io, { message: text });
  else io.stdout.write(`${escapeText(text)}\n`);
}

export function note(io: Pick<Io, "stderr">, text: string): void {
  io.stderr.write(`${escapeText(text)}\n`);
}

/** Prints one line of JSON, for programs. */
export function json(io: Io, value: unknown): void {
  io.stdout.write(`${escapeJson(JSON.stringify(value))}\n`);
}

const GAP = 2;
/** A column that must be narrower wraps its cells; below this the columns say less than one line for each value. */
const LEAST_WIDTH = 8;

/**
 * Prints aligned columns; cells are escaped before they are measured. Nothing is cut: on a terminal that is too narrow long cells go on
 * in the next line of their column, and where even that does not fit each value gets a line with its name.
 */
export function table(io: Io, head: readonly string[], rows: readonly (readonly (string | number | null | undefined)[])[]): void {
  if (io.asJson === true) {
    json(
      io,
      rows.map((row) => Object.fromEntries(head.map((name, column) => [name, row[column] ?? null]))),
    );
    return;
  }
  if (rows.length === 0) {
    io.stdout.write("none\n");
    return;
  }
  const names = head.map((name) => name.toUpperCase());
  const cells = rows.map((row) => head.map((_, column) => escapeText(String(row[column] ?? "-"))));
  const natural = names.map((_, column) => Math.max(...[names, ...cells].map((row) => Bun.stringWidth(row[column] ?? ""))));
  const widths = fitted(natural, io.columns);
  if (widths === null) io.stdout.write(asRecords(names, cells, io.columns ?? 0));
  else for (const row of [names, ...cells]) io.stdout.write(asRow(row, widths));
}

/** The widest columns made narrower until all fit; null when that leaves one too narrow. */
function fitted(natural: readonly number[], columns: number | undefined): readonly number[] | null {
  const widths = [...natural];
  const room = (columns ?? Number.POSITIVE_INFINITY) - GAP * (widths.length - 1);
  let used = widths.reduce((sum, width) => sum + width, 0);
  for (; used > room; used--) {
    const widest = Math.max(...widths);
    if (widest <= LEAST_WIDTH) return null;
    widths[widths.lastIndexOf(widest)] = widest - 1;
  }
  return widths;
}

function asRow(row: readonly string[], widths: readonly number[]): string {
  const wrapped = row.map((cell, column) => wrap(cell, widths[column] ?? 0));
  const height = Math.max(...wrapped.map((lines) => lines.length));
  let text = "";
  for (let at = 0; at < height; at++) {
    const parts = wrapped.map((lines, column) => pad(lines[at] ?? "", widths[column] ?? 0));
    text += `${parts.join(" ".repeat(GAP)).trimEnd()}\n`;
  }
  return text;
}

function asRecords(names: readonly string[], rows: readonly (readonly string[])[], columns: number): string {
  const label = Math.max(...names.map((name) => Bun.stringWidth(name)));
  const width = Math.max(LEAST_WIDTH, columns - label - GAP);
  return rows.map((row) => row.map((cell, column) => asRow([names[column] ?? "", cell], [label, width])).join("")).join("\n");
}

const pad = (text: string, width: number) => text + " ".repeat(Math.max(0, width - Bun.stringWidth(text)));
const characters = new Intl.Segmenter();

/** Lines of at most this width, broken between words where there is one. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  const push = () => {
    lines.push(line.trimEnd());
    line = "";
  };
  for (const word of text.split(/(?<= )/)) {
    if (Bun.stringWidth(line + word.trimEnd()) > width && line !== "") push();
    for (const { segment } of characters.segment(word)) {
      if (Bun.stringWidth((line + segment).trimEnd()) > width && line !== "") push();
      line += segment;
    }
  }
  if (line !== "" || lines.length === 0) push();
  return lines;
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
