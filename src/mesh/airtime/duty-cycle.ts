import type { LinkStatus } from "../link-status.ts";

/** The firmware's table of regions, where it limits how much of an hour a radio may send. */
const LIMITS: Readonly<Record<string, number>> = { EU_433: 0.1, EU_868: 0.1, UA_433: 0.1, UA_868: 0.01 };
/** The last tenth of what is allowed is for emergencies, which the radio would refuse once the limit is reached. */
const RESERVE = 0.1;

/** Share of an hour, 0 to 1; undefined where the region does not limit it. */
export function dutyCycleOf(region: string): number | undefined {
  return LIMITS[region];
}

/** Whether only emergencies may be sent. `usedShare`: what this gateway knows to have sent in the last hour, 0 to 1. */
export function isDutyCycleSpent({ dutyCycle, airUtilTx = 0 }: LinkStatus, usedShare = 0): boolean {
  return dutyCycle !== undefined && Math.max(airUtilTx, usedShare) >= dutyCycle * (1 - RESERVE);
}
