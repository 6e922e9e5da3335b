import type { Issue } from "../../errors.ts";

/** `error`: it does not load, or does not do what it says. `warning`: look at it. `note`: good to know. */
export type Level = "error" | "warning" | "note";

export interface Finding extends Issue {
  readonly level: Level;
}

/** `... at handlers/a.ts:12:5 ...` of an error's line, as a place of its own. */
export function located(folder: string, fallback: string, text: string): Pick<Finding, "file" | "line" | "column" | "message"> {
  const match = / at ([^\s()]+\.(?:ts|mts|cts|js|mjs|cjs|json)):(\d+)(?::(\d+))?/.exec(text);
  if (match === null) return { file: `${folder}/${fallback}`, message: text };
  const [whole, file = "", line, column] = match;
  const place = column === undefined ? { line: Number(line) } : { line: Number(line), column: Number(column) };
  return { file: `${folder}/${file}`, ...place, message: text.replace(whole, "") };
}
