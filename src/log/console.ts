import type { LogConsole } from "./log.ts";

/** What may wait for a slow terminal or pipe, in bytes; past it lines are dropped and counted. */
const MAX_WAITING = 1_048_576;
/** Lines of so long go together: each write wakes the reader, which costs more than the line, and answers would wait for it. */
const TOGETHER_MS = 10;

interface Output {
  readonly isTTY?: boolean | undefined;
  readonly writableLength: number;
  write(text: string): unknown;
  on(event: "error", listener: (thrown: unknown) => void): unknown;
}

export interface StreamConsole extends LogConsole {
  readonly dropped: () => number;
  /** Hands on what waits: for the end of the process. */
  readonly flush: () => void;
}

/**
 * The log on a process stream: never blocks, survives a reader that went away, coloured on a terminal unless NO_COLOR is
 * set.
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
