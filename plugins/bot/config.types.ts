// Generated from config_schema.json by zephyrgate plugin types; do not edit.
// biome-ignore-all format: generated
/** What getConfig reads, as `Plugin<Config>`. */
export interface Config {
  /** The message of the day. */
  readonly motd: string;
  /** Units of distances. */
  readonly units: "metric" | "imperial";
  /** Who may begin and end a poll. */
  readonly polls_by: "operators" | "all";
  /** Answers to keywords. */
  readonly answers: readonly {
    /** Any of these words or phrases. */
    readonly keywords: readonly string[];
    readonly answer: string;
    /** The whole text, or words in it (`contains`, the default). */
    readonly match?: "exact" | "contains";
    /** Channels on which it is answered; without any in direct messages alone. */
    readonly channels?: readonly number[];
    /** Answered in direct messages too; true by default. */
    readonly direct?: boolean;
    /** Pause between two such answers; 30 by default. */
    readonly cooldown_s?: number;
    /** Such answers in an hour; 10 by default. */
    readonly per_hour?: number;
  }[];
  readonly welcome: {
    /** Greets a node that was never heard before, once, by a direct message. */
    readonly enabled: boolean;
    /** What it reads; `{name}` is its name. Empty: the built-in text. */
    readonly text: string;
  };
}
