import * as v from "valibot";
import { messageView } from "../../api/contract/mesh-views.ts";
import { auditEntry, auditVerdict, pluginSummary, why } from "../../api/contract/views.ts";
import { readYaml } from "../../config/yaml.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { pluginPath } from "../client/paths.ts";
import { json, line, table } from "../verb/output.ts";
import { type Call, done, textFlag, type Verb } from "../verb/verb.ts";
import { explainedPermissions } from "./plugins.ts";

type Permissions = v.InferOutput<typeof explainedPermissions>;

const MAX_ENTRY_BYTES = 16 * 1024;

export const permissionVerbs: readonly Verb[] = [
  {
    name: "permission list",
    summary: "list the plugins' permissions and their state",
    args: [{ name: "PLUGIN", about: "the plugin; without it all", values: "plugin", optional: true }],
    run: list,
  },
  change("POST", "permissions", { name: "grant", summary: "grant a requested permission that was held back" }),
  change("POST", "permissions/deny", { name: "deny", summary: "deny permanently: overrides every grant" }),
  change("DELETE", "permissions", { name: "revoke", summary: "revoke one permission or all" }),
  {
    name: "permission why",
    summary: "show which rule allows or denies a call or a host, or the decisions about a message",
    args: [
      { name: "PLUGIN", about: "the plugin; or a message's id (m_…) or a correlation id alone", values: "plugin" },
      { name: "PERMISSION", about: "such as http_requests", optional: true },
      { name: "SUBJECT", about: "what it is about: a host, a channel, a name", optional: true },
    ],
    run: explainWhy,
  },
  {
    name: "audit",
    summary: "list the last decisions, newest first",
    flags: {
      plugin: { about: "only this plugin", value: "NAME" },
      permission: { about: "only this permission", value: "NAME" },
      result: { about: "only what was allowed or denied", value: "RESULT", choices: ["allow", "deny"] },
      since: { about: "only after this time (2026-01-31T12:00:00Z)", value: "TIME" },
      limit: { about: "how many entries at most (50)", value: "N" },
    },
    async run(call) {
      const query = new URLSearchParams({ limit: textFlag(call.flags, "limit") ?? "50" });
      for (const name of ["plugin", "permission", "result", "since"]) {
        const value = textFlag(call.flags, name);
        if (value !== undefined) query.set(name, value);
      }
      return showAudit(call, query);
    },
  },
  {
    name: "audit verify",
    summary: "verify the audit log's hash chain",
    async run({ io, flags, client }) {
      const gateway = await client();
      if (!gateway.ok) return gateway;
      const verdict = await gateway.value.get("/api/v1/audit/verify", auditVerdict);
      if (!verdict.ok) return verdict;
      const { intact, entries, broken_at } = verdict.value;
      if (flags.json === true) json(io, verdict.value);
      else
        line(
          io,
          intact
            ? `the chain of ${entries} entries is intact`
            : `the chain is broken at ${broken_at ?? "an unknown place"}; ${entries} entries before it are intact`,
        );
      return intact ? done : ok(1);
    },
  },
];

async function list({ io, args, flags, client }: Call): Promise<Result<number>> {
  const gateway = await client();
  if (!gateway.ok) return gateway;
  let names: readonly string[] = args;
  if (names.length === 0) {
    const plugins = await gateway.value.list("/api/v1/plugins", pluginSummary);
    if (!plugins.ok) return plugins;
    names = plugins.value.map((plugin) => plugin.name);
  }
  const all: { plugin: string; permissions: Permissions }[] = [];
  for (const plugin of names) {
    const permissions = await gateway.value.get(`${pluginPath(plugin)}/permissions`, explainedPermissions);
    if (!permissions.ok) return permissions;
    all.push({ plugin, permissions: permissions.value });
  }
  if (flags.json === true) json(io, all);
  else
    table(
      io,
      ["plugin", "state", "permission"],
      all.flatMap(({ plugin, permissions }) => rows(plugin, permissions)),
    );
  return done;
}

function rows(plugin: string, permissions: Permissions): string[][] {
  const states = { granted: permissions.granted, "held back": permissions.held_back, denied: permissions.denied };
  return Object.entries(states).flatMap(([state, entries]) => entries.map((entry) => [plugin, state, printed(entry)]));
}

/** As the operator would type it: `http_requests: {"hosts":["api.weather.gov"]}`. */
function printed(entry: unknown): string {
  if (typeof entry === "string") return entry;
  return Object.entries(entry ?? {})
    .map(([name, scope]) => `${name}: ${JSON.stringify(scope)}`)
    .join(", ");
}

/** A verb that changes a plugin's permissions. Only `DELETE` works without a permission. */
function change(method: "POST" | "DELETE", path: string, verb: Pick<Verb, "name" | "summary">): Verb {
  const about = "as in a manifest: send_messages, or 'http_requests: { hosts: [api.weather.gov] }'";
  return {
    ...verb,
    name: `permission ${verb.name}`,
    args: [
      { name: "PLUGIN", about: "the plugin's name", values: "plugin" },
      method === "DELETE" ? { name: "PERMISSION", about: `${about}; without it all`, optional: true } : { name: "PERMISSION", about },
    ],
    async run({ io, args, flags, client }) {
      const permission = args[1] === undefined ? ok(undefined) : readEntry(args[1]);
      if (!permission.ok) return permission;
      const gateway = await client();
      if (!gateway.ok) return gateway;
      const body = permission.value === undefined ? undefined : { permission: permission.value };
      const changed = await gateway.value.call(method, `${pluginPath(args[0])}/${path}`, explainedPermissions, body);
      if (!changed.ok) return changed;
      if (flags.json === true) json(io, changed.value);
      else table(io, ["plugin", "state", "permission"], rows(args[0] ?? "", changed.value));
      return done;
    },
  };
}

/** Parses an entry as in a manifest: `secrets`, or `http_requests: { hosts: [api.weather.gov] }`. */
function readEntry(text: string): Result<unknown> {
  const hint = "write it as in a manifest: send_messages, or 'http_requests: { hosts: [api.weather.gov] }'";
  const read = readYaml(text, "the permission", MAX_ENTRY_BYTES);
  const entry = read.ok ? read.value.value : null;
  const isEntry = typeof entry === "string" || (typeof entry === "object" && entry !== null && !Array.isArray(entry));
  return isEntry ? ok(entry) : fail("invalid_argument", "this is not a permission", { hint });
}

async function explainWhy(call: Call): Promise<Result<number>> {
  const { io, args, flags, client } = call;
  const [first = "", permission, subject] = args;
  const gateway = await client();
  if (!gateway.ok) return gateway;
  if (permission === undefined) {
    if (!first.startsWith("m_")) return showAudit(call, new URLSearchParams({ correlation_id: first, limit: "100" }));
    const message = await gateway.value.get(`/api/v1/messages/${encodeURIComponent(first)}`, messageView);
    if (!message.ok) return message;
    line(io, `${first}: ${message.value.state}${message.value.reason === null ? "" : ` (${message.value.reason})`}`);
    return showAudit(call, new URLSearchParams({ correlation_id: message.value.correlation_id, limit: "100" }));
  }
  const query = new URLSearchParams({ permission, ...(subject === undefined ? {} : { subject }) });
  const answer = await gateway.value.get(`${pluginPath(first)}/permissions/why?${query}`, why);
  if (!answer.ok) return answer;
  const { allowed, rule, hint } = answer.value;
  if (flags.json === true) json(io, answer.value);
  else line(io, `${allowed ? "allowed" : "denied"}: ${rule}${hint ? ` (${hint})` : ""}`);
  return done;
}

async function showAudit({ io, flags, client }: Call, query: URLSearchParams): Promise<Result<number>> {
  const gateway = await client();
  if (!gateway.ok) return gateway;
  const page = await gateway.value.get(`/api/v1/audit?${query}`, v.object({ items: v.array(auditEntry), next: v.nullable(v.string()) }));
  if (!page.ok) return page;
  const { items } = page.value;
  if (flags.json === true) json(io, items);
  else
    table(
      io,
      ["time", "result", "plugin", "permission", "scope", "rule", "times", "reference"],
      items.map((one) => [
        one.time,
        one.result,
        one.plugin ?? one.actor,
        one.permission ?? one.kind,
        one.scope ?? one.detail,
        one.rule,
        one.count ?? 1,
        one.correlation_id,
      ]),
    );
  return done;
}
