import type { Random } from "./clock.ts";

const FIRST_MS = 1_000;
const MAX_MS = 60_000;

/**
 * Pauses between attempts: from 1 to 2 s at first, doubling up to 30 to 60 s. Jitter keeps two programs, or many gateways
 * after a power cut, from retrying at the same moment.
 */
export class Backoff {
  /** Attempts since the last {@link reset}. */
  attempts = 0;

  constructor(private readonly random: Random) {}

  /** The next pause in milliseconds. */
  next(): number {
    // The exponent is bounded because 2 ** attempts would become infinite after months.
    const ceiling = Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(this.attempts + 1, 16));
    this.attempts++;
    return (ceiling / 2) * (1 + this.random.fraction());
  }

  reset(): void {
    this.attempts = 0;
  }
}
