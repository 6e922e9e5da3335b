/** What the internet, the database, the clock and the permissions take and give. */
import type { Json } from "../../json.ts";
import type { PermissionName } from "../boundary/names.ts";

/** Options of httpGet. */
export interface HttpOptions {
  /** Added to the URL's query. */
  params?: { readonly [name: string]: string | number | boolean };
  /** Sent with the request, by name. */
  headers?: { readonly [name: string]: string };
  /** Seconds; 30 by default, 60 at most, and half a second less than is left of the handler's own time. */
  timeout?: number;
  /** `data` is then a Uint8Array, whatever the server says. */
  bytes?: boolean;
}

/** Options of httpPost. */
export interface HttpPostOptions extends HttpOptions {
  /** A string goes as it is; anything else as JSON. */
  data?: unknown;
}

/** Why there is no answer, or one of 400 and above: then with its `status`, `headers` and body. `retryAfter` in seconds. */
export interface HttpError {
  /** `http_status` for an answer of 400 and above; else why there is none. */
  readonly code: string;
  /** In words. */
  readonly message: string;
  /** Of the answer. */
  readonly status?: number;
  /** Seconds that the server, or the rate limit, asks to wait. */
  readonly retryAfter?: number;
  /** Of the answer, names in lower case. */
  readonly headers?: { readonly [name: string]: string };
  /** The body, parsed where the server says JSON. */
  readonly data?: Json;
}

/**
 * Never an exception for the network: look at `ok`. `data` is parsed JSON where the server says so, else text by the server's
 * charset; a Uint8Array where `bytes` was asked for.
 */
export type HttpResult<Data = Json> =
  | { readonly ok: true; readonly status: number; readonly headers: { readonly [name: string]: string }; readonly data: Data }
  | { readonly ok: false; readonly error: HttpError };

/** Values of SQL: whole numbers past 2^53 come as strings, blobs as bytes. */
export type SqlValue = null | number | string | boolean | bigint | Uint8Array;

/** One row, by column name. */
export type SqlRow = { readonly [column: string]: null | number | string | Uint8Array };

/** How formatTime writes a time. */
export interface FormatTimeOptions {
  /** IANA name, e.g. `Europe/Berlin`; by default UTC. */
  timeZone?: string;
  /** `time`: 14:05, `date`: 2026-03-01, `datetime`: both, `iso`: 2026-03-01T14:05:00+01:00. */
  style?: "time" | "date" | "datetime" | "iso";
}

/** A permission as a manifest writes it: `send_messages`, or `{ http_requests: { hosts: ["api.example.org"] } }`. */
export type PermissionEntry = PermissionName | { readonly [N in PermissionName]?: { readonly [key: string]: Json } };
