// Generated from config_schema.json by zephyrgate plugin types; do not edit.
// biome-ignore-all format: generated
/** What getConfig reads, as `Plugin<Config>`. */
export interface Config {
  readonly latitude: number;
  readonly longitude: number;
  readonly radius_km: number;
  readonly from_magnitude: number;
  readonly channel: number;
}
