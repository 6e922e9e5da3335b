/** Makes the output of a realm fit the frames' schema: otherwise a plugin could make the gateway end the whole host for one frame. */

import { parseFrame } from "../../bridge/frame-codec.ts";
import type { Json } from "../../json.ts";
import { MAX_ASK_S, MAX_QUESTION, USUAL_ASK_S } from "../../sdk/boundary/operations.ts";
import type { WireError, WireQuestion } from "../../sdk/boundary/wire.ts";

/** Values in one field of a log line, and how deep they lie in each other. */
const FIELD_VALUES = 200;
const FIELD_DEPTH = 8;

export function isRecord(value: unknown): value is { [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A WireError of bounded strings out of anything. */
export function cleanError(value: unknown): WireError {
  const from = isRecord(value) ? value : {};
  const error: WireError = { name: textOf(from.name, 200) ?? "Error", message: textOf(from.message, 8000) ?? "" };
  const optional = { stack: 8000, code: 200, hint: 2000, permission: 200 } as const;
  for (const [name, length] of Object.entries(optional) as [keyof typeof optional, number][]) {
    const text = textOf(from[name], length);
    if (text !== null) error[name] = text;
  }
  return error;
}

export function cleanFields(value: unknown): { [key: string]: Json } {
  const fields: { [key: string]: Json } = {};
  if (!isRecord(value)) return fields;
  for (const [name, field] of Object.entries(value).slice(0, 32)) {
    if (name.length > 100) continue;
    fields[name] = cleanJson(field, { left: FIELD_VALUES, depth: FIELD_DEPTH });
  }
  return fields;
}

/** JSON of bounded size: what is beyond the bounds is left out, or null. */
function cleanJson(value: unknown, bounds: { left: number; readonly depth: number }): Json {
  if (typeof value === "string") return value.slice(0, 2000);
  if (typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value !== "object" || value === null || bounds.depth === 0) return null;
  const inner = { left: bounds.left, depth: bounds.depth - 1 };
  const kept: (readonly [string, Json])[] = [];
  for (const [name, each] of Object.entries(value)) {
    if (inner.left-- <= 0) break;
    if (name.length <= 100) kept.push([name, cleanJson(each, inner)]);
  }
  bounds.left = inner.left;
  return Array.isArray(value) ? kept.map(([, each]) => each) : Object.fromEntries(kept);
}

/** A question of bounded length and wait, or null where there is none. */
export function cleanQuestion(value: unknown): WireQuestion | null {
  if (!isRecord(value) || typeof value.question !== "string" || !Number.isSafeInteger(value.dialogue)) return null;
  const dialogue = Number(value.dialogue);
  if (dialogue < 0) return null;
  const asked = typeof value.timeoutS === "number" && Number.isFinite(value.timeoutS) ? value.timeoutS : USUAL_ASK_S;
  const timeoutS = Math.min(Math.max(asked, 1), MAX_ASK_S);
  return { dialogue, question: value.question.slice(0, MAX_QUESTION), timeoutS };
}

function textOf(value: unknown, length: number): string | null {
  return typeof value === "string" ? value.slice(0, length) : null;
}

/** JSON of limited depth, or null. */
export function parsedOrNull(text: string, maxDepth: number): unknown {
  const parsed = parseFrame(text, maxDepth);
  return typeof parsed === "string" ? null : parsed.value;
}
