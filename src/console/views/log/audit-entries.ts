import { useEffect, useRef, useState } from "preact/hooks";
import { call, callPage } from "../../api/call.ts";
import type { AuditEntryView } from "../../api/types.ts";
import { report, valueOrTell } from "../../state/notices.ts";
import { goneSince, session } from "../../state/session.ts";

/** Entries that come are asked for so often. */
const ASK_MS = 2_000;
/** Those farther back are loaded again when one scrolls there. */
const MOST = 20_000;

export interface AuditChoice {
  readonly plugin: string;
  readonly result: string;
}

export interface AuditEntries {
  /** Oldest first; null until they are loaded. */
  readonly entries: readonly AuditEntryView[] | null;
  /** Loads older ones, where there are any. */
  more(): void;
}

/** The entries of a choice: the last ones, those that come while `follows`, and older ones on demand. */
export function useEntries({ plugin, result }: AuditChoice, follows: boolean): AuditEntries {
  const path = `audit?${new URLSearchParams({ ...(plugin === "" ? {} : { plugin }), ...(result === "" ? {} : { result }) })}`;
  const [entries, setEntries] = useState<readonly AuditEntryView[] | null>(null);
  const older = useRef<string | null>(null);
  const last = useRef(0);
  const shown = useRef(path);
  shown.current = path;
  useEffect(() => {
    let isCurrent = true;
    setEntries(null);
    older.current = null;
    callPage<AuditEntryView>(path, null)
      .then((answer) => {
        const page = isCurrent ? valueOrTell(answer) : null;
        if (page === null) return;
        last.current = page.items[0]?.seq ?? 0;
        older.current = page.next;
        setEntries(page.items.toReversed());
      })
      .catch(console.error);
    return () => {
      isCurrent = false;
    };
  }, [path]);
  useNewer(path, follows && entries !== null, last, (fresh) => setEntries((old) => [...(old ?? []), ...fresh].slice(-MOST)));
  const more = () => {
    const cursor = older.current;
    older.current = null;
    if (cursor === null) return;
    const isCurrent = () => shown.current === path;
    callPage<AuditEntryView>(path, cursor)
      .then((answer) => {
        const page = isCurrent() ? valueOrTell(answer) : null;
        if (page === null) return;
        older.current = page.next;
        setEntries((old) => [...page.items.toReversed(), ...(old ?? [])]);
      })
      .catch(console.error);
  };
  return { entries, more };
}

/** Gives the entries behind `last` as they come, oldest first. */
function useNewer(path: string, isOn: boolean, last: { current: number }, add: (fresh: readonly AuditEntryView[]) => void): void {
  useEffect(() => {
    if (!isOn) return;
    let isCurrent = true;
    const ask = async () => {
      if (document.hidden || goneSince.value !== null || session.value !== "in") return;
      const answer = await call<{ items: AuditEntryView[] }>("GET", `${path}&after=${last.current}&limit=500`);
      if (!isCurrent) return;
      if (!answer.ok) return report(answer.problem);
      const fresh = answer.value.items.filter(({ seq }) => seq > last.current).toReversed();
      last.current = fresh.at(-1)?.seq ?? last.current;
      if (fresh.length > 0) add(fresh);
    };
    const timer = setInterval(() => void ask().catch(console.error), ASK_MS);
    return () => {
      isCurrent = false;
      clearInterval(timer);
    };
  }, [path, isOn]);
}
