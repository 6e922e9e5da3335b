import * as v from "valibot";
import { fail, ok, type Result } from "../../errors.ts";
import { BACKUP_LIMITS } from "../../packages/backup.ts";
import { PACKAGE_LIMITS } from "../../packages/package.ts";
import type { Control, PackageControl, PluginChange } from "../contract/control.ts";
import { pluginImported, pluginSummary } from "../contract/views.ts";
import { type Reply, type Route, reply, route } from "../route/route.ts";

const params = v.object({ name: v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_]{0,63}$/, "a plugin name: a-z, 0-9 and _")) });
const yes = v.optional(
  v.pipe(
    v.picklist(["true", "false"]),
    v.transform((text) => text === "true"),
  ),
  "false",
);
const tag = "plugins";
const base = "/api/v1/plugins";
const FILE = "application/octet-stream";

function packages(control: Control): Result<PackageControl> {
  return control.packages === undefined ? fail("unavailable", "this gateway accepts no packages") : ok(control.packages);
}

async function change(answer: Result<PluginChange> | Promise<Result<PluginChange>>): Promise<Result<Reply>> {
  const result = await answer;
  return result.ok ? ok({ status: result.value.waits ? 202 : 200, body: result.value.plugin }) : result;
}

export const packageRoutes: readonly Route[] = [
  route<unknown, { force: boolean; accept_signer?: string | undefined }, Uint8Array>({
    method: "POST",
    path: base,
    access: "admin",
    summary: "Install a package or a new version; it waits for approval if it asks for more than was accepted",
    tag,
    query: v.strictObject({
      force: v.pipe(yes, v.description("Allow an older version")),
      accept_signer: v.optional(v.pipe(v.string(), v.maxLength(64), v.description("Fingerprint of a changed signer, or none"))),
    }),
    upload: PACKAGE_LIMITS.packed,
    answers: { 200: pluginSummary, 202: pluginSummary },
    errors: ["conflict", "load_failed", "manifest_invalid"],
    async run({ control, query, body, actor }) {
      const taken = packages(control);
      if (!taken.ok) return taken;
      const { force, accept_signer: acceptSigner } = query;
      return change(taken.value.install(body, { force, acceptSigner }, actor));
    },
  }),
  route<{ name: string }, unknown, { version: string }>({
    method: "POST",
    path: `${base}/:name/use`,
    access: "admin",
    summary: "Make the version that is kept beside the active one the active one",
    tag,
    params,
    body: v.strictObject({ version: v.pipe(v.string(), v.maxLength(64)) }),
    answers: { 200: pluginSummary, 202: pluginSummary },
    errors: ["not_found", "conflict", "load_failed"],
    async run({ control, params, body, actor }) {
      const taken = packages(control);
      return taken.ok ? change(taken.value.use(params.name, body.version, actor)) : taken;
    },
  }),
  route<{ name: string }, { purge: boolean }>({
    method: "DELETE",
    path: `${base}/:name`,
    access: "admin",
    summary: "Remove an installed plugin with its grants, settings and secrets; with `purge` also its data",
    tag,
    params,
    query: v.strictObject({ purge: v.pipe(yes, v.description("Delete its data")) }),
    answers: { 204: v.void() },
    errors: ["not_found", "conflict"],
    async run({ control, params, query, actor }) {
      const taken = packages(control);
      return taken.ok ? reply(taken.value.remove(params.name, query, actor), undefined, 204) : taken;
    },
  }),
  route<{ name: string }>({
    method: "GET",
    path: `${base}/:name/export`,
    access: "admin",
    summary: "Export the plugin's data and configuration as a file, without its secrets",
    tag,
    params,
    answers: { 200: FILE },
    errors: ["not_found", "too_large"],
    async run({ control, params, actor }) {
      const taken = packages(control);
      if (!taken.ok) return taken;
      const headers = { "content-type": FILE, "content-disposition": `attachment; filename="${params.name}.zgd"` };
      return reply(taken.value.export(params.name, actor), (bytes) => new Response(new Uint8Array(bytes), { headers }));
    },
  }),
  route<{ name: string }, unknown, Uint8Array>({
    method: "POST",
    path: `${base}/:name/import`,
    access: "admin",
    summary: "Import an export: replaces the plugin's data and configuration, and says what was taken and left",
    tag,
    params,
    upload: BACKUP_LIMITS.packed,
    answers: { 200: pluginImported },
    errors: ["not_found", "conflict", "config_invalid", "quota_exceeded", "data_unusable"],
    async run({ control, params, body, actor }) {
      const taken = packages(control);
      return taken.ok ? reply(taken.value.import(params.name, body, actor), (imported) => imported) : taken;
    },
  }),
  route<{ name: string }>({
    method: "DELETE",
    path: `${base}/:name/data`,
    access: "admin",
    summary: "Set the plugin's database aside, such as a damaged one, and start it with an empty one",
    tag,
    params,
    answers: { 200: pluginSummary, 202: pluginSummary },
    errors: ["not_found", "conflict", "data_unusable"],
    async run({ control, params, actor }) {
      const taken = packages(control);
      return taken.ok ? change(taken.value.emptyData(params.name, actor)) : taken;
    },
  }),
];
