import * as v from "valibot";
import { fail } from "../../errors.ts";
import { pluginPath } from "../client/paths.ts";
import { json, line, note, readAll, readLine } from "../verb/output.ts";
import { done, type Verb } from "../verb/verb.ts";

const secretPath = (plugin: string | undefined, key: string | undefined) =>
  `${pluginPath(plugin)}/secrets/${encodeURIComponent(key ?? "")}`;

export const secretVerbs: readonly Verb[] = [
  {
    name: "secret set",
    summary: "store a secret; its value comes from standard input",
    args: [
      { name: "PLUGIN", about: "the plugin's name", values: "plugin" },
      { name: "KEY", about: "the secret's name; its value is read from standard input" },
    ],
    async run({ io, args, client }) {
      if (io.isTTY) io.stderr.write(`value of ${args[1]} (it is visible while you type): `);
      // An argument would be visible in the process list and the shell's history.
      const value = io.isTTY ? await readLine(io) : (await readAll(io))?.replace(/\r?\n$/, "");
      if (value === undefined) return fail("too_large", "a secret has at most 64 KB");
      if (value === "")
        return fail("invalid_argument", "standard input is empty", { hint: "echo VALUE | zephyrgate secret set PLUGIN KEY" });
      const gateway = await client();
      if (!gateway.ok) return gateway;
      const stored = await gateway.value.call("PUT", secretPath(args[0], args[1]), v.undefined(), { value });
      if (!stored.ok) return stored;
      note(io, `stored ${args[1]} for ${args[0]}`);
      return done;
    },
  },
  {
    name: "secret list",
    summary: "list the names of a plugin's secrets; values are never shown",
    args: [{ name: "PLUGIN", about: "the plugin's name", values: "plugin" }],
    async run({ io, args, flags, client }) {
      const gateway = await client();
      if (!gateway.ok) return gateway;
      const keys = await gateway.value.list(`${pluginPath(args[0])}/secrets`, v.object({ key: v.string() }));
      if (!keys.ok) return keys;
      if (flags.json === true) json(io, keys.value);
      else for (const { key } of keys.value) line(io, key);
      return done;
    },
  },
  {
    name: "secret rm",
    summary: "remove a secret",
    args: [
      { name: "PLUGIN", about: "the plugin's name", values: "plugin" },
      { name: "KEY", about: "the secret's name" },
    ],
    async run({ io, args, client }) {
      const gateway = await client();
      if (!gateway.ok) return gateway;
      const removed = await gateway.value.call("DELETE", secretPath(args[0], args[1]), v.undefined());
      if (!removed.ok) return removed;
      note(io, `removed ${args[1]} of ${args[0]}`);
      return done;
    },
  },
];
