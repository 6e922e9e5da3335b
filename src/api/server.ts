import { resolve } from "node:path";
import { Elysia } from "elysia";
import type { Clock, Random } from "../clock.ts";
import { fail, GatewayError, ok, type Result } from "../errors.ts";
import { copyJson } from "../json-reader.ts";
import type { Logger } from "../log/logger.ts";
import { Gate, hostAllowed } from "./access/gate.ts";
import { PagePassword } from "./access/password.ts";
import { digitsFor, roundPositions, roundText } from "./access/positions.ts";
import { Proxies, withoutBase } from "./access/proxies.ts";
import { Sessions } from "./access/sessions.ts";
import type { AccessStore } from "./access/store.ts";
import type { Tls, TlsFiles } from "./access/tls.ts";
import { ensureToken, replaceToken } from "./access/token.ts";
import { PASSWORD, Tokens } from "./access/tokens.ts";
import { type Actor, by, type Control } from "./contract/control.ts";
import type { Role } from "./contract/roles.ts";
import type { MapView } from "./contract/views.ts";
import { Listener } from "./listener.ts";
import { pageResponse } from "./page/page.ts";
import { ANYTHING, check, NOTHING, readBytes, readJson, streamBytes } from "./route/body.ts";
import { problemResponse, refuse } from "./route/problem.ts";
import type { Method, Reply, Route } from "./route/route.ts";
import { accessRoutes } from "./routes/access.ts";
import { alertRoutes } from "./routes/alerts.ts";
import { backupRoutes, MAX_BACKUP } from "./routes/backups.ts";
import { Feed } from "./routes/feed.ts";
import { meshRoutes } from "./routes/mesh.ts";
import { packageRoutes } from "./routes/packages.ts";
import { pluginRoutes } from "./routes/plugins.ts";
import { regionRoutes } from "./routes/region.ts";
import { serviceRoutes } from "./routes/service.ts";
import { systemRoutes } from "./routes/system.ts";
import { tokenRoutes } from "./routes/tokens.ts";

export interface ApiOptions {
  readonly host: string;
  /** 0 selects a free port. */
  readonly port: number;
  readonly dataDir: string;
  /** What may change while it runs; asked at each use. */
  readonly live?: () => LiveOptions;
  /** Path of the page and the API below the host, `/` when absent. Programs on this machine may leave it out. */
  readonly basePath?: string;
  /** Certificate and key, PEM files, for https; absent: plain http. They are read again when they change. */
  readonly tls?: TlsFiles | undefined;
  /** Seconds after which an idle connection is closed; 60 when absent. */
  readonly idleS?: number;
}

export interface LiveOptions {
  /** Further names in the Host header that mean this gateway. */
  readonly allowedHosts?: readonly string[];
  /** Reverse proxies, addresses or networks, whose X-Forwarded-For and X-Forwarded-Proto are believed. */
  readonly trustedProxies?: readonly string[];
  /** Decimal places of a degree to which the positions of others are rounded for callers of the role read; 2 when absent. */
  readonly positionDigits?: number;
  /** Tiles below the console's map; null or absent: none. */
  readonly mapTiles?: MapView["tiles"];
}

/** Larger than the largest body of any route. */
const MAX_REQUEST = MAX_BACKUP + 1_048_576;

const POSITION_DIGITS = 2;

export interface ApiServer {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  readonly port: number;
  /** Reads the certificate again. */
  reload(): void;
  /** Ends streams and connections; a second call does nothing. */
  stop(): Promise<void>;
}

export interface ApiDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Tokens, sessions and the password, kept over a restart. */
  readonly access: AccessStore;
  /** Writes an entry to the audit log. */
  audit(event: string, detail: string): void;
  /** What is wrong with the certificate of a running server; null: nothing any more. */
  onTrouble?(trouble: string | null): void;
}

/** Serves the control API and the console. Fails if the token cannot be read or the port cannot be opened. */
export function startApi(options: ApiOptions, control: Control, deps: ApiDeps): Result<ApiServer> {
  const token = ensureToken(options.dataDir, deps.random);
  if (!token.ok) return token;
  const api = new Api(control, token.value, options, deps);
  const listener = new Listener(options.tls ?? null, {
    clock: deps.clock,
    log: deps.log,
    onTrouble: (trouble) => deps.onTrouble?.(trouble),
    open: (port, tls) => serve(options, port, tls, api),
  });
  try {
    const port = listener.start(options.port);
    if (!port.ok) {
      api.stop();
      return port;
    }
    let stopped: Promise<void> | null = null;
    const stop = async () => {
      api.stop();
      await listener.stop();
    };
    const host = options.host.includes(":") ? `[${options.host}]` : options.host;
    return ok({
      url: `${options.tls === undefined ? "http" : "https"}://${host}:${port.value}`,
      port: port.value,
      reload: () => listener.reload(true),
      stop: () => {
        stopped ??= stop();
        return stopped;
      },
    });
  } catch (cause) {
    api.stop();
    return cannotListen(options, cause);
  }
}

function serve(options: ApiOptions, port: number, tls: Tls | null, api: Api) {
  return Bun.serve({
    hostname: options.host,
    port,
    ...(tls === null ? {} : { tls: { cert: tls.cert, key: tls.key } }),
    idleTimeout: options.idleS ?? 60,
    // The routes' own caps answer with a problem; this one only bounds what is read before them.
    maxRequestBodySize: MAX_REQUEST,
    fetch: (request, bun) =>
      api.handle(request, { address: bun.requestIP(request)?.address ?? "unknown", keepOpen: () => bun.timeout(request, 0) }),
    error: (thrown) => api.failed(thrown),
  });
}

function cannotListen(options: ApiOptions, cause: unknown): Result<never> {
  const code = (cause as NodeJS.ErrnoException).code;
  const place = `${options.host}:${options.port}`;
  if (code === "EADDRINUSE") {
    return fail("conflict", `port ${options.port} on ${options.host} is in use`, {
      cause,
      hint: "stop the other program, or choose another with --port or api.port",
    });
  }
  if (code === "EACCES") return fail("conflict", `no permission to listen on ${place}`, { cause, hint: "choose a port of 1024 or more" });
  return fail("conflict", `cannot listen on ${place}`, { cause, hint: "api.host must be an address of this machine" });
}

interface Connection {
  readonly address: string;
  /** From now on the connection is not closed for being idle: the answer is being worked on. */
  keepOpen(): void;
}

class Api {
  readonly #gate: Gate;
  readonly #feed: Feed;
  readonly #routes: readonly Route[];
  readonly #app: { readonly fetch: (request: Request) => Response | Promise<Response> };
  #proxies: Proxies | null = null;
  #trusted: readonly string[] = [];
  /** Ends with `/`. */
  readonly #base: string;
  readonly #connections = new WeakMap<Request, Connection>();
  readonly #answered = new Map<number, number>();

  constructor(
    private readonly control: Control,
    token: string,
    private readonly options: ApiOptions,
    private readonly deps: ApiDeps,
  ) {
    this.#base = (options.basePath ?? "/").replace(/\/*$/, "/");
    this.#feed = new Feed(control, deps.clock, (role) => this.#digitsFor(role));
    const parts = accessParts(token, this.#base, options.dataDir, deps);
    this.#gate = parts.gate;
    const counters = () => ({ answered: this.#answered, clients: this.#feed.clients, dropped: this.#feed.dropped });
    const changed = () => this.#feed.check();
    const audit = (event: string, actor: Actor, detail = "") => deps.audit(event, `${by(actor)}: ${detail}`);
    const access = [...accessRoutes({ ...parts, changed, audit }), ...tokenRoutes({ ...parts, changed, audit })];
    const service = serviceRoutes(this.#feed, counters, { base: this.#base, all: () => this.#routes }, () => this.#live.mapTiles ?? null);
    this.#routes = [
      ...systemRoutes,
      ...alertRoutes,
      ...pluginRoutes,
      ...packageRoutes,
      ...backupRoutes,
      ...regionRoutes,
      ...meshRoutes,
      ...access,
      ...service,
    ];
    const app = new Elysia({ normalize: false });
    for (const route of this.#routes) {
      app.route(route.method, route.path, ({ request, params }) => this.#run(route, request, params), { parse: "none" });
    }
    app.onError(({ request, error, code }) => (code === "NOT_FOUND" ? this.#missing(request) : this.failed(error)));
    this.#app = app;
  }

  async handle(request: Request, connection: Connection): Promise<Response> {
    const head = request.method === "HEAD";
    const { inner, isBelow } = this.#inside(request, connection.address);
    const address = this.#trustedProxies().clientOf(request.headers, connection.address);
    this.#connections.set(inner, { address, keepOpen: connection.keepOpen });
    const response = await this.#answer(inner, isBelow);
    this.#answered.set(response.status, (this.#answered.get(response.status) ?? 0) + 1);
    for (const [name, value] of Object.entries(HEADERS)) if (!response.headers.has(name)) response.headers.set(name, value);
    if (!head) return response;
    await response.body?.cancel();
    return new Response(null, { status: response.status, headers: response.headers });
  }

  /** The request as the routes see it: HEAD as GET, without the base path, and without headers that only a trusted proxy may set. */
  #inside(request: Request, peer: string): { readonly inner: Request; readonly isBelow: boolean } {
    const { url, isBelow } = withoutBase(request.url, this.#base);
    const headers = this.#trustedProxies().clean(request.headers, peer);
    const method = request.method === "HEAD" ? "GET" : request.method;
    if (url === request.url && headers === request.headers && method === request.method) return { inner: request, isBelow };
    return { inner: new Request(url, { method, headers, body: request.body, signal: request.signal }), isBelow };
  }

  async #answer(request: Request, isBelow: boolean): Promise<Response> {
    try {
      if (!hostAllowed(request.headers.get("host"), this.options.host, this.#live.allowedHosts)) {
        return refuse("permission_denied", "the Host header names a different host", "add the name to api.allowed_hosts");
      }
      if (!isBelow && `${new URL(request.url).pathname}/` === this.#base) {
        return new Response(null, { status: 308, headers: { location: this.#base } });
      }
      return (isBelow ? await pageResponse(request, this.#tilesOrigin()) : null) ?? (await this.#app.fetch(request));
    } catch (thrown) {
      return this.failed(thrown);
    }
  }

  async #run(route: Route, request: Request, rawParams: unknown): Promise<Response> {
    try {
      const address = this.#connections.get(request)?.address ?? "unknown";
      const who =
        route.access === "open"
          ? { ok: true as const, caller: this.#gate.peek(request) }
          : this.#gate.admit(request, address, route.access);
      if (!who.ok) return who.response;
      const { caller } = who;
      // An invalid plugin name is answered with 404. Only a request that stores under a name gets the details.
      const params = check(route.params ?? ANYTHING, rawParams, route.method === "PUT" ? "invalid_argument" : "not_found");
      if (!params.ok) return problemResponse(params.error);
      const query = check(route.query ?? (route.access === "open" ? ANYTHING : NOTHING), queryOf(request), "invalid_argument");
      if (!query.ok) return problemResponse(query.error);
      const raw = await readBody(route, request);
      if (!raw.ok) return problemResponse(raw.error);
      const body = check(route.body ?? ANYTHING, raw.value, "unprocessable");
      if (!body.ok) return problemResponse(body.error);
      const actor = { via: caller?.via ?? "api", address, ...(caller === null ? {} : { token: caller.name }) } as const;
      // Now it is known who asks, and what: this may take as long as plugins' hooks or a backup need.
      if (route.method !== "GET" || route.path.endsWith("/export")) this.#connections.get(request)?.keepOpen();
      const result = await route.run({
        control: this.control,
        actor,
        caller,
        request,
        params: params.value,
        query: query.value,
        body: body.value,
      });
      if (!result.ok) return result.error.code === "internal" ? this.failed(result.error) : problemResponse(result.error);
      return await answerOf(result.value, this.#digitsFor(caller?.role ?? null));
    } catch (thrown) {
      return this.failed(thrown);
    }
  }

  get #live(): LiveOptions {
    return this.options.live?.() ?? {};
  }

  #trustedProxies(): Proxies {
    const { trustedProxies = [] } = this.#live;
    if (this.#proxies === null || trustedProxies !== this.#trusted) this.#proxies = new Proxies(trustedProxies);
    this.#trusted = trustedProxies;
    return this.#proxies;
  }

  #tilesOrigin(): string | null {
    const tiles = this.#live.mapTiles ?? null;
    return tiles === null ? null : new URL(tiles.url).origin;
  }

  #digitsFor(role: Role | null): number | null {
    return digitsFor(role, this.#live.positionDigits ?? POSITION_DIGITS);
  }

  /** A bug of the gateway: the log has the details, the client gets a reference. */
  failed(thrown: unknown): Response {
    const reference = Buffer.from(this.deps.random.bytes(4)).toString("hex");
    this.deps.log.error("an API call failed", { error: thrown, correlation_id: reference });
    return problemResponse(new GatewayError("internal", `the call failed (ref ${reference})`, { hint: "the log has the details" }));
  }

  #missing(request: Request): Response {
    const path = new URL(request.url).pathname;
    const methods = this.#routes.filter((route) => matches(route.path, path)).map((route) => route.method as Method | "HEAD");
    if (methods.length === 0)
      return refuse("not_found", "there is no such path", `GET /api/v1/openapi.json lists all paths; the page is at ${this.#base}`);
    if (methods.includes("GET")) methods.push("HEAD");
    return refuse("method_not_allowed", "this method is not allowed for this path", undefined, { allow: [...new Set(methods)].join(", ") });
  }

  stop(): void {
    this.#feed.stop();
  }
}

/** The response to a caller who learns positions of others to `digits` decimal places only; null: exactly. */
async function answerOf({ status, body }: Reply, digits: number | null): Promise<Response> {
  if (status === 204 && !(body instanceof Response)) return new Response(null, { status });
  if (!(body instanceof Response)) return Response.json(digits === null ? body : roundPositions(copyJson(body), digits), { status });
  const isText = body.headers.get("content-type")?.startsWith("text/plain") === true;
  if (digits === null || !isText) return body;
  return new Response(roundText(await body.text(), digits), { status: body.status, headers: body.headers });
}

/** Whom the gate knows, and how. */
function accessParts(fileToken: string, path: string, dataDir: string, { clock, random, log, access }: ApiDeps) {
  const tokens = new Tokens(fileToken, { clock, random, store: access, replaceFile: () => replaceToken(dataDir, random) });
  const password = new PagePassword(access, clock);
  const subject = (name: string) => (name === PASSWORD ? password.subject() : tokens.named(name));
  const sessions = new Sessions({ clock, random, store: access, subject });
  // Cookies are not separated by port, so the name differs for each gateway on a machine, and stays when a token changes.
  const name = `zephyrgate_${Bun.hash(resolve(dataDir)).toString(36)}`;
  const onFailure = (address: string) => log.warn("a sign-in to the API failed", { address });
  return { tokens, password, sessions, gate: new Gate({ name, path }, { clock, tokens, sessions, password, onFailure }) };
}

async function readBody(route: Route, request: Request): Promise<Result<unknown>> {
  if (route.upload !== undefined) return readBytes(request, route.upload);
  if (route.stream !== undefined) return streamBytes(request, route.stream);
  return route.body === undefined ? ok(undefined) : readJson(request);
}

const HEADERS = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "x-frame-options": "DENY",
};

function queryOf(request: Request): Record<string, string> {
  return Object.fromEntries(new URL(request.url).searchParams);
}

function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split("/");
  const given = path.split("/");
  return wanted.length === given.length && wanted.every((part, i) => part === given[i] || (part.startsWith(":") && given[i] !== ""));
}
