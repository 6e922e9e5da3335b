import type { FailureReason } from "./message.ts";

/** What a report of the radio means for the part it is about. */
export type SendOutcome =
  | { readonly kind: "taken" }
  /**
   * The radio did not send it, but remembers the packet id and would ignore it from now on. The part gets a new id, which
   * doubles nothing because the text was never on the air. `holdMs`: how long the whole link waits; `hold`: why.
   */
  | { readonly kind: "dropped"; readonly holdMs: number; readonly hold: "spacing" | "radio_busy" | "duty_cycle" }
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
/** The text came less than 2 s after the one before. Without a pause, a spacing below that would retry at full speed. */
const TOO_SOON_MS = 500;
const QUEUE_FULL_MS = 5_000;
const RADIO_OFF_MS = 30_000;
const DUTY_CYCLE_MS = 60_000;

/** An emergency is held back by nothing but the radio itself, and asked again after this time at the latest. */
export const HOLD_EMERGENCY_MAX_MS = 5_000;
/** Refusals of a text that was not on the air, or that nobody could read: another link may send it. */
export const NEVER_SENT: ReadonlySet<FailureReason> = new Set(["no_channel", "no_key", "no_route"]);

/** Refusals of one channel of a link, or of the key that is used in its place: another channel of that link may carry it. */
export const FOR_THIS_CHANNEL: ReadonlySet<FailureReason> = new Set(["no_channel", "no_key"]);

/** Judges a queueStatus. Its numbers 32 to 34 come from the radio's driver (full, no interface, off) and are no routing errors. */
export function judgeQueueStatus(res: number): SendOutcome {
  if (res === 0) return { kind: "taken" };
  if (res === 32) return { kind: "dropped", holdMs: QUEUE_FULL_MS, hold: "radio_busy" };
  if (res === 33 || res === 34) return { kind: "dropped", holdMs: RADIO_OFF_MS, hold: "radio_busy" };
  return judgeNak(res);
}

/** Judges a routing error; 0 is none. */
export function judgeNak(errorReason: number): SendOutcome {
  if (errorReason === 5) return { kind: "unheard" };
  if (errorReason === 38) return { kind: "dropped", holdMs: TOO_SOON_MS, hold: "spacing" };
  if (errorReason === 9) return { kind: "dropped", holdMs: DUTY_CYCLE_MS, hold: "duty_cycle" };
  return { kind: "failed", reason: FAILURES[errorReason] ?? "refused" };
}
