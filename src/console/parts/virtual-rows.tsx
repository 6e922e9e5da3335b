import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

interface VirtualRowsProps<T> {
  readonly items: readonly T[];
  /** px, the same for each row. */
  readonly rowHeight: number;
  keyOf(item: T): string;
  render(item: T, index: number): ComponentChildren;
  readonly label: string;
  /** Stays at the end while items are added, unless the operator has scrolled away from it. */
  readonly follow?: boolean;
  /** Called when the first rows come into view. */
  onStart?(): void;
}

const BEYOND = 8;

/** A list of which only the rows in view exist. It keeps its place when items change elsewhere. */
export function VirtualRows<T>({ items, rowHeight, keyOf, render, label, follow = false, onStart }: VirtualRowsProps<T>) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const atEnd = useRef(true);
  const measure = () => {
    const element = box.current;
    if (element === null) return;
    atEnd.current = element.scrollTop + element.clientHeight >= element.scrollHeight - rowHeight * 2;
    setView({ top: element.scrollTop, height: element.clientHeight });
    if (element.scrollTop < rowHeight * BEYOND) onStart?.();
  };
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const resized = new ResizeObserver(measure);
    resized.observe(element);
    return () => resized.disconnect();
  }, []);
  useKeptPlace(box, { items, keyOf, rowHeight, atEnd, follow });
  const first = Math.max(0, Math.floor(view.top / rowHeight) - BEYOND);
  const last = Math.min(items.length, Math.ceil((view.top + view.height) / rowHeight) + BEYOND);
  return (
    <div class="virtual" ref={box} onScroll={measure} tabIndex={0} role="list" aria-label={label}>
      <div class="virtual-all" style={{ height: `${items.length * rowHeight}px` }} role="presentation">
        {items.slice(first, last).map((item, at) => (
          <div
            key={keyOf(item)}
            class="virtual-row"
            role="listitem"
            aria-setsize={items.length}
            aria-posinset={first + at + 1}
            style={{ transform: `translateY(${(first + at) * rowHeight}px)`, height: `${rowHeight}px` }}
          >
            {render(item, first + at)}
          </div>
        ))}
      </div>
    </div>
  );
}

interface Kept<T> {
  readonly items: readonly T[];
  keyOf(item: T): string;
  readonly rowHeight: number;
  readonly atEnd: { current: boolean };
  readonly follow: boolean;
}

/** The row at the top stays at the top when rows are added before it; a list that follows stays at its end. */
function useKeptPlace<T>(box: { current: HTMLDivElement | null }, { items, keyOf, rowHeight, atEnd, follow }: Kept<T>): void {
  const anchor = useRef<{ readonly key: string; readonly index: number } | null>(null);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const kept = anchor.current;
    if (follow && atEnd.current) element.scrollTop = element.scrollHeight;
    else if (follow && kept !== null && element.scrollTop > 0) {
      const index = items.findIndex((item) => keyOf(item) === kept.key);
      if (index >= 0 && index !== kept.index) element.scrollTop += (index - kept.index) * rowHeight;
    }
    const top = Math.floor(element.scrollTop / rowHeight);
    const item = items[top];
    anchor.current = item === undefined ? null : { key: keyOf(item), index: top };
  });
}
