/** Installing and removing while no gateway runs: the same data folder, held by its lock meanwhile. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type Clock, systemClock } from "../clock.ts";
import type { Config } from "../config/schema.ts";
import { secretsSchema } from "../config/secrets.ts";
import { fail, ok, type Result } from "../errors.ts";
import { BUNDLED, limitsAbove } from "../gateway/plugins/catalogue.ts";
import { silentLogger } from "../log/logger.ts";
import { installedPath, place, rollBack, uninstall } from "../packages/installed.ts";
import type { PluginPackage } from "../packages/package.ts";
import { AuditLog } from "../permissions/audit/log.ts";
import { GrantStore, grantsSchema } from "../permissions/grants.ts";
import { decisionsSchema, forgetDecisions } from "../plugins/approval/decisions.ts";
import type { CoreDatabase } from "../storage/core.ts";
import { openCoreDatabase } from "../storage/core-open.ts";
import { lockDataFolder } from "../storage/lock.ts";

interface Held {
  readonly database: CoreDatabase;
  readonly grants: GrantStore;
  note(plugin: string, event: string, detail: string): void;
}

/** Places the package and stores that its permissions were accepted; it starts with the gateway. */
export async function installOffline(config: Config, found: PluginPackage, who: string): Promise<Result<null>> {
  const { manifest, files, code } = found;
  if (BUNDLED.some((plugin) => plugin.name === manifest.name)) {
    return fail("conflict", `${manifest.name} is the name of a bundled plugin`, {
      hint: "give the plugin another name in its manifest.yaml",
    });
  }
  return holding(config, ({ grants, note }) => {
    const placed = place(config.data_dir, manifest.name, files);
    if (!placed.ok) return placed;
    const asker = {
      plugin: manifest.name,
      version: manifest.version,
      codeHash: "",
      requested: manifest.permissions,
      limits: limitsAbove(manifest, config),
      bundled: false,
    };
    const accepted = grants.accept({ name: manifest.name, path: installedPath(config.data_dir, manifest.name) }, asker, {
      who,
      means: "cli",
    });
    if (!accepted.ok) {
      rollBack(config.data_dir, manifest.name);
      return accepted;
    }
    note(manifest.name, "install", `${who} installed version ${manifest.version}, code ${code}`);
    note(manifest.name, "accept", `${who} accepted ${accepted.value.permissionHash}`);
    return ok(null);
  });
}

/** With its grants, settings and secrets; its data only with `purge`. */
export async function removeOffline(config: Config, name: string, purge: boolean, who: string): Promise<Result<null>> {
  return holding(config, ({ database, grants, note }) => {
    if (!uninstall(config.data_dir, name))
      return fail("not_found", `no plugin called ${JSON.stringify(name.slice(0, 64))} is installed in ${config.data_dir}`);
    if (purge) grants.release(name);
    else grants.forget({ name, path: installedPath(config.data_dir, name) });
    forgetDecisions(database, name);
    database.write(() => database.sqlite.run("DELETE FROM secrets WHERE plugin = ?", [name]));
    // Its data lies in the one or the other, as it had a process of its own or shared one.
    if (purge) for (const root of ["plugins", "isolated"]) rmSync(join(config.data_dir, root, name), { recursive: true, force: true });
    note(name, "remove", `${who} removed it${purge ? " and its data" : "; its data is kept"}`);
    return ok(null);
  });
}

async function holding(config: Config, work: (held: Held) => Result<null>, clock: Clock = systemClock): Promise<Result<null>> {
  const lock = lockDataFolder(config.data_dir);
  if (!lock.ok) return lock;
  try {
    const schemas = [grantsSchema, decisionsSchema, secretsSchema];
    const database = openCoreDatabase(join(config.data_dir, "gateway.db"), schemas, { clock, log: silentLogger });
    if (!database.ok) return database;
    const audit = new AuditLog({ dir: join(config.data_dir, "audit"), clock, log: silentLogger, maxMb: config.audit.max_mb });
    audit.start();
    try {
      return work({
        database: database.value,
        grants: new GrantStore(database.value, clock),
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
