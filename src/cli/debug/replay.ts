/** `dev --replay FILE`: a recording is run again at the start and after each save, in a debugger if wanted. */
import { FolderWatch } from "../../authoring/dev/watch.ts";
import { systemClock } from "../../clock.ts";
import { type Engines, replayFiles } from "../../debugger/replay/run.ts";
import { replayLines } from "../../debugger/replay/words.ts";
import { ok, type Result } from "../../errors.ts";

export interface ReplayLoop {
  readonly folder: string;
  readonly file: string;
  /** Makes the engine of the plugin; one of this process when absent. */
  readonly engines?: Engines;
  say(line: string): void;
  /** The next line that was typed; null at the end. */
  next(): Promise<string | null>;
  readonly signal: AbortSignal;
}

/** Until `quit`, the end of the input, or the signal. A first replay that cannot be made ends it. */
export async function replayLoop(loop: ReplayLoop): Promise<Result<null>> {
  const { folder, say, next, signal } = loop;
  let tail: Promise<unknown> = Promise.resolve();
  const again = () => {
    tail = tail.then(async () => {
      const played = await play(loop);
      if (!played.ok) say(played.error.summary());
    });
    return tail;
  };
  // Before the first replay: what is saved meanwhile is a change.
  const watch = new FolderWatch(folder, systemClock, () => void again().catch((thrown) => say(String(thrown))));
  const first = await play(loop);
  if (!first.ok) return first;
  watch.start();
  say("save a file or press Enter to replay it again; quit ends it");
  const stopped = new Promise<null>((resolve) => signal.addEventListener("abort", () => resolve(null), { once: true }));
  try {
    for (;;) {
      const line = signal.aborted ? null : await Promise.race([next(), stopped]);
      if (line === null || line.trim() === "quit" || line.trim() === "exit") return ok(null);
      await Promise.race([again(), stopped]);
    }
  } finally {
    watch.stop();
  }
}

async function play({ folder, file, engines, say }: ReplayLoop): Promise<Result<null>> {
  const played = await replayFiles({ folder, file }, engines);
  if (!played.ok) return played;
  for (const { level, message } of played.value.logs) say(`  ${level}: ${message}`);
  for (const line of replayLines(played.value)) say(line);
  return ok(null);
}
