import { gunzipSync } from "node:zlib";
import { fail, GatewayError, ok, type Result } from "../errors.ts";
import type { Prepared } from "./request.ts";

/** Most decoded bytes of a response body; a plugin with little memory gets less: see {@link responseMax}. */
export const RESPONSE_MAX = 1024 * 1024;
const RESPONSE_MIN = 128 * 1024;
/** An outcome as JSON, where a control character takes six bytes. */
export const OUTCOME_JSON_MAX = 3 * 1024 * 1024;

/** Most bytes of a response body for a realm of so much memory: it is there several times, as text and as what is made of it. */
export function responseMax(memoryMb: number): number {
  return Math.min(RESPONSE_MAX, Math.max(RESPONSE_MIN, (memoryMb * 1024 * 1024) / 16));
}

const HEADERS_OUT_MAX = 16 * 1024;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Text, or bytes in the charset that the headers name. */
  readonly body: string | Uint8Array;
}

/** When an exchange failed: before the request was sent, or after it may have arrived. */
export type Broken = GatewayError & { readonly data: { readonly kind: FailureKind } };
export type FailureKind = "connect" | "tls" | "broken" | "answer";

export type Exchange = (request: Prepared, address: string, signal: AbortSignal) => Promise<Result<Answer>>;

/**
 * One request over one new connection to one address. `fetch` gets the address in its URL, so it resolves nothing; name and
 * port go into the Host header, and the certificate is checked against the name (tests show both). No connection is kept, no
 * proxy variable used, no redirect followed, and decompression is ours, under the cap. Rejects only when aborted.
 */
export function pinnedExchange(options: { readonly ca?: string } = {}): Exchange {
  return async (request, address, signal) => {
    const { url, host, secure } = request.target;
    const literal = address.includes(":") ? `[${address}]` : address;
    const named = host.startsWith("[") || host === address ? {} : { serverName: host };
    try {
      const response = await fetch(`${url.protocol}//${literal}:${request.target.port}${url.pathname}${url.search}`, {
        method: request.method,
        headers: { ...request.headers, host: url.port === "" ? host : `${host}:${url.port}` },
        ...(request.body === null ? {} : { body: request.body }),
        redirect: "manual",
        keepalive: false,
        decompress: false,
        proxy: false,
        signal,
        ...(secure ? { tls: { rejectUnauthorized: true, ...named, ...(options.ca === undefined ? {} : { ca: options.ca }) } } : {}),
      });
      return await readAnswer(response, request.maxBytes ?? RESPONSE_MAX);
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      return thrown instanceof GatewayError ? { ok: false, error: thrown } : broken(thrown);
    }
  };
}

async function readAnswer(response: Response, max: number): Promise<Result<Answer>> {
  const headers = readHeaders(response.headers);
  if (!headers.ok) return headers;
  const raw = await readCapped(response, max);
  if (!raw.ok) return raw;
  const body = unpack(raw.value, response.headers.get("content-encoding") ?? "", max);
  return body.ok ? ok({ status: response.status, headers: headers.value, body: body.value }) : body;
}

function readHeaders(input: Headers): Result<Record<string, string>> {
  const headers: Record<string, string> = {};
  let bytes = 0;
  for (const [name, value] of input) {
    bytes += name.length + value.length;
    if (bytes > HEADERS_OUT_MAX)
      return fail("too_large", `the response headers are over ${HEADERS_OUT_MAX / 1024} KB`, { data: { kind: "answer" } });
    if (name === "__proto__") continue;
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  // The body is already decoded.
  delete headers["content-encoding"];
  return ok(headers);
}

/** Reads up to the cap and never requests more. A compressed body above the cap is even larger unpacked. */
async function readCapped(response: Response, max: number): Promise<Result<Uint8Array>> {
  const tooLarge = () => fail("too_large", `the response body is over ${max / 1024} KB`, { data: { kind: "answer" } });
  if (Number(response.headers.get("content-length") ?? 0) > max && response.body !== null) {
    await response.body.cancel();
    return tooLarge();
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const reader = response.body?.getReader();
  for (let read = await reader?.read(); read !== undefined && !read.done; read = await reader?.read()) {
    bytes += read.value.length;
    if (bytes > max) {
      await reader?.cancel();
      return tooLarge();
    }
    chunks.push(read.value);
  }
  return ok(Buffer.concat(chunks));
}

function unpack(raw: Uint8Array, encoding: string, max: number): Result<Uint8Array> {
  const name = encoding.trim().toLowerCase();
  if (raw.length === 0 || name === "" || name === "identity") return ok(raw);
  if (name !== "gzip" && name !== "x-gzip") {
    return fail(
      "unavailable",
      `the server answered with content-encoding ${JSON.stringify(name.slice(0, 40))}, but only gzip is accepted`,
      { data: { kind: "answer" } },
    );
  }
  try {
    return ok(gunzipSync(raw, { maxOutputLength: max }));
  } catch (thrown) {
    const large = thrown instanceof Error && "code" in thrown && thrown.code === "ERR_BUFFER_TOO_LARGE";
    return large
      ? fail("too_large", `the response body is over ${max / 1024} KB when unpacked`, { data: { kind: "answer" } })
      : fail("unavailable", "the response body is not valid gzip", { data: { kind: "answer" }, cause: thrown });
  }
}

const CONNECT = /^(ECONNREFUSED|ConnectionRefused|FailedToOpenSocket|ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL|ENOENT|EINVAL|EACCES|EPERM)$/;
const TLS = /CERT|TLS|SSL|VERIFY|ISSUER|SELF_SIGNED|HOSTNAME/i;

/** Bun's error codes in the room's terms. The message names the code, not the address. */
function broken(thrown: unknown): { ok: false; error: GatewayError } {
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "unknown";
  const kind: FailureKind = CONNECT.test(code)
    ? "connect"
    : TLS.test(code)
      ? "tls"
      : /^(ResponseHeadersTooLarge|Malformed|Invalid|Unsupported)/i.test(code)
        ? "answer"
        : "broken";
  const says = {
    connect: "no connection",
    tls: "the certificate was refused",
    broken: "the connection broke",
    answer: "the answer is no valid HTTP",
  }[kind];
  return fail("unavailable", `${says} (${code})`, { cause: thrown, data: { kind } });
}
