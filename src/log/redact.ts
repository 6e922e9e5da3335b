import { clip } from "./escape.ts";

const SECRET_KEY =
  /token|secret|passw|passphrase|api[-_]?key|private[-_]?key|^key$|[-_]key$|Key$|^psk$|authorization|cookie|credential|webhook/i;
const BEARER = /\b(Bearer|Basic) +[\w.~+/=-]{8,}/g;
const USERINFO = /(\w:\/\/)[^\s/@:]{1,256}:[^\s/@]{1,256}@/g;
const REDACTED = "[redacted]";
const MAX_DEPTH = 6;
const MAX_ENTRIES = 64;
const MAX_TEXT = 4096;
/** Over all values of one line, in characters. */
const MAX_TOTAL = 16_384;

/**
 * Makes a JSON copy of a logged value: bounded in depth, entries and size, without cycles, with the values of keys
 * named like secrets, and every value in `secrets`, replaced.
 */
export class Redactor {
  #secrets: readonly string[] = [];

  /** Values that are replaced wherever they occur. Short ones are ignored, because they would hide ordinary words. */
  setSecrets(values: readonly string[]): void {
    this.#secrets = values.filter((value) => value.length >= 6);
  }

  text(text: string, max = MAX_TEXT): string {
    let clean = clip(text, 2 * max)
      .replace(BEARER, `$1 ${REDACTED}`)
      .replace(USERINFO, `$1${REDACTED}@`);
    for (const secret of this.#secrets) clean = clean.replaceAll(secret, REDACTED);
    return clip(clean, max);
  }

  value(value: unknown): unknown {
    return this.#copy(value, 0, { left: MAX_TOTAL }, new Set());
  }

  #copy(value: unknown, depth: number, budget: { left: number }, above: Set<object>): unknown {
    if (budget.left <= 0) return "…";
    if (typeof value === "string") {
      const text = this.text(value);
      budget.left -= text.length;
      return text;
    }
    budget.left -= 8;
    if (value === null || typeof value === "boolean") return value;
    if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
    if (typeof value !== "object") return value === undefined ? null : clip(String(value), 64);
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
    if (value instanceof Error) return this.text(`${value.name}: ${value.message}`);
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    if (depth >= MAX_DEPTH || above.has(value)) return "…";
    above.add(value);
    const copy = Array.isArray(value) ? this.#array(value, depth, budget, above) : this.#object(value, depth, budget, above);
    above.delete(value);
    return copy;
  }

  #array(value: readonly unknown[], depth: number, budget: { left: number }, above: Set<object>): unknown[] {
    const copy = value.slice(0, MAX_ENTRIES).map((item) => this.#copy(item, depth + 1, budget, above));
    if (value.length > MAX_ENTRIES) copy.push(`… ${value.length - MAX_ENTRIES} more`);
    return copy;
  }

  #object(value: object, depth: number, budget: { left: number }, above: Set<object>): Record<string, unknown> {
    const copy: [string, unknown][] = [];
    for (const [key, item] of Object.entries(value).slice(0, MAX_ENTRIES)) {
      budget.left -= key.length;
      const name = clip(key, 128);
      copy.push([name, SECRET_KEY.test(key) && item !== null ? REDACTED : this.#copy(item, depth + 1, budget, above)]);
    }
    // fromEntries defines own properties, so a key `__proto__` stays a key.
    return Object.fromEntries(copy);
  }
}
