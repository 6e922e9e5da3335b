import * as v from "valibot";
import { fail, ok, type Result } from "../../errors.ts";
import type { BackupControl, Control } from "../contract/control.ts";
import { listOf, pageOf, paging, type Route, reply, route } from "../route/route.ts";

const tag = "system";
const FILE = "application/octet-stream";
export const backupView = v.object({
  name: v.string(),
  path: v.pipe(v.string(), v.description("On the gateway's machine")),
  kind: v.string(),
  made_at: v.string(),
  bytes: v.number(),
  skipped: v.optional(v.array(v.object({ plugin: v.string(), reason: v.string() }))),
});
const making = v.strictObject({
  passphrase: v.optional(
    v.pipe(v.string(), v.minLength(8), v.maxLength(1024), v.description("Puts the secrets in, sealed by it; without it there are none")),
  ),
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
    params: v.object({ name: v.pipe(v.string(), v.maxLength(128)) }),
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
];
