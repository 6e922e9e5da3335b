/** What plugins may send to other sites, and what is taken from there: JSON within bounds that both ends check. */
import { fail, ok, type Result } from "../../errors.ts";
import type { Json } from "../../json.ts";
import { type JsonLimits, parseJson } from "../../json-reader.ts";

const DEPTH = 32;

/** Of one message. */
export const MESSAGE_LIMITS: JsonLimits = { chars: 16 * 1024, depth: DEPTH, nodes: 5_000 };
/** Of one shared value. */
export const VALUE_LIMITS: JsonLimits = { chars: 6 * 1024, depth: DEPTH, nodes: 2_000 };

/** The value as text, and a copy that holds JSON alone. Fails with `too_large`; `what` begins the message. */
export function bounded(value: Json, limits: JsonLimits, what: string): Result<{ readonly text: string; readonly value: Json }> {
  const text = textOf(value);
  if (text === null) return fail("too_large", `${what} is nested deeper than ${limits.depth}`);
  if (Buffer.byteLength(text) > limits.chars) return fail("too_large", `${what} has more than ${limits.chars / 1024} KB of JSON`);
  const read = parseJson(text, limits);
  return read.ok ? ok({ text, value: read.value }) : fail("too_large", `${what} ${read.error.message}`);
}

/** Null: nested so deeply that the stack does not suffice. */
function textOf(value: Json): string | null {
  try {
    return JSON.stringify(value) ?? "null";
  } catch (thrown) {
    if (thrown instanceof RangeError) return null;
    throw thrown;
  }
}
