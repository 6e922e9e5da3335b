import { resolve } from "node:path";
import * as v from "valibot";
import { type PluginDetail, type PluginSummary, pluginDetail, pluginPermissions, pluginSummary } from "../../api/contract/views.ts";
import { namesOffline } from "../../authoring/offline.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { unknownNames } from "../../gateway/plugins/unknown-names.ts";
import type { Client } from "../client/client.ts";
import { pluginPath } from "../client/paths.ts";
import { configuration } from "../verb/locate.ts";
import { ago, json, line, note, readLine, table } from "../verb/output.ts";
import { type Call, done, type Verb } from "../verb/verb.ts";

export const explainedPermissions = v.object({
  ...pluginPermissions.entries,
  explained: v.array(v.object({ permission: v.unknown(), words: v.string(), risk: v.string() })),
});

export const pluginVerbs: readonly Verb[] = [
  {
    name: "plugin list",
    summary: "all plugins with state and health",
    flags: { names: { about: "print the names only, one a line" } },
    async run({ io, flags, client }) {
      const gateway = await client();
      if (!gateway.ok) return gateway;
      const plugins = await gateway.value.list("/api/v1/plugins", pluginSummary);
      if (!plugins.ok) return plugins;
      if (flags.json !== true && flags.names !== true) noteUnknown(io, flags, plugins.value);
      if (flags.json === true) json(io, plugins.value);
      else if (flags.names === true) for (const { name } of plugins.value) line(io, name);
      else table(io, ["name", "version", "state", "since", "health", "failures", "restarts", "why"], plugins.value.map(row));
      return done;
    },
  },
  {
    name: "plugin enable",
    summary: "show what a plugin asks for, accept it, and start it",
    args: [{ name: "NAME", about: "the plugin's name", values: "plugin" }],
    flags: { yes: { about: "accept what it asks for without asking", short: "y" } },
    run: enable,
  },
  {
    name: "plugin adopt",
    summary: "say that a plugin's folder was moved to DIR: its grants, data, secrets and settings go with it",
    args: [
      { name: "NAME", about: "the plugin's name", values: "plugin" },
      { name: "DIR", about: "where its folder is now", values: "folder" },
    ],
    async run({ io, args, flags, client }) {
      const gateway = await client();
      if (!gateway.ok) return gateway;
      const path = resolve(io.cwd, args[1] ?? "");
      const changed = await gateway.value.call("POST", `${pluginPath(args[0])}/adopt`, pluginSummary, { path });
      return changed.ok ? tell(io, flags.json === true, changed.value) : changed;
    },
  },
  simple("disable", "stop a plugin until it is enabled again"),
  simple("restart", "stop a plugin and start it again"),
  simple("reload", "load a plugin's changed code; if it fails, the old version keeps running"),
];

/** Names in the configuration that no plugin has: they would have no effect, without a word. */
function noteUnknown(io: Call["io"], flags: Call["flags"], plugins: readonly PluginSummary[]): void {
  const loaded = configuration(io, flags);
  if (!loaded.ok) return;
  const { config } = loaded.value;
  for (const text of unknownNames(config.plugins, new Set([...namesOffline(config), ...plugins.map(({ name }) => name)]))) note(io, text);
}

function row(plugin: PluginSummary): (string | number | null)[] {
  const asks = (plugin.requests ?? []).map((each) => (typeof each === "string" ? each : JSON.stringify(each)));
  const wish = asks.length === 0 ? null : `asks for ${asks.join(", ")}: zephyrgate permission grant ${plugin.name} PERMISSION`;
  const why = plugin.reason ?? (plugin.disabled_by ? `disabled by ${plugin.disabled_by}` : wish);
  const isUpdate = plugin.pending !== null && plugin.pending !== undefined && plugin.state !== "awaiting_approval";
  const state = isUpdate ? `${plugin.state} (update waits)` : plugin.state;
  return [plugin.name, plugin.version, state, ago(plugin.since), plugin.health.status, plugin.failures, plugin.restarts, why];
}

function simple(verb: string, summary: string): Verb {
  return {
    name: `plugin ${verb}`,
    summary,
    args: [{ name: "NAME", about: "the plugin's name", values: "plugin" }],
    async run({ io, args, flags, client }) {
      const gateway = await client();
      if (!gateway.ok) return gateway;
      const changed = await gateway.value.call("POST", `${pluginPath(args[0])}/${verb}`, pluginSummary);
      return changed.ok ? tell(io, flags.json === true, changed.value) : changed;
    },
  };
}

/** The outcome of a change. What waits for the operator is said, and is no success. */
export function tell(io: Call["io"], machine: boolean, plugin: PluginSummary): Result<number> {
  const { name, version, state, reason, pending } = plugin;
  const waits = pending !== null && pending !== undefined;
  if (machine) json(io, plugin);
  else if (waits && state !== "awaiting_approval")
    line(io, `${name} ${version}: ${state}; version ${pending.version} waits: ${pending.reason}`);
  else line(io, `${name} ${version}: ${state}${reason ? ` (${reason})` : ""}`);
  return waits ? ok(1) : done;
}

async function enable({ io, args, flags, client }: Call): Promise<Result<number>> {
  const gateway = await client();
  if (!gateway.ok) return gateway;
  const detail = await gateway.value.get(pluginPath(args[0]), pluginDetail);
  if (!detail.ok) return detail;
  const asks = !detail.value.bundled && (detail.value.permissions.accepted_hash !== detail.value.permission_hash || detail.value.pending);
  if (asks) {
    const shown = await showRequest(io, gateway.value, detail.value);
    if (!shown.ok) return shown;
    if (flags.yes !== true) {
      if (!io.isTTY)
        return fail("permission_denied", `${detail.value.name} was not enabled: this is not a terminal, so the question cannot be asked`, {
          hint: "add --yes to accept what is shown above",
        });
      io.stderr.write("accept? [y/N] ");
      if (!/^y(es)?$/i.test((await readLine(io)).trim())) {
        note(io, "not enabled");
        return ok(1);
      }
    }
  }
  const body = asks ? { accept: detail.value.permission_hash } : undefined;
  const changed = await gateway.value.call("POST", `${pluginPath(args[0])}/enable`, pluginSummary, body);
  return changed.ok ? tell(io, flags.json === true, changed.value) : changed;
}

/** Prints the requested permissions with their risks, and commands that other plugins already answer, to standard error. */
async function showRequest(io: Call["io"], client: Client, plugin: PluginDetail): Promise<Result<null>> {
  const permissions = await client.get(`${pluginPath(plugin.name)}/permissions`, explainedPermissions);
  if (!permissions.ok) return permissions;
  const { explained } = permissions.value;
  note(
    io,
    explained.length === 0 ? `${plugin.name} ${plugin.version} asks for no permissions.` : `${plugin.name} ${plugin.version} asks for:`,
  );
  const isFirst = (plugin.permissions.accepted_hash ?? null) === null;
  const added = new Set(isFirst ? [] : (plugin.pending?.added ?? []).map((entry) => JSON.stringify(entry)));
  for (const { permission, words, risk } of explained) {
    note(io, `  ${words}${added.has(JSON.stringify(permission)) ? "  (new)" : ""}`);
    note(io, `      ${risk}`);
  }
  for (const conflict of plugin.conflicts) note(io, `  ${conflictLine(conflict)}`);
  return ok(null);
}

function conflictLine({ command, plugins, menu, built_in }: PluginDetail["conflicts"][number]): string {
  if (menu === undefined) return `its command ${command} is also answered by ${plugins.join(", ")}`;
  if (built_in === true) return `the word ${command} of its item in the menu ${menu} opens a built-in menu, never the item`;
  return `the word ${command} of its item in the menu ${menu} is also that of ${plugins.join(", ")}`;
}
