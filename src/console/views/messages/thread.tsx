import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Empty } from "../../parts/card.tsx";
import { dayName, Stranger } from "../../parts/format.tsx";
import { Icon } from "../../parts/icon.tsx";
import { addressOf } from "../../state/address.ts";
import { may } from "../../state/me.ts";
import { conversations, type Entry, hasOlder, isLoaded, loadOlder, markRead } from "../../state/messages.ts";
import { Bubble } from "./bubble.tsx";
import { Compose } from "./compose.tsx";
import { titleOf } from "./title.ts";

/** So many exist at once; more appear as one scrolls up. */
const STEP = 80;
const NEAR_PX = 300;

export function Thread({ name }: { readonly name: string }) {
  const entries = conversations.value.find(({ key }) => key === name)?.entries ?? [];
  const last = entries.at(-1)?.key;
  useEffect(() => {
    if (!document.hidden) markRead(name);
    const seen = () => !document.hidden && markRead(name);
    document.addEventListener("visibilitychange", seen);
    return () => document.removeEventListener("visibilitychange", seen);
  }, [name, last]);
  return (
    <section class="thread" aria-labelledby="thread-title">
      <header class="thread-head">
        <a class="back quiet" href={addressOf("messages")} aria-label="Back to all conversations">
          <Icon name="back" />
        </a>
        <h2 id="thread-title" class="cut">
          <Stranger text={titleOf(name)} />
        </h2>
        {name.startsWith("n/") && <a href={addressOf("nodes", name.slice(2))}>Node</a>}
      </header>
      <History name={name} entries={entries} />
      {may("operate") ? <Compose name={name} /> : <p class="hint read-only">Your token may read, not write.</p>}
    </section>
  );
}

function History({ name, entries }: { readonly name: string; readonly entries: readonly Entry[] }) {
  const box = useRef<HTMLDivElement>(null);
  /** The first text that exists while one reads further up; null: the last ones exist. */
  const [from, setFrom] = useState<string | null>(null);
  const at = from === null ? -1 : entries.findIndex(({ key }) => key === from);
  const first = at >= 0 ? at : Math.max(0, entries.length - STEP);
  const more = async () => {
    const known = entries[first]?.key;
    if (first === 0 && hasOlder.value) await loadOlder();
    const all = conversations.peek().find(({ key }) => key === name)?.entries ?? [];
    const index = all.findIndex(({ key }) => key === known);
    setFrom(all[Math.max(0, index - STEP)]?.key ?? null);
  };
  const scrolled = (element: HTMLElement) => {
    const isAtEnd = element.scrollTop + element.clientHeight >= element.scrollHeight - NEAR_PX;
    if (isAtEnd) setFrom(null);
    else if (from === null) setFrom(entries[first]?.key ?? null);
    if (element.scrollTop < NEAR_PX && (first > 0 || hasOlder.value)) more().catch(console.error);
  };
  useKeptEnd(box, entries[first]?.key, entries.at(-1)?.key);
  return (
    <div
      class="history"
      ref={box}
      tabIndex={0}
      role="log"
      aria-label="Messages, newest last"
      onScroll={(event) => scrolled(event.currentTarget)}
    >
      {(first > 0 || hasOlder.value) && (
        <button type="button" class="older" onClick={() => void more().catch(console.error)}>
          Earlier messages
        </button>
      )}
      {isLoaded.value && entries.length === 0 && <Empty>No messages yet.</Empty>}
      {entries.slice(first).map((entry, at, all) => (
        <Item key={entry.key} entry={entry} before={all[at - 1]} />
      ))}
    </div>
  );
}

function Item({ entry, before }: { readonly entry: Entry; readonly before: Entry | undefined }) {
  const isNewDay = before === undefined || new Date(before.at).toDateString() !== new Date(entry.at).toDateString();
  return (
    <>
      {isNewDay && <div class="day">{dayName(entry.at)}</div>}
      <Bubble entry={entry} />
    </>
  );
}

/** The end stays in view while texts come, unless the operator reads further up; older texts push nothing away. */
function useKeptEnd(box: { current: HTMLDivElement | null }, firstKey: string | undefined, lastKey: string | undefined): void {
  const before = useRef({ height: 0, top: 0, client: 0, first: firstKey, last: lastKey });
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const { height, first } = before.current;
    const wasAtEnd = height === 0 || element.scrollTop + element.clientHeight >= height - 60;
    if (first !== firstKey && !wasAtEnd) element.scrollTop += element.scrollHeight - height;
    else if (wasAtEnd) element.scrollTop = element.scrollHeight;
    before.current = { height: element.scrollHeight, top: element.scrollTop, client: element.clientHeight, first: firstKey, last: lastKey };
  });
}
