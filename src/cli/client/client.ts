import { X509Certificate } from "node:crypto";
import { rootCertificates } from "node:tls";
import * as v from "valibot";
import { ERROR_CODES, type ErrorCode, fail, GatewayError, ok, type Result } from "../../errors.ts";
import { type JsonLimits, parseJson } from "../../json-reader.ts";
import { EXIT } from "./exit.ts";

type Schema<T> = v.GenericSchema<unknown, T>;

/** To look is quick; what changes something may wait for plugins' hooks, a bundler, or a backup on a slow disk. */
const LOOK_DEADLINE_MS = 30_000;
const WORK_DEADLINE_MS = 15 * 60_000;
const MAX_PAGES = 200;
const MAX_FRAME = 1_048_576;
/** Answers of our own gateway, or of another program on its port. */
const ANSWER_LIMITS: JsonLimits = { chars: 64 * 2 ** 20, depth: 128, nodes: 5_000_000 };

const problem = v.object({
  code: v.string(),
  detail: v.string(),
  hint: v.optional(v.string()),
  where: v.optional(v.string()),
  data: v.optional(v.record(v.string(), v.unknown())),
});

export interface StreamEvent {
  readonly name: string;
  readonly data: unknown;
}

export interface ClientOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called for each request; what it returns is ended with the answer. */
  readonly onWait?: () => { end(): void };
  /** PEM: what the gateway's server must show. The name in it is not that of this machine's loopback address. */
  readonly certificate?: string | undefined;
}

/** Calls the control API of a running gateway. Responses are checked, because another program may use the port. */
export class Client {
  constructor(
    readonly url: string,
    private readonly token: string,
    private readonly options: ClientOptions = {},
  ) {}

  get<T>(path: string, schema: Schema<T>): Promise<Result<T>> {
    return this.call("GET", path, schema);
  }

  async call<T>(method: "GET" | "POST" | "PUT" | "DELETE", path: string, schema: Schema<T>, body?: unknown): Promise<Result<T>> {
    const response = await this.#fetch(method, path, body);
    if (!response.ok) return response;
    const text = await response.value.text();
    const parsed = v.safeParse(schema, response.value.status === 204 ? undefined : parse(text));
    return parsed.success ? ok(parsed.output) : this.#stranger();
  }

  /** Sends a file. */
  async upload<T>(path: string, bytes: Uint8Array, schema: Schema<T>): Promise<Result<T>> {
    const response = await this.#fetch("POST", path, bytes);
    if (!response.ok) return response;
    const parsed = v.safeParse(schema, parse(await response.value.text()));
    return parsed.success ? ok(parsed.output) : this.#stranger();
  }

  async download(path: string): Promise<Result<Uint8Array>> {
    const response = await this.#fetch("GET", path, undefined);
    return response.ok ? ok(new Uint8Array(await response.value.arrayBuffer())) : response;
  }

  /** All items of a list, page after page. */
  async list<T>(path: string, item: Schema<T>): Promise<Result<T[]>> {
    const items: T[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < MAX_PAGES; page++) {
      const query: string = cursor === null ? "" : `${path.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(cursor)}`;
      const answer: Result<{ items: T[]; next: string | null }> = await this.get(
        path + query,
        v.object({ items: v.array(item), next: v.nullable(v.string()) }),
      );
      if (!answer.ok) return answer;
      items.push(...answer.value.items);
      cursor = answer.value.next;
      if (cursor === null) break;
    }
    return ok(items);
  }

  /** Opens the event stream; it is subscribed when this resolves. Ends with the connection or `signal`. */
  async events(query: string, signal: AbortSignal): Promise<Result<AsyncGenerator<StreamEvent>>> {
    const response = await this.#fetch("GET", `/api/v1/events?${query}`, undefined, signal);
    if (!response.ok) return response;
    return response.value.body === null ? this.#stranger() : ok(frames(response.value.body, signal));
  }

  async #fetch(method: string, path: string, body: unknown, stream?: AbortSignal): Promise<Result<Response>> {
    const isWork = method !== "GET" || path.endsWith("/export");
    const deadline = isWork ? WORK_DEADLINE_MS : LOOK_DEADLINE_MS;
    const signals = [stream ?? AbortSignal.timeout(deadline), this.options.signal].filter((signal) => signal !== undefined);
    const headers: Record<string, string> = { authorization: `Bearer ${this.token}` };
    const isFile = body instanceof Uint8Array;
    if (body !== undefined) headers["content-type"] = isFile ? "application/octet-stream" : "application/json";
    let response: Response;
    const waiting = this.options.onWait?.();
    try {
      response = await fetch(this.url + path, {
        method,
        headers,
        ...(body === undefined ? {} : { body: isFile ? new Uint8Array(body) : JSON.stringify(body) }),
        redirect: "error",
        ...(this.options.certificate === undefined ? {} : { tls: pinned(this.options.certificate) }),
        signal: AbortSignal.any(signals),
      });
    } catch (cause) {
      const timedOut = cause instanceof Error && cause.name === "TimeoutError";
      return fail("unavailable", timedOut ? `the gateway at ${this.url} does not answer` : `no gateway is running at ${this.url}`, {
        cause,
        ...(timedOut ? {} : { data: { exit: EXIT.noGateway } }),
        hint: "start it with: zephyrgate gateway; or say which with --config, --data-dir or --port",
      });
    } finally {
      waiting?.end();
    }
    return response.ok ? ok(response) : this.#failed(response);
  }

  async #failed(response: Response): Promise<Result<never>> {
    const parsed = v.safeParse(problem, parse(await response.text()));
    if (!parsed.success) return this.#stranger();
    const { code, detail, hint, where, data } = parsed.output;
    if (code === "unauthorized")
      return fail("unauthorized", `the gateway at ${this.url} refused our token`, {
        hint: "it runs with a different data folder: give that folder with --data-dir",
      });
    const known = Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : "internal";
    return fail(known, detail, {
      ...(hint === undefined ? {} : { hint }),
      ...(where === undefined ? {} : { where }),
      ...(data === undefined ? {} : { data }),
    });
  }

  #stranger(): Result<never> {
    return fail("unavailable", `the program at ${this.url} is not a gateway of this version`, {
      hint: "check api.port, and that gateway and command line have the same version",
    });
  }
}

/**
 * Accepts the certificate of this file only: checked against its own chain and the public authorities, and then compared. Node's types
 * of the callback are those of tls.connect.
 */
function pinned(pem: string) {
  const first = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/.exec(pem)?.[0] ?? "";
  const digest = first === "" ? "" : new X509Certificate(first).fingerprint256;
  return {
    ca: [...rootCertificates, pem],
    checkServerIdentity: (_: string, shown: { readonly fingerprint256?: string }) =>
      shown.fingerprint256 === digest ? undefined : new GatewayError("unavailable", "another certificate than that of api.tls.cert"),
  };
}

function parse(text: string): unknown {
  const parsed = parseJson(text, ANSWER_LIMITS);
  // Not JSON: the schema check reports it.
  return parsed.ok ? parsed.value : undefined;
}

async function* frames(body: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of body) {
      text += decoder.decode(chunk, { stream: true });
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const frame = text.slice(0, end);
        text = text.slice(end + 2);
        const name = /^event: (.*)$/m.exec(frame)?.[1];
        const data = /^data: (.*)$/m.exec(frame)?.[1];
        if (name !== undefined && data !== undefined) yield { name, data: parse(data) };
      }
      if (text.length > MAX_FRAME) return;
    }
  } catch (thrown) {
    // An abort by the caller is no error; a broken connection ends the stream.
    if (!signal.aborted && !(thrown instanceof Error)) throw thrown;
  }
}
