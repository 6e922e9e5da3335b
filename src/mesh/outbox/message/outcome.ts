import type { FailureReason } from "./message.ts";

/** What an answer of the radio means for the part it is about. */
export type SendOutcome =
  | { readonly kind: "taken" }
  /**
   * The radio says that it did not send it. It has noted the packet id all the same and would ignore it from now on, so
   * the part takes a new one; as it was never on the air this doubles nothing. `holdMs`: the whole link waits.
   */
  | { readonly kind: "dropped"; readonly holdMs: number }
  | { readonly kind: "unheard" }
  | { readonly kind: "failed"; readonly reason: FailureReason };

const FAILURES: Readonly<Record<number, FailureReason>> = {
  1: "no_route",
  6: "no_channel",
  7: "too_large",
  34: "no_key",
  35: "no_key",
  39: "no_key",
};
/** It came too soon after the text before, by 2 s at most. Without a pause a spacing below that would be a storm of attempts. */
const TOO_SOON_MS = 500;
const QUEUE_FULL_MS = 5_000;
const RADIO_OFF_MS = 30_000;
const DUTY_CYCLE_MS = 60_000;

/** Of a queueStatus. Its numbers 32 to 34 are the driver's own (full, no interface, off) and not routing errors. */
export function judgeQueueStatus(res: number): SendOutcome {
  if (res === 0) return { kind: "taken" };
  if (res === 32) return { kind: "dropped", holdMs: QUEUE_FULL_MS };
  if (res === 33 || res === 34) return { kind: "dropped", holdMs: RADIO_OFF_MS };
  return judgeNak(res);
}

/** Of a routing error; 0 is not one. */
export function judgeNak(errorReason: number): SendOutcome {
  if (errorReason === 5) return { kind: "unheard" };
  if (errorReason === 38) return { kind: "dropped", holdMs: TOO_SOON_MS };
  if (errorReason === 9) return { kind: "dropped", holdMs: DUTY_CYCLE_MS };
  return { kind: "failed", reason: FAILURES[errorReason] ?? "refused" };
}
