/** Options that the engine and its allocator read from the environment before any code runs. */

/**
 * For a process that rests most of the time. By default the engine looks for garbage every second, which wakes three threads,
 * and each pass of the event loop wakes a thread that gives memory back later: together nine times a second in a process that
 * does nothing. With these it looks every half minute (a collection for want of memory does not wait for that), and memory is
 * given back at once.
 */
export const RESTING_OPTIONS: Readonly<Record<string, string>> = { BUN_GC_TIMER_INTERVAL: "30000", MIMALLOC_PURGE_DELAY: "0" };

/**
 * Becomes the same program again with these options; what the environment sets already stays. The process keeps its id and its
 * descriptors; it must not have done anything yet. Returns when nothing is missing, or where it is not possible: all works without.
 */
export function reexecute(options: Readonly<Record<string, string>>): void {
  const { execve, env } = process;
  if (process.platform !== "linux" || execve === undefined || Object.keys(options).every((name) => env[name] !== undefined)) return;
  try {
    execve(process.execPath, [process.execPath, ...process.argv.slice(2)], { ...options, ...env });
  } catch {
    // Not allowed here, or the file is gone.
  }
}
