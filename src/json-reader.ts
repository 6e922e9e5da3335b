/**
 * The one reader for JSON that comes from outside: its size, depth and number of values are bounded before the
 * parser sees it, because a parser and whatever walks through the value afterwards use the stack.
 */
import { fail, ok, type Result } from "./errors.ts";
import type { Json } from "./json.ts";

export interface JsonLimits {
  /** Characters of the text. */
  readonly chars: number;
  /** Levels of lists and objects within each other. */
  readonly depth: number;
  /** Values, lists and objects included. */
  readonly nodes: number;
}

/** For what one file of a plugin, or one body, may hold. */
export const FILE_LIMITS: JsonLimits = { chars: 256 * 1024, depth: 64, nodes: 20_000 };

/**
 * Reads JSON from outside. Keys called `__proto__` are left out. Fails with `too_large` or `invalid_argument`; the message
 * follows the name of what was read and repeats nothing of it; `cause` is the parser's own error.
 */
export function parseJson(text: string, limits: JsonLimits): Result<Json> {
  const excess = excessOf(text, limits);
  if (excess !== null) return fail("too_large", excess);
  try {
    const value: Json = JSON.parse(text);
    // A key may also be written with escapes.
    if (text.includes("__proto__") || text.includes("\\u00")) dropPrototypeKeys(value);
    return ok(value);
  } catch (cause) {
    return fail("invalid_argument", "is not JSON", { cause, hint: "JSON has no comments and no trailing commas" });
  }
}

/** What the parser said of a text that is not JSON, for its author; it may repeat a word of the text. */
export function jsonProblem({ message, cause }: { readonly message: string; readonly cause?: unknown }): string {
  return cause instanceof Error ? `${message}: ${cause.message.slice(0, 200)}` : message;
}

/** A copy that shares nothing and holds JSON alone: what `toJSON` gives, without undefined members. */
export function copyJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value ?? null));
}

/** Which limit a text exceeds, in one pass without recursion; null when it keeps them all. */
function excessOf(text: string, { chars, depth: maxDepth, nodes: maxNodes }: JsonLimits): string | null {
  if (text.length > chars) return `is larger than ${chars >= 1024 ? `${Math.floor(chars / 1024)} KB` : `${chars} characters`}`;
  let depth = 0;
  let nodes = 1;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 0x22) at = endOfString(text, at);
    else if (unit === 0x2c) nodes++;
    else if (unit === 0x7b || unit === 0x5b) {
      nodes++;
      if (++depth > maxDepth) return `is nested deeper than ${maxDepth}`;
    } else if (unit === 0x7d || unit === 0x5d) depth--;
  }
  return nodes > maxNodes ? `holds more than ${maxNodes} values` : null;
}

/** Where the string that starts at `at` ends; most of a long text is in strings, and this is faster than looking at each character. */
function endOfString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === 0x5c) escapes++;
    if (escapes % 2 === 0) return end;
  }
  return text.length;
}

function dropPrototypeKeys(value: Json): void {
  if (typeof value !== "object" || value === null) return;
  if (Object.hasOwn(value, "__proto__")) Reflect.deleteProperty(value, "__proto__");
  for (const inner of Object.values(value)) dropPrototypeKeys(inner);
}
