/**
 * This room runs in the operator's browser. It may touch the network: the gateway's own API, below the path of the page,
 * and nothing else. Everything is built from elements and text nodes, so that a text from the mesh never becomes markup.
 */

/** What the gateway answered when it refused, or what kept it from answering. */
export interface Problem {
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  readonly code: string;
  /** One sentence for the operator: where, what, how to fix. */
  readonly text: string;
  /** Errors of single fields, by their path. */
  readonly errors: readonly { readonly path: string; readonly message: string }[];
}

export type Answer<T> =
  | { readonly ok: true; readonly value: T; readonly status: number }
  | { readonly ok: false; readonly problem: Problem };

export type Method = "GET" | "PUT" | "POST" | "DELETE";

const DEADLINE_MS = 60_000;

/** Calls the API. A `Blob` is sent as it is, anything else as JSON. The type of the answer is the route's. */
export async function call<T = null>(method: Method, path: string, body?: unknown, deadlineMs = DEADLINE_MS): Promise<Answer<T>> {
  try {
    const response = await fetch(`./api/v1/${path}`, { ...requestOf(method, body), signal: AbortSignal.timeout(deadlineMs) });
    if (response.status === 204) return { ok: true, value: null as T, status: 204 };
    const answer: unknown = await response.json();
    if (response.ok) return { ok: true, value: answer as T, status: response.status };
    return { ok: false, problem: problemOf(response.status, answer) };
  } catch {
    return { ok: false, problem: { status: 0, code: "no_answer", text: "The gateway does not answer.", errors: [] } };
  }
}

function requestOf(method: Method, body: unknown): RequestInit {
  if (body === undefined) return { method };
  if (body instanceof Blob) return { method, body, headers: { "content-type": "application/octet-stream" } };
  return { method, body: JSON.stringify(body), headers: { "content-type": "application/json" } };
}

function problemOf(status: number, answer: unknown): Problem {
  const { detail, hint, where, code, data } = (answer ?? {}) as Record<string, unknown>;
  const parts = [where, detail, typeof hint === "string" ? `(${hint})` : null].filter((part) => typeof part === "string");
  const errors = (data as { errors?: Problem["errors"] } | undefined)?.errors;
  return {
    status,
    code: typeof code === "string" ? code : "unknown",
    text: parts.join(" ") || `The gateway answered with status ${status}.`,
    errors: Array.isArray(errors) ? errors : [],
  };
}

interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** All pages of a list, at most `most` items. */
export async function callAll<T>(path: string, most = 10_000): Promise<Answer<T[]>> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const page: Answer<Page<T>> = await callPage<T>(path, cursor);
    if (!page.ok) return page;
    items.push(...page.value.items);
    cursor = page.value.next;
  } while (cursor !== null && items.length < most);
  return { ok: true, value: items, status: 200 };
}

/** One page of a list, 500 items; `cursor` is the `next` of the page before. */
export function callPage<T>(path: string, cursor: string | null): Promise<Answer<Page<T>>> {
  const joint = path.includes("?") ? "&" : "?";
  const after = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
  return call<Page<T>>("GET", `${path}${joint}limit=500${after}`);
}

/** Whether the gateway's process answers, asked without a session. */
export async function isAlive(deadlineMs: number): Promise<boolean> {
  try {
    return (await fetch("./health/live", { signal: AbortSignal.timeout(deadlineMs) })).ok;
  } catch {
    return false;
  }
}

/** The data of one event of the gateway's own stream. */
export function eventData<T>(event: Event): T {
  return JSON.parse((event as MessageEvent<string>).data) as T;
}
