import * as v from "valibot";
import { fail, ok, type Result } from "../../errors.ts";
import { type Gate, sameOrigin } from "../access/gate.ts";
import { LONGEST_PASSWORD, type PagePassword } from "../access/password.ts";
import type { Actor } from "../contract/control.ts";
import { ROLES } from "../contract/roles.ts";
import { type Reply, type Route, reply, route } from "../route/route.ts";

const tag = "access";
const path = "/api/v1/session";
const password = v.pipe(v.string(), v.minLength(1), v.maxLength(LONGEST_PASSWORD));
const token = v.pipe(v.string(), v.maxLength(256));
const sessionView = v.object({
  signed_in: v.boolean(),
  name: v.optional(v.pipe(v.string(), v.description("Of the token; `password` after signing in by password"))),
  role: v.optional(v.picklist(ROLES)),
  password: v.pipe(v.boolean(), v.description("Whether a password is set, so that one can sign in by it")),
});

export interface AccessParts {
  readonly gate: Gate;
  readonly password: PagePassword;
  /** Tokens, sessions or the password changed: what is open must be asked again whether it may be. */
  changed(): void;
  audit(event: string, actor: Actor, detail?: string): void;
}

/** Signing in and out, and the page's password. */
export function accessRoutes(parts: AccessParts): readonly Route[] {
  return [whoRoute(parts), signInRoute(parts), signOutRoute(parts), ...passwordRoutes(parts)];
}

function whoRoute({ password: page }: AccessParts): Route {
  return route({
    method: "GET",
    path,
    access: "open",
    summary: "Whether this browser or token is signed in, and as what",
    tag,
    answers: { 200: sessionView },
    run({ caller }) {
      const who = caller === null ? { signed_in: false } : { signed_in: true, name: caller.name, role: caller.role };
      return ok({ status: 200, body: { ...who, password: page.isSet } });
    },
  });
}

function signInRoute({ gate, changed }: AccessParts): Route {
  return route({
    method: "POST",
    path,
    access: "open",
    summary: "Sign a browser in: exchanges a token or the password for a cookie that scripts cannot read",
    tag,
    body: v.union([v.strictObject({ token }), v.strictObject({ password })], "a token or a password"),
    answers: { 204: v.void() },
    errors: ["unauthorized", "permission_denied", "rate_limited", "conflict"],
    async run({ request, body, actor }) {
      if (!sameOrigin(request) && request.headers.get("sec-fetch-site") !== null)
        return fail("permission_denied", "sign in from the gateway's own page");
      const signed = await gate.signIn(request, actor.address, body);
      changed();
      if ("refused" in signed) return ok({ status: signed.refused.status, body: signed.refused });
      return withCookie(signed.cookie);
    },
  });
}

function signOutRoute({ gate, changed }: AccessParts): Route {
  return route({
    method: "DELETE",
    path,
    access: "read",
    summary: "Sign out",
    tag,
    answers: { 204: v.void() },
    run({ request }) {
      const cookie = gate.signOut(request);
      changed();
      return withCookie(cookie);
    },
  });
}

function withCookie(cookie: string): Result<Reply> {
  return ok({ status: 204, body: new Response(null, { status: 204, headers: { "set-cookie": cookie } }) });
}

function passwordRoutes({ password: page, changed, audit }: AccessParts): readonly Route[] {
  const set = async (value: string | null, actor: Actor): Promise<Result<Reply>> => {
    const done = await page.set(value);
    changed();
    if (done.ok) audit(value === null ? "password_removed" : "password_set", actor);
    return reply(done, undefined, 204);
  };
  return [
    route({
      method: "PUT",
      path: "/api/v1/password",
      access: "admin",
      summary: "Set the page's password; whoever signed in by the one before is signed out",
      tag,
      body: v.strictObject({ password }),
      answers: { 204: v.void() },
      run: ({ body, actor }) => set(body.password, actor),
    }),
    route({
      method: "DELETE",
      path: "/api/v1/password",
      access: "admin",
      summary: "Remove the page's password: one signs in by token only",
      tag,
      answers: { 204: v.void() },
      run: ({ actor }) => set(null, actor),
    }),
  ];
}
