import { useEffect, useState } from "preact/hooks";
import { type Answer, call, callAll } from "../api/call.ts";
import { valueOrTell } from "../state/notices.ts";

export interface Loaded<T> {
  /** Null until it is loaded, and when it could not be. */
  readonly value: T | null;
  /** Loads it again, keeping the old value meanwhile. */
  again(): void;
  /** Shows this instead: what a change just answered. */
  set(value: T): void;
}

/** What a route answers, loaded when the part is shown and whenever `turn` changes. */
export function useLoaded<T>(path: string | null, turn: unknown = null): Loaded<T> {
  return useAnswer(path, turn, (each) => call<T>("GET", each));
}

/** All items of a list. */
export function useList<T>(path: string | null, turn: unknown = null): Loaded<readonly T[]> {
  return useAnswer(path, turn, (each) => callAll<T>(each));
}

function useAnswer<T>(path: string | null, turn: unknown, ask: (path: string) => Promise<Answer<T>>): Loaded<T> {
  const [state, setState] = useState<{ readonly path: string; readonly value: T } | null>(null);
  const [round, setRound] = useState(0);
  useEffect(() => {
    if (path === null) return;
    let isCurrent = true;
    ask(path)
      .then((answer) => {
        const value = isCurrent ? valueOrTell(answer) : null;
        if (value !== null) setState({ path, value });
      })
      .catch(console.error);
    return () => {
      isCurrent = false;
    };
  }, [path, turn, round]);
  return {
    value: state !== null && state.path === path ? state.value : null,
    again: () => setRound((old) => old + 1),
    set: (value) => path !== null && setState({ path, value }),
  };
}
