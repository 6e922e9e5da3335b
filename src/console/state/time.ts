import { signal } from "@preact/signals";

/** The gateway's clock minus the browser's, ms: ages are told by the gateway's clock. */
let offset = 0;
/** The time of the gateway, ms since 1970; moves once a second while the page is seen. */
export const now = signal(Date.now());

export function setServerTime(ms: number): void {
  // What the answer's way takes is no difference between clocks.
  offset = Math.abs(ms - Date.now()) < 2_000 ? 0 : ms - Date.now();
  tick();
}

export function tick(): void {
  if (!document.hidden) now.value = Date.now() + offset;
}
