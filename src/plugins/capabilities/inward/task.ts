import type { CapabilitySet } from "../../../permissions/grammar/types.ts";
import type { WayIn } from "../call/capability.ts";

export const task: WayIn = {
  asks: ["schedule_tasks"],
  words: "runs by itself on a schedule",
  methods: ["registerScheduledTask"],
};

/** The shortest interval in seconds that the granted scopes allow, for cron patterns too; 0 without such a limit. */
export function minIntervalS(capabilitySet: Pick<CapabilitySet, "states"> | null): number {
  const limits: number[] = [];
  for (const entry of capabilitySet?.states().granted ?? []) {
    if (entry === "schedule_tasks") return 0;
    const limit = typeof entry === "string" ? undefined : entry.schedule_tasks?.min_interval_s;
    if (typeof entry !== "string" && entry.schedule_tasks !== undefined) limits.push(typeof limit === "number" ? limit : 0);
  }
  return limits.length === 0 ? 0 : Math.min(...limits);
}
