// Generated from config_schema.json by zephyrgate plugin types; do not edit.
// biome-ignore-all format: generated
/** What getConfig reads, as `Plugin<Config>`. */
export interface Config {
  /** Hours after which somebody is due who named no time; 0: never. */
  readonly default_hours: number;
  /** Minutes between the question to somebody overdue and the alarm. */
  readonly grace_minutes: number;
  /** Nodes that get the alarms: ids such as !0a0b0c0d, or names. */
  readonly notify: readonly string[];
  /** Channels on which the alarms are sent, too: names, or LINK/INDEX. */
  readonly notify_channels: readonly string[];
  /** Whether the alarms go to the operators' nodes (`operators` of the gateway), too. */
  readonly notify_operators: boolean;
  /** Nodes that are watched by the fences. */
  readonly assets: readonly {
    /** Its node's id, such as !0a0b0c0d. */
    readonly node: string;
    /** What people call it. */
    readonly name: string;
  }[];
  /** Circles; whoever is to be told hears when an asset enters or leaves one. */
  readonly fences: readonly {
    /** What people call the place. */
    readonly name: string;
    /** Degrees north. */
    readonly latitude: number;
    /** Degrees east. */
    readonly longitude: number;
    /** Metres around it; positions are often exact to some hundred metres only. */
    readonly radius_m: number;
  }[];
  /** Days for which ended trips are kept. */
  readonly keep_days: number;
}
