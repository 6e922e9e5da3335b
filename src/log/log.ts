import type { Clock } from "../clock.ts";
import type { Subscription } from "../lifetime.ts";
import { errorFields } from "./error.ts";
import { LogFile } from "./file.ts";
import { jsonLine, textLine } from "./format.ts";
import type { LogBook, LogFilter, LogLine } from "./line.ts";
import type { LogFields, Logger, LogLevel } from "./logger.ts";
import { Redactor } from "./redact.ts";
import { LogRing } from "./ring.ts";

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
const NAME = { debug: "DEBUG", info: "INFO", warn: "WARN", error: "ERROR" } as const;
const MAX_LEVELS = 1000;
/** Of syslog. */
const PRIORITY: Readonly<Record<LogLevel, number>> = { debug: 7, info: 6, warn: 4, error: 3 };

/** As the configuration's `log`; `file` is an absolute path. */
export interface LogConfig {
  readonly level: LogLevel;
  readonly format: "text" | "json";
  readonly file: string | null;
  readonly max_mb: number;
  readonly keep: number;
  readonly levels: Readonly<Record<string, LogLevel>>;
}

/** Where lines are shown. `write` must neither block nor throw. */
export interface LogConsole {
  write(text: string): void;
  readonly colour: boolean;
  /** Whether a line begins with its priority for the journal, such as `<3>`. */
  readonly priorities?: boolean;
}

export interface Log {
  /** Category `gateway`. */
  readonly logger: Logger;
  /** Lines that carry the plugin's name, under its name as category. */
  forPlugin(plugin: string): Logger;
  readonly book: LogBook;
  /** Levels and format take effect at once; a new file setting opens another file. */
  configure(config: LogConfig): void;
  /** Values, such as plugins' secrets, that must never show in a line. */
  setSecrets(values: readonly string[]): void;
  counters(): { readonly lines: Readonly<Record<LogLevel, number>>; readonly fileDropped: number; readonly followers: number };
  flush(): void;
  /** Flushes and closes the file; lines after it reach the console only. */
  stop(): void;
}

export function createLog(config: LogConfig, deps: { readonly clock: Clock; readonly console: LogConsole | null }): Log {
  return new Sink(config, deps.clock, deps.console);
}

class Sink implements Log, LogBook {
  readonly book: LogBook = this;
  readonly logger: Logger = this.#logger("gateway", null);
  readonly #ring = new LogRing();
  readonly #redactor = new Redactor();
  readonly #followers = new Set<{ filter: LogFilter; listener: (line: LogLine) => void }>();
  readonly #counts = { debug: 0, info: 0, warn: 0, error: 0 };
  #levels: Map<string, LogLevel>;
  #file: LogFile | null;
  #fileDropped = 0;
  #seq = 0;

  constructor(
    private config: LogConfig,
    private readonly clock: Clock,
    private readonly console: LogConsole | null,
  ) {
    this.#levels = new Map(Object.entries(config.levels));
    this.#file = this.#openFile();
  }

  forPlugin(plugin: string): Logger {
    return this.#logger(plugin, plugin);
  }

  configure(config: LogConfig): void {
    const before = this.config;
    this.config = config;
    this.#levels = new Map(Object.entries(config.levels));
    if (before.file === config.file && before.max_mb === config.max_mb && before.keep === config.keep) return;
    this.stop();
    this.#file = this.#openFile();
  }

  setSecrets(values: readonly string[]): void {
    this.#redactor.setSecrets(values);
  }

  counters(): ReturnType<Log["counters"]> {
    return { lines: { ...this.#counts }, fileDropped: this.#fileDropped + (this.#file?.dropped ?? 0), followers: this.#followers.size };
  }

  flush(): void {
    this.#file?.flush();
  }

  stop(): void {
    this.#file?.stop();
    this.#fileDropped += this.#file?.dropped ?? 0;
    this.#file = null;
  }

  tail(filter: LogFilter, limit: number, before = Number.POSITIVE_INFINITY): readonly LogLine[] {
    return this.#ring.tail(filter.plugin, (line) => passes(filter, line), limit, before);
  }

  follow(filter: LogFilter, listener: (line: LogLine) => void): Subscription {
    const follower = { filter, listener };
    this.#followers.add(follower);
    return { dispose: () => void this.#followers.delete(follower) };
  }

  setLevel(category: string | null, level: LogLevel | null): void {
    if (category === null) this.config = { ...this.config, level: level ?? "info" };
    else if (level === null) this.#levels.delete(category);
    else if (this.#levels.has(category) || this.#levels.size < MAX_LEVELS) this.#levels.set(category, level);
  }

  levels(): ReturnType<LogBook["levels"]> {
    return { default: this.config.level, levels: Object.fromEntries(this.#levels) };
  }

  #logger(category: string, plugin: string | null): Logger {
    const at = (level: LogLevel) => (message: string, fields?: LogFields) => this.#log(level, { category, plugin }, message, fields);
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: (name) => this.#logger(name, plugin),
    };
  }

  #log(level: LogLevel, from: Pick<LogLine, "category" | "plugin">, message: string, fields: LogFields = {}): void {
    const { category } = from;
    const plugin = typeof fields.plugin === "string" ? fields.plugin : from.plugin;
    const threshold = (plugin === null ? undefined : this.#levels.get(plugin)) ?? this.#levels.get(category) ?? this.config.level;
    if (RANK[level] < RANK[threshold]) return;
    this.#counts[level] += 1;
    const { plugin: _, correlation_id, error, context, ...others } = fields;
    // A field `context` is merged into the line's context instead of nested in it.
    const rest = typeof context === "object" ? { ...context, ...others } : { ...others, ...(context === undefined ? {} : { context }) };
    const line: LogLine = {
      seq: ++this.#seq,
      timestamp: new Date(this.clock.now()).toISOString(),
      level: NAME[level],
      plugin,
      category,
      message: this.#redactor.text(String(message)),
      ...(error !== undefined || level === "error" ? errorFields(error, message, (text, max) => this.#redactor.text(text, max)) : {}),
      context: this.#redactor.value(rest) as Record<string, unknown>,
      correlation_id: typeof correlation_id === "string" ? correlation_id : null,
    };
    // The size is that of the whole line with stack and context; the text format shows only part of it.
    this.#ring.add(line, JSON.stringify(line).length);
    const shown = this.#form(line, this.console?.colour ?? false);
    this.#print(shown, level);
    this.#file?.write(this.console?.colour === true ? this.#form(line, false) : shown);
    this.#announce(line);
  }

  #print(line: string, level: LogLevel): void {
    this.console?.write(`${this.console.priorities === true ? `<${PRIORITY[level]}>` : ""}${line}\n`);
  }

  #form(line: LogLine, colour: boolean): string {
    return this.config.format === "json" ? jsonLine(line) : textLine(line, colour);
  }

  #announce(line: LogLine): void {
    for (const follower of this.#followers) {
      if (!passes(follower.filter, line)) continue;
      try {
        follower.listener(line);
      } catch (thrown) {
        // Removed first, so that the line about its failure is not sent to it.
        this.#followers.delete(follower);
        this.logger.warn("a log listener failed and was removed", { error: thrown });
      }
    }
  }

  #openFile(): LogFile | null {
    const { file, max_mb, keep } = this.config;
    if (file === null) return null;
    // Problems of the log file go to the console only.
    const trouble = (message: string) => this.#print(`${new Date(this.clock.now()).toISOString()} WARN  log: ${message}`, "warn");
    return new LogFile({ path: file, maxMb: max_mb, keep }, this.clock, trouble);
  }
}

function passes(filter: LogFilter, line: LogLine): boolean {
  if (filter.plugin !== undefined && line.plugin !== filter.plugin) return false;
  return filter.level === undefined || RANK[line.level.toLowerCase() as LogLevel] >= RANK[filter.level];
}
