/**
 * Every route of docs/openapi.json with every wrong input that its schema tells: each is answered by a 4xx with a code, what is wrong and
 * how to fix it, and changes nothing. Real gateway, real data folder.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Validator } from "@cfworker/json-schema";
import document from "../../docs/openapi.json";
import { answering, Gateway } from "./harness.ts";

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
}
interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema: Schema;
}
interface Operation {
  readonly "x-role"?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: Schema }>> };
}
interface Route {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}
interface Attempt {
  readonly what: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly status?: number;
}

const METHODS = ["get", "post", "put", "delete"];
const routes: Route[] = Object.entries(document.paths as unknown as Record<string, Record<string, Operation>>).flatMap(([path, methods]) =>
  METHODS.flatMap((method) => (methods[method] === undefined ? [] : [{ method: method.toUpperCase(), path, operation: methods[method] }])),
);
/** Both take anything away from nobody: they are asked by machines without a token. */
const OPEN = /^\/health\//;
/** Whether one is signed in may be asked by everybody. */
const SESSION = "/api/v1/session";
const VALUES: readonly Json[] = [
  5,
  -1,
  1.5,
  1e308,
  true,
  null,
  "",
  "x".repeat(4_000),
  "\u0000",
  "\ud800x",
  [],
  [[]],
  {},
  { zz: { zz: 1 } },
  "../../x",
];
const KNOWN: Readonly<Record<string, string>> = { name: "hut", key: "k", node: "!00000002", id: "x" };

const isWrong = (schema: Schema, value: Json) => !new Validator(schema as object, "2020-12").validate(value as never).valid;
/** A value that the schema takes, to be made wrong in one place. */
const SAMPLES: readonly Json[] = [
  "hut",
  "hut_task",
  "info",
  "operate",
  "all",
  "normal",
  "position",
  "!00000002",
  1,
  true,
  "send_messages",
  [],
  {},
  null,
];
const sample = (schema: Schema): Json => SAMPLES.find((value) => !isWrong(schema, value)) ?? "hut";

function sampleBody({ properties = {}, required = [] }: Schema): Record<string, Json> {
  return Object.fromEntries(required.map((key) => [key, sample(properties[key] ?? {})]));
}

const filled = (path: string, own: Readonly<Record<string, string>> = {}) =>
  path.replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent((own[key] ?? KNOWN[key] ?? "x").toWellFormed()));
const shown = (value: Json) => JSON.stringify(value).slice(0, 40);

function* attemptsOf({ path, operation }: Route): Generator<Attempt> {
  const parameters = operation.parameters ?? [];
  for (const { name, in: place, schema } of parameters) {
    for (const value of VALUES.filter((each): each is string => typeof each === "string" && each !== "")) {
      if (place === "path") yield { what: `${name}=${shown(value)} in the path`, path: filled(path, { [name]: value }) };
      else if (isWrong(schema, value) || value.length > 1000)
        yield { what: `?${name}=${shown(value)}`, path: `${filled(path)}?${name}=${encodeURIComponent(value.toWellFormed())}` };
    }
  }
  if (path !== SESSION) yield { what: "an unknown query parameter", path: `${filled(path)}?surely_unknown=1`, status: 400 };
  const content = operation.requestBody?.content ?? {};
  const json = content["application/json"]?.schema;
  if (content["application/octet-stream"] !== undefined) {
    yield { what: "a file of another type", path: filled(path), body: "{}", headers: { "content-type": "application/json" }, status: 415 };
    yield { what: "a file that is none", path: filled(path), body: "rubbish", headers: { "content-type": "application/octet-stream" } };
  }
  if (json === undefined) return;
  const good = sampleBody(json);
  const send = (what: string, body: Json | string, type = "application/json", raw = false): Attempt => ({
    what,
    path: filled(path),
    headers: { "content-type": type },
    body: raw ? String(body) : JSON.stringify(body),
  });
  yield { ...send("no JSON type", good, "text/plain"), status: 415 };
  yield send("no JSON", "{", "application/json", true);
  yield send("not UTF-8", '{"text":"\\ud800', "application/json", true);
  yield send("too large a body", { text: "x".repeat(1_100_000) });
  yield send("too deep a body", `${'{"a":'.repeat(200)}1${"}".repeat(200)}`, "application/json", true);
  for (const value of VALUES) if (isWrong(json, value)) yield send(`the body ${shown(value)}`, value);
  if (json.additionalProperties === false) yield send("an unknown key", { ...good, surely_unknown: 1 });
  for (const key of json.required ?? [])
    yield send(`without ${key}`, Object.fromEntries(Object.entries(good).filter(([each]) => each !== key)));
  for (const [key, schema] of Object.entries(json.properties ?? {}))
    for (const value of VALUES) if (isWrong(schema, value)) yield send(`${key}: ${shown(value)}`, { ...good, [key]: value });
}

let gateway: Gateway;
const tokens: Record<string, string> = {};
beforeAll(async () => {
  gateway = await Gateway.start({ plugins: { hut: answering("hut", "open") } });
  expect((await gateway.api("POST", "/backups", {})).status).toBeLessThan(300);
  for (const role of ["read", "operate"])
    tokens[role] = (await gateway.api<{ token: string }>("POST", "/tokens", { name: `the-${role}`, role })).body.token;
}, 120_000);
afterAll(() => gateway?.stop());

const ask = (method: string, { path, headers, body }: Attempt, token: string | null = gateway.token) =>
  fetch(`http://127.0.0.1:${gateway.port}${path}`, {
    method,
    headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...headers },
    signal: AbortSignal.timeout(60_000),
    ...(body === undefined || method === "GET" ? {} : { body }),
  });

/** What an operator could find changed. */
async function present(): Promise<unknown> {
  const paths = ["/plugins?limit=200", "/messages", "/tokens", "/silence", "/log-levels", "/backups", "/alerts", "/region", "/schedule"];
  const own = ["config", "permissions", "secrets", "recording"].map((each) => `/plugins/hut/${each}`);
  const answers = await Promise.all([...paths, ...own].map(async (path) => [path, (await gateway.api("GET", path)).body]));
  const files = readdirSync(join(gateway.dir, "data")).filter((name) => !/^(?:gateway\.db|api-address|lock|starts)/.test(name));
  const text = JSON.stringify([answers, files.sort(), readFileSync(join(gateway.dir, "config.yaml"), "utf8")]);
  // What moves by itself.
  return JSON.parse(
    text.replace(
      /"(?:\w*_at|since|last_\w+|next_\w+|\w*_s|time|age|calls|health\w*|cpu\w*|memory\w*|runs|queue_depth)":(?:"[^"]*"|[\d.]+|null)/g,
      '"moves":0',
    ),
  );
}

/** What is amiss with an answer; null: nothing. */
async function amiss(response: Response, wanted: number | undefined): Promise<string | null> {
  const body = await response.text();
  const isElsewhere = response.status === 503 && body.includes("takes part in no region");
  if (!isElsewhere && (response.status < 400 || response.status > 499)) return `${response.status} ${body.slice(0, 200)}`;
  if (wanted !== undefined && response.status !== wanted && response.status !== 404)
    return `${response.status} instead of ${wanted}: ${body.slice(0, 200)}`;
  const { code, detail, hint, data } = JSON.parse(body) as { code?: string; detail?: string; hint?: string; data?: unknown };
  if (!code || !detail) return `no code or no detail: ${body.slice(0, 200)}`;
  if (/\[object|undefined|Expected |Invalid |\bregex|at .*\.ts:/.test(`${detail} ${hint ?? ""}`))
    return `words of the inside: ${body.slice(0, 300)}`;
  if (detail.length > 2_000) return `the input is echoed: ${detail.length} characters`;
  if (hint === undefined && data === undefined) return `nothing says how to fix it: ${body.slice(0, 200)}`;
  return null;
}

test("each wrong input to each route is refused with what is wrong and how to fix it, and changes nothing", async () => {
  expect(routes.length).toBeGreaterThan(80);
  const before = await present();
  const found: string[] = [];
  let count = 0;
  for (const route of routes) {
    if (OPEN.test(route.path)) continue;
    for (const attempt of attemptsOf(route)) {
      count += 1;
      const what = await amiss(await ask(route.method, attempt), attempt.status).catch((thrown) => String(thrown));
      if (what !== null) found.push(`${route.method} ${route.path} ${attempt.what}: ${what}`);
    }
  }
  expect(found).toEqual([]);
  expect(count).toBeGreaterThan(1000);
  expect(await present()).toEqual(before);
  expect(gateway.lines(/an API call failed/)).toEqual([]);
}, 300_000);

test("each route refuses who has no token, or too low a role, before it looks at the input", async () => {
  const before = await present();
  const found: string[] = [];
  const ROLES = ["read", "operate", "admin"];
  for (const { method, path, operation } of routes) {
    if (OPEN.test(path) || path === SESSION) continue;
    const role = operation["x-role"] ?? "";
    if (!ROLES.includes(role)) found.push(`${method} ${path} has no role`);
    const below = ROLES.slice(0, ROLES.indexOf(role));
    const tries = [[null, 401], ...below.map((each) => [tokens[each], 403])] as [string | null, number][];
    for (const [token, status] of tries) {
      const response = await ask(
        method,
        { what: "", path: filled(path), body: "{}", headers: { "content-type": "application/json" } },
        token,
      );
      const what = response.status === status ? await amiss(response, status) : `${response.status} instead of ${status}`;
      if (what !== null) found.push(`${method} ${path} by ${token === null ? "nobody" : "a lower role"}: ${what}`);
    }
  }
  expect(found).toEqual([]);
  expect(await present()).toEqual(before);
}, 120_000);
