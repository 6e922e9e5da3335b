/** Texts for people: catalogues in several languages, and what makes a text fit one message. */

import { encodeUtf8 } from "./realm/encoding.ts";
import { hasOwn, indexOf, join, NativeString, push, stringSlice, toLowerCase } from "./realm/primordials.ts";

/** Bytes of text that one packet holds, and so the size of a reply that goes in one part. */
const PACKET_BYTES = 200;

/** One text with its placeholders in braces (`Sent to {name}.`), or two: `one` is used where the value `count` is 1. */
export type CatalogueText = string | { readonly one: string; readonly other: string };

/** The texts of one language by key. */
export interface TextCatalogue {
  readonly [key: string]: CatalogueText;
}

/** What stands in braces in a text. */
export type Placeholders<T> = T extends `${string}{${infer Name}}${infer Rest}` ? Name | Placeholders<Rest> : never;

/** The placeholders of a text, in both of its forms. */
export type NamesIn<T> = T extends { readonly one: infer One; readonly other: infer Other }
  ? Placeholders<One> | Placeholders<Other>
  : Placeholders<T>;

/** The values that a text needs after its key: none, or one object with a value for each placeholder. Any, where the text is not known. */
export type TextValues<T> = string extends T
  ? [values?: { readonly [name: string]: string | number }]
  : [NamesIn<T>] extends [never]
    ? []
    : [values: { readonly [name in NamesIn<T>]: string | number }];

/** Gives a text by its key, with the values in the place of its placeholders. */
export type Texts<C extends TextCatalogue> = <K extends keyof C & string>(key: K, ...values: TextValues<C[K]>) => string;

/**
 * Makes the texts of a plugin from its catalogues: `en` and any other languages. The result gives the texts of a language, such
 * as the plugin's `language`; `de-AT` falls back to `de`, an unknown language to `en`. Keys and placeholders of `en` are checked by the compiler where its
 * catalogue is declared `as const`; `textProblems` of the testing kit compares the languages.
 * @example
 * const texts = defineTexts({ en: { sent: "Sent to {name}." } as const, de: { sent: "An {name} gesendet." } });
 * texts("de")("sent", { name: "Ridge" }); // "An Ridge gesendet."
 */
export function defineTexts<const C extends TextCatalogue>(languages: {
  readonly en: C;
  readonly [language: string]: { readonly [K in keyof C]: CatalogueText };
}): (language: string) => Texts<C> {
  return (language) => {
    const catalogue: TextCatalogue = catalogueOf(languages, toLowerCase(NativeString(language)));
    return (key, ...values) => filled(catalogue[key] ?? languages.en[key] ?? key, values[0] ?? {});
  };
}

function catalogueOf(
  languages: { readonly en: TextCatalogue; readonly [language: string]: TextCatalogue },
  language: string,
): TextCatalogue {
  const dash = indexOf(language, "-");
  const names = [language, dash < 0 ? language : stringSlice(language, 0, dash)];
  for (let at = 0; at < names.length; at++) {
    const name = names[at] ?? "";
    if (hasOwn(languages, name)) return languages[name] ?? languages.en;
  }
  return languages.en;
}

/** A value that holds braces itself is not filled again. */
function filled(entry: CatalogueText, values: { readonly [name: string]: string | number }): string {
  const text = typeof entry === "string" ? entry : values.count === 1 ? entry.one : entry.other;
  const pieces: string[] = [];
  let from = 0;
  for (let open = indexOf(text, "{"); open >= 0; open = indexOf(text, "{", from)) {
    const close = indexOf(text, "}", open);
    if (close < 0) break;
    const name = stringSlice(text, open + 1, close);
    const value = hasOwn(values, name) ? NativeString(values[name]) : stringSlice(text, open, close + 1);
    push(pieces, stringSlice(text, from, open));
    push(pieces, value);
    from = close + 1;
  }
  push(pieces, stringSlice(text, from));
  return join(pieces, "");
}

/** Bytes of a text as the mesh carries it, in UTF-8. */
export function byteLength(text: string): number {
  return encodeUtf8(text).length;
}

/**
 * The text if it has at most `bytes` bytes (200 by default: one packet), else as many whole characters as fit with `…` at the end.
 * @example cutText("Grüße aus dem Tal", 10); // "Grüße…"
 */
export function cutText(text: string, bytes: number = PACKET_BYTES): string {
  if (byteLength(text) <= bytes) return text;
  let end = 0;
  let used = byteLength("…");
  while (end < text.length) {
    const pair =
      text.length > end + 1 && byteLength(stringSlice(text, end, end + 2)) === 4 && byteLength(stringSlice(text, end, end + 1)) === 3;
    const next = end + (pair ? 2 : 1);
    used += byteLength(stringSlice(text, end, next));
    if (used > bytes) break;
    end = next;
  }
  return `${stringSlice(text, 0, end)}…`;
}

/** How {@link fitLines} lays out a list. */
export interface FitOptions {
  /** Above the lines. */
  readonly title?: string;
  /** Bytes of the whole; 200 by default. */
  readonly bytes?: number;
  /** More lines follow those given. */
  readonly hasMore?: boolean;
  /** The last line where not all are shown: how to get the rest. `shown` is the number of lines above it. */
  readonly more?: (shown: number) => string;
}

/**
 * As many lines as fit one message, with the title above and, where some are left out, a last line that says how to get them.
 * The first line is always shown, cut where it must be.
 * @example
 * fitLines(["1 Boat", "2 Tent"], { title: "FOR SALE", more: (shown) => `more: list ${shown + 1}` });
 */
export function fitLines(lines: readonly string[], options: FitOptions = {}): { readonly text: string; readonly shown: number } {
  const { title, bytes = PACKET_BYTES, hasMore = false, more = () => "" } = options;
  const head = title === undefined || title === "" ? [] : [title];
  for (let shown = lines.length; shown > 0; shown--) {
    const foot = shown < lines.length || hasMore ? more(shown) : "";
    const whole = laidOut(head, lines, shown, foot);
    const excess = byteLength(whole) - bytes;
    if (excess <= 0) return { text: whole, shown };
    if (shown > 1) continue;
    const first = lines[0] ?? "";
    return { text: cutText(laidOut(head, [cutText(first, byteLength(first) - excess)], 1, foot), bytes), shown };
  }
  return { text: cutText(laidOut(head, [], 0, ""), bytes), shown: 0 };
}

function laidOut(head: readonly string[], lines: readonly string[], shown: number, foot: string): string {
  const all: string[] = [];
  if (head.length > 0) push(all, head[0] ?? "");
  for (let at = 0; at < shown; at++) push(all, lines[at] ?? "");
  if (foot !== "") push(all, foot);
  return join(all, "\n");
}
