import { join } from "node:path";
import { openSecretKey, SecretStore, secretsSchema } from "../../config/secrets.ts";
import { ok, type Result } from "../../errors.ts";
import { SEEN_SCHEMA } from "../../mesh/intake/seen-packets.ts";
import { NODES_SCHEMA } from "../../mesh/nodes/store.ts";
import { OUTBOX_SCHEMA } from "../../mesh/outbox/storage/store.ts";
import { AuditLog } from "../../permissions/audit/log.ts";
import { grantsSchema } from "../../permissions/grants.ts";
import { decisionsSchema } from "../../plugins/approval/decisions.ts";
import { runsSchema } from "../../schedule/run-store.ts";
import type { CoreDatabase } from "../../storage/core.ts";
import { openCoreDatabase } from "../../storage/core-open.ts";
import { lockDataFolder } from "../../storage/lock.ts";
import type { Site } from "./context.ts";

const SCHEMAS = [runsSchema, NODES_SCHEMA, OUTBOX_SCHEMA, SEEN_SCHEMA, grantsSchema, decisionsSchema, secretsSchema];

/** What lies on the disk: all of it is this gateway's alone while it runs. */
export interface Ground {
  readonly database: CoreDatabase;
  readonly secrets: SecretStore;
  readonly audit: AuditLog;
  readonly auditDir: string;
  /** A line in the audit log that is no decision. */
  note(plugin: string | null, event: string, detail: string): void;
}

export function openGround(site: Site): Result<Ground> {
  const { clock, random, log, life } = site;
  const { data_dir, audit: limits } = site.config();
  const lock = lockDataFolder(data_dir);
  if (!lock.ok) return lock;
  life.add("data folder", () => lock.value.release());
  const database = openCoreDatabase(join(data_dir, "gateway.db"), SCHEMAS, { clock, log: log.logger.child("storage") });
  if (!database.ok) return database;
  life.add("core database", () => database.value.close());
  const key = openSecretKey(data_dir, random);
  if (!key.ok) return key;
  const auditDir = join(data_dir, "audit");
  const audit = new AuditLog({ dir: auditDir, clock, log: log.logger.child("audit"), maxMb: limits.max_mb });
  audit.start();
  life.add("audit log", () => audit.stop());
  if (site.parts.decided !== undefined) audit.subscribe({}, site.parts.decided);
  return ok({
    database: database.value,
    secrets: new SecretStore(database.value.sqlite, key.value, random, () => clock.now()),
    audit,
    auditDir,
    note: (plugin, event, detail) => audit.note(event, plugin, { detail }),
  });
}
