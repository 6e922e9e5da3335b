import { endRestore, type FinishedRestore, rejectRestore, settleRestore } from "../../backup/place.ts";
import { fail, type GatewayError, ok, type Result } from "../../errors.ts";
import type { AuditLog } from "../../permissions/audit/log.ts";
import { codeOf } from "../../storage/atomic.ts";
import { lockDataFolder } from "../../storage/lock.ts";
import type { GatewayContext } from "./context.ts";

/** Failures to start that say nothing about what was restored. */
const NOT_OF_THE_DATA: ReadonlySet<string> = new Set(["data_locked", "cancelled", "conflict"]);

/** Puts a restore in place, or what was there before it, when that is due. Null: nothing was restored. `boot` names this boot of the machine. */
export function settleAtStart(dataDir: string, boot: string): Result<FinishedRestore | null> {
  const lock = lockDataFolder(dataDir);
  // The start fails for the same reason, and tells it.
  if (!lock.ok) return ok(null);
  try {
    return ok(settleRestore(dataDir, { boot }));
  } catch (cause) {
    const message = `a restore was interrupted and cannot be completed (${codeOf(cause)}); nothing is lost, and the next start goes on with it`;
    const hint = "see the rights of the data folder and the configuration file, and the free space";
    return fail("data_unusable", message, { where: dataDir, cause, hint });
  } finally {
    lock.value.release();
  }
}

/** After a start that failed: true when the next one takes back what was restored. */
export function takesBack(dataDir: string, restored: FinishedRestore | null, error: GatewayError): boolean {
  if (restored?.state !== "trial" || NOT_OF_THE_DATA.has(error.code)) return false;
  const lock = lockDataFolder(dataDir);
  if (!lock.ok) return false;
  try {
    return rejectRestore(dataDir, error.summary());
  } catch {
    // The error of the start is the one to tell.
    return false;
  } finally {
    lock.value.release();
  }
}

/** The gateway is up with what is in place. */
export function settled({ config, log, restored }: Pick<GatewayContext, "config" | "log" | "restored">): void {
  if (restored == null) return;
  try {
    endRestore(config().data_dir);
  } catch (thrown) {
    log.logger.warn(`the end of a restore cannot be noted (${codeOf(thrown)}); the next start says it again`, { error: thrown });
  }
}

/** Tells the operator what was restored, or that it did not start and what was there before is back. */
export function reportRestored({ bus, clock, log }: GatewayContext, audit: AuditLog, restored: FinishedRestore): void {
  const { state, by, aside, failed, why } = restored;
  const isBack = state === "returned";
  const message = isBack
    ? `what was restored did not start, so that what was there before is in its place again: ${why}; what did not start is in ${failed}`
    : `a backup was restored; what was there before is in ${aside}`;
  log.logger.child("storage").warn(message, { by });
  audit.note(isBack ? "restore_returned" : "restore", null, { detail: `${by ?? "unknown"}: ${message}` });
  // The parts that pass alerts on are made after this.
  clock.after(0, () => bus.emit("alert", { code: isBack ? "restore_returned" : "restored", message }));
}
