/** A replay as lines for people. */
import type { Outcome } from "./recording.ts";
import type { Replay, ReplayedCall } from "./replay.ts";

const MAX_LINES = 200;

/** What differs or fails, each call on a line; then the verdict. */
export function replayLines(replay: Replay): string[] {
  const { calls, faults, missing, sent, sentThen } = replay;
  const lines = calls.filter((call) => call.recorded !== null || call.now !== null).flatMap(linesOf);
  for (const fault of faults) lines.push(`error outside a call: ${fault}`);
  for (const what of missing) lines.push(`not in the recording: ${what}`);
  if (sent.join("\n") !== sentThen.join("\n")) {
    for (const text of sentThen.filter((each) => !sent.includes(each))) lines.push(`sent then, not now: ${text}`);
    for (const text of sent.filter((each) => !sentThen.includes(each))) lines.push(`sent now, not then: ${text}`);
  }
  const shown = lines.length > MAX_LINES ? [...lines.slice(0, MAX_LINES), `… ${lines.length - MAX_LINES} more`] : lines;
  const bad = calls.filter((call) => !call.isGood).length;
  return [...shown, replay.isGood ? `replayed ${calls.length} calls: good` : `replayed ${calls.length} calls: ${bad} not good`];
}

function linesOf({ what, recorded, now, isGood }: ReplayedCall): string[] {
  const then = words(recorded);
  const today = words(now);
  const mark = isGood ? "ok  " : "FAIL";
  return [`${mark} ${what}: ${today}`, ...(then === today ? [] : [`       recorded: ${then}`])];
}

function words(outcome: Outcome | null): string {
  if (outcome === null) return "has not ended";
  if (outcome.ok) return outcome.value === null ? "no reply" : JSON.stringify(outcome.value).slice(0, 300);
  const { name, message, stack = "" } = outcome.error;
  const place = /([\w./@-]+\.[cm]?[jt]s:\d+:\d+)/.exec(stack.split("\n").find((line) => !line.includes("sdk/")) ?? "")?.[1];
  return `${name}: ${message}${place === undefined ? "" : ` (${place})`}`;
}
