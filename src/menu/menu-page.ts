import { byteLength, cutToBytes } from "../texts/fit.ts";
import type { GatewayTexts } from "../texts/texts.ts";
import type { MenuEntry } from "./items.ts";

/** Bytes of one message; official apps stay below it too. */
export const PAGE_BYTES = 200;
/** Bytes of the notice. */
const MAX_NOTICE = 60;
const MAX_TITLE = 40;

export interface MenuPage {
  readonly text: string;
  /** The page that was made, from 0: the requested one, or the last one. */
  readonly number: number;
  readonly pages: number;
}

export interface MenuPageRequest {
  readonly title: string;
  readonly entries: readonly MenuEntry[];
  readonly number: number;
  readonly canGoBack: boolean;
  readonly say: GatewayTexts;
  /** Shown above the title: why the page is shown again. */
  readonly notice?: string;
}

/**
 * Lays out a menu in pages of at most {@link PAGE_BYTES} bytes each: title, numbered lines, and the words that navigate. The
 * numbers continue from page to page, so that each line has its own.
 */
export function layOut({ title, entries, number, canGoBack, say, notice }: MenuPageRequest): MenuPage {
  const head = notice === undefined ? "" : `${cutToBytes(notice, MAX_NOTICE)}\n`;
  const name = cutToBytes(title, MAX_TITLE).toUpperCase();
  const back = say(canGoBack ? "menu_back" : "menu_quit");
  const more = say("menu_more", { back });
  const lines = entries.map((entry, at) => cutToBytes(`${at + 1} ${entry.label}`, PAGE_BYTES / 2));
  const whole = [name, ...(lines.length === 0 ? [say("menu_empty")] : lines), back].join("\n");
  if (byteLength(head + whole) <= PAGE_BYTES) return { text: head + whole, number: 0, pages: 1 };
  const starts = pageStarts(lines, PAGE_BYTES - frameBytes(name, head, more, lines.length));
  const at = Math.min(Math.max(number, 0), starts.length - 1);
  const shown = lines.slice(starts[at], starts[at + 1]);
  const foot = at + 1 < starts.length ? more : back;
  return { text: `${head}${[`${name} (${at + 1}/${starts.length})`, ...shown, foot].join("\n")}`, number: at, pages: starts.length };
}

/** Bytes of a page without its lines, with the largest possible page numbers. */
function frameBytes(name: string, head: string, more: string, count: number): number {
  const mark = ` (${count}/${count})`;
  return byteLength(head) + byteLength(name) + mark.length + "\n".length + byteLength(more);
}

/** The index of the first line of each page; each line costs its bytes and a line end. */
function pageStarts(lines: readonly string[], room: number): number[] {
  const starts = [0];
  let used = 0;
  for (const [at, line] of lines.entries()) {
    const cost = byteLength(line) + 1;
    if (used > 0 && used + cost > room) {
      starts.push(at);
      used = 0;
    }
    used += cost;
  }
  return starts;
}
