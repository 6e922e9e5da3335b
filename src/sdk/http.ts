/** httpGet, httpPost and fetch over the gateway's egress client. */

import type { Json } from "../json.ts";
import { PluginError } from "./boundary/errors.ts";
import type { HttpArgs, HttpOutcome } from "./boundary/wire.ts";
import { AbortError, type AbortSignal } from "./realm/abort.ts";
import { base64ToBytes, decodeUtf8, encodeUtf8 } from "./realm/encoding.ts";
import { request } from "./realm/link.ts";
import {
  hasOwn,
  indexOf,
  jsonParse,
  jsonStringify,
  keys,
  NativePromise,
  NativeString,
  NativeTypeError,
  toLowerCase,
} from "./realm/primordials.ts";
import { URLSearchParams } from "./realm/url.ts";
import type { HttpError, HttpOptions, HttpPostOptions, HttpResult } from "./types/services.ts";

/** Behind {@link Plugin.httpGet}. */
export async function httpGet(url: string, options: HttpOptions = {}): Promise<HttpResult<Json | Uint8Array>> {
  return toResult(await request("http_request", toArgs("GET", url, options)));
}

/** Behind {@link Plugin.httpPost}. */
export async function httpPost(url: string, options: HttpPostOptions = {}): Promise<HttpResult<Json | Uint8Array>> {
  const args = toArgs("POST", url, options);
  const headers = args.headers ?? {};
  if (options.data !== undefined) {
    args.body = typeof options.data === "string" ? options.data : jsonStringify(options.data);
    if (typeof options.data !== "string" && !hasHeader(headers, "content-type")) headers["content-type"] = "application/json";
    args.headers = headers;
  }
  return toResult(await request("http_request", args));
}

function toArgs(method: string, url: string, options: HttpOptions): HttpArgs {
  const args: HttpArgs = { method, url: withParams(NativeString(url), options.params), headers: { ...options.headers } };
  if (options.timeout !== undefined) args.timeout = options.timeout;
  if (options.bytes === true) args.bytes = "always";
  return args;
}

function withParams(url: string, params: HttpOptions["params"]): string {
  if (params === undefined || keys(params).length === 0) return url;
  const query = new URLSearchParams(params).toString();
  const hash = indexOf(url, "#");
  let base = "";
  for (let at = 0; at < (hash < 0 ? url.length : hash); at++) base += url[at];
  return `${base}${indexOf(base, "?") < 0 ? "?" : "&"}${query}`;
}

function hasHeader(headers: { readonly [name: string]: string }, wanted: string): boolean {
  const names = keys(headers);
  for (let at = 0; at < names.length; at++) if (toLowerCase(names[at] ?? "") === wanted) return true;
  return false;
}

function toResult(outcome: HttpOutcome): HttpResult<Json | Uint8Array> {
  if (!outcome.ok) return { ok: false, error: toError(outcome.error) };
  const { status, headers, body, bytes } = outcome;
  if (bytes !== undefined) return { ok: true, status, headers, data: base64ToBytes(bytes) };
  const data = dataOf(headers, body);
  if (data !== undefined) return { ok: true, status, headers, data };
  // The server's mistake, which the plugin can act on; the parser's words add nothing.
  return {
    ok: false,
    error: { code: "invalid_response", message: `The server said JSON and sent something else`, status, headers, data: body },
  };
}

function toError({ headers, body, ...error }: Extract<HttpOutcome, { ok: false }>["error"]): HttpError {
  if (headers === undefined || body === undefined) return error;
  return { ...error, headers, data: dataOf(headers, body) ?? body };
}

/** Parsed where the headers say JSON, else the text; undefined: it says JSON and is something else. */
function dataOf(headers: { readonly [name: string]: string }, body: string): Json | undefined {
  const type = hasOwn(headers, "content-type") ? (headers["content-type"] ?? "") : "";
  if (indexOf(type, "json") < 0 || body === "") return body;
  try {
    return jsonParse(body) as Json;
  } catch {
    return undefined; // Not JSON: whoever asks says so.
  }
}

/** As in the web standard: names are compared in lower case, values of one name are joined by commas. */
export class Headers {
  readonly #values: { [name: string]: string } = { __proto__: null } as never;
  constructor(init: { readonly [name: string]: string } | Headers = {}) {
    if (init instanceof Headers) {
      init.forEach((value, name) => {
        this.set(name, value);
      });
    } else {
      const names = keys(init);
      for (let at = 0; at < names.length; at++) this.set(names[at] ?? "", init[names[at] ?? ""] ?? "");
    }
  }
  get(name: string): string | null {
    return this.#values[toLowerCase(NativeString(name))] ?? null;
  }
  has(name: string): boolean {
    return this.get(name) !== null;
  }
  set(name: string, value: string): void {
    this.#values[toLowerCase(NativeString(name))] = NativeString(value);
  }
  append(name: string, value: string): void {
    const old = this.get(name);
    this.set(name, old === null ? value : `${old}, ${value}`);
  }
  delete(name: string): void {
    delete this.#values[toLowerCase(NativeString(name))];
  }
  forEach(each: (value: string, name: string) => void): void {
    const names = keys(this.#values);
    for (let at = 0; at < names.length; at++) each(this.#values[names[at] ?? ""] ?? "", names[at] ?? "");
  }
  *entries(): Generator<[string, string]> {
    const names = keys(this.#values);
    for (let at = 0; at < names.length; at++) yield [names[at] ?? "", this.#values[names[at] ?? ""] ?? ""];
  }
  [Symbol.iterator](): Generator<[string, string]> {
    return this.entries();
  }
}

/** As in the web standard, for texts and bytes; the body can be read once. */
export class Response {
  readonly ok: boolean;
  readonly headers: Headers;
  bodyUsed = false;
  readonly #body: string;
  readonly #bytes: string | null;
  constructor(
    readonly status: number,
    readonly url: string,
    headers: { readonly [name: string]: string },
    { body, bytes }: { readonly body: string; readonly bytes?: string },
  ) {
    this.ok = status >= 200 && status < 300;
    this.headers = new Headers(headers);
    this.#body = body;
    this.#bytes = bytes ?? null;
  }
  async text(): Promise<string> {
    if (this.bodyUsed) throw new NativeTypeError("The body was read already");
    this.bodyUsed = true;
    return this.#body;
  }
  async json(): Promise<unknown> {
    return jsonParse(await this.text());
  }
  async arrayBuffer(): Promise<ArrayBuffer> {
    return (await this.bytes()).buffer as ArrayBuffer;
  }
  async bytes(): Promise<Uint8Array> {
    const text = await this.text();
    return this.#bytes === null ? encodeUtf8(text) : base64ToBytes(this.#bytes);
  }
}

interface FetchInit {
  method?: string;
  headers?: { readonly [name: string]: string } | Headers;
  body?: string | Uint8Array | URLSearchParams;
  signal?: AbortSignal;
}

/** As on the web, for texts: rejects with TypeError when there is no answer, and with the signal's reason when it aborts. */
export async function fetch(input: string | { toString(): string }, init: FetchInit = {}): Promise<Response> {
  const { signal } = init;
  signal?.throwIfAborted();
  const headers: { [name: string]: string } = {};
  new Headers(init.headers).forEach((value, name) => {
    headers[name] = value;
  });
  const args: HttpArgs = { method: init.method ?? "GET", url: NativeString(input), headers, anyStatus: true, bytes: "other" };
  if (init.body instanceof URLSearchParams && !hasOwn(headers, "content-type"))
    headers["content-type"] = "application/x-www-form-urlencoded";
  if (init.body !== undefined && init.body !== null) args.body = typeof init.body === "string" ? init.body : bodyText(init.body);
  const answer = request("http_request", args);
  const outcome = signal === undefined ? await answer : await NativePromise.race([answer, aborted(signal)]);
  if (!outcome.ok) throw new NativeTypeError(`fetch failed: ${outcome.error.message}`);
  return new Response(outcome.status, outcome.url, outcome.headers, outcome);
}

function bodyText(body: Uint8Array | URLSearchParams): string {
  if (body instanceof URLSearchParams) return body.toString();
  try {
    return decodeUtf8(body, true);
  } catch {
    throw new PluginError("invalid_argument", "A request's body must be text", "encode bytes as base64");
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new NativePromise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason ?? new AbortError("aborted")), { once: true });
  });
}
