import * as v from "valibot";
import { type ErrorCode, fail, ok, type Result } from "../../errors.ts";
import type { Actor, Control, Page } from "../contract/control.ts";
import type { Access, Caller } from "../contract/roles.ts";
import type { Schema } from "./body.ts";

export type Method = "GET" | "PUT" | "POST" | "DELETE";

/** One route of the API: its path, input schemas, handler and documentation. */
export interface Route {
  readonly method: Method;
  /** Parameters as `:name`. */
  readonly path: string;
  readonly summary: string;
  readonly tag: string;
  /** Who may call it. Every route but an open one needs a token, or a session, of this role. */
  readonly access: Access;
  readonly params?: Schema;
  readonly query?: Schema;
  readonly body?: Schema;
  /** Accepts raw bytes instead of JSON, at most this many. `body` is then a Uint8Array. */
  readonly upload?: number;
  /** Accepts raw bytes of any size up to this many, piece by piece. `body` is then an async iterable of Uint8Array. */
  readonly stream?: number;
  /** Success responses by status; a string is the media type of one that is not JSON. */
  readonly answers: Readonly<Record<number, Schema | string>>;
  /** Error codes beyond those that every route may answer. */
  readonly errors?: readonly ErrorCode[];
  run(input: RouteInput<unknown, unknown, unknown>): Promise<Result<Reply>>;
}

export interface RouteInput<P, Q, B> {
  readonly control: Control;
  readonly actor: Actor;
  /** Null on an open route. */
  readonly caller: Caller | null;
  readonly request: Request;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
}

export interface Reply {
  readonly status: number;
  /** JSON, nothing (204), or a whole response. */
  readonly body: unknown;
}

/** Defines a route whose handler is typed by its schemas. */
export function route<P = unknown, Q = unknown, B = unknown>(
  row: Omit<Route, "run" | "params" | "query" | "body"> & {
    readonly params?: Schema<P>;
    readonly query?: Schema<Q>;
    readonly body?: Schema<B>;
    run(input: RouteInput<P, Q, B>): Result<Reply> | Promise<Result<Reply>>;
  },
): Route {
  return { ...row, run: async (input) => row.run(input as RouteInput<P, Q, B>) };
}

/** Turns the result of a Control method into a reply. */
export async function reply<T>(
  answer: Result<T> | Promise<Result<T>>,
  view: (value: T) => unknown = (value) => value,
  status = 200,
): Promise<Result<Reply>> {
  const result = await answer;
  return result.ok ? ok({ status, body: view(result.value) }) : result;
}

export const MAX_PAGE = 500;
const limit = v.optional(
  v.pipe(v.string(), v.regex(/^[1-9]\d{0,2}$/, "a whole number from 1 to 500"), v.transform(Number), v.maxValue(MAX_PAGE)),
);
/** Query of every list. */
export const paging = { limit, cursor: v.optional(v.pipe(v.string(), v.maxLength(512))) };

export function listOf(item: Schema): Schema<{ items: unknown[]; next: string | null }> {
  return v.object({ items: v.array(item), next: v.pipe(v.nullable(v.string()), v.description("Send it as `cursor` for the next page")) });
}

/** Pages a complete list in order of `key`, which must be unique. The cursor is the last key, so additions do not shift pages. */
export function pageOf<T>(
  items: readonly T[],
  query: { limit?: number | undefined; cursor?: string | undefined },
  key: (item: T) => string,
): Result<Page<T>> {
  const after = query.cursor === undefined ? "" : decodeCursor(query.cursor);
  if (after === null) return fail("invalid_argument", "the cursor is not one this API gave out");
  const keyed = items.map((item) => ({ item, key: key(item) })).sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const rest = keyed.filter((entry) => query.cursor === undefined || entry.key > after);
  const shown = rest.slice(0, query.limit ?? MAX_PAGE);
  const last = shown.at(-1);
  return ok({
    items: shown.map((entry) => entry.item),
    next: last !== undefined && rest.length > shown.length ? encodeCursor(last.key) : null,
  });
}

export function encodeCursor(key: string): string {
  return Buffer.from(key).toString("base64url");
}

export function decodeCursor(cursor: string): string | null {
  const bytes = Buffer.from(cursor, "base64url");
  return bytes.length > 0 && bytes.toString("base64url") === cursor ? bytes.toString() : null;
}
