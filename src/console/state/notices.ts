import { signal } from "@preact/signals";
import type { Answer, Problem } from "../api/call.ts";

export interface Notice {
  readonly id: number;
  readonly kind: "error" | "done";
  readonly text: string;
}

const MOST = 4;
const DONE_MS = 6_000;

/** What the page tells at the edge of the screen. Errors stay until they are dismissed. */
export const notices = signal<readonly Notice[]>([]);
let last = 0;

export function tell(kind: Notice["kind"], text: string): void {
  if (notices.value.some((notice) => notice.kind === kind && notice.text === text)) return;
  const notice = { id: ++last, kind, text };
  notices.value = [...notices.value, notice].slice(-MOST);
  if (kind === "done") setTimeout(() => dismiss(notice.id), DONE_MS);
}

export function dismiss(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}

/** Called with the problem of each call that fails for want of a session. */
let onSignedOut: () => void = () => {};
export function whenSignedOut(run: () => void): void {
  onSignedOut = run;
}

/** Tells a problem, unless the frame shows it anyhow: no session, or no gateway. */
export function report(problem: Problem, what?: string): void {
  if (problem.status === 401) onSignedOut();
  else if (problem.code !== "no_answer" || what !== undefined)
    tell("error", what === undefined ? problem.text : `${what}: ${problem.text}`);
}

/** The value of an answer; a problem is told. */
export function valueOrTell<T>(answer: Answer<T>, what?: string): T | null {
  if (answer.ok) return answer.value;
  report(answer.problem, what);
  return null;
}
