// Generated from config_schema.json by zephyrgate plugin types; do not edit.
// biome-ignore-all format: generated
/** What getConfig reads, as `Plugin<Config>`. */
export interface Config {
  readonly url: string;
}
