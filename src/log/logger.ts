/** The log as all other rooms use it. The composition root creates the sink. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Extra fields of a line: JSON values. `plugin`, `correlation_id` and `error` are known to the formatter. */
export interface LogFields {
  plugin?: string;
  correlation_id?: string;
  error?: unknown;
  [field: string]: unknown;
}

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log under a category: the room's name, or the plugin's. */
  child(category: string): Logger;
}

/** For tests and tools that want no log. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};
