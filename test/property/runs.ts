/** How often each property is tried: 100 in `bun run test`, more in `bun run soak` by PROPERTY_RUNS. */
export const RUNS = Math.max(100, Number(process.env.PROPERTY_RUNS ?? 100));

/** A test's deadline, ms: generous, for machines that are busy with other things. */
export const DEADLINE_MS = 120_000 + RUNS * 500;

export const fcRuns = { numRuns: RUNS, endOnFailure: true } as const;
