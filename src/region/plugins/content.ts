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
  if (!isWithin(value, limits))
    return fail("too_large", `${what} is nested deeper than ${limits.depth}, or has more than ${limits.nodes} values`);
  const text = JSON.stringify(value);
  if (Buffer.byteLength(text) > limits.chars) return fail("too_large", `${what} has more than ${limits.chars / 1024} KB of JSON`);
  const read = parseJson(text, limits);
  return read.ok ? ok({ text, value: read.value }) : fail("too_large", `${what} ${read.error.message}`);
}

/** Before anything recursive walks over it. */
function isWithin(value: Json, { depth: maxDepth, nodes: maxNodes }: JsonLimits): boolean {
  let level: Json[] = [value];
  let nodes = 0;
  for (let depth = 0; level.length > 0; depth++) {
    nodes += level.length;
    if (nodes > maxNodes || depth > maxDepth) return false;
    level = level.flatMap((each) => (typeof each === "object" && each !== null ? Object.values(each) : []));
  }
  return true;
}
