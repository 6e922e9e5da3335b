/** The small file in which a data folder says how far a restore has come. Each step ends with it being replaced. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { FILE_LIMITS, parseJson } from "../json-reader.ts";
import { isThere, writeFileAtomically } from "../storage/atomic.ts";
import { type Disk, systemDisk } from "../storage/disk.ts";

const folderName = (prefix: string) => v.pipe(v.string(), v.regex(new RegExp(`^${prefix}-[\\w-]+$`)));

const planSchema = v.strictObject({
  /**
   * - `decided`: unpacked, to be put in place;
   * - `trial`: in place, and no gateway has started with it yet;
   * - `back`: it does not start, so what was there before comes back;
   * - `returned`: that is done, and no gateway has started since.
   */
  state: v.optional(v.picklist(["decided", "trial", "back", "returned"]), "decided"),
  /** The folder that takes what was there before. */
  aside: folderName("before-restore"),
  /** The configuration file to replace; null: it stays. */
  config: v.nullable(v.string()),
  coreOnly: v.boolean(),
  by: v.optional(v.nullable(v.string()), null),
  /** Credentials that come with the backup. */
  credentials: v.optional(v.array(v.string()), []),
  /** The boots of this machine in which a gateway began to start with it. */
  starts: v.optional(v.array(v.string()), []),
  /** The folder that takes what did not start, and why it did not. */
  failed: v.optional(folderName("failed-restore"), "failed-restore-unknown"),
  why: v.optional(v.nullable(v.string()), null),
});
export type Plan = v.InferOutput<typeof planSchema>;

export const workOf = (dataDir: string) => join(dataDir, "restoring");
export const planOf = (dataDir: string) => join(workOf(dataDir), "plan.json");

/** Null: nothing was decided. */
export function readPlan(dataDir: string): Plan | null {
  const path = planOf(dataDir);
  if (!isThere(path)) return null;
  const read = parseJson(readFileSync(path, "utf8"), FILE_LIMITS);
  const parsed = v.safeParse(planSchema, read.ok ? read.value : null);
  return parsed.success ? parsed.output : null;
}

export function writePlan(dataDir: string, plan: Plan, disk: Disk = systemDisk): Plan {
  writeFileAtomically(planOf(dataDir), JSON.stringify(plan), { mode: 0o600, disk });
  return plan;
}
