import * as v from "valibot";
import { ok, type Result } from "../../errors.ts";
import type { Sessions } from "../access/sessions.ts";
import type { StoredToken } from "../access/store.ts";
import type { Tokens } from "../access/tokens.ts";
import { ROLES } from "../contract/roles.ts";
import { tokenView } from "../contract/views.ts";
import { listOf, pageOf, paging, type Route, reply, route } from "../route/route.ts";
import type { AccessParts } from "./access.ts";

const tag = "access";
const base = "/api/v1/tokens";
const name = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_-]{0,31}$/, "a name of a-z, 0-9, _ and -, at most 32 characters, a letter first"));
const params = v.object({ name });
const issuedToken = v.object({
  name: v.string(),
  role: v.picklist(ROLES),
  token: v.pipe(v.string(), v.description("Shown this once; only a hash of it is kept")),
});

export interface TokenParts extends Pick<AccessParts, "changed" | "audit"> {
  readonly tokens: Tokens;
  readonly sessions: Sessions;
}

/** Tokens with names and roles. */
export function tokenRoutes(parts: TokenParts): readonly Route[] {
  return [listRoute(parts), createRoute(parts), rotateRoute(parts), revokeRoute(parts)];
}

function listRoute({ tokens, sessions }: TokenParts): Route {
  return route({
    method: "GET",
    path: base,
    access: "admin",
    summary: "The tokens of this API: names, roles, last use; never the tokens themselves",
    tag,
    query: v.strictObject(paging),
    answers: { 200: listOf(tokenView) },
    run({ query }) {
      const views = tokens.list().map((token) => view(token, sessions));
      return reply(pageOf(views, query, (token) => token.name));
    },
  });
}

function createRoute(parts: TokenParts): Route {
  return route({
    method: "POST",
    path: base,
    access: "admin",
    summary: "Make a token",
    tag,
    body: v.strictObject({ name, role: v.picklist(ROLES) }),
    answers: { 201: issuedToken },
    errors: ["conflict", "quota_exceeded"],
    run({ body, actor }) {
      const made = issued(parts, body.name, parts.tokens.create(body.name, body.role));
      if (made.ok) parts.audit("token_created", actor, `${body.name} (${body.role})`);
      return made.ok ? ok({ status: 201, body: made.value }) : made;
    },
  });
}

function rotateRoute(parts: TokenParts): Route {
  return route({
    method: "POST",
    path: `${base}/:name/rotate`,
    access: "admin",
    summary: "A new token of the same name and role; the old one ends at once, and with it the sessions that it opened",
    tag,
    params,
    answers: { 200: issuedToken },
    errors: ["not_found", "data_unusable"],
    run({ params, actor }) {
      const made = issued(parts, params.name, parts.tokens.rotate(params.name));
      if (made.ok) parts.audit("token_rotated", actor, params.name);
      return reply(made);
    },
  });
}

function revokeRoute({ tokens, changed, audit }: TokenParts): Route {
  return route({
    method: "DELETE",
    path: `${base}/:name`,
    access: "admin",
    summary: "Revoke a token: it ends at once, and with it its sessions and event streams",
    tag,
    params,
    answers: { 204: v.void() },
    errors: ["not_found", "conflict"],
    run({ params, actor }) {
      const revoked = tokens.revoke(params.name);
      changed();
      if (revoked.ok) audit("token_revoked", actor, params.name);
      return reply(revoked, undefined, 204);
    },
  });
}

function issued({ tokens, changed }: TokenParts, name: string, secret: Result<string>): Result<v.InferOutput<typeof issuedToken>> {
  changed();
  return secret.ok ? ok({ name, role: tokens.named(name)?.role ?? "read", token: secret.value }) : secret;
}

function view({ name, role, created_at, rotated_at, used_at }: StoredToken, sessions: Sessions): v.InferOutput<typeof tokenView> {
  const time = (ms: number | null) => (ms === null || ms === 0 ? null : new Date(ms).toISOString());
  return { name, role, created_at: time(created_at), rotated_at: time(rotated_at), used_at: time(used_at), sessions: sessions.count(name) };
}
