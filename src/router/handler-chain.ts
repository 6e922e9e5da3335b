import type { Clock } from "../clock.ts";

/** How long one handler may delay the next from being asked, ms. A person waits for the answer. */
export const PATIENCE_MS = 3_000;

/** What one handler answered; `text` null is no reply. */
export interface HandlerAnswer {
  readonly plugin: string;
  readonly name: string;
  /** Why it failed; null: it did not. */
  readonly failed: string | null;
  readonly text: string | null;
}

/**
 * Asks handlers one after the other until one replies; the first is asked before this returns. A handler that takes longer
 * than {@link PATIENCE_MS} keeps running while the next is asked, and the first reply counts. Otherwise a plugin could
 * register another plugin's command and delay its answer by almost a whole deadline. The result ends with the reply, or
 * holds all answers in order when there is none. The result rejects when an `ask` does.
 */
export function askInOrder(clock: Clock, asks: readonly (() => Promise<HandlerAnswer>)[]): Promise<readonly HandlerAnswer[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly HandlerAnswer[]>();
  const answers: HandlerAnswer[] = [];
  let asked = 0;
  let ended = 0;
  let done = false;
  const finish = (all: readonly HandlerAnswer[]) => {
    done = true;
    resolve(all);
  };
  const next = () => {
    if (done) return;
    const at = asked;
    const ask = asks[at];
    if (ask === undefined) {
      if (ended === asks.length) finish(answers.filter((answer) => answer !== undefined));
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
    const receive = (answer: HandlerAnswer) => {
      patience?.cancel();
      answers[at] = answer;
      ended++;
      if (done) return;
      if (answer.text === null) move();
      else finish([...answers.filter((before) => before !== undefined && before !== answer), answer]);
    };
    ask()
      .then(receive)
      .catch((thrown: unknown) => {
        patience?.cancel();
        done = true;
        reject(thrown);
      });
  };
  next();
  return promise;
}
