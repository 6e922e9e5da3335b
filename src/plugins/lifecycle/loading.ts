import type { CallOutcome, RealmLimits } from "../../bridge/realm-spec.ts";
import { fail, type GatewayError, ok, type Result } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { PluginHost } from "../../sandbox/port.ts";
import { realmView } from "../capabilities/inward/realm-view.ts";
import { storageGrant } from "../capabilities/inward/storage.ts";
import { type Bundle, describeError } from "../plugin/bundle.ts";
import type { Candidate, Placed } from "../plugin/candidate.ts";
import { Instance, type InstanceDeps } from "../plugin/instance.ts";
import type { Plugin } from "../plugin/plugin.ts";
import { Registrations } from "../registrations/registrations.ts";
import type { LoadingDeps, SchemaDeps } from "./deps.ts";

/** Deadline of each lifecycle hook. */
export const HOOK_DEADLINE_MS = 10_000;

export interface Loaded extends Placed {
  readonly instance: Instance;
  readonly bundle: Bundle;
  readonly host: PluginHost;
  readonly config: { readonly [key: string]: Json };
}

type Fates = Pick<InstanceDeps, "onFailure" | "onGone">;

/**
 * Opens a realm for this version of the plugin, with the code of its folder or with `code` that was bundled before. Nothing of
 * it is visible outside yet. When a step fails, what was opened is closed again.
 */
export async function prepare(
  plugin: Plugin,
  { candidate, hostKey }: Placed,
  deps: LoadingDeps,
  { fates, code }: { readonly fates: Fates; readonly code: Bundle | null },
): Promise<Result<Loaded>> {
  const bundle = code === null ? await deps.build(candidate) : ok(code);
  if (!bundle.ok) return bundle;
  const host = await deps.hosts.get(hostKey);
  if (!host.ok) return host;
  const config = deps.configOf(candidate);
  const valid = await checkConfig(candidate, deps, host.value, config);
  if (!valid.ok) return valid;
  const instance = makeInstance(plugin, candidate, deps, { bundle: bundle.value, fates });
  const loaded = { instance, host: host.value, bundle: bundle.value, config, candidate, hostKey };
  const realm = await openRealm(loaded, deps);
  if (realm.ok) return ok(loaded);
  await instance.close();
  return realm;
}

/** Violations of the plugin's own JSON Schema, all at once, as one error; the schema runs in the host. */
export async function checkConfig(
  candidate: Candidate,
  deps: SchemaDeps,
  host: PluginHost,
  config: { readonly [key: string]: Json },
): Promise<Result<null>> {
  const schema = await deps.schemaOf(candidate);
  if (!schema.ok) return schema;
  if (schema.value === null) return ok(null);
  const checked = await host.validateConfig(schema.value, config);
  if (!checked.ok) return checked;
  if (checked.value.length === 0) return ok(null);
  const lines = checked.value.map(({ path, message }) => `${path === "" ? "(root)" : path}: ${message}`);
  return fail("config_invalid", `the configuration of ${candidate.name} does not fit its schema: ${lines.join("; ")}`, {
    where: `plugins.config.${candidate.name}`,
    hint: "fix it in the configuration file or by PUT /api/v1/plugins/NAME/config",
    data: { errors: checked.value },
  });
}

function makeInstance(
  plugin: Plugin,
  candidate: Candidate,
  deps: LoadingDeps,
  { bundle, fates }: { readonly bundle: Bundle; readonly fates: Fates },
): Instance {
  return new Instance({
    plugin: plugin.name,
    manifest: candidate.manifest,
    registrations: new Registrations(plugin.name, plugin.handles, deps.registrarOf),
    capabilitySet: deps.approvals.open(candidate, bundle.hash),
    log: deps.log.child(plugin.name),
    random: deps.random,
    metrics: plugin.metrics,
    now: () => deps.clock.monotonic(),
    mapStack: (stack) => bundle.mapStack(stack),
    answerCapabilityCall: deps.answerCapabilityCall,
    memoryMb: deps.limitsOf(candidate).memoryMb,
    recording: plugin.recording?.begin() === true ? plugin.recording : null,
    ...fates,
  });
}

async function openRealm({ instance, host, bundle, config, candidate, hostKey }: Loaded, deps: LoadingDeps): Promise<Result<null>> {
  const { capabilitySet } = instance;
  const storage = storageGrant(capabilitySet);
  const opened = await host.open(
    {
      plugin: candidate.name,
      version: candidate.manifest.version,
      code: bundle.code,
      limits: withinQuota(deps.limitsOf(candidate), storage.quotaMb),
      config,
      capabilities: (candidate.manifest.capabilities ?? {}) as unknown as Json,
      ...realmView(capabilitySet),
      database: storage.isGranted ? deps.databaseOf(candidate.name, hostKey) : null,
      gatewayVersion: deps.gatewayVersion,
      language: deps.language(),
      ...(instance.isRecorded ? { record: true as const } : {}),
    },
    instance.events,
  );
  if (!opened.ok) return mapped(opened.error, bundle);
  instance.attach(opened.value, host);
  return ok(null);
}

/** The narrower of the limit and the permission's own quota. */
function withinQuota(limits: RealmLimits, quotaMb: number | null): RealmLimits {
  return quotaMb === null ? limits : { ...limits, storageMb: Math.min(limits.storageMb, quotaMb) };
}

/** A load error of the realm carries the engine's stack. The author needs the lines of the source. */
function mapped(error: GatewayError, bundle: Bundle): Result<never> {
  const stack = error.data?.stack;
  if (typeof stack !== "string") return { ok: false, error };
  const line = describeError({ name: "", message: "", stack }, bundle).replace(/^: /, "");
  return fail(error.code, `${error.message}${line}`, { cause: error });
}

/** initialize and start, each with its deadline. */
export async function begin({ instance, bundle }: Pick<Loaded, "instance" | "bundle">): Promise<Result<null>> {
  for (const hook of ["initialize", "start"] as const) {
    instance.registrations.phase = hook;
    const outcome = await instance.call({ kind: "lifecycle", hook }, [], HOOK_DEADLINE_MS, instance.background());
    const problem = hookProblem(outcome, bundle);
    if (problem !== null) return fail(!outcome.ok && outcome.cause === "gone" ? "realm_gone" : "load_failed", `${hook} failed: ${problem}`);
  }
  instance.registrations.phase = "running";
  return ok(null);
}

/** A hook fails by throwing, by its deadline, or by returning false. */
export function hookProblem(outcome: CallOutcome, bundle: Bundle | null): string | null {
  if (!outcome.ok) return describeError(outcome.error, bundle);
  return outcome.value === false ? "it returned false (log why before, or return nothing when all is well)" : null;
}
