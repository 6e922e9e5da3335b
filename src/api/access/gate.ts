import { isIP } from "node:net";
import { hostname } from "node:os";
import type { Clock } from "../../clock.ts";
import { allows, type Caller, type Role } from "../contract/roles.ts";
import { refuse } from "../route/problem.ts";
import { Failures } from "./failures.ts";
import type { PagePassword } from "./password.ts";
import { SESSION_MS, type Sessions } from "./sessions.ts";
import type { Subject, Tokens } from "./tokens.ts";

export type Who = { readonly ok: true; readonly caller: Caller } | { readonly ok: false; readonly response: Response };

export interface GateDeps {
  readonly clock: Clock;
  readonly tokens: Tokens;
  readonly sessions: Sessions;
  readonly password: PagePassword;
  /** Called for each refused sign-in that was not slowed down. */
  onFailure(address: string): void;
}

export type Credential = { readonly token: string } | { readonly password: string };

/** Access control: knows a caller by a token, or by the session cookie of a browser on our own page. */
export class Gate {
  readonly #failures: Failures;

  constructor(
    /** Cookies of the whole host name would reach other programs behind the same proxy. */
    private readonly cookie: { readonly name: string; readonly path: string },
    private readonly deps: GateDeps,
  ) {
    this.#failures = new Failures(deps.clock);
  }

  /** The caller, if its role is enough for what it asks. */
  admit(request: Request, address: string, needed: Role): Who {
    const who = this.identify(request, address);
    if (!who.ok || allows(who.caller.role, needed)) return who;
    const { name, role } = who.caller;
    return {
      ok: false,
      response: refuse(
        "permission_denied",
        `this needs the role ${needed}; ${name} has the role ${role}`,
        `zephyrgate token create NAME --role ${needed}`,
      ),
    };
  }

  identify(request: Request, address: string): Who {
    const found = this.#find(request);
    if (typeof found === "object") return { ok: true, caller: found };
    if (found === "wrong") return { ok: false, response: this.#failed(address) };
    // Nobody tried to sign in: a page that asks before it has a session, or after its session ended, is no attack.
    if (found === "nobody") return { ok: false, response: unauthorized() };
    return { ok: false, response: refuse("permission_denied", "a session cookie is accepted only from the gateway's own page") };
  }

  /** The caller of an open route, where there is one. */
  peek(request: Request): Caller | null {
    const found = this.#find(request);
    return typeof found === "object" ? found : null;
  }

  #find(request: Request): Caller | "nobody" | "wrong" | "elsewhere" {
    const header = request.headers.get("authorization");
    if (header !== null) {
      const token = /^Bearer +(\S{1,256}) *$/i.exec(header)?.[1];
      const subject = token === undefined ? null : this.deps.tokens.find(token);
      if (subject === null) return "wrong";
      const isValid = () => this.deps.tokens.named(subject.name)?.credential === subject.credential;
      return { via: "api", name: subject.name, role: subject.role, isValid };
    }
    const found = this.#session(request);
    if (found === null) return "nobody";
    if (!sameOrigin(request)) return "elsewhere";
    const { id, subject } = found;
    return { via: "page", name: subject.name, role: subject.role, isValid: () => this.deps.sessions.find(id) !== null };
  }

  /**
   * Signs a browser in: the cookie of a new session, or the answer that refuses it. Whatever session the browser came with
   * ends, so that nobody can plant one. A right token is accepted however often its address failed: nobody can lock the
   * operator out.
   */
  async signIn(
    request: Request,
    address: string,
    credential: Credential,
  ): Promise<{ readonly cookie: string } | { readonly refused: Response }> {
    const subject = "token" in credential ? this.deps.tokens.find(credential.token) : await this.#byPassword(address, credential.password);
    if (subject instanceof Response) return { refused: subject };
    if (subject === null) return { refused: this.#failed(address) };
    this.#failures.forget(address);
    this.#end(request);
    const id = this.deps.sessions.open(subject);
    const secure = schemeOf(request) === "https" ? "; Secure" : "";
    return {
      cookie: `${this.cookie.name}=${id}; Path=${this.cookie.path}; HttpOnly; SameSite=Strict; Max-Age=${SESSION_MS / 1000}${secure}`,
    };
  }

  /** Ends the request's session. Returns the cookie that deletes the old one. */
  signOut(request: Request): string {
    this.#end(request);
    return `${this.cookie.name}=; Path=${this.cookie.path}; HttpOnly; SameSite=Strict; Max-Age=0`;
  }

  async #byPassword(address: string, password: string): Promise<Subject | Response | null> {
    const wait = this.#failures.wait(address);
    if (wait > 0) return slowDown(wait);
    const checked = await this.deps.password.check(password);
    if (checked.kind === "busy") return slowDown(2000);
    if (checked.kind === "none") {
      return refuse("conflict", "this gateway has no password", "sign in with a token, or set one: zephyrgate password set");
    }
    return checked.kind === "right" ? checked.subject : null;
  }

  /** 401; 429 after too many. */
  #failed(address: string): Response {
    const wait = this.#failures.wait(address);
    if (wait > 0) return slowDown(wait);
    this.#failures.add(address);
    this.deps.onFailure(address);
    return unauthorized();
  }

  #end(request: Request): void {
    for (const id of this.#ids(request)) this.deps.sessions.close(id);
  }

  #session(request: Request): { readonly id: string; readonly subject: Subject } | null {
    for (const id of this.#ids(request)) {
      const subject = this.deps.sessions.find(id);
      if (subject !== null) return { id, subject };
    }
    return null;
  }

  /** A browser may send several cookies of one name, for several paths. */
  #ids(request: Request): string[] {
    const parts = (request.headers.get("cookie") ?? "").slice(0, 8192).split(";");
    const named = parts.map((part) => part.trim().split("=", 2)).filter(([name]) => name === this.cookie.name);
    return named.flatMap(([, value]) => (value === undefined ? [] : [value])).slice(0, 8);
  }
}

function unauthorized(): Response {
  return refuse(
    "unauthorized",
    "this needs a token",
    "send authorization: Bearer TOKEN; the command line's is the line in data_dir/api-token",
    {
      "www-authenticate": 'Bearer realm="zephyrgate"',
    },
  );
}

function slowDown(waitMs: number): Response {
  return refuse("rate_limited", "too many failed sign-ins from this address", "wait, or sign in with a token", {
    "retry-after": String(Math.max(1, Math.ceil(waitMs / 1000))),
  });
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
  if (request.url.startsWith("https:")) return "https";
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
