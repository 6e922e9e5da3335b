import type { NodeNumber } from "../types.ts";

/** `!` and eight lower-case hexadecimal digits, as the apps show it. */
export function formatNodeId(number: NodeNumber): string {
  return `!${(number >>> 0).toString(16).padStart(8, "0")}`;
}

/** Reads `!0a0b0c0d` (any case); null for anything else. */
export function parseNodeId(text: string): NodeNumber | null {
  return /^![0-9a-f]{8}$/i.test(text) ? Number.parseInt(text.slice(1), 16) : null;
}
