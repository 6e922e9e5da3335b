import { note } from "./output.ts";
import type { Io } from "./verb.ts";

/** On a terminal: from the second second on, each second; elsewhere a line now and then. */
const TICK_MS = 1_000;
const LINE_MS = 10_000;
const CLEAR = "\r\u001b[K";

export interface Progress {
  /** Removes what was drawn. */
  end(): void;
}

/** Says that `what` goes on, for as long as it does. What is quick shows nothing. */
export function showProgress(io: Pick<Io, "stderr" | "isTTY">, what: string): Progress {
  const began = Date.now();
  let isDrawn = false;
  const tick = () => {
    const text = `${what} (${Math.round((Date.now() - began) / 1000)} s)`;
    if (!io.isTTY) return note(io, text);
    isDrawn = true;
    io.stderr.write(`${CLEAR}${text}`);
  };
  const timer = setInterval(tick, io.isTTY ? TICK_MS : LINE_MS);
  return {
    end() {
      clearInterval(timer);
      if (isDrawn) io.stderr.write(CLEAR);
      isDrawn = false;
    },
  };
}

/** {@link showProgress} around work of this process. */
export async function withProgress<T>(io: Pick<Io, "stderr" | "isTTY">, what: string, work: () => Promise<T>): Promise<T> {
  const progress = showProgress(io, what);
  try {
    return await work();
  } finally {
    progress.end();
  }
}
