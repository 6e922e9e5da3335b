// Generated from config_schema.json by zephyrgate plugin types; do not edit.
// biome-ignore-all format: generated
/** What getConfig reads, as `Plugin<Config>`. */
export interface Config {
  /** Hours after which a message is given up. */
  readonly keep_hours: number;
  /** Messages of one node that wait. */
  readonly max_per_sender: number;
  /** Messages that wait for one node. */
  readonly max_per_receiver: number;
  /** Times a message is sent before it is given up. */
  readonly attempts: number;
  /** Tell the sender when a message was delivered or given up. */
  readonly receipts: boolean;
}
