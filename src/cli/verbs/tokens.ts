import * as v from "valibot";
import { ROLES } from "../../api/contract/roles.ts";
import { tokenView } from "../../api/contract/views.ts";
import { fail, type Result } from "../../errors.ts";
import { ago, json, line, note, readLine, table } from "../verb/output.ts";
import { type Call, done, textFlag, type Verb } from "../verb/verb.ts";

const issued = v.object({ name: v.string(), role: v.picklist(ROLES), token: v.string() });
const tokenPath = (name: string | undefined) => `/api/v1/tokens/${encodeURIComponent(name ?? "")}`;
/** Its token is in a file; the command line reads it there. */
const FILE_TOKEN = "api-token";

const NAME = { name: "NAME", about: "the token's name, as in `token list`" };

export const tokenVerbs: readonly Verb[] = [
  {
    name: "token create",
    summary: "make a token for a program or a person; it is shown once, and kept as a hash only",
    args: [{ name: "NAME", about: "who is to have it: a-z, 0-9, _ and -, a letter first" }],
    flags: {
      role: { about: "read: look; operate: run what was accepted; admin: everything", value: "ROLE", choices: ROLES, required: true },
    },
    run: create,
  },
  { name: "token list", summary: "list the tokens: names, roles, last use", run: list },
  {
    name: "token rotate",
    summary: "replace a token; the old one ends at once, and with it the sessions that it opened",
    args: [NAME],
    run: rotate,
  },
  { name: "token revoke", summary: "end a token, and with it its sessions and event streams", args: [NAME], run: revoke },
  {
    name: "password set",
    summary: "let people sign in to the page by a password; it comes from standard input",
    run: setPassword,
  },
  { name: "password rm", summary: "remove the page's password: one signs in by token only", run: removePassword },
];

async function create({ io, args, flags, client }: Call): Promise<Result<number>> {
  const role = textFlag(flags, "role");
  const gateway = await client();
  if (!gateway.ok) return gateway;
  const made = await gateway.value.call("POST", "/api/v1/tokens", issued, { name: args[0], role });
  if (!made.ok) return made;
  if (flags.json === true) json(io, made.value);
  else {
    // The token alone on standard output, so that it can be sent into a file.
    note(io, `${made.value.name} may ${role}. This is its token; it is not shown again:`);
    line(io, made.value.token);
  }
  return done;
}

async function list({ io, flags, client }: Call): Promise<Result<number>> {
  const gateway = await client();
  if (!gateway.ok) return gateway;
  const tokens = await gateway.value.list("/api/v1/tokens", tokenView);
  if (!tokens.ok) return tokens;
  const rows = tokens.value.map((token) => [
    token.name,
    token.role,
    ago(token.rotated_at ?? token.created_at),
    ago(token.used_at),
    token.sessions,
  ]);
  if (flags.json === true) json(io, tokens.value);
  else table(io, ["name", "role", "made", "used", "sessions"], rows);
  return done;
}

async function rotate({ io, args, flags, client }: Call): Promise<Result<number>> {
  const gateway = await client();
  if (!gateway.ok) return gateway;
  const made = await gateway.value.call("POST", `${tokenPath(args[0])}/rotate`, issued);
  if (!made.ok) return made;
  if (flags.json === true) json(io, made.value);
  else if (made.value.name === FILE_TOKEN) note(io, "the token in data_dir/api-token was replaced");
  else {
    note(io, `the old token of ${made.value.name} has ended. This is the new one; it is not shown again:`);
    line(io, made.value.token);
  }
  return done;
}

async function revoke({ io, args, client }: Call): Promise<Result<number>> {
  const gateway = await client();
  if (!gateway.ok) return gateway;
  const revoked = await gateway.value.call("DELETE", tokenPath(args[0]), v.undefined());
  if (!revoked.ok) return revoked;
  note(io, `revoked ${args[0]}`);
  return done;
}

async function setPassword({ io, client }: Call): Promise<Result<number>> {
  const gateway = await client();
  if (!gateway.ok) return gateway;
  if (io.isTTY) io.stderr.write("password of the page (it is visible while you type): ");
  const password = await readLine(io);
  if (password === "") return fail("invalid_argument", "standard input is empty", { hint: "echo PASSWORD | zephyrgate password set" });
  const set = await gateway.value.call("PUT", "/api/v1/password", v.undefined(), { password });
  if (!set.ok) return set;
  note(io, "the password is set; whoever signed in by an earlier one is signed out");
  return done;
}

async function removePassword({ io, client }: Call): Promise<Result<number>> {
  const gateway = await client();
  if (!gateway.ok) return gateway;
  const removed = await gateway.value.call("DELETE", "/api/v1/password", v.undefined());
  if (!removed.ok) return removed;
  note(io, "the page has no password; sign in with a token");
  return done;
}
