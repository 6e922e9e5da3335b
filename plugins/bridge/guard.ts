const TEN_MINUTES_MS = 10 * 60_000;
const HOUR_MS = 3_600_000;
const REMEMBERED_MAX = 500;
/** Letters of the first packet of a long text, as there are at least; a shorter beginning would be that of many texts. */
const BEGINNING_MIN = 40;
/** A packet of a gateway's long text: `(2/3) rest`. */
const PART = /^\((\d+)\/\d+\) /;
/** As this bridge writes, and others like it: `Alice@base: hello`. */
const SIGNED = /^[^\n@]{0,39}[^\s@]@[\w.-]{1,40}: /u;
/** As bridges of another make write: `[Alice] hello`, `<Alice> hello`, `Alice: hello`. */
const NAMED = /^[[(<][^\])>]{1,40}[\])>]\s*|^\S{1,40}:\s+/u;

/** Why a text is not carried; null: it is. */
export type Held = "carried_before" | "said_before" | "too_many" | null;

export interface Limit {
  /** What is counted. */
  readonly of: string;
  readonly perHour: number;
}

/**
 * Keeps texts from going round. What a bridge wrote is known by its form, and what was carried is not carried again within ten
 * minutes, whoever repeats it: two bridges between the same meshes hear each other.
 */
export class Guard {
  /** By way and text: when it was carried, ms since 1970, the oldest first; and whether it was the beginning of a longer one. */
  readonly #texts = new Map<string, { readonly at: number; readonly isBeginning: boolean }>();
  readonly #times = new Map<string, number[]>();

  /** Counts the text as carried where nothing speaks against it. */
  take(way: string, text: string, perHour: number, now: number): Held {
    if (isCarried(text)) return "carried_before";
    if (this.knows(way, text, now)) return "said_before";
    if (!this.spend([{ of: way, perHour }], now)) return "too_many";
    this.note(way, text, now);
    return null;
  }

  /** Whether these words went this way in the last ten minutes. */
  knows(way: string, text: string, now: number): boolean {
    const key = keyOf(way, text);
    const isRecent = (at: number) => now - at < TEN_MINUTES_MS;
    const before = this.#texts.get(key);
    if (before !== undefined && isRecent(before.at)) return true;
    for (const [known, { at, isBeginning }] of this.#texts) if (isBeginning && isRecent(at) && key.startsWith(known)) return true;
    return false;
  }

  note(way: string, text: string, now: number, isBeginning = false): void {
    const key = keyOf(way, text);
    this.#texts.delete(key);
    this.#texts.set(key, { at: now, isBeginning });
    for (const oldest of this.#texts.keys()) {
      if (this.#texts.size <= REMEMBERED_MAX) break;
      this.#texts.delete(oldest);
    }
  }

  /** Another bridge said this on the way: what it carried has been said there. */
  noteCarried(way: string, text: string, now: number): void {
    const carried = carriedIn(text);
    if (carried === null || carried.words === "") return;
    if (!carried.isBeginning || bare(carried.words).length >= BEGINNING_MIN) this.note(way, carried.words, now, carried.isBeginning);
  }

  hasRoom(limits: readonly Limit[], now: number): boolean {
    return limits.every(({ of, perHour }) => this.#recent(of, now).length < perHour);
  }

  /** Counts one text under each limit, or under none when one of them is reached. */
  spend(limits: readonly Limit[], now: number): boolean {
    if (!this.hasRoom(limits, now)) return false;
    for (const { of } of limits) this.#recent(of, now).push(now);
    return true;
  }

  #recent(of: string, now: number): number[] {
    const recent = (this.#times.get(of) ?? []).filter((at) => now - at < HOUR_MS);
    this.#times.set(of, recent);
    return recent;
  }
}

/** Whether a bridge wrote it. */
export function isCarried(text: string): boolean {
  return carriedIn(text) !== null;
}

/** Whether it begins with a name, as a bridge of another make writes it; so may a person. */
export function isNamed(text: string): boolean {
  return NAMED.test(text);
}

/** What a bridge carried, without the name before it; "" where it is a further part of a long text. Null: no bridge wrote it. */
function carriedIn(text: string): { readonly words: string; readonly isBeginning: boolean } | null {
  const part = PART.exec(text);
  if (part !== null && Number(part[1]) > 1) return { words: "", isBeginning: false };
  const rest = text.slice(part?.[0].length ?? 0);
  const signed = SIGNED.exec(rest);
  return signed === null ? null : { words: rest.slice(signed[0].length), isBeginning: part !== null };
}

function keyOf(way: string, text: string): string {
  return `${way}\n${bare(text)}`;
}

/** Letters and digits alone, where there are any, so that a bridge of another make, which writes a name before it, is found too. */
function bare(text: string): string {
  const words = text
    .normalize("NFKC")
    .toLowerCase()
    .replace(NAMED, "")
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
  return words === "" ? text.trim() : words;
}
