import { type Clock, sleep } from "../../clock.ts";
import { fail, ok, type Result } from "../../errors.ts";
import type { Answer, Exchange } from "../../http/exchange.ts";
import type { Prepared } from "../../http/request.ts";
import type { Resolve } from "../../http/resolve.ts";
import type { Json } from "../../json.ts";
import { parseJson } from "../../json-reader.ts";

/** The test's answer: one of `json`, `text`, `bytes` and `error`; none of them for an empty 200. */
export interface HttpAnswer {
  readonly status?: number;
  readonly json?: Json;
  readonly text?: string;
  /** Bytes, as a picture has them; or text in another charset, which the headers name. */
  readonly bytes?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** `refused`: no connection. `broken`: cut off in the middle. `silence`: no answer, until the request's own timeout. */
  readonly error?: "refused" | "broken" | "silence";
  /** Seconds before the answer, on the test's clock. */
  readonly delay?: number;
}

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** The body parsed, where it is JSON. */
  readonly json: Json;
}

export type Answerer = HttpAnswer | ((request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>);

interface Rule {
  readonly url: string | RegExp;
  readonly answer: Answerer;
}

/** Any public address: nothing is sent there. */
const SOMEWHERE = "1.1.1.1";

/**
 * The internet in a test. The gateway's own egress client checks permissions, private addresses, redirects, retries, rates
 * and timeouts as always; the test replaces only the connection.
 */
export class TestHttp {
  /** Every request that was sent, oldest first; retries and redirects are requests of their own. */
  readonly requests: HttpRequest[] = [];
  /** Requests that match no {@link respond}. */
  readonly unanswered: string[] = [];
  readonly #rules: Rule[] = [];
  readonly #hosts = new Map<string, string>();
  #busy = 0;

  constructor(private readonly clock: Clock) {}

  /**
   * Answers requests to `url`: a whole URL (its query counts only if it is given), the beginning of one with `*` at the
   * end, or a pattern. The last matching call wins.
   * @example gateway.http.respond("https://api.example.org/now", { json: { celsius: 21 } });
   * @example gateway.http.respond(/example/, (request) => ({ status: request.method === "POST" ? 201 : 200 }));
   */
  respond(url: string | RegExp, answer: Answerer): void {
    this.#rules.unshift({ url, answer });
  }

  /** Lets a name resolve to this address, for tests of private networks. */
  resolve(host: string, address: string): void {
    this.#hosts.set(host, address);
  }

  /** True while a handler of the test runs. */
  get busy(): boolean {
    return this.#busy > 0;
  }

  readonly resolver: Resolve = async (host) => [this.#hosts.get(host) ?? (host === "localhost" ? "127.0.0.1" : SOMEWHERE)];

  readonly exchange: Exchange = async (prepared, _address, signal) => {
    const request = requestOf(prepared);
    this.requests.push(request);
    const rule = this.#rules.find(({ url }) => matches(url, request.url));
    if (rule === undefined) {
      this.unanswered.push(`${request.method} ${request.url}`);
      const hint = `add gateway.http.respond(${JSON.stringify(request.url)}, ...)`;
      return fail("unavailable", "the test answers no such request", { hint, data: { kind: "answer" } });
    }
    return this.#answer(await this.#ask(rule.answer, request), signal);
  };

  async #ask(answer: Answerer, request: HttpRequest): Promise<HttpAnswer> {
    if (typeof answer !== "function") return answer;
    this.#busy++;
    try {
      return await answer(request);
    } finally {
      this.#busy--;
    }
  }

  async #answer(answer: HttpAnswer, signal: AbortSignal): Promise<Result<Answer>> {
    if (answer.error === "silence") await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    if (answer.delay !== undefined) await sleep(this.clock, answer.delay * 1000, signal);
    signal.throwIfAborted();
    if (answer.error === "refused") return fail("unavailable", "no connection (refused by the test)", { data: { kind: "connect" } });
    if (answer.error === "broken") return fail("unavailable", "the connection broke (by the test)", { data: { kind: "broken" } });
    const isJson = answer.json !== undefined;
    const headers = isJson ? { "content-type": "application/json" } : { "content-type": "text/plain; charset=utf-8" };
    const body = isJson ? JSON.stringify(answer.json) : (answer.bytes ?? answer.text ?? "");
    return ok({ status: answer.status ?? 200, headers: { ...headers, ...answer.headers }, body });
  }
}

function requestOf({ method, target, headers, body }: Prepared): HttpRequest {
  return { method, url: target.url.href, headers, body, json: parsed(body) };
}

function parsed(body: string | null): Json {
  if (body === null) return null;
  // Not JSON: the text itself is in `body`.
  const parsed = parseJson(body, { chars: body.length, depth: 100, nodes: 1_000_000 });
  return parsed.ok ? parsed.value : null;
}

function matches(wanted: string | RegExp, url: string): boolean {
  if (typeof wanted !== "string") return wanted.test(url);
  if (wanted.endsWith("*")) return url.startsWith(wanted.slice(0, -1));
  const whole = URL.parse(wanted)?.href ?? wanted;
  return whole.includes("?") ? whole === url : whole === url.split("?", 1)[0];
}
