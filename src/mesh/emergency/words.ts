import { normalizeWord, withoutPrefix } from "../words.ts";

export const EMERGENCY_WORDS: ReadonlySet<string> = new Set(["sos", "sosp", "sosf", "sosm", "mayday"]);

/** An emergency word at the beginning of a text, and what follows it. */
export interface EmergencyCall {
  /** Lower case. */
  readonly word: string;
  readonly rest: string;
}

/** Reads `SOS`, `!sos: leg broken` or `Mayday, mayday`; null when the text does not begin with an emergency word. */
export function parseEmergency(text: string, prefixes: readonly string[]): EmergencyCall | null {
  const trimmed = text.trim();
  const command = withoutPrefix(trimmed, [...prefixes, ""]) ?? trimmed;
  const [first = ""] = command.split(/\s/, 1);
  const word = normalizeWord(first).replace(/[!.,:;?-]{1,8}$/, "");
  if (!EMERGENCY_WORDS.has(word)) return null;
  const end = trimmed.search(/\s/);
  return { word, rest: end === -1 ? "" : trimmed.slice(end).trim() };
}
