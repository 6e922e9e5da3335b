import type { Random } from "./clock.ts";

/** `c_` and 12 hex digits: names one message from the radio to the last log line. */
export function correlationId(random: Random): string {
  return `c_${Buffer.from(random.bytes(6)).toString("hex")}`;
}
