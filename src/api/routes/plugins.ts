import * as v from "valibot";
import { fail, ok } from "../../errors.ts";
import type { Json } from "../../json.ts";
import { explainRisk } from "../../permissions/risk.ts";
import type { PluginChange } from "../contract/control.ts";
import { allows } from "../contract/roles.ts";
import type { PluginPermissions } from "../contract/views.ts";
import { pluginConfig, pluginDetail, pluginPermissions, pluginSummary, why } from "../contract/views.ts";
import { listOf, pageOf, paging, type Reply, type Route, reply, route } from "../route/route.ts";

const name = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_]{0,63}$/, "a plugin name: a-z, 0-9 and _"));
const params = v.object({ name });
const secretParams = v.object({
  name,
  key: v.pipe(v.string(), v.regex(/^[A-Za-z][A-Za-z0-9_.-]{0,63}$/, "a secret's name: letters, digits, _ . -")),
});
const nothing = v.optional(v.strictObject({}));
const entry = v.pipe(
  v.union([v.pipe(v.string(), v.maxLength(64)), v.record(v.string(), v.unknown())]),
  v.description("A permission as in a manifest: a name, or {name: scope}"),
);
const permissionsView = v.object({
  ...pluginPermissions.entries,
  explained: v.array(v.object({ permission: v.unknown(), words: v.string(), risk: v.string() })),
});
/** Longest recording, seconds. */
const MAX_RECORDING_S = 3600;
const RECORDING = "application/x-ndjson";
export const profileItem = v.object({ what: v.string(), calls: v.number(), cpu_ms: v.number(), max_ms: v.number() });
const tag = "plugins";
const base = "/api/v1/plugins";

const explained = (permissions: PluginPermissions) => ({ ...permissions, explained: permissions.requested.map(explainRisk) });

async function change(answer: Parameters<typeof reply<PluginChange>>[0]) {
  const result = await answer;
  return result.ok ? ok<Reply>({ status: result.value.waits ? 202 : 200, body: result.value.plugin }) : result;
}

const changed = { 200: pluginSummary, 202: pluginSummary };

export const pluginRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: base,
    access: "read",
    summary: "All plugins with state, health and metrics",
    tag,
    query: v.strictObject(paging),
    answers: { 200: listOf(pluginSummary) },
    async run({ control, query }) {
      const list = await control.plugins.list();
      return list.ok ? reply(pageOf(list.value, query, (plugin) => plugin.name)) : list;
    },
  }),
  route({
    method: "GET",
    path: `${base}/:name`,
    access: "read",
    summary: "One plugin in full",
    tag,
    params,
    answers: { 200: pluginDetail },
    errors: ["not_found"],
    run: ({ control, params }) => reply(control.plugins.get(params.name)),
  }),
  route({
    method: "POST",
    path: `${base}/:name/enable`,
    access: "operate",
    summary: "Enable; with `accept` also accept the permission set of that hash",
    tag,
    params,
    body: v.optional(v.strictObject({ accept: v.optional(v.pipe(v.string(), v.maxLength(128))) })),
    answers: changed,
    errors: ["not_found", "conflict", "load_failed"],
    run({ control, params, body, actor, caller }) {
      // To accept is to decide what a plugin may do, as to grant is.
      if (body?.accept !== undefined && (caller === null || !allows(caller.role, "admin"))) {
        return fail("permission_denied", "to accept permissions needs the role admin");
      }
      return change(control.plugins.enable(params.name, body?.accept, actor));
    },
  }),
  ...(["disable", "restart", "reload"] as const).map((verb) =>
    route({
      method: "POST",
      path: `${base}/:name/${verb}`,
      access: "operate",
      summary: {
        disable: "Disable until enabled again",
        restart: "Stop and start",
        reload: "Load changed code; on failure the old version keeps running",
      }[verb],
      tag,
      params,
      body: nothing,
      answers: changed,
      errors: ["not_found", "conflict", "load_failed"],
      run: ({ control, params, actor }) => change(control.plugins[verb](params.name, actor)),
    }),
  ),
  route({
    method: "POST",
    path: `${base}/:name/adopt`,
    access: "admin",
    summary: "The plugin's folder was moved: its grants, data, secrets and settings belong to the new folder",
    tag,
    params,
    body: v.strictObject({ path: v.pipe(v.string(), v.minLength(1), v.maxLength(4096), v.description("Absolute path of the folder")) }),
    answers: changed,
    errors: ["not_found", "conflict", "load_failed"],
    run: ({ control, params, body, actor }) => change(control.plugins.adopt(params.name, body.path, actor)),
  }),
  route({
    method: "POST",
    path: `${base}/:name/ask`,
    access: "admin",
    summary: "Send the plugin a message as the operator's; its answer",
    tag,
    params,
    body: v.strictObject({
      type: v.pipe(v.string(), v.minLength(1), v.maxLength(100), v.description("What the message is about; the plugin defines the words")),
      data: v.optional(v.unknown(), null),
    }),
    answers: { 200: v.object({ answer: v.unknown() }) },
    errors: ["not_found", "conflict", "rate_limited", "too_large"],
    run: ({ control, params, body, actor }) =>
      reply(control.plugins.ask(params.name, body.type, body.data as Json, actor), (answer) => ({ answer })),
  }),
  route({
    method: "POST",
    path: `${base}/:name/recording`,
    access: "admin",
    summary: "Restart the plugin and record all that goes into it, in memory, for at most max_s seconds",
    tag,
    params,
    body: v.optional(v.strictObject({ max_s: v.optional(v.pipe(v.number(), v.minValue(1), v.maxValue(MAX_RECORDING_S))) })),
    answers: changed,
    errors: ["not_found", "conflict", "load_failed"],
    run: ({ control, params, body, actor }) => change(control.plugins.startRecording(params.name, body?.max_s ?? MAX_RECORDING_S, actor)),
  }),
  route({
    method: "GET",
    path: `${base}/:name/profile`,
    access: "read",
    summary: "Processor time by handler and hook since the gateway started, the most first",
    tag,
    params,
    query: v.strictObject(paging),
    answers: { 200: listOf(profileItem) },
    errors: ["not_found"],
    async run({ control, params, query }) {
      const items = await control.plugins.profile(params.name);
      return items.ok ? reply(pageOf(items.value, query, (item) => item.what)) : items;
    },
  }),
  route({
    method: "GET",
    path: `${base}/:name/recording`,
    access: "admin",
    summary: "Whether the recording runs, and how large it is",
    tag,
    params,
    answers: { 200: v.object({ running: v.boolean(), size: v.number(), reason: v.string() }) },
    errors: ["not_found"],
    run: ({ control, params }) => reply(control.plugins.recording(params.name)),
  }),
  route({
    method: "GET",
    path: `${base}/:name/recording/export`,
    access: "admin",
    summary: "The recording so far: lines of JSON, secrets replaced",
    tag,
    params,
    answers: { 200: RECORDING },
    errors: ["not_found"],
    run: ({ control, params, actor }) =>
      reply(control.plugins.exportRecording(params.name, actor), (text) => new Response(text, { headers: { "content-type": RECORDING } })),
  }),
  route({
    method: "DELETE",
    path: `${base}/:name/recording`,
    access: "admin",
    summary: "End the recording and forget it",
    tag,
    params,
    body: nothing,
    answers: { 204: v.void() },
    errors: ["not_found"],
    run: ({ control, params, actor }) => reply(control.plugins.dropRecording(params.name, actor), undefined, 204),
  }),
  route({
    method: "GET",
    path: `${base}/:name/config`,
    access: "operate",
    summary: "The plugin's merged configuration",
    tag,
    params,
    answers: { 200: pluginConfig },
    errors: ["not_found"],
    run: ({ control, params }) => reply(control.plugins.config(params.name)),
  }),
  route({
    method: "PUT",
    path: `${base}/:name/config`,
    access: "admin",
    summary: "Replace the operator's values; invalid values are refused as a whole, with every error",
    tag,
    params,
    body: v.record(v.string(), v.unknown()),
    answers: { 200: v.object({ ...pluginConfig.entries, changed: v.pipe(v.array(v.string()), v.description("Dotted keys")) }) },
    errors: ["not_found", "config_invalid", "conflict"],
    run: ({ control, params, body, actor }) => reply(control.plugins.setConfig(params.name, body as { [key: string]: Json }, actor)),
  }),
  route({
    method: "GET",
    path: `${base}/:name/secrets`,
    access: "read",
    summary: "Names of the stored secrets; values are never returned",
    tag,
    params,
    query: v.strictObject(paging),
    answers: { 200: listOf(v.object({ key: v.string() })) },
    errors: ["not_found"],
    async run({ control, params, query }) {
      const keys = await control.plugins.secrets(params.name);
      return keys.ok
        ? reply(
            pageOf(
              keys.value.map((key) => ({ key })),
              query,
              (item) => item.key,
            ),
          )
        : keys;
    },
  }),
  route({
    method: "PUT",
    path: `${base}/:name/secrets/:key`,
    access: "admin",
    summary: "Store a secret, encrypted; write-only",
    tag,
    params: secretParams,
    body: v.strictObject({ value: v.pipe(v.string(), v.minLength(1), v.maxLength(65_536)) }),
    answers: { 204: v.void() },
    errors: ["not_found"],
    run: ({ control, params, body, actor }) => reply(control.plugins.setSecret(params.name, params.key, body.value, actor), undefined, 204),
  }),
  route({
    method: "DELETE",
    path: `${base}/:name/secrets/:key`,
    access: "admin",
    summary: "Remove a secret",
    tag,
    params: secretParams,
    body: nothing,
    answers: { 204: v.void() },
    errors: ["not_found"],
    run: ({ control, params, actor }) => reply(control.plugins.deleteSecret(params.name, params.key, actor), undefined, 204),
  }),
  route({
    method: "GET",
    path: `${base}/:name/permissions`,
    access: "read",
    summary: "Requested, granted and denied permissions, with the risk of each",
    tag,
    params,
    answers: { 200: permissionsView },
    errors: ["not_found"],
    run: ({ control, params }) => reply(control.plugins.permissions(params.name), explained),
  }),
  route({
    method: "POST",
    path: `${base}/:name/permissions`,
    access: "admin",
    summary: "Grant a requested permission that was held back",
    tag,
    params,
    body: v.strictObject({ permission: entry }),
    answers: { 200: permissionsView },
    errors: ["not_found", "conflict"],
    run: ({ control, params, body, actor }) => reply(control.plugins.grant(params.name, body.permission as Json, actor), explained),
  }),
  route({
    method: "DELETE",
    path: `${base}/:name/permissions`,
    access: "admin",
    summary: "Revoke one permission or all; takes effect with the next call",
    tag,
    params,
    body: v.optional(v.strictObject({ permission: v.optional(entry) })),
    answers: { 200: permissionsView },
    errors: ["not_found", "conflict"],
    run: ({ control, params, body, actor }) =>
      reply(control.plugins.revoke(params.name, body?.permission as Json | undefined, actor), explained),
  }),
  route({
    method: "POST",
    path: `${base}/:name/permissions/deny`,
    access: "admin",
    summary: "Deny permanently: overrides every grant",
    tag,
    params,
    body: v.strictObject({ permission: entry }),
    answers: { 200: permissionsView },
    errors: ["not_found"],
    run: ({ control, params, body, actor }) => reply(control.plugins.deny(params.name, body.permission as Json, actor), explained),
  }),
  route({
    method: "GET",
    path: `${base}/:name/permissions/why`,
    access: "read",
    summary: "Which rule allows or denies this",
    tag,
    params,
    query: v.strictObject({
      permission: v.pipe(v.string(), v.maxLength(64)),
      subject: v.optional(v.pipe(v.string(), v.maxLength(512), v.description("A host, channel, node, event, secret or command"))),
    }),
    answers: { 200: why },
    errors: ["not_found"],
    run: ({ control, params, query }) => reply(control.plugins.why(params.name, query.permission, query.subject)),
  }),
];
