import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { stringify } from "yaml";
import { pluginConfig } from "../../api/contract/views.ts";
import { readYaml } from "../../config/yaml.ts";
import { fail, issueLine, ok, type Result } from "../../errors.ts";
import type { Client } from "../client/client.ts";
import { pluginPath } from "../client/paths.ts";
import { json, line, note } from "../verb/output.ts";
import { type Argument, type Call, done, type Verb } from "../verb/verb.ts";

type Settings = Readonly<Record<string, unknown>>;

const changed = v.object({ changed: v.array(v.string()) });
const MAX_BYTES = 256 * 1024;
const NAME: Argument = { name: "NAME", about: "the plugin's name", values: "plugin" };
const KEY: Argument = { name: "KEY", about: "a key, dotted: alarm.level" };

export const pluginConfigVerbs: readonly Verb[] = [
  {
    name: "plugin config get",
    summary: "a plugin's configuration, the defaults included; or one value of it",
    args: [NAME, { ...KEY, optional: true }],
    run: get,
  },
  {
    name: "plugin config set",
    summary: "set one value of a plugin's configuration; it takes effect at once",
    args: [NAME, KEY, { name: "VALUE", about: "as in YAML: 600, true, [a, b], text" }],
    async run(call) {
      const value = readYaml(call.args[2] ?? "", "VALUE", MAX_BYTES);
      if (!value.ok) return fail("invalid_argument", value.error.map(issueLine).join("; "), { hint: "quote what is meant as text" });
      return change(call, (own) => withKey(own, (call.args[1] ?? "").split("."), value.value.value));
    },
  },
  {
    name: "plugin config unset",
    summary: "take one value back: the plugin's default is used again",
    args: [NAME, KEY],
    run: (call) => change(call, (own) => withKey(own, (call.args[1] ?? "").split("."), undefined)),
  },
  {
    name: "plugin config edit",
    summary: "edit your values of a plugin's configuration in $VISUAL or $EDITOR",
    args: [NAME],
    run: edit,
  },
];

async function get({ io, args, flags, client }: Call): Promise<Result<number>> {
  const found = await readConfig(client, args[0]);
  if (!found.ok) return found;
  const [, key] = args;
  const value = key === undefined ? found.value.config : valueAt(found.value.config, key.split("."));
  if (value === undefined) return fail("not_found", `${args[0]} has no value ${key}`, { hint: `zephyrgate plugin config get ${args[0]}` });
  if (flags.json === true || typeof value !== "object" || value === null) json(io, value);
  else for (const each of stringify(value).trimEnd().split("\n")) line(io, each);
  return done;
}

async function readConfig(client: Call["client"], name: string | undefined) {
  const gateway = await client();
  return gateway.ok ? gateway.value.get(`${pluginPath(name)}/config`, pluginConfig) : gateway;
}

async function change(call: Call, make: (own: Settings) => Result<Settings>): Promise<Result<number>> {
  const found = await readConfig(call.client, call.args[0]);
  if (!found.ok) return found;
  const next = make(found.value.own ?? {});
  return next.ok ? put(call, next.value) : next;
}

async function put({ io, args, flags, client }: Call, config: Settings): Promise<Result<number>> {
  const gateway: Result<Client> = await client();
  if (!gateway.ok) return gateway;
  const stored = await gateway.value.call("PUT", `${pluginPath(args[0])}/config`, changed, config);
  if (!stored.ok) return stored;
  if (flags.json === true) json(io, stored.value);
  else
    line(io, stored.value.changed.length === 0 ? `${args[0]}: nothing changed` : `${args[0]}: changed ${stored.value.changed.join(", ")}`);
  return done;
}

/** What is refused stays in its file, so that no work is lost. */
async function edit(call: Call): Promise<Result<number>> {
  const { io, args } = call;
  const editor = io.env.VISUAL ?? io.env.EDITOR;
  if (!io.isTTY || editor === undefined || editor.trim() === "") {
    return fail("invalid_argument", io.isTTY ? "neither VISUAL nor EDITOR is set" : "this is not a terminal", {
      hint: `zephyrgate plugin config set ${args[0]} KEY VALUE`,
    });
  }
  const found = await readConfig(call.client, args[0]);
  if (!found.ok) return found;
  const folder = mkdtempSync(join(tmpdir(), "zephyrgate-edit-"));
  const file = join(folder, `${args[0]}.yaml`);
  const own = found.value.own ?? {};
  const defaults = stringify(found.value.config).trimEnd().split("\n");
  const head = [
    `# Your values for ${args[0]}; what is not here has the plugin's default. In force now:`,
    ...defaults.map((each) => `#   ${each}`),
  ];
  writeFileSync(file, `${head.join("\n")}\n${Object.keys(own).length === 0 ? "" : stringify(own)}`, { mode: 0o600 });
  const child = Bun.spawn(["sh", "-c", `${editor} "$1"`, "sh", file], { stdin: "inherit", stdout: "inherit", stderr: "inherit" });
  if ((await child.exited) !== 0) {
    rmSync(folder, { recursive: true, force: true });
    return fail("cancelled", "the editor ended with an error; nothing was changed");
  }
  const stored = await putText(call, readFileSync(file, "utf8"), file);
  if (stored.ok) rmSync(folder, { recursive: true, force: true });
  else note(io, `your text is kept in ${file}`);
  return stored;
}

async function putText(call: Call, text: string, file: string): Promise<Result<number>> {
  const read = readYaml(text, file, MAX_BYTES);
  if (!read.ok) return fail("invalid_argument", read.error.map(issueLine).join("; "));
  const value = read.value.value ?? {};
  if (!isMap(value)) return fail("invalid_argument", "the configuration is keys with values", { where: file, hint: "write: key: value" });
  return put(call, value);
}

function valueAt(value: unknown, [key, ...rest]: readonly string[]): unknown {
  if (key === undefined) return value;
  return isMap(value) && Object.hasOwn(value, key) ? valueAt(value[key], rest) : undefined;
}

/** `value` undefined: without it, and without maps that it leaves empty. */
function withKey(own: Settings, [key = "", ...rest]: readonly string[], value: unknown): Result<Settings> {
  if (key === "") return fail("invalid_argument", "the key is empty", { hint: "dotted, without blanks: alarm.level" });
  const { [key]: before, ...others } = own;
  if (rest.length === 0) return ok(value === undefined ? others : { ...own, [key]: value });
  const inner = withKey(isMap(before) ? before : {}, rest, value);
  if (!inner.ok) return inner;
  return ok(value === undefined && Object.keys(inner.value).length === 0 ? others : { ...own, [key]: inner.value });
}

function isMap(value: unknown): value is Settings {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
