/**
 * Characters that can move a cursor, colour a terminal, break a line or reverse text: C0, DEL, C1, line and paragraph
 * separators, bidi marks, embeddings and isolates, invisible tags, the byte order mark and lone surrogates.
 */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\u{e0000}-\u{e007f}]|\p{Surrogate}/gu;
const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Text from the mesh or a plugin as one harmless line for a terminal or a log: unsafe characters become `\n`, `\x1b`, `\u{202e}`. */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return SHORT[character] ?? (code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`);
  });
}

/** The same text with a blank where such characters were: for a stranger's name, where they mean nothing. */
export function removeUnsafe(text: string): string {
  return text.replace(UNSAFE, " ");
}

/** Makes JSON text safe to print: such characters occur only inside strings, where their `\u` form means the same. */
export function escapeJson(json: string): string {
  return json.replace(UNSAFE, (character) => {
    let escaped = "";
    for (let i = 0; i < character.length; i++) escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
    return escaped;
  });
}

/** Cuts text to `length` characters, the last one `…`; never splits a surrogate pair. */
export function clip(text: string, length: number): string {
  if (text.length <= length) return text;
  const end = length - 1;
  const last = text.charCodeAt(end - 1);
  return `${text.slice(0, last >= 0xd800 && last <= 0xdbff ? end - 1 : end)}…`;
}
