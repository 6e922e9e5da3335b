import * as v from "valibot";
import { fail, type GatewayError, ok, type Result } from "../../errors.ts";
import { nearest } from "../../nearest.ts";
import { parseRate, RATE_PATTERN } from "../../rates.ts";
import { TOPIC_FORM, TOPIC_PATTERN } from "../../sdk/boundary/topics.ts";
import { parseHostPattern, printHostPattern } from "./hosts.ts";
import { PERMISSION_NAMES, type PermissionEntry, type PermissionName } from "./types.ts";

/** Longest list of one scope key. Hostile manifests must not cost time. */
const ITEMS_MAX = 64;
export const HTTP_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;

const name = (about: string) => v.pipe(v.string(), v.minLength(1), v.maxLength(253), v.description(about));
const list = (about: string) => v.pipe(v.array(name(about)), v.maxLength(ITEMS_MAX));
const channels = v.pipe(
  v.array(v.union([v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(7)), v.pipe(v.string(), v.minLength(1), v.maxLength(64))])),
  v.maxLength(ITEMS_MAX),
  v.description(
    "Exact names (on any link), LINK/INDEX for one channel, or indexes (0 to 7, of every link). Limits channel messages; direct ones have a key of their own.",
  ),
);
const rate = v.pipe(v.string(), v.regex(RATE_PATTERN, "is not a rate such as 10/min"), v.description("As 10/min; s, min, h or d."));
const topic = v.pipe(
  v.string(),
  v.regex(new RegExp(TOPIC_PATTERN), `is not the name of a topic: ${TOPIC_FORM}`),
  v.description(`A topic of the plugin's own: ${TOPIC_FORM}.`),
);
const positive = (about: string) => v.pipe(v.number(), v.gtValue(0), v.maxValue(1e9), v.description(about));

/** The scope of each permission as a manifest writes it. A missing key means everything of that kind, except `private`. */
export const SCOPE_SCHEMAS = {
  send_messages: v.strictObject({
    channels: v.optional(channels),
    direct: v.optional(v.boolean()),
    broadcast: v.optional(v.boolean()),
    rate: v.optional(rate),
  }),
  receive_messages: v.strictObject({ channels: v.optional(channels), direct: v.optional(v.boolean()) }),
  database_access: v.strictObject({ quota_mb: v.optional(positive("Megabytes of the plugin's own database.")) }),
  http_requests: v.strictObject({
    hosts: v.optional(
      v.pipe(list("api.weather.gov, *.open-meteo.com (not the bare name), host:port. No port: 80 and 443."), v.minLength(1)),
    ),
    methods: v.optional(v.pipe(v.array(v.picklist(HTTP_METHODS)), v.minLength(1), v.maxLength(HTTP_METHODS.length))),
    private: v.optional(v.boolean()),
  }),
  schedule_tasks: v.strictObject({ min_interval_s: v.optional(positive("Shortest interval of a task, in seconds.")) }),
  system_state_read: v.strictObject({}),
  inter_plugin_messaging: v.strictObject({ plugins: v.optional(list("Plugin names.")), events: v.optional(list("Event types.")) }),
  secrets: v.strictObject({ names: v.optional(v.pipe(list("Names of secrets."), v.minLength(1))) }),
  override_commands: v.strictObject({ names: v.optional(v.pipe(list("Reserved commands."), v.minLength(1))) }),
  mesh_requests: v.strictObject({ rate: v.optional(rate) }),
  region: v.strictObject({ topics: v.optional(v.pipe(v.array(topic), v.minLength(1), v.maxLength(ITEMS_MAX))) }),
} as const;

export type Scopes = { [N in PermissionName]: v.InferOutput<(typeof SCOPE_SCHEMAS)[N]> };
/** One permission with its scope, checked and in canonical spelling. */
export type Descriptor = { [N in PermissionName]: { readonly name: N; readonly scope: Readonly<Scopes[N]> } }[PermissionName];

/** The shape of an entry, for JSON Schema and editors. {@link parseEntry} checks the meaning too and has the better messages. */
export const permissionEntrySchema = v.union([
  v.picklist(PERMISSION_NAMES),
  ...PERMISSION_NAMES.map((permission) => v.strictObject({ [permission]: SCOPE_SCHEMAS[permission] as v.GenericSchema })),
]);

/** Reads an entry of a manifest, a configuration or an API body. `where` goes into the error. */
export function parseEntry(input: unknown, where?: string): Result<Descriptor> {
  const at = where === undefined ? {} : { where };
  if (typeof input === "string") {
    // The one-line text form is an entry too, so that a line of a log can be pasted.
    return input.includes("(") ? parseText(input, where) : parseScope(input, {}, at);
  }
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    return fail("invalid_argument", "a permission is a name, or a name with its scope", {
      ...at,
      hint: "write `- send_messages` or `- http_requests: { hosts: [api.weather.gov] }`",
    });
  }
  const [first, ...more] = Object.entries(input);
  if (first === undefined) return fail("invalid_argument", "the permission entry is empty", { ...at, hint: "remove it" });
  if (more.length > 0) {
    const hint = "start each permission with its own `- `, and indent scope keys under their permission";
    return fail("invalid_argument", `one entry names several keys: ${Object.keys(input).slice(0, 5).map(quote).join(", ")}`, {
      ...at,
      hint,
    });
  }
  return parseScope(first[0], first[1], at);
}

function parseScope(word: string, scope: unknown, at: { where?: string }): Result<Descriptor> {
  const known = PERMISSION_NAMES.find((candidate) => candidate === word);
  if (known === undefined) {
    const near = nearest(word, PERMISSION_NAMES);
    const hint = near === null ? `the permissions are ${PERMISSION_NAMES.join(", ")}` : `did you mean ${near}?`;
    return fail("invalid_argument", `there is no permission ${quote(word)}`, { ...at, hint });
  }
  if (scope === null || typeof scope !== "object" || Array.isArray(scope)) {
    return fail("invalid_argument", `the scope of ${known} is not a map`, {
      ...at,
      hint: `write \`- ${known}\` for all of it, or \`- ${known}: { key: value }\``,
    });
  }
  const keys = Object.keys(SCOPE_SCHEMAS[known].entries);
  const stray = Object.keys(scope).find((key) => !keys.includes(key));
  if (stray !== undefined) {
    const near = nearest(stray, keys);
    const all = keys.length === 0 ? `${known} has no scope keys` : `its keys are ${keys.join(", ")}`;
    return fail("invalid_argument", `${known} has no key ${quote(stray)}`, { ...at, hint: near === null ? all : `did you mean ${near}?` });
  }
  const upper = (method: unknown) => (typeof method === "string" ? method.toUpperCase() : method);
  const prepared = "methods" in scope && Array.isArray(scope.methods) ? { ...scope, methods: scope.methods.map(upper) } : scope;
  const parsed = v.safeParse(SCOPE_SCHEMAS[known] as v.GenericSchema<unknown, Readonly<Record<string, unknown>>>, prepared);
  if (!parsed.success) {
    const issue = parsed.issues[0];
    const path = v.getDotPath(issue) ?? "";
    const near = path.startsWith("methods") && typeof issue.input === "string" ? nearest(issue.input, HTTP_METHODS.map(String)) : null;
    return fail("invalid_argument", `${known}.${path}: ${issue.message}`, {
      ...at,
      ...(near === null ? {} : { hint: `did you mean ${near}?` }),
    });
  }
  return canonicalize(known, parsed.output, at);
}

/** Lists sorted and without doubles, hosts and rates in one spelling, keys in the schema's order, what is the default left out. */
function canonicalize(permission: PermissionName, scope: Readonly<Record<string, unknown>>, at: { where?: string }): Result<Descriptor> {
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(SCOPE_SCHEMAS[permission].entries)) {
    const value = scope[key];
    if (value === undefined) continue;
    if (key === "hosts" && Array.isArray(value)) {
      const hosts: string[] = [];
      for (const text of value) {
        const pattern = parseHostPattern(String(text));
        if (!pattern.ok)
          return fail("invalid_argument", `http_requests.hosts: ${pattern.error.message}`, { ...at, hint: pattern.error.hint ?? "" });
        hosts.push(printHostPattern(pattern.value));
      }
      out[key] = [...new Set(hosts)].sort();
    } else if (key === "rate") {
      const parsed = parseRate(String(value));
      if (!parsed.ok)
        return fail("invalid_argument", `${permission}.rate: ${parsed.error.message}`, { ...at, hint: parsed.error.hint ?? "" });
      out[key] = parsed.value.text;
    } else if (Array.isArray(value)) {
      out[key] = [...new Set(value)].sort((a, b) => (typeof a === typeof b ? (a < b ? -1 : 1) : typeof a === "number" ? -1 : 1));
    } else if (typeof value !== "boolean" || value === (key === "private")) {
      out[key] = value;
    }
  }
  if (Array.isArray(out.methods) && out.methods.join() === "GET,HEAD,POST") delete out.methods;
  const nothing =
    (permission === "send_messages" && out.direct === false && (out.broadcast === false || isEmpty(out.channels))) ||
    (permission === "receive_messages" && out.direct === false && isEmpty(out.channels)) ||
    (permission === "inter_plugin_messaging" && isEmpty(out.plugins) && isEmpty(out.events));
  if (nothing) return fail("invalid_argument", `this scope of ${permission} allows nothing`, { ...at, hint: "leave the entry out" });
  return ok({ name: permission, scope: out } as Descriptor);
}

const isEmpty = (value: unknown) => Array.isArray(value) && value.length === 0;
const quote = (word: string) => JSON.stringify(word.slice(0, 60));

/** Reads a list of entries and reports every wrong one. */
export function parseEntries(input: readonly unknown[], where = "permissions"): Result<Descriptor[], readonly GatewayError[]> {
  const results = input.map((entry, index) => parseEntry(entry, `${where}[${index}]`));
  const errors = results.flatMap((result) => (result.ok ? [] : [result.error]));
  return errors.length > 0 ? { ok: false, error: errors } : ok(results.flatMap((result) => (result.ok ? [result.value] : [])));
}

/** As a manifest writes it. */
export function toEntry(descriptor: Descriptor): PermissionEntry {
  return Object.keys(descriptor.scope).length === 0 ? descriptor.name : { [descriptor.name]: descriptor.scope };
}

/** One line for terminal and log: `http_requests(hosts=[api.weather.gov], methods=[GET])`. */
export function printText(descriptor: Descriptor): string {
  const parts = Object.entries(descriptor.scope).map(
    ([key, value]) => `${key}=${Array.isArray(value) ? `[${value.map(word).join(", ")}]` : word(value)}`,
  );
  return parts.length === 0 ? descriptor.name : `${descriptor.name}(${parts.join(", ")})`;
}

const BARE = /^[^\s,()[\]="\\\u0000-\u001f\u007f-\u009f\u2028-\u202f\u2066-\u2069]+$/;
const LITERAL = /^(true|false|\d+(\.\d+)?(e[+-]?\d+)?)$/;

function word(value: unknown): string {
  if (typeof value !== "string") return String(value);
  if (BARE.test(value) && !LITERAL.test(value)) return value;
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028-\u202f\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Reads the one-line text form; the inverse of {@link printText}. */
export function parseText(text: string, where?: string): Result<Descriptor> {
  const at = where === undefined ? {} : { where };
  const reader = new TextReader(text, at);
  const head = reader.word("a permission's name");
  if (!head.ok) return head;
  const scope = reader.scope();
  if (!scope.ok) return scope;
  if (!reader.atEnd) return reader.bad("nothing more");
  return parseScope(head.value, scope.value, at);
}

type Scalar = string | number | boolean;

/** Walks over the tokens of the text form, each looked at once. */
class TextReader {
  readonly #tokens: readonly string[];
  #next = 0;

  constructor(
    private readonly text: string,
    private readonly at: { readonly where?: string },
  ) {
    const tokens = text.length > 256_000 ? null : text.match(/"(?:[^"\\]|\\[\s\S])*(?:"|\\?$)|[(),=[\]]|[^\s,()[\]="]+/g);
    this.#tokens = tokens ?? [];
  }

  get atEnd(): boolean {
    return this.#next === this.#tokens.length;
  }

  bad(expected: string): Result<never> {
    const found = this.atEnd ? "at the end" : `at ${quote(this.#tokens[this.#next] ?? "")}`;
    return fail("invalid_argument", `${quote(this.text)}: expected ${expected} ${found}`, {
      ...this.at,
      hint: "write it as http_requests(hosts=[api.weather.gov], methods=[GET])",
    });
  }

  word(expected: string): Result<string> {
    const token = this.#tokens[this.#next] ?? "";
    if (!/^\w+$/.test(token)) return this.bad(expected);
    this.#next++;
    return ok(token);
  }

  /** `(key=value, key=[value, value])`, or nothing. */
  scope(): Result<Record<string, unknown>> {
    const scope: Record<string, unknown> = Object.create(null);
    if (this.#take("(")) {
      while (!this.#take(")")) {
        const key = this.word("a key");
        if (!key.ok) return key;
        if (key.value in scope) return this.bad(`each key once, ${key.value} is there twice`);
        if (!this.#take("=")) return this.bad("=");
        const value = this.#take("[") ? this.#list() : this.#scalar("a value");
        if (!value.ok) return value;
        scope[key.value] = value.value;
        if (this.#tokens[this.#next] !== ")" && !this.#take(",")) return this.bad(", or )");
      }
    }
    return ok({ ...scope });
  }

  #list(): Result<Scalar[]> {
    const items: Scalar[] = [];
    while (!this.#take("]")) {
      const item = this.#scalar("a value or ]");
      if (!item.ok) return item;
      items.push(item.value);
      if (this.#tokens[this.#next] !== "]" && !this.#take(",")) return this.bad(", or ]");
    }
    return ok(items);
  }

  #scalar(expected: string): Result<Scalar> {
    const token = this.#tokens[this.#next] ?? "";
    const quoted = token.startsWith('"') ? unquote(token) : token;
    if (quoted === null || token === "" || /^[(),=[\]]$/.test(token)) return this.bad(expected);
    this.#next++;
    if (quoted !== token || !LITERAL.test(token)) return ok(quoted);
    return ok(token === "true" || token === "false" ? token === "true" : Number(token));
  }

  #take(expected: string): boolean {
    if (this.#tokens[this.#next] !== expected) return false;
    this.#next++;
    return true;
  }
}

function unquote(token: string): string | null {
  try {
    return String(JSON.parse(token));
  } catch {
    // No JSON string: a quote that never closes, or a stray escape. The caller says where.
    return null;
  }
}
