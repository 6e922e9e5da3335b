const TEN_MINUTES_MS = 10 * 60_000;
const HOUR_MS = 3_600_000;
const REMEMBERED_MAX = 500;
/** As this bridge writes, and others like it: `Alice@base: hello`, and the further parts of a gateway's long text: `(2/2) rest`. */
const CARRIED = /^(?:\(\d+\/\d+\) )?[^\n@]{1,40}@[\w.-]{1,40}: |^\((?:[2-9]|\d{2,})\/\d+\) /u;

/** Why a text is not carried; null: it is. */
export type Held = "carried_before" | "said_before" | "too_many" | null;

/**
 * Keeps texts from going round. What a bridge wrote is known by its form, and what was carried is not carried again within ten
 * minutes, whoever repeats it: two bridges between the same meshes hear each other.
 */
export class Guard {
  /** When a text was carried, ms since 1970, the oldest first. */
  readonly #texts = new Map<string, number>();
  readonly #rules = new Map<string, number[]>();

  /** Counts the text as carried where nothing speaks against it. */
  take(rule: string, text: string, perHour: number, now: number): Held {
    if (CARRIED.test(text)) return "carried_before";
    const key = `${rule}\n${bare(text)}`;
    const before = this.#texts.get(key);
    if (before !== undefined && now - before < TEN_MINUTES_MS) return "said_before";
    const recent = (this.#rules.get(rule) ?? []).filter((at) => now - at < HOUR_MS);
    this.#rules.set(rule, recent);
    if (recent.length >= perHour) return "too_many";
    recent.push(now);
    this.#texts.delete(key);
    this.#texts.set(key, now);
    for (const oldest of this.#texts.keys()) {
      if (this.#texts.size <= REMEMBERED_MAX) break;
      this.#texts.delete(oldest);
    }
    return null;
  }
}

/** Letters and digits alone, so that a bridge of another make, which writes a name before it, is found too. */
function bare(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/^[[(<][^\])>]{1,40}[\])>]\s*|^\S{1,40}:\s+/u, "")
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}
