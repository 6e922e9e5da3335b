// Generated from config_schema.json by zephyrgate plugin types; do not edit.
// biome-ignore-all format: generated
/** What getConfig reads, as `Plugin<Config>`. */
export interface Config {
  /** Degrees north. */
  readonly latitude: number;
  /** Degrees east. */
  readonly longitude: number;
  /** Channel on which alerts are broadcast. */
  readonly channel: number;
  /** How often alerts are looked for. */
  readonly check_minutes: number;
  /** How old an answer to `weather` may be. */
  readonly cache_minutes: number;
  /** Alerts that are broadcast. */
  readonly severities: readonly ("Minor" | "Moderate" | "Severe" | "Extreme")[];
}
