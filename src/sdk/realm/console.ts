/** console and the plugin's own log: both become lines of the gateway's log under the plugin's name. */

import type { Json } from "../../json.ts";
import { OPS } from "../boundary/ops.ts";
import { describeError, post } from "./link.ts";
import { isArray, jsonParse, jsonStringify, keys, NativeError, NativeString, objectToString } from "./primordials.ts";

/** Characters of JSON that one field may have. */
const MAX_FIELD = 8000;

/** Levels of the gateway's log. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** An Error as the message, as `given` or under `error` is sent by its parts: the gateway's line has fields for them. */
export function logLine(level: LogLevel, message: unknown, given: unknown): void {
  const safe: { [key: string]: Json } = {};
  const thrown = given instanceof NativeError ? given : message;
  if (thrown instanceof NativeError) addError(safe, thrown);
  const isObject = typeof given === "object" && given !== null && !(given instanceof NativeError);
  const fields = (isObject ? given : {}) as { readonly [key: string]: unknown };
  if (typeof given !== "object") safe.error = show(given);
  const names = keys(fields);
  for (let at = 0; at < names.length && at < 32; at++) {
    const name = names[at] ?? "";
    const value = fields[name];
    if (name === "error" && value instanceof NativeError) addError(safe, value);
    else safe[name] = fieldOf(value);
  }
  post(OPS.log, [level, message instanceof NativeError ? `${message.name}: ${message.message}` : NativeString(message), safe]);
}

/** JSON as it is, so that a program which reads the log finds what was meant; everything else as text. */
function fieldOf(value: unknown): Json {
  if (typeof value === "number" || typeof value === "boolean" || value === null) return value;
  if (typeof value !== "object" || value instanceof NativeError) return show(value, 0);
  const kind = objectToString(value);
  if (!isArray(value) && kind !== "[object Object]" && kind !== "[object Date]") return show(value, 0);
  try {
    const text = jsonStringify(value);
    return text === undefined || text.length > MAX_FIELD ? show(value, 0) : (jsonParse(text) as Json);
  } catch {
    return show(value, 0); // A circle, or a getter that throws.
  }
}

function addError(to: { [key: string]: Json }, error: Error): void {
  const { name, message, stack = "" } = describeError(error);
  to.error_type = name;
  to.error_message = message;
  to.stack_trace = stack;
}

/** Values as a line of text: JSON where possible, three levels deep. */
export function show(value: unknown, depth = 0): string {
  if (typeof value === "string") return depth === 0 ? value : (jsonStringify(value) ?? "");
  if (typeof value === "function") return "[function]";
  if (typeof value === "bigint") return `${NativeString(value)}n`;
  if (typeof value !== "object" || value === null) return NativeString(value);
  try {
    if (value instanceof NativeError) {
      const error = describeError(value);
      return depth === 0 && error.stack !== undefined
        ? `${error.name}: ${error.message}\n${error.stack}`
        : `${error.name}: ${error.message}`;
    }
    if (depth >= 3) return isArray(value) ? "[...]" : "{...}";
    const parts = isArray(value) ? ["[", "]"] : ["{", "}"];
    const names = keys(value);
    if (!isArray(value) && names.length === 0) return objectToString(value) === "[object Object]" ? "{}" : objectToString(value);
    let text = parts[0] ?? "";
    for (let at = 0; at < names.length; at++) {
      const name = names[at] ?? "";
      if (at >= 50) return `${text}, ... ${names.length - at} more${parts[1]}`;
      const inner = show((value as { readonly [key: string]: unknown })[name], depth + 1);
      text += `${at > 0 ? ", " : ""}${isArray(value) ? "" : `${name}: `}${inner}`;
      if (text.length > 8000) return `${text} ...`;
    }
    return text + parts[1];
  } catch {
    return "[an object whose properties throw]"; // The plugin's getter failed; a log line must not.
  }
}

function printer(level: LogLevel): (...values: unknown[]) => void {
  return (...values) => {
    let text = "";
    for (let at = 0; at < values.length; at++) text += `${at > 0 ? " " : ""}${show(values[at])}`;
    post(OPS.log, [level, text, {}]);
  };
}

/** As elsewhere; each call becomes one line of the gateway's log, `log` and `dir` at level info. */
export const console = {
  log: printer("info"),
  info: printer("info"),
  debug: printer("debug"),
  trace: printer("debug"),
  warn: printer("warn"),
  error: printer("error"),
  dir: printer("info"),
  assert: (condition: unknown, ...values: unknown[]) => {
    if (!condition) apply0(values);
  },
};

function apply0(values: unknown[]): void {
  let text = "Assertion failed";
  for (let at = 0; at < values.length; at++) text += ` ${show(values[at])}`;
  post(OPS.log, ["error", text, {}]);
}
