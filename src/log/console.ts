import type { LogConsole } from "./log.ts";

/** Most bytes that wait for a slow terminal or pipe; further lines are dropped and counted. */
const MAX_WAITING = 1_048_576;
/** Lines within this time are written together: each write wakes the reader, which costs more than the line itself. */
const TOGETHER_MS = 10;

interface Output {
  readonly isTTY?: boolean | undefined;
  readonly writableLength: number;
  write(text: string): unknown;
  on(event: "error", listener: (thrown: unknown) => void): unknown;
}

export interface StreamConsole extends LogConsole {
  readonly dropped: () => number;
  /** Writes the waiting lines now; called at the end of the process. */
  readonly flush: () => void;
}

/**
 * Writes the log to a process stream: never blocks, survives a closed reader, and uses colours on a terminal
 * unless NO_COLOR is set.
 */
export function streamConsole(stream: Output, env: Readonly<Record<string, string | undefined>>): StreamConsole {
  let dropped = 0;
  let gone = false;
  let waiting = "";
  stream.on("error", () => {
    gone = true;
  });
  const flush = () => {
    const text = waiting;
    waiting = "";
    if (text !== "" && !gone) stream.write(text);
  };
  return {
    colour: stream.isTTY === true && (env.NO_COLOR ?? "") === "",
    write(text) {
      if (gone || stream.writableLength + waiting.length > MAX_WAITING) {
        dropped += 1;
        return;
      }
      if (waiting === "") setTimeout(flush, TOGETHER_MS).unref();
      waiting += text;
    },
    flush,
    dropped: () => dropped,
  };
}
