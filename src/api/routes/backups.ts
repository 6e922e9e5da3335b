import * as v from "valibot";
import { fail, ok, type Result } from "../../errors.ts";
import type { BackupControl, Control } from "../contract/control.ts";
import { restoreReview } from "../contract/views.ts";
import { listOf, pageOf, paging, type Route, reply, route } from "../route/route.ts";

const tag = "system";
const FILE = "application/octet-stream";
/** Largest backup that can be uploaded; larger ones are restored by the command line. */
export const MAX_BACKUP = 2 ** 30;
const params = v.object({ name: v.pipe(v.string(), v.maxLength(128)) });
const passphrase = v.pipe(v.string(), v.minLength(8), v.maxLength(1024));
export const backupView = v.object({
  name: v.string(),
  path: v.pipe(v.string(), v.description("On the gateway's machine")),
  kind: v.string(),
  made_at: v.string(),
  bytes: v.number(),
  skipped: v.optional(v.array(v.object({ plugin: v.string(), reason: v.string() }))),
});
const making = v.strictObject({
  passphrase: v.optional(v.pipe(passphrase, v.description("Puts the secrets in, sealed by it; without it there are none"))),
});
const restoring = v.strictObject({
  scope: v.pipe(
    v.optional(v.picklist(["all", "database"]), "all"),
    v.description("`database`: grants, decisions, messages and nodes alone"),
  ),
  configuration: v.pipe(v.optional(v.boolean(), true), v.description("Whether the configuration file is restored, too")),
  passphrase: v.optional(v.pipe(passphrase, v.description("Opens the secrets in it; without it the present ones stay"))),
});

function backups(control: Control): Result<BackupControl> {
  return control.backups === undefined ? fail("unavailable", "this gateway makes no backups") : ok(control.backups);
}

export const backupRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/api/v1/backups",
    access: "read",
    summary: "The backups that are kept",
    tag,
    query: v.strictObject(paging),
    answers: { 200: listOf(backupView) },
    run({ control, query }) {
      const known = backups(control);
      return known.ok ? reply(pageOf(known.value.list(), query, ({ name }) => name)) : known;
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/backups",
    access: "operate",
    summary: "Make a backup of the whole gateway, and verify it",
    tag,
    body: making,
    answers: { 201: backupView },
    errors: ["data_unusable", "conflict"],
    async run({ control, body }) {
      const known = backups(control);
      return known.ok ? reply(known.value.make(body.passphrase), undefined, 201) : known;
    },
  }),
  route({
    method: "GET",
    path: "/api/v1/backups/:name",
    access: "admin",
    summary: "Download a backup",
    tag,
    params,
    answers: { 200: FILE },
    errors: ["not_found"],
    run({ control, params }) {
      const known = backups(control);
      const path = known.ok ? known.value.path(params.name) : known;
      if (!path.ok) return path;
      const headers = { "content-type": FILE, "content-disposition": `attachment; filename="${params.name}"` };
      return ok({ status: 200, body: new Response(Bun.file(path.value), { headers }) });
    },
  }),
  route<unknown, unknown, AsyncIterable<Uint8Array>>({
    method: "POST",
    path: "/api/v1/backups/upload",
    access: "admin",
    summary: "Upload a backup; it is verified and kept among the others",
    tag,
    stream: MAX_BACKUP,
    answers: { 201: backupView },
    errors: ["conflict", "data_unusable", "too_large", "timeout"],
    async run({ control, body, actor }) {
      const known = backups(control);
      return known.ok ? reply(known.value.receive(body, actor), undefined, 201) : known;
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/backups/:name/review",
    access: "admin",
    summary: "Verify a backup, and say what restoring it would change and lose; nothing is changed",
    tag,
    params,
    answers: { 200: restoreReview },
    errors: ["not_found", "conflict", "data_unusable"],
    async run({ control, params }) {
      const known = backups(control);
      return known.ok ? reply(known.value.review(params.name)) : known;
    },
  }),
  route({
    method: "POST",
    path: "/api/v1/backups/:name/restore",
    access: "admin",
    summary: "Restore a backup: the gateway restarts at once, and keeps what is there now in a folder beside it",
    tag,
    params,
    body: restoring,
    answers: { 202: v.object({ before: v.pipe(v.string(), v.description("The folder that keeps what is there now")) }) },
    errors: ["not_found", "conflict", "data_unusable", "unauthorized"],
    async run({ control, params, body, actor }) {
      const known = backups(control);
      return known.ok ? reply(known.value.restore(params.name, body, actor), undefined, 202) : known;
    },
  }),
];
