import { fail, ok, type Result } from "../errors.ts";
import { HTTP_METHODS } from "../permissions/grammar/descriptor.ts";
import { canonicalHost, isAddress } from "../permissions/grammar/hosts.ts";
import type { Ask } from "../permissions/grammar/types.ts";
import type { HttpArgs } from "../sdk/boundary/wire.ts";

const URL_MAX = 8192;
const BODY_MAX = 256 * 1024;
const HEADERS_MAX = 64;
const HEADER_BYTES_MAX = 16 * 1024;
const TIMEOUT_S = 30;
const TIMEOUT_MAX_S = 60;

/** Headers that frame a message or name its peer are set by the gateway only. */
const FORBIDDEN =
  /^(host|content-length|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|http2-settings|proxy-.*|sec-.*|x-forwarded-.*|forwarded|via)$/;
/** Ports of mail, shell and chat, where a request body could be taken for commands; browsers refuse them too. */
const PORTS_REFUSED: ReadonlySet<number> = new Set([
  1, 7, 9, 19, 21, 22, 23, 25, 53, 110, 119, 143, 465, 563, 587, 993, 995, 6000, 6667, 6697,
]);

/** A checked request in canonical form. */
export interface Prepared {
  readonly method: string;
  readonly target: Target;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly timeoutMs: number;
  readonly anyStatus: boolean;
  readonly bytes: HttpArgs["bytes"];
  /** Most bytes of the answer's body. */
  readonly maxBytes?: number;
}

/** The destination of one hop. */
export interface Target {
  readonly url: URL;
  /** Canonical, without a final dot; IPv6 in brackets. */
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
}

/** Parses a URL of a plugin, or of a redirect relative to `base`. */
export function readTarget(text: string, base?: URL): Result<Target> {
  const shown = JSON.stringify(text.slice(0, 120));
  const url = text.length > URL_MAX ? null : URL.parse(text, base?.href);
  if (url === null)
    return fail("invalid_argument", `${shown} is not a valid URL`, { hint: "write a whole URL, as https://api.weather.gov/points" });
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return fail("invalid_argument", `${shown} is neither http nor https`, { hint: "use http or https" });
  }
  if (url.username !== "" || url.password !== "") {
    return fail("invalid_argument", "the URL contains a user name or password", { hint: "send an authorization header instead" });
  }
  const host = canonicalHost(url.hostname);
  if (host === null) return fail("invalid_argument", `${shown} has no valid host`);
  url.hash = "";
  const secure = url.protocol === "https:";
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  if (port === 0 || PORTS_REFUSED.has(port)) return fail("invalid_argument", `port ${port} is not for HTTP`);
  return ok({ url, host, port, secure });
}

export function prepare(args: HttpArgs, userAgent: string): Result<Prepared> {
  // The realm is not trusted, so the declared types are checked here.
  const { method: verb, url, body: content }: { method: unknown; url: unknown; body?: unknown } = args;
  if (typeof verb !== "string" || typeof url !== "string" || (content !== undefined && content !== null && typeof content !== "string")) {
    return fail("invalid_argument", "method, url and body must be strings");
  }
  const method = verb.toUpperCase();
  if (!HTTP_METHODS.some((known) => known === method)) {
    return fail("invalid_argument", `there is no method ${JSON.stringify(verb.slice(0, 20))}`, {
      hint: `the methods are ${HTTP_METHODS.join(", ")}`,
    });
  }
  const target = readTarget(url);
  if (!target.ok) return target;
  const headers = readHeaders(args.headers ?? {});
  if (!headers.ok) return headers;
  const body = content ?? null;
  if (body !== null && (method === "GET" || method === "HEAD"))
    return fail("invalid_argument", `a ${method} request has no body`, { hint: "use httpPost" });
  if (body !== null && Buffer.byteLength(body) > BODY_MAX) return fail("too_large", `the request body is over ${BODY_MAX / 1024} KB`);
  const timeout = args.timeout ?? TIMEOUT_S;
  if (typeof timeout !== "number" || !(timeout > 0)) return fail("invalid_argument", "timeout is not a number of seconds above 0");
  return ok({
    method,
    target: target.value,
    headers: { accept: "*/*", "user-agent": userAgent, ...headers.value, "accept-encoding": "gzip" },
    body,
    timeoutMs: Math.min(timeout, TIMEOUT_MAX_S) * 1000,
    anyStatus: args.anyStatus === true,
    bytes: args.bytes,
  });
}

function readHeaders(input: Readonly<Record<string, string>>): Result<Record<string, string>> {
  if (typeof input !== "object" || Array.isArray(input)) return fail("invalid_argument", "headers must be an object of names and strings");
  const names = Object.keys(input);
  if (names.length > HEADERS_MAX) return fail("too_large", `more than ${HEADERS_MAX} request headers`);
  const headers: Record<string, string> = Object.create(null);
  let bytes = 0;
  for (const name of names) {
    const value = input[name];
    const shown = JSON.stringify(name.slice(0, 60));
    if (!/^[!#$%&'*+.^_`|~0-9a-zA-Z-]{1,100}$/.test(name)) return fail("invalid_argument", `${shown} is not a header name`);
    if (typeof value !== "string" || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      return fail(
        "invalid_argument",
        `the value of header ${shown} contains a line break, a control character or a character beyond Latin-1`,
      );
    }
    const lower = name.toLowerCase();
    if (FORBIDDEN.test(lower)) return fail("invalid_argument", `header ${shown} is set by the gateway`, { hint: "leave it out" });
    bytes += name.length + value.length;
    if (bytes > HEADER_BYTES_MAX) return fail("too_large", `the request headers are over ${HEADER_BYTES_MAX / 1024} KB`);
    if (lower in headers) return fail("invalid_argument", `header ${shown} is given twice`);
    headers[lower] = value.trim();
  }
  return ok({ ...headers });
}

/** The next hop after a redirect. Credentials are dropped for another origin, and https never falls back to http. */
export function redirected(from: Prepared, status: number, location: string): Result<Prepared> {
  const target = readTarget(location, from.target.url);
  if (!target.ok) return target;
  const { secure, host, port } = target.value;
  if (from.target.secure && !secure) return fail("invalid_argument", "the redirect leads from https to http");
  const sameOrigin = host === from.target.host && port === from.target.port && secure === from.target.secure;
  const becomesGet = (status === 303 && from.method !== "HEAD") || ((status === 301 || status === 302) && from.method === "POST");
  const headers = Object.fromEntries(
    Object.entries(from.headers).filter(([name]) => !(becomesGet && name.startsWith("content-")) && (sameOrigin || !CREDENTIAL.test(name))),
  );
  return ok({ ...from, target: target.value, headers, ...(becomesGet ? { method: "GET", body: null } : {}) });
}

/** Headers that may carry credentials: more than `authorization`, because keys and tokens have many names. */
const CREDENTIAL = /auth|cookie|token|secret|key|session|signature|password/;

export function askFor(request: Prepared, isPrivate: boolean): Ask {
  const { host, port, secure } = request.target;
  return { permission: "http_requests", method: request.method, host, port, secure, isPrivate };
}

/** The host as an address, if the URL contains one. */
export function literalAddress(target: Target): string | null {
  return isAddress(target.host) ? target.host.replace(/^\[|\]$/g, "") : null;
}
