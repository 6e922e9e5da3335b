/** What to write instead, for mistakes whose meaning can be guessed. */
import { nearest } from "../nearest.ts";

/** The part of a Valibot schema that is read here. */
interface Described {
  readonly entries?: Readonly<Record<string, Described>>;
  readonly wrapped?: Described;
}

/** Sections of the Python original, which are told apart from misspelt ones. */
const PYTHON = new Set(["app", "meshtastic", "services", "logging", "database", "mqtt_gateway", "web", "web_admin", "security"]);
const INVISIBLE = /[\u00a0\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u2064\ufeff]/gu;

/** For a key that is not known at `path`; `known` are those that are. */
export function hintForKey(schema: object, path: readonly (string | number)[], key: string, known: readonly string[]): string {
  const visible = key.replace(INVISIBLE, "").trim();
  if (visible !== key) return `it holds a blank or a character that is not seen: write ${visible}, and indent with plain spaces`;
  const [, name = "", value = ""] = /^([^:]+):(.*)$/s.exec(key) ?? [];
  if (known.includes(name)) return `write a blank behind the colon: ${name}: ${short(value)}`;
  if (path.length === 0 && PYTHON.has(key)) return "a section of the Python version: zephyrgate import-python DIR takes its settings over";
  const near = nearest(key, known);
  if (near !== null) return `did you mean ${near}?`;
  const elsewhere = placesOf(schema as Described, key).filter((place) => place !== [...path, key].join("."));
  if (elsewhere.length > 0 && elsewhere.length <= 3) return `did you mean ${elsewhere.join(" or ")}?`;
  return `known here: ${known.join(", ")}`;
}

function placesOf(schema: Described, wanted: string, path = ""): string[] {
  return Object.entries(inner(schema).entries ?? {}).flatMap(([key, each]) => [
    ...(key === wanted && path !== "" ? [`${path}.${key}`] : []),
    ...placesOf(each, wanted, path === "" ? key : `${path}.${key}`),
  ]);
}

function inner(schema: Described): Described {
  let plain = schema;
  while (plain.wrapped !== undefined) plain = plain.wrapped;
  return plain;
}

/** The keys of a section, for one that was given a single value; null: it is none. */
export function keysOf(schema: object, path: readonly (string | number)[]): readonly string[] | null {
  let at: Described | undefined = schema as Described;
  for (const key of path) at = inner(at ?? {}).entries?.[String(key)];
  const { entries } = inner(at ?? {});
  return entries === undefined ? null : Object.keys(entries);
}

const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, sec: 1, m: 60, min: 60, h: 3600, d: 86_400 };
const MEGABYTES: Readonly<Record<string, number>> = { kb: 1 / 1024, k: 1 / 1024, mb: 1, m: 1, gb: 1024, g: 1024 };

/** For a text where a number is due. */
export function hintForNumber(text: string, key: string): string | null {
  const trimmed = text.trim();
  if (trimmed !== "" && Number.isFinite(Number(trimmed))) return `write ${key}: ${trimmed}`;
  if (isVariable(text)) return `variables are not replaced in this file: ${INSTEAD_OF_A_VARIABLE}`;
  const [, digits = "", unit = ""] = /^([\d.]+) *([a-z%]+)$/i.exec(trimmed) ?? [];
  const units = key.endsWith("_s") ? SECONDS : key.endsWith("_mb") ? MEGABYTES : { "%": 0.01 };
  const factor = units[unit.toLowerCase()];
  if (factor === undefined || !Number.isFinite(Number(digits))) return null;
  return `write ${key}: ${Number((Number(digits) * factor).toPrecision(6))}`;
}

const INSTEAD_OF_A_VARIABLE = "write the value, or set it by a variable such as ZEPHYRGATE_API__PORT";
const isVariable = (text: string) => /\$\{?\w+\}?|%\w+%/.test(text);

/** A text as it must be written in a list or behind a key: in quotes where it would be something else. */
export function written(text: string): string {
  return /^[\w./-][\w./ -]*$/.test(text) && !/^(?:true|false|null|~|[+-]?\.?\d.*|-.*)$/i.test(text)
    ? short(text)
    : JSON.stringify(short(text));
}

/** For a tag, such as other programs know in their files. */
export function hintForTag(tag: string, whole: string): string {
  if (/^!include/.test(tag)) return "files are not included here: write it into this file";
  if (/^!(?:secret|env)/.test(tag))
    return `this program knows no such tag: ${INSTEAD_OF_A_VARIABLE}; passwords have keys such as password_file`;
  return `write ${JSON.stringify(whole)}`;
}

/** What the parser says of a line, in plain words, and how to fix it; null: nothing better. */
export function plainSyntax(
  { code, message }: { readonly code: string; readonly message: string },
  line: string,
): { readonly message: string; readonly hint: string } | null {
  if (isVariable(line)) return { message: "this is no YAML: variables are not replaced in this file", hint: INSTEAD_OF_A_VARIABLE };
  if (/^\s*\[[\w.]+\]\s*$/.test(line) || /^\s*[\w.]+ *= */.test(line))
    return {
      message: "this is no YAML but another format",
      hint: "write KEY: VALUE, and what belongs together indented below its section",
    };
  const bare = /: +([@%`*&|>][^\s,}\]]*)/.exec(line)?.[1];
  if (bare !== undefined && code !== "TAB_AS_INDENT")
    return { message: `${short(bare)} has a meaning of its own in YAML`, hint: `write it in quotes: ${JSON.stringify(short(bare))}` };
  if (/end with a [}\]]/.test(message))
    return { message: "a bracket { or [ is not closed", hint: "close it; a # behind a blank begins a comment" };
  if (code === "BLOCK_AS_IMPLICIT_KEY")
    return { message: "a second colon in one line", hint: "write the value in quotes, or its key on a line of its own" };
  if (code === "BAD_DQ_ESCAPE")
    return { message: "a backslash in double quotes begins a special character", hint: "use single quotes, or / in paths" };
  return null;
}

function short(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
