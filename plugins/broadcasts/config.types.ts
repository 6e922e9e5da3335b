// Generated from config_schema.json by zephyrgate plugin types; do not edit.
// biome-ignore-all format: generated
import type { Json } from "zephyrgate";

/** What getConfig reads, as `Plugin<Config>`. */
export interface Config {
  /** IANA name of the time zone of `cron` and `at`. */
  readonly time_zone: string;
  /** A text that would take more of the airtime than this is refused. */
  readonly max_airtime_percent: number;
  /** What is sent, and when: one of `cron`, `every_minutes` and `at`; one of `text` and `action`; one of `channel` and `node`. */
  readonly messages: readonly {
    readonly name: string;
    /** Five fields: minute, hour, day, month, weekday. */
    readonly cron?: string;
    readonly every_minutes?: number;
    /** Once, `2026-03-01T08:00`. */
    readonly at?: string;
    readonly text?: string;
    /** A text that another plugin makes; its manifest has `action:TYPE` under `provides`. */
    readonly action?: {
      readonly plugin: string;
      readonly type: string;
      /** What the plugin is given. */
      readonly data?: {
        readonly [key: string]: Json;
      };
    };
    /** A channel's name, or `LINK/INDEX`. */
    readonly channel?: string;
    /** A node's id or name. */
    readonly node?: string;
    /** What was missed while the gateway was away is left out (the default), or sent once. */
    readonly missed?: "skip" | "once";
  }[];
}
