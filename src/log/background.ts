import type { LogFields, Logger } from "./logger.ts";

/**
 * Lets `work` go on without anybody waiting for it. A rejection ends up in the log as "`what` failed", instead of ending the
 * process. `work` may be undefined, where there is nothing to do.
 */
export function inBackground(log: Pick<Logger, "error">, what: string, work: Promise<unknown> | undefined, fields: LogFields = {}): void {
  work?.catch((thrown: unknown) => log.error(`${what} failed`, { ...fields, error: thrown }));
}
