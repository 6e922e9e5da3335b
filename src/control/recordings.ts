/** A recording as a file. What the plugin host told is hostile: each line is read with limits, and what is no line of a recording is left out. */
import type { Json } from "../json.ts";
import { type JsonLimits, parseJson } from "../json-reader.ts";
import type { Recording } from "../plugins/plugin/recording.ts";

const LINE_LIMITS: JsonLimits = { chars: 4 * 1024 * 1024, depth: 96, nodes: 400_000 };
export const REDACTED = "[redacted]";
/** Shorter secrets are replaced only where they are a whole text: they would hide ordinary words. */
const SHORT = 4;
/** Names under which configurations and headers keep what nobody may see. */
const SECRET_NAME = /token|secret|passw|passphrase|api[-_]?key|private[-_]?key|^key$|[-_]key$|Key$|^psk$|authorization|cookie|credential/i;

export interface About {
  readonly plugin: string;
  readonly version: string;
  readonly gateway: string;
  /** ms since 1970. */
  readonly started: number;
}

/** Lines of JSON; the first says what it is. */
export function recordingFile(
  recording: Recording,
  about: About,
  { secrets, mapStack }: { readonly secrets: readonly string[]; mapStack(stack: string): string },
): string {
  const lines: Json[] = [];
  for (const text of recording.text().split("\n")) {
    const parsed = parseJson(text, LINE_LIMITS);
    if (parsed.ok && Array.isArray(parsed.value)) lines.push(inAuthorsLines(parsed.value, mapStack));
  }
  const hidden = [...new Set([...secrets, ...secretAnswers(lines)])].filter((secret) => secret !== "").sort((a, b) => b.length - a.length);
  const head = { zephyrgate: "recording", format: 1, ...about, ended: recording.status.reason };
  return `${[JSON.stringify(head), ...lines.map((line) => JSON.stringify(hide(line, hidden)))].join("\n")}\n`;
}

/** How a call failed, with the places of the author's files: the code may be another when it is replayed. */
function inAuthorsLines(line: Json[], mapStack: (stack: string) => string): Json {
  const [kind, call, error] = line;
  if (kind !== "failed" || typeof error !== "object" || error === null || Array.isArray(error)) return line;
  const { stack } = error as { readonly [key: string]: Json };
  return typeof stack === "string" ? [kind, call ?? null, { ...error, stack: mapStack(stack) }] : line;
}

/** Values that the plugin got by `getSecret`; they may have been replaced since. */
function secretAnswers(lines: readonly Json[]): string[] {
  const asked = new Set<Json>();
  const values: string[] = [];
  for (const line of lines) {
    if (!Array.isArray(line)) continue;
    const [kind, , value] = line;
    if (!Array.isArray(value)) continue;
    const [first, second, third] = value;
    if (kind === "out" && second === "get_secret" && first !== undefined) asked.add(first);
    if (kind !== "event" || first !== "answer" || second === undefined || !asked.has(second)) continue;
    const secret = typeof third === "object" && third !== null && !Array.isArray(third) ? third.value : null;
    if (typeof secret === "string") values.push(secret);
  }
  return values;
}

/** Without secrets and credentials. `isNamed`: inside what carries credentials by name. Elsewhere a name like `key` is the plugin's own word. */
export function hide(value: Json, secrets: readonly string[], isNamed = false): Json {
  if (typeof value === "string") return hideIn(value, secrets);
  if (Array.isArray(value)) return value.map((each) => hide(each, secrets, isNamed));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, each]): [string, Json] => {
    if (isNamed && SECRET_NAME.test(name) && typeof each === "string" && each !== "") return [name, REDACTED];
    return [hideIn(name, secrets), hide(each, secrets, isNamed || name === "headers" || name === "config")];
  });
  return Object.fromEntries(entries);
}

/** As it is, and as URLs and basic authorization write it. */
function hideIn(text: string, secrets: readonly string[]): string {
  let hidden = text;
  for (const secret of secrets) {
    if (hidden === secret) return REDACTED;
    if (secret.length < SHORT) continue;
    for (const form of new Set([secret, encodeURIComponent(secret), Buffer.from(secret).toString("base64").replace(/=+$/, "")]))
      hidden = hidden.replaceAll(form, REDACTED);
  }
  return hidden;
}
