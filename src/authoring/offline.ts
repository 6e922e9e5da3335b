/** Installing and removing while no gateway runs: the same data folder, held by its lock meanwhile. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Clock, systemClock } from "../clock.ts";
import type { Config } from "../config/schema.ts";
import { secretsSchema } from "../config/secrets.ts";
import { fail, ok, type Result } from "../errors.ts";
import { BUNDLED, EXAMPLES, limitsAbove } from "../gateway/plugins/catalogue.ts";
import { silentLogger } from "../log/logger.ts";
import { type InstallOptions, installPackage, removePackage, type Undo, useVersion } from "../packages/install.ts";
import { installedFolder, installedPath } from "../packages/installed.ts";
import type { PluginPackage } from "../packages/package.ts";
import { signedText } from "../packages/trust/policy.ts";
import { AuditLog } from "../permissions/audit/log.ts";
import { GrantStore, grantsSchema } from "../permissions/grants.ts";
import { decisionsSchema, forgetDecisions } from "../plugins/approval/decisions.ts";
import { Discovery } from "../plugins/discovery/discovery.ts";
import type { CoreDatabase } from "../storage/core.ts";
import { openCoreDatabase } from "../storage/core-open.ts";
import { lockDataFolder } from "../storage/lock.ts";
import { deleteOwnRows } from "../storage/plugin-rows.ts";

interface Held {
  readonly database: CoreDatabase;
  readonly grants: GrantStore;
  note(plugin: string, event: string, detail: string): void;
}

/** Places the packages and stores that their permissions were accepted; they start with the gateway. All of them, or none. */
export async function installOffline(
  config: Config,
  plan: readonly PluginPackage[],
  choice: Pick<InstallOptions, "force" | "acceptSigner"> & { readonly who: string },
): Promise<Result<null>> {
  return holding(config, async (held) => {
    const undo: Undo[] = [];
    for (const found of plan) {
      const installed = await installOne(held, config, found, { ...choice, now: systemClock.now() });
      if (installed.ok) undo.push(installed.value);
      else {
        for (const back of undo.reverse()) back();
        return installed;
      }
    }
    return ok(null);
  });
}

async function installOne(
  { grants, note }: Held,
  config: Config,
  found: PluginPackage,
  options: InstallOptions & { readonly who: string },
): Promise<Result<Undo>> {
  const { manifest, code, signer } = found;
  const { who } = options;
  if (BUNDLED.some((plugin) => plugin.name === manifest.name)) {
    return fail("conflict", `${manifest.name} is the name of a bundled plugin`, {
      hint: "give the plugin another name in its manifest.yaml",
    });
  }
  const place = { name: manifest.name, path: installedPath(config.data_dir, manifest.name) };
  const holder = grants.holder(manifest.name);
  if (holder !== null && holder.path !== place.path) {
    return fail("conflict", `the name ${manifest.name} belongs to ${holder.path}`, {
      hint: `start the gateway, then: zephyrgate plugin adopt ${manifest.name} ${place.path}`,
    });
  }
  const undo = await installPackage(config.data_dir, found, options);
  if (!undo.ok) return undo;
  const asker = {
    plugin: manifest.name,
    version: manifest.version,
    codeHash: "",
    requested: manifest.permissions,
    limits: limitsAbove(manifest, config),
    bundled: false,
  };
  const accepted = grants.accept(place, asker, { who, means: "cli" });
  if (!accepted.ok) {
    undo.value();
    return accepted;
  }
  note(manifest.name, "install", `${who} installed version ${manifest.version}, code ${code}, ${signedText(signer?.fingerprint ?? null)}`);
  note(manifest.name, "accept", `${who} accepted ${accepted.value.permissionHash}`);
  return undo;
}

/** Makes the version that is kept beside the active one the active one. */
export async function useOffline(config: Config, name: string, version: string, who: string): Promise<Result<null>> {
  return holding(config, ({ note }) => {
    const chosen = useVersion(config.data_dir, name, version);
    if (chosen.ok && chosen.value !== null) note(name, "use", `${who} chose version ${version} in place of ${chosen.value}`);
    return chosen.ok ? ok(null) : chosen;
  });
}

/** Versions of the plugins that a gateway with this configuration would find, by name. */
export function versionsOffline(config: Config): ReadonlyMap<string, string> {
  const { paths, auto_discover } = config.plugins;
  const installed = installedFolder(config.data_dir);
  const folders = [...(auto_discover ? paths : []), ...(existsSync(installed) ? [installed] : [])];
  const { plugins } = new Discovery(BUNDLED, silentLogger).scan(folders);
  return new Map(plugins.map(({ name, manifest }) => [name, manifest.version]));
}

/** Names of all plugins that a gateway with this configuration knows. */
export function namesOffline(config: Config): ReadonlySet<string> {
  return new Set([...versionsOffline(config).keys(), ...EXAMPLES.map(({ name }) => name)]);
}

/** With its grants, settings and secrets; its data only with `purge`. */
export async function removeOffline(config: Config, name: string, purge: boolean, who: string): Promise<Result<null>> {
  return holding(config, ({ database, grants, note }) => {
    const removed = removePackage(config.data_dir, name, !purge);
    if (!removed.ok) return removed;
    if (!removed.value)
      return fail("not_found", `no plugin called ${JSON.stringify(name.slice(0, 64))} is installed in ${config.data_dir}`);
    if (purge) grants.release(name);
    else grants.forget({ name, path: installedPath(config.data_dir, name) });
    forgetDecisions(database, name);
    database.write(() => database.sqlite.run("DELETE FROM secrets WHERE plugin = ?", [name]));
    // Its data lies in the one or the other, as it had a process of its own or shared one.
    if (purge) deleteOwnRows(database, name);
    if (purge) for (const root of ["plugins", "isolated"]) rmSync(join(config.data_dir, root, name), { recursive: true, force: true });
    note(name, "remove", `${who} removed it${purge ? " and its data" : "; its data is kept"}`);
    return ok(null);
  });
}

async function holding(
  config: Config,
  work: (held: Held) => Result<null> | Promise<Result<null>>,
  clock: Clock = systemClock,
): Promise<Result<null>> {
  const lock = lockDataFolder(config.data_dir);
  if (!lock.ok) return lock;
  try {
    const schemas = [grantsSchema, decisionsSchema, secretsSchema];
    const database = openCoreDatabase(join(config.data_dir, "gateway.db"), schemas, { clock, log: silentLogger });
    if (!database.ok) return database;
    const audit = new AuditLog({ dir: join(config.data_dir, "audit"), clock, log: silentLogger, maxMb: () => config.audit.max_mb });
    audit.start();
    try {
      const grants = new GrantStore(database.value, clock);
      grants.movedHome(installedFolder(config.data_dir));
      return await work({
        database: database.value,
        grants,
        note: (plugin, event, detail) => audit.note(event, plugin, { detail }),
      });
    } finally {
      await audit.stop();
      database.value.close();
    }
  } finally {
    lock.value.release();
  }
}
