import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import { hostname } from "node:os";
import type { Clock, Random } from "../../clock.ts";
import { refuse } from "../route/problem.ts";

const SESSION_MS = 12 * 3_600_000;
const MAX_SESSIONS = 64;
const FAILURES_PER_MINUTE = 20;

export type Who = { readonly ok: true; readonly via: "api" | "page" } | { readonly ok: false; readonly response: Response };

export interface GateDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Called for each refused sign-in. */
  onFailure(): void;
}

/** Access control: accepts the API token, or the session cookie of a browser on our own page. */
export class Gate {
  readonly #token: Buffer;
  readonly #sessions = new Map<string, number>();
  #failures = 0;
  #windowStart = Number.NEGATIVE_INFINITY;

  constructor(
    token: string,
    /** Cookies of the whole host name would reach other programs behind the same proxy. */
    private readonly cookie: { readonly name: string; readonly path: string },
    private readonly deps: GateDeps,
  ) {
    this.#token = digest(token);
  }

  /** Compares in constant time: digests of equal length. */
  isToken(candidate: string): boolean {
    return timingSafeEqual(digest(candidate), this.#token);
  }

  identify(request: Request): Who {
    const header = request.headers.get("authorization");
    if (header !== null) {
      const token = /^Bearer +(\S{1,256}) *$/i.exec(header)?.[1];
      return token !== undefined && this.isToken(token) ? { ok: true, via: "api" } : { ok: false, response: this.refused() };
    }
    const session = this.#sessionOf(request);
    if (session === null) return { ok: false, response: this.refused() };
    if (!sameOrigin(request)) {
      return { ok: false, response: refuse("permission_denied", "a session cookie is accepted only from the gateway's own page") };
    }
    return { ok: true, via: "page" };
  }

  /** 401, or 429 after too many in a minute. The right token is always accepted: nobody can lock the operator out. */
  refused(): Response {
    const now = this.deps.clock.monotonic();
    if (now - this.#windowStart >= 60_000) {
      this.#windowStart = now;
      this.#failures = 0;
    }
    this.#failures += 1;
    if (this.#failures > FAILURES_PER_MINUTE) {
      const wait = Math.ceil((60_000 - (now - this.#windowStart)) / 1000);
      return refuse("rate_limited", "too many failed sign-ins", undefined, { "retry-after": String(Math.max(1, wait)) });
    }
    this.deps.onFailure();
    return refuse("unauthorized", "this needs the API token", "send authorization: Bearer <the line in data_dir/api-token>", {
      "www-authenticate": 'Bearer realm="zephyrgate"',
    });
  }

  /** The cookie of a new session. The oldest session is dropped when there are too many. */
  open(request: Request): string {
    const id = Buffer.from(this.deps.random.bytes(32)).toString("base64url");
    this.#sessions.set(digest(id).toString("hex"), this.deps.clock.monotonic() + SESSION_MS);
    const oldest = this.#sessions.keys().next().value;
    if (this.#sessions.size > MAX_SESSIONS && oldest !== undefined) this.#sessions.delete(oldest);
    const secure = schemeOf(request) === "https" ? "; Secure" : "";
    return `${this.cookie.name}=${id}; Path=${this.cookie.path}; HttpOnly; SameSite=Strict; Max-Age=${SESSION_MS / 1000}${secure}`;
  }

  /** Ends the request's session. Returns the cookie that deletes the old one. */
  close(request: Request): string {
    const session = this.#sessionOf(request);
    if (session !== null) this.#sessions.delete(session);
    return `${this.cookie.name}=; Path=${this.cookie.path}; HttpOnly; SameSite=Strict; Max-Age=0`;
  }

  #sessionOf(request: Request): string | null {
    for (const part of (request.headers.get("cookie") ?? "").slice(0, 8192).split(";")) {
      const [name, value] = part.trim().split("=", 2);
      if (name !== this.cookie.name || value === undefined) continue;
      // The lookup is by digest, so that its time reveals nothing about the ids.
      const key = digest(value).toString("hex");
      const until = this.#sessions.get(key);
      if (until !== undefined && until > this.deps.clock.monotonic()) return key;
      this.#sessions.delete(key);
    }
    return null;
  }
}

/** Whether our own page made this request. Without Sec-Fetch-Site (plain http on a LAN) the Origin header must be ours. */
export function sameOrigin(request: Request): boolean {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null) return site === "same-origin" || (site === "none" && request.method === "GET");
  const origin = request.headers.get("origin");
  if (origin === null) return request.method === "GET";
  return origin === `${schemeOf(request)}://${request.headers.get("host") ?? ""}`;
}

/** The scheme that the browser used. The server removes this header unless a trusted proxy set it. */
function schemeOf(request: Request): "http" | "https" {
  return request.headers.get("x-forwarded-proto")?.trim().toLowerCase() === "https" ? "https" : "http";
}

/**
 * Whether a Host header names this gateway: a loopback name, the configured host, a name of `api.allowed_hosts`, or, when it listens on every address,
 * a literal address or the machine's name. Any other name may belong to an attacker (DNS rebinding).
 */
export function hostAllowed(header: string | null, configured: string, further: readonly string[] = []): boolean {
  const match = /^(\[[0-9a-f:.]{2,64}\]|[a-z0-9_.-]{1,253})(?::\d{1,5})?$/i.exec(header ?? "");
  const host = match?.[1]?.toLowerCase();
  if (host === undefined) return false;
  const bare = host.startsWith("[") ? host.slice(1, -1) : host;
  if (bare === "localhost" || bare === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(bare)) return true;
  if (bare === configured.toLowerCase() || further.some((name) => bare === name.toLowerCase())) return true;
  if (configured !== "0.0.0.0" && configured !== "::") return false;
  const own = hostname().toLowerCase();
  return isIP(bare) !== 0 || bare === own || bare === `${own}.local`;
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
