/** Carries an agreed plan out: in order, or not at all. */
import * as v from "valibot";
import { type PluginSummary, pluginDetail, pluginSummary } from "../../api/contract/views.ts";
import { fail, type GatewayError, ok, type Result } from "../../errors.ts";
import type { PluginPackage } from "../../packages/package.ts";
import { parseEntries, toEntry } from "../../permissions/grammar/descriptor.ts";
import { permissionSet, permissionSetHash } from "../../permissions/grammar/sets.ts";
import type { Client } from "../client/client.ts";
import { pluginPath } from "../client/paths.ts";
import type { Found } from "./found.ts";

export interface ApplyOptions {
  readonly force: boolean;
  acceptSigner(found: Found): string | undefined;
}

/** Installs through the running gateway. Each plugin runs at the end; otherwise what was installed before it is taken back. */
export async function applyPlan(gateway: Client, plan: readonly Found[], options: ApplyOptions): Promise<Result<readonly PluginSummary[]>> {
  const done: PluginSummary[] = [];
  const undo: (() => Promise<Result<unknown>>)[] = [];
  for (const found of plan) {
    const { name } = found.contents.manifest;
    const before = await gateway.get(pluginPath(name), pluginSummary);
    const installed = await installOne(gateway, found, options);
    if (installed.ok) {
      done.push(installed.value);
      undo.push(() => takeBack(gateway, name, before.ok ? before.value.version : null));
      continue;
    }
    if (plan.length === 1) return installed;
    // A plugin that was placed and does not run is taken back too; where nothing was placed this changes nothing.
    const now = await gateway.get(pluginPath(name), pluginSummary);
    if (now.ok && !before.ok) undo.push(() => takeBack(gateway, name, null));
    return undone(installed, undo, done);
  }
  return ok(done);
}

async function undone(
  failed: Result<never>,
  undo: readonly (() => Promise<Result<unknown>>)[],
  done: readonly PluginSummary[],
): Promise<Result<never>> {
  const left: string[] = [];
  for (const back of [...undo].reverse()) {
    const taken = await back();
    if (!taken.ok) left.push(taken.error.summary());
  }
  if (failed.ok) return failed;
  const taken =
    done.length === 0
      ? "nothing was installed"
      : `${done.map(({ name }) => name).join(", ")} ${done.length === 1 ? "was" : "were"} taken back`;
  const { code, message, hint } = failed.error;
  const rest = left.length === 0 ? "" : `; not taken back: ${left.join("; ")}`;
  return fail(code, `${message}; ${taken}${rest}`, hint === undefined ? {} : { hint });
}

/** The version before is active again; without one the plugin is removed. */
function takeBack(gateway: Client, name: string, version: string | null): Promise<Result<unknown>> {
  return version === null
    ? gateway.call("DELETE", `${pluginPath(name)}?purge=false`, v.undefined())
    : gateway.call("POST", `${pluginPath(name)}/use`, pluginSummary, { version });
}

/** Accepts exactly what was shown, and ends with the plugin running, or with the reason why it does not. */
async function installOne(gateway: Client, found: Found, options: ApplyOptions): Promise<Result<PluginSummary>> {
  const { contents, bytes } = found;
  const { name } = contents.manifest;
  const signer = options.acceptSigner(found);
  const query = new URLSearchParams({ force: String(options.force), ...(signer === undefined ? {} : { accept_signer: signer }) });
  const placed = await gateway.upload(`/api/v1/plugins?${query}`, bytes, pluginSummary);
  if (!placed.ok) return placed;
  const waits = placed.value.state === "awaiting_approval" || (placed.value.pending ?? null) !== null;
  const accepted = waits ? await accept(gateway, contents) : placed;
  if (!accepted.ok) return notStarted(gateway, contents, accepted.error);
  return ended(name, contents.manifest.version, accepted.value);
}

/** Says that it is installed nevertheless, where that is so. */
async function notStarted(gateway: Client, { manifest: { name, version } }: PluginPackage, why: GatewayError): Promise<Result<never>> {
  const now = await gateway.get(pluginPath(name), pluginSummary);
  if (!now.ok || now.value.state === "running" || why.code === "conflict") return { ok: false, error: why };
  const hint = why.hint === undefined ? {} : { hint: why.hint };
  return fail(why.code, `${name} ${version} is installed, but does not run (${now.value.state}): ${why.message}`, hint);
}

async function accept(gateway: Client, { manifest }: PluginPackage): Promise<Result<PluginSummary>> {
  const detail = await gateway.get(pluginPath(manifest.name), pluginDetail);
  if (!detail.ok) return detail;
  const { permissions, pending, version } = detail.value;
  if ((pending?.version ?? version) === manifest.version && isSameSet(permissions.requested, manifest.permissions.map(toEntry))) {
    return gateway.call("POST", `${pluginPath(manifest.name)}/enable`, pluginSummary, { accept: permissions.permission_hash });
  }
  return fail(
    "conflict",
    `${manifest.name} ${manifest.version} was not accepted: the gateway has another version or another permission set than was shown`,
    {
      hint: `look at it: zephyrgate plugin enable ${manifest.name}`,
    },
  );
}

/** Whether two lists of permissions allow the same, in whatever order and however they are split. */
export function isSameSet(one: readonly unknown[], other: readonly unknown[]): boolean {
  const [a, b] = [hashOf(one), hashOf(other)];
  return a !== null && a === b;
}

function hashOf(entries: readonly unknown[]): string | null {
  const descriptors = parseEntries(entries);
  const set = descriptors.ok ? permissionSet(descriptors.value) : null;
  return set?.ok === true ? permissionSetHash(set.value) : null;
}

/** An error unless this version runs and nothing waits. */
export function ended(name: string, version: string, plugin: PluginSummary): Result<PluginSummary> {
  if (plugin.state === "running" && plugin.version === version && (plugin.pending ?? null) === null) return ok(plugin);
  const why = plugin.pending?.reason ?? plugin.reason ?? `version ${plugin.version} is ${plugin.state}`;
  const hint = plugin.state === "disabled" ? { hint: `zephyrgate plugin enable ${name}` } : {};
  return fail("plugin_failed", `${name} ${version} is installed, but does not run (${plugin.state}): ${why}`, hint);
}
