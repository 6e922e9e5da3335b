import type { Clock } from "../clock.ts";

/** How long one handler may keep the next from being asked, milliseconds. The asker is a person who waits. */
export const PATIENCE_MS = 3_000;

/** What became of asking one handler; `text` null is no reply. */
export interface Turn {
  readonly plugin: string;
  readonly name: string;
  readonly failed: boolean;
  readonly text: string | null;
}

/**
 * Asks one after the other until one replies; the first is asked before this returns. One that takes its time is waited for
 * beside those after it, and the reply that comes first counts: else a plugin that declares another's command and dawdles
 * just under its deadline would keep that one's answer back for as long. Answers with the reply's turn last, or with all
 * turns in their order when nobody replied. Rejects when one of `asks` does.
 */
export function inTurn(clock: Clock, asks: readonly (() => Promise<Turn>)[]): Promise<readonly Turn[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly Turn[]>();
  const turns: Turn[] = [];
  let asked = 0;
  let ended = 0;
  let done = false;
  const finish = (all: readonly Turn[]) => {
    done = true;
    resolve(all);
  };
  const next = () => {
    if (done) return;
    const at = asked;
    const ask = asks[at];
    if (ask === undefined) {
      if (ended === asks.length) finish(turns.filter((turn) => turn !== undefined));
      return;
    }
    asked++;
    let moved = false;
    const move = () => {
      if (moved && ended < asks.length) return;
      moved = true;
      next();
    };
    const patience = asked < asks.length ? clock.after(PATIENCE_MS, move) : null;
    ask().then((turn) => {
      patience?.cancel();
      turns[at] = turn;
      ended++;
      if (done) return;
      if (turn.text === null) move();
      else finish([...turns.filter((before) => before !== undefined && before !== turn), turn]);
    }, reject);
  };
  next();
  return promise;
}
