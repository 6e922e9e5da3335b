import type { MeshMessage } from "../message.ts";

const STALE_S = 600;
/** What a radio kept while nobody was attached is answered only when it is as fresh as this. */
const BACKLOG_S = 60;
/** s since 1970; a clock before 2020 was never set. */
const CLOCK_SET_S = Date.UTC(2020, 0) / 1000;

/** True when the radio received it so long before `now` (ms since 1970) that its sender no longer waits for an answer. */
export function isStale(message: Pick<MeshMessage, "rxTime" | "ageS" | "isBacklog">, now: number): boolean {
  const { rxTime, ageS, isBacklog } = message;
  if (isBacklog === true) return (ageS ?? Number.POSITIVE_INFINITY) > BACKLOG_S;
  if (ageS !== undefined) return ageS > STALE_S;
  const nowS = now / 1000;
  return rxTime !== undefined && rxTime > CLOCK_SET_S && nowS > CLOCK_SET_S && nowS - rxTime > STALE_S;
}
