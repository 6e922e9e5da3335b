import type { LiveCapabilitySet } from "../../../permissions/capability-set.ts";
import type { WayIn } from "../call/capability.ts";

/**
 * The plugin's own database. It is opened and each use is decided inside the plugin host (`host/services/services.ts`),
 * which learns of a change by the realm's tokens; the gateway gives it the file and the quota.
 */
export const storage: WayIn = {
  asks: ["database_access"],
  words: "keeps data of its own on the disk",
  methods: ["storeData", "retrieveData", "deleteData", "listKeys", "db.query", "db.run", "db.transaction", "db.migrate"],
};

/** Whether the host may open the plugin's database, and with how many megabytes at most (null: no limit by the permission). */
export function storageGrant(capabilitySet: Pick<LiveCapabilitySet, "tokens" | "quotaMb">): {
  readonly isGranted: boolean;
  readonly quotaMb: number | null;
} {
  return { isGranted: capabilitySet.tokens.database_access !== undefined, quotaMb: capabilitySet.quotaMb() };
}
