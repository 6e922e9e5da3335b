import type { Subscription } from "../lifetime.ts";
import type { LogLevel } from "./logger.ts";

/** One line as it is kept, streamed and written in the JSON format. */
export interface LogLine {
  /** Grows by one per line of this run; the cursor of {@link LogBook.tail}. */
  readonly seq: number;
  /** RFC 3339, UTC, milliseconds. */
  readonly timestamp: string;
  readonly level: "DEBUG" | "INFO" | "WARN" | "ERROR";
  /** Null for the gateway's own lines. */
  readonly plugin: string | null;
  readonly category: string;
  readonly message: string;
  /** The three error fields are present on every ERROR line and on every line with an error. */
  readonly error_type?: string | null;
  readonly error_message?: string | null;
  readonly stack_trace?: string | null;
  readonly context: Readonly<Record<string, unknown>>;
  readonly correlation_id: string | null;
}

export interface LogFilter {
  /** Only this plugin's lines. */
  readonly plugin?: string | undefined;
  /** This level and worse. */
  readonly level?: LogLevel | undefined;
}

/** The last lines, kept in memory, and a live stream of new ones. */
export interface LogBook {
  /** At most `limit` lines older than `before` (a seq), newest last. */
  tail(filter: LogFilter, limit: number, before?: number): readonly LogLine[];
  /** The listener must be quick and must not throw; nothing is queued for it. */
  follow(filter: LogFilter, listener: (line: LogLine) => void): Subscription;
  /** Sets the level of one category or plugin, or of all (`null`); `null` as level removes the category's own setting. */
  setLevel(category: string | null, level: LogLevel | null): void;
  levels(): { readonly default: LogLevel; readonly levels: Readonly<Record<string, LogLevel>> };
}
