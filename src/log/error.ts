import { GatewayError } from "../errors.ts";

const MAX_CAUSES = 4;
const MAX_STACK = 8192;

export interface ErrorFields {
  readonly error_type: string | null;
  readonly error_message: string | null;
  readonly stack_trace: string | null;
}

/**
 * The three error fields for any thrown value, or for an object {name, message, stack} that crossed a
 * boundary. Without an error the line's own message is used.
 */
export function errorFields(error: unknown, message: string, clean: (text: string, max?: number) => string): ErrorFields {
  if (error === undefined || error === null) return { error_type: null, error_message: clean(message), stack_trace: null };
  if (typeof error !== "object") return { error_type: typeof error, error_message: clean(String(error)), stack_trace: null };
  const { name, message: text, stack } = error as { name?: unknown; message?: unknown; stack?: unknown };
  const own = error instanceof GatewayError ? error.summary() : typeof text === "string" ? text : message;
  const type = typeof name === "string" && name !== "" ? name : "Error";
  const trace = typeof stack === "string" && stack !== "" ? stack + causes(error) : null;
  return { error_type: clean(type, 128), error_message: clean(own), stack_trace: trace === null ? null : clean(trace, MAX_STACK) };
}

function causes(error: object): string {
  let text = "";
  let cause = (error as { cause?: unknown }).cause;
  for (let depth = 0; depth < MAX_CAUSES && cause instanceof Error; depth++) {
    text += `\ncaused by ${cause.stack ?? `${cause.name}: ${cause.message}`}`;
    cause = cause.cause;
  }
  return text;
}
