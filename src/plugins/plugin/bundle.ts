import type { WireError } from "../../sdk/boundary/wire.ts";

export interface Bundle {
  readonly code: string;
  /** sha256 of all that was loaded. */
  readonly hash: string;
  /** Turns the engine's lines into those of the author's TypeScript. */
  mapStack(stack: string): string;
}

/** One line of what went wrong in a realm, with the author's own file, line and column where known. */
export function describeError(error: WireError, bundle: Bundle | null): string {
  const where = error.stack === undefined || bundle === null ? "" : firstFrame(error.stack, bundle);
  const hint = error.hint === undefined || error.message.includes(error.hint) ? "" : ` (${error.hint})`;
  // The message of a PluginError says everything.
  const name = error.name === "PluginError" ? "" : `${error.name}: `;
  return `${name}${error.message}${where}${hint}`.replaceAll(/\s*\n\s*/g, " ");
}

/** The innermost frame in the plugin's own code: those that the source map knows. The sdk's own say nothing to an author. */
function firstFrame(stack: string, bundle: Bundle): string {
  for (const line of stack.split("\n").slice(0, 50)) {
    const mapped = bundle.mapStack(line);
    const match = mapped === line ? null : /\(?([^\s()]+\.(?:ts|js|mjs|cjs|json):\d+(?::\d+)?)\)?/.exec(mapped);
    if (match !== null) return ` at ${match[1]}`;
  }
  return "";
}
