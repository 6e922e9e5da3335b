import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pruneBackups } from "../../backup/kept.ts";
import { makeBackup } from "../../backup/make.ts";
import { asGatewayError } from "../../errors.ts";
import { writeFileAtomically } from "../../storage/atomic.ts";
import { VERSION } from "../../version.ts";
import type { GatewayContext } from "./context.ts";

/**
 * Before another version of the program touches the data it is backed up, so that the version before can be restored with
 * it. A backup that fails is an error line and an alert, and the start goes on: a full disk must not silence the radio.
 */
export async function backUpBeforeUpgrade(context: GatewayContext): Promise<void> {
  const { data_dir: dataDir, log: logging, backup } = context.config();
  const logger = context.log.logger.child("storage");
  const path = join(dataDir, "version");
  const before = readVersion(path);
  if (before === VERSION) return;
  if (existsSync(join(dataDir, "gateway.db"))) {
    const { clock, random, loaded } = context;
    const what = { dataDir, configFile: loaded.file, logFile: logging.file, kind: "upgrade", program: before ?? VERSION } as const;
    const made = await makeBackup({ ...what, now: clock.now(), random, live: null });
    if (made.ok) {
      logger.info(`backed up before the change to version ${VERSION}`, { name: made.value.name, before });
      const message = `version ${VERSION} runs now, ${before ?? "an unknown one"} before; backed up as ${made.value.name}`;
      clock.after(0, () => context.bus.emit("alert", { code: "upgraded", message }));
      pruneBackups(dataDir, backup.keep, made.value.name);
    } else reportFailure(context, made.error.summary());
  }
  try {
    writeFileAtomically(path, `${VERSION}\n`, { mode: 0o600 });
  } catch (thrown) {
    logger.error(`the version cannot be noted: ${asGatewayError(thrown).message}`, { path });
  }
}

function reportFailure({ log, bus, clock }: GatewayContext, why: string): void {
  const message = `the backup before the upgrade failed: ${why}`;
  log.logger.error(message);
  // The parts that pass alerts on are made after this.
  clock.after(0, () => bus.emit("alert", { code: "backup_failed", message }));
}

function readVersion(path: string): string | null {
  return existsSync(path) ? readFileSync(path, "utf8").trim() : null;
}
