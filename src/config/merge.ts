import type { Json } from "../json.ts";

export interface JsonObject {
  readonly [key: string]: Json;
}

/**
 * Defaults under the user's values: maps are merged at every depth, everything else (lists too) is replaced as a whole.
 * Inputs are not changed and nothing of them but plain own keys is read, so `__proto__` is a key like any other.
 */
export function deepMerge(defaults: JsonObject, user: JsonObject): JsonObject {
  const merged = new Map<string, Json>(Object.entries(defaults));
  for (const [key, value] of Object.entries(user)) {
    const under = merged.get(key);
    merged.set(key, isMap(under) && isMap(value) ? deepMerge(under, value) : value);
  }
  return fromEntries(merged);
}

/** Dotted keys whose value differs: changed, added and removed ones, sorted. A list counts as one value. */
export function changedKeys(before: JsonObject, after: JsonObject): string[] {
  const keys: string[] = [];
  compare(before, after, "", keys);
  return keys.sort();
}

function compare(before: JsonObject, after: JsonObject, prefix: string, keys: string[]): void {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, now] = [own(before, key), own(after, key)];
    const path = `${prefix}${key}`;
    if (isMap(old) && isMap(now)) compare(old, now, `${path}.`, keys);
    else if (!isSame(old, now)) keys.push(...leaves(isMap(old) ? old : now, path, isMap(old) ? now : old));
  }
}

/** The keys inside a map that was added or removed. */
function leaves(value: Json | undefined, path: string, other: Json | undefined): string[] {
  if (other !== undefined || !isMap(value) || Object.keys(value).length === 0) return [path];
  return Object.keys(value).flatMap((key) => leaves(own(value, key), `${path}.${key}`, undefined));
}

function isSame(a: Json | undefined, b: Json | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return Bun.deepEquals(a, b, true);
}

export function isMap(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function own(value: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

/** Object.fromEntries defines keys, so a `__proto__` among them sets no prototype. */
function fromEntries(entries: Map<string, Json>): JsonObject {
  return Object.fromEntries(entries);
}
