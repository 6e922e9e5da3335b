import { clip, escapeJson, escapeText } from "./escape.ts";
import type { LogLine } from "./line.ts";

const COLOURS = { DEBUG: "\u001b[2m", INFO: "\u001b[32m", WARN: "\u001b[33m", ERROR: "\u001b[31m" } as const;
/** Categories of the gateway's own lines. A plugin with such a name must not look like the gateway. */
const OWN = new Set(["api", "audit", "config", "gateway", "http", "mesh", "outbox", "plugins", "router", "sandbox", "schedule", "storage"]);
const RESET = "\u001b[0m";

/** The JSON format: one object a line, safe to print to a terminal. The internal `seq` is left out. */
export function jsonLine(line: LogLine): string {
  const { seq: _, ...fields } = line;
  return escapeJson(JSON.stringify(fields));
}

/** The text format: one escaped line, so that only our own colour codes reach the terminal. */
export function textLine(line: LogLine, colour: boolean): string {
  const level = line.level.padEnd(5);
  const error = errorPart(line);
  const reference = line.correlation_id === null ? [] : [`ref=${line.correlation_id}`];
  const tail = escapeText(clip([...fieldsOf(line), ...reference].join(" "), 1024));
  const body = escapeText(`${speaker(line)}: ${line.message}${error}`);
  if (!colour) return `${line.timestamp} ${level} ${body}${tail === "" ? "" : ` ${tail}`}`;
  const dim = COLOURS.DEBUG;
  return `${dim}${line.timestamp}${RESET} ${COLOURS[line.level]}${level}${RESET} ${body}${tail === "" ? "" : ` ${dim}${tail}${RESET}`}`;
}

/** `key=value` for each field of the line. */
export function fieldsOf({ context }: Pick<LogLine, "context">): string[] {
  return Object.entries(context).map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`);
}

function speaker({ plugin, category }: LogLine): string {
  return plugin === null ? category : OWN.has(plugin) ? `plugin ${plugin}` : plugin;
}

/** `: TypeError: x is not a function (plugin.ts:12:5)`: the parts of the error that the message does not contain. */
function errorPart(line: LogLine): string {
  if (line.error_message === undefined || line.error_message === null) return "";
  // An expected outcome: its message is complete, and its stack frame would not help an operator.
  if (line.error_type === "GatewayError") return line.message.includes(line.error_message) ? "" : `: ${line.error_message}`;
  const said = line.message.includes(line.error_message) ? "" : `: ${line.error_type ?? "Error"}: ${line.error_message}`;
  const frame = /^ *(?:at )?(.*\d+:\d+\)?)$/m.exec((line.stack_trace ?? "").slice(0, 4096))?.[1];
  return frame === undefined ? said : `${said} (at ${frame.trim()})`;
}
