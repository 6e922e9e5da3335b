import { signal } from "@preact/signals";
import type { LogLine } from "../api/types.ts";

const MOST = 2_000;
export interface NumberedLine extends LogLine {
  /** Grows with each line that this page has seen. */
  readonly seq: number;
}

/** The log's last lines that came while the page was open, oldest first. */
export const liveLines = signal<readonly NumberedLine[]>([]);
let last = 0;
let waiting: LogLine[] = [];
const SOON_MS = 200;

export function logLineAdded(line: LogLine): void {
  if (waiting.length === 0) setTimeout(takeWaiting, SOON_MS);
  waiting.push(line);
}

function takeWaiting(): void {
  liveLines.value = [...liveLines.value, ...numbered(waiting)].slice(-MOST);
  waiting = [];
}

export function numbered(lines: readonly LogLine[]): NumberedLine[] {
  return lines.map((line) => ({ ...line, seq: ++last }));
}
