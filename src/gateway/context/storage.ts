import { join } from "node:path";
import { ACCESS_SCHEMA } from "../../api/access/store.ts";
import { openSecretKey, SecretStore, secretsSchema } from "../../config/secrets.ts";
import { ALERTS_SCHEMA } from "../../control/alert-store.ts";
import { REPLY_DECISIONS_SCHEMA } from "../../control/reply-decisions.ts";
import { ok, type Result } from "../../errors.ts";
import { SESSION_DATA_SCHEMA } from "../../menu/session-data.ts";
import { EMERGENCIES_SCHEMA } from "../../mesh/emergency/records.ts";
import { SEEN_SCHEMA } from "../../mesh/intake/seen-packets.ts";
import { CHANNELS_SCHEMA } from "../../mesh/known-channels.ts";
import { NODE_HISTORY_SCHEMA } from "../../mesh/nodes/history.ts";
import { NODES_SCHEMA } from "../../mesh/nodes/store.ts";
import { OUTBOX_SCHEMA } from "../../mesh/outbox/storage/store.ts";
import { RECEIVED_SCHEMA } from "../../mesh/received/store.ts";
import { SILENCE_SCHEMA } from "../../mesh/silence.ts";
import { AuditLog } from "../../permissions/audit/log.ts";
import { grantsSchema } from "../../permissions/grants.ts";
import { decisionsSchema } from "../../plugins/approval/decisions.ts";
import { SHARED_SCHEMA } from "../../region/plugins/shared-rows.ts";
import { RECORDS_SCHEMA } from "../../region/records/schema.ts";
import { ROLLOUT_SCHEMA } from "../../region/rollout/store.ts";
import { REGION_SCHEMA } from "../../region/schema.ts";
import { REGION_NODES_SCHEMA } from "../../region/shared/node-rows.ts";
import { DIALOGUES_SCHEMA } from "../../router/dialogues.ts";
import { runsSchema } from "../../schedule/run-store.ts";
import type { CoreDatabase } from "../../storage/core.ts";
import { openCoreDatabase } from "../../storage/core-open.ts";
import type { DiskWatch } from "../../storage/disk-watch.ts";
import { lockDataFolder } from "../../storage/lock.ts";
import type { OwnClock } from "../../timekeeping/own-clock.ts";
import { TIMEKEEPING_SCHEMA } from "../../timekeeping/store.ts";
import type { GatewayContext } from "./context.ts";
import { watchDisk } from "./disk.ts";
import { watchOwnClock } from "./own-clock.ts";
import { recoverDataFolder } from "./recovery.ts";
import { reportRestored } from "./restored.ts";
import { backUpBeforeUpgrade } from "./upgrade.ts";

/** The tables of the core database. */
export const SCHEMAS = [
  runsSchema,
  NODES_SCHEMA,
  CHANNELS_SCHEMA,
  NODE_HISTORY_SCHEMA,
  OUTBOX_SCHEMA,
  SEEN_SCHEMA,
  EMERGENCIES_SCHEMA,
  RECEIVED_SCHEMA,
  SILENCE_SCHEMA,
  grantsSchema,
  decisionsSchema,
  secretsSchema,
  DIALOGUES_SCHEMA,
  SHARED_SCHEMA,
  RECORDS_SCHEMA,
  REGION_NODES_SCHEMA,
  ROLLOUT_SCHEMA,
  SESSION_DATA_SCHEMA,
  TIMEKEEPING_SCHEMA,
  ACCESS_SCHEMA,
  ALERTS_SCHEMA,
  REPLY_DECISIONS_SCHEMA,
  REGION_SCHEMA,
];

/** What the gateway keeps on disk. The lock of the data folder keeps a second gateway away from it. */
export interface Storage {
  readonly database: CoreDatabase;
  readonly secrets: SecretStore;
  readonly audit: AuditLog;
  readonly auditDir: string;
  readonly disk: DiskWatch;
  /** Whether this machine's clock can be believed. */
  readonly ownClock: OwnClock;
  /** Adds an entry to the audit log that is not a permission decision. */
  note(plugin: string | null, event: string, detail: string): void;
}

export async function openStorage(context: GatewayContext): Promise<Result<Storage>> {
  const { clock, random, log, life } = context;
  const { data_dir } = context.config();
  const lock = lockDataFolder(data_dir);
  if (!lock.ok) return lock;
  life.add("data folder", () => lock.value.release());
  recoverDataFolder(data_dir, log.logger.child("storage"));
  await backUpBeforeUpgrade(context);
  const database = openCoreDatabase(join(data_dir, "gateway.db"), SCHEMAS, { clock, log: log.logger.child("storage") });
  if (!database.ok) return database;
  life.add("core database", () => database.value.close());
  const key = openSecretKey(data_dir, random);
  if (!key.ok) return key;
  const auditDir = join(data_dir, "audit");
  const audit = new AuditLog({ dir: auditDir, clock, log: log.logger.child("audit"), maxMb: () => context.config().audit.max_mb });
  audit.start();
  life.add("audit log", () => audit.stop());
  if (context.restored != null) reportRestored(context, audit, context.restored);
  if (context.overrides.decided !== undefined) audit.subscribe({}, context.overrides.decided);
  const secrets = new SecretStore(database.value, key.value, random, () => clock.now());
  reportUnreadable(context, secrets);
  return ok({
    database: database.value,
    secrets,
    audit,
    auditDir,
    disk: watchDisk(context),
    ownClock: watchOwnClock(context, database.value),
    note: (plugin, event, detail) => audit.note(event, plugin, { detail }),
  });
}

/** The key may be a new one because its file was lost: the operator must know before a plugin fails for it. */
function reportUnreadable({ bus, clock, config, log }: GatewayContext, secrets: SecretStore): void {
  const lost = secrets.unreadable();
  if (lost.length === 0) return;
  const names = lost.slice(0, 10).map(({ plugin, name }) => `${plugin} ${name}`);
  const more = lost.length > names.length ? `, and ${lost.length - names.length} more` : "";
  const path = join(config().data_dir, "secret.key");
  const message = `${lost.length} ${lost.length === 1 ? "secret" : "secrets"} cannot be decrypted, because ${path} is not the key they were stored with: ${names.join(", ")}${more}`;
  log.logger.error(`${message} (restore that file from a backup, or set them again: zephyrgate secret set PLUGIN KEY)`);
  // The parts that pass alerts on are made after this.
  clock.after(0, () => bus.emit("alert", { code: "secrets_unreadable", message }));
}
