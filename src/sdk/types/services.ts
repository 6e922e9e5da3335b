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
}

/** Options of httpPost. */
export interface HttpPostOptions extends HttpOptions {
  /** A string goes as it is; anything else as JSON. */
  data?: unknown;
}

/** Never an exception for the network: look at `ok`. `data` is parsed JSON where the server says so, else text; `retryAfter` in seconds. */
export type HttpResult =
  | { readonly ok: true; readonly status: number; readonly headers: { readonly [name: string]: string }; readonly data: Json }
  | {
      readonly ok: false;
      readonly error: { readonly code: string; readonly message: string; readonly status?: number; readonly retryAfter?: number };
    };

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
