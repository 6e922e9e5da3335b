/** What an author can do about each limit of a realm. */

export const SLICE_HINT = "split long work with `await this.pause()`, or ask for more with limits: { slice_ms } in manifest.yaml";

export const TIMEOUT_HINT =
  "give calls that wait a timeout of their own, do long work in a scheduled task, or ask for more with limits: { timeout_s } in manifest.yaml";

export const MEMORY_HINT = "keep less at once, or ask for more with limits: { memory_mb } in manifest.yaml";
