// Generated from config_schema.json by zephyrgate plugin types; do not edit.
// biome-ignore-all format: generated
/** What getConfig reads, as `Plugin<Config>`. */
export interface Config {
  /** Percent. */
  readonly low: number;
  /** Percent from which it is forgotten. */
  readonly well: number;
  readonly tell: string;
}
