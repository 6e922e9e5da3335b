import type { MeshMessage } from "../message.ts";

const STALE_S = 600;
/** s since 1970; a clock before 2020 was never set. */
const CLOCK_SET_S = Date.UTC(2020, 0) / 1000;

/** True when the radio received it so long before `now` (ms since 1970) that its sender no longer waits for an answer. */
export function isStale(message: Pick<MeshMessage, "rxTime">, now: number): boolean {
  const { rxTime } = message;
  const nowS = now / 1000;
  return rxTime !== undefined && rxTime > CLOCK_SET_S && nowS > CLOCK_SET_S && nowS - rxTime > STALE_S;
}
