/**
 * The closed table of error codes. Each code has one meaning, the HTTP status the API answers with, and a title.
 * Expected outcomes are values ({@link Result}); a {@link GatewayError} is thrown only where a caller cannot go on.
 */
export const ERROR_CODES = {
  invalid_argument: { status: 400, title: "The input is not valid" },
  unauthorized: { status: 401, title: "A valid token is required" },
  permission_denied: { status: 403, title: "Permission denied" },
  not_found: { status: 404, title: "Not found" },
  method_not_allowed: { status: 405, title: "Method not allowed" },
  conflict: { status: 409, title: "Not possible in the present state" },
  too_large: { status: 413, title: "Too large" },
  quota_exceeded: { status: 413, title: "The quota is used up" },
  unsupported_media_type: { status: 415, title: "Unsupported media type" },
  unprocessable: { status: 422, title: "The input does not fit its schema" },
  rate_limited: { status: 429, title: "Too many requests" },
  internal: { status: 500, title: "Internal error" },
  unavailable: { status: 503, title: "Not available now" },
  timeout: { status: 504, title: "The deadline passed" },
  cancelled: { status: 499, title: "Cancelled" },
  config_invalid: { status: 400, title: "The configuration is not valid" },
  manifest_invalid: { status: 400, title: "The manifest is not valid" },
  load_failed: { status: 409, title: "The plugin could not be loaded" },
  plugin_failed: { status: 409, title: "The plugin failed" },
  realm_gone: { status: 503, title: "The plugin's realm has ended" },
  host_gone: { status: 503, title: "The plugin host has ended" },
  jail_unavailable: { status: 503, title: "A wall of the jail is missing" },
  link_down: { status: 503, title: "No radio link" },
  data_unusable: { status: 500, title: "The data folder or its database cannot be used" },
  data_locked: { status: 409, title: "Another gateway uses this data folder" },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface ErrorDetail {
  /** What to do about it, in words an operator or author can follow. */
  hint?: string;
  /** Where it went wrong: a file with line, a field, a URL. */
  where?: string;
  /** Further machine-readable facts (JSON). */
  data?: Readonly<Record<string, unknown>>;
  cause?: unknown;
}

/** An error with a code of the closed table, what went wrong, where, and how to fix it. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly hint: string | undefined;
  readonly where: string | undefined;
  readonly data: Readonly<Record<string, unknown>> | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    detail: ErrorDetail = {},
  ) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.hint = detail.hint;
    this.where = detail.where;
    this.data = detail.data;
  }

  /** One line: where, what and the hint. (Not `line`: the engine puts a number of that name on every error.) */
  summary(): string {
    const where = this.where === undefined ? "" : `${this.where}: `;
    const hint = this.hint === undefined ? "" : ` (${this.hint})`;
    return `${where}${this.message}${hint}`;
  }
}

export type Result<T, E = GatewayError> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function fail(code: ErrorCode, message: string, detail: ErrorDetail = {}): { readonly ok: false; readonly error: GatewayError } {
  return { ok: false, error: new GatewayError(code, message, detail) };
}

/** Turns anything thrown into a GatewayError, keeping it as the cause. */
export function asGatewayError(thrown: unknown, code: ErrorCode = "internal"): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new GatewayError(code, message, { cause: thrown });
}

/** Why something failed, for a sentence: the system's code such as ENOSPC where there is one, else the error's own words. */
export function causeOf(thrown: unknown): string {
  if (thrown instanceof GatewayError) return thrown.summary();
  if (!(thrown instanceof Error)) return String(thrown);
  // Codes that are no system's, such as ERR_INVALID_ARG_TYPE, say less than the words.
  const code = "code" in thrown && typeof thrown.code === "string" ? thrown.code : "";
  return /^(?!ERR_)[A-Z][A-Z0-9_]+$/.test(code) ? code : thrown.message;
}

/** A failure with its true cause: an error of our own as it is, any other as `message (cause)`. */
export function failBecause(
  cause: unknown,
  code: ErrorCode,
  message: string,
  detail: Omit<ErrorDetail, "cause"> = {},
): { readonly ok: false; readonly error: GatewayError } {
  return cause instanceof GatewayError ? { ok: false, error: cause } : fail(code, `${message} (${causeOf(cause)})`, { ...detail, cause });
}

/** One thing that is wrong in a file someone wrote: a manifest, a configuration, a plugin's source. */
export interface Issue {
  readonly file: string;
  /** From 1; absent where no place in the file can be named. */
  readonly line?: number;
  /** From 1. */
  readonly column?: number;
  /** The field, dotted, or the import specifier. */
  readonly field?: string;
  readonly message: string;
  /** What to write instead. */
  readonly hint?: string;
}

/** `file:line:column: field: what (hint)`, one line. */
export function issueLine(issue: Issue): string {
  const place = [issue.file, issue.line, issue.line === undefined ? undefined : issue.column]
    .filter((part) => part !== undefined)
    .join(":");
  const field = issue.field === undefined ? "" : `${issue.field}: `;
  const hint = issue.hint === undefined ? "" : ` (${issue.hint})`;
  return `${place}: ${field}${issue.message}${hint}`;
}
