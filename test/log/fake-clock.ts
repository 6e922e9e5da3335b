import type { Clock } from "../../src/clock.ts";

/** A clock that stands still until `pass`. */
export function fakeClock(start = Date.parse("2026-01-15T10:30:00Z")): Clock & { pass(ms: number): void } {
  let elapsed = 0;
  const waiting = new Set<{ at: number; run: () => void }>();
  return {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    after(ms, run) {
      const entry = { at: elapsed + ms, run };
      waiting.add(entry);
      return { cancel: () => void waiting.delete(entry) };
    },
    pass(ms) {
      elapsed += ms;
      for (const entry of [...waiting]) {
        if (entry.at > elapsed || !waiting.delete(entry)) continue;
        entry.run();
      }
    },
  };
}
