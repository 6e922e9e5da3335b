/** Exit codes beside 0 (done), 1 (failed) and 2 (wrong command line). */
export const EXIT = {
  /** No gateway runs. */
  noGateway: 3,
  /** The configuration is wrong; as sysexits.h has it, so that a service is not restarted for it. */
  configuration: 78,
} as const;
