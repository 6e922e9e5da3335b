/** Values as the Python original writes them: of any type, or missing. */
import type { Json } from "../json.ts";

export interface Fields {
  readonly [key: string]: Json | undefined;
}

/** What was taken, or left and why. */
export interface Note {
  readonly what: string;
  /** Null: taken. */
  readonly left: string | null;
}

export function fieldsOf(value: Json | undefined): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

/** "" for what is no text. */
export function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value.trim() : typeof value === "number" ? String(value) : "";
}

/** Undefined for what is no number within the bounds. */
export function numberOf(value: Json | undefined, least: number, most: number): number | undefined {
  return typeof value === "number" && value >= least && value <= most ? value : undefined;
}

export function isTrue(value: Json | undefined): boolean {
  return value === true || value === 1 || value === "1" || value === "true";
}

/** `!0a0b0c0d` of a node id in any of the forms in use; null for anything else. */
export function nodeOf(value: Json | undefined): string | null {
  const text = textOf(value).toLowerCase();
  const hex = /^!?([0-9a-f]{8})$/.exec(text)?.[1];
  const number = hex === undefined && /^\d{1,10}$/.test(text) ? Number(text) : hex === undefined ? 0 : Number.parseInt(hex, 16);
  return number > 0 && number < 0xffff_ffff ? `!${number.toString(16).padStart(8, "0")}` : null;
}

/** ms since 1970 of a date as SQLite or Python writes it; without a zone it is UTC. Null for anything else. */
export function timeOf(value: Json | undefined): number | null {
  if (typeof value === "number") return value > 1e11 ? value : value * 1000;
  const match = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(Z|[+-]\d\d:?\d\d)?$/.exec(textOf(value));
  if (match === null) return null;
  const [, day = "", clock = "", zone = "Z"] = match;
  const at = Date.parse(`${day}T${clock.replace(/(\.\d{3})\d+$/, "$1")}${zone}`);
  return Number.isNaN(at) ? null : at;
}

/** Without the keys whose value is undefined. */
export function defined(fields: Fields): { [key: string]: Json } {
  return Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, Json] => entry[1] !== undefined));
}
