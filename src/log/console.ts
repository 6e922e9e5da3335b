import type { LogConsole } from "./log.ts";

/** What may wait for a slow terminal or pipe, in bytes; past it lines are dropped and counted. */
const MAX_WAITING = 1_048_576;

interface Output {
  readonly isTTY?: boolean | undefined;
  readonly writableLength: number;
  write(text: string): unknown;
  on(event: "error", listener: (thrown: unknown) => void): unknown;
}

/** The log on a process stream: never blocks, survives a reader that went away, coloured on a terminal unless NO_COLOR is set. */
export function streamConsole(
  stream: Output,
  env: Readonly<Record<string, string | undefined>>,
): LogConsole & { readonly dropped: () => number } {
  let dropped = 0;
  let gone = false;
  stream.on("error", () => {
    gone = true;
  });
  return {
    colour: stream.isTTY === true && (env.NO_COLOR ?? "") === "",
    write(text) {
      if (gone || stream.writableLength > MAX_WAITING) dropped += 1;
      else stream.write(text);
    },
    dropped: () => dropped,
  };
}
