// Generated from config_schema.json by zephyrgate plugin types; do not edit.
// biome-ignore-all format: generated
/** What getConfig reads, as `Plugin<Config>`. */
export interface Config {
  /** What is carried. Channels are names with their link, `LINK/NAME`, or `LINK/INDEX`. */
  readonly rules: readonly {
    /** Channel that is heard. */
    readonly from: string;
    /** Channel on another link on which it is said. */
    readonly to: string;
    /** The other way too. */
    readonly both_ways?: boolean;
    /** Texts that contain one of these words alone. */
    readonly only?: readonly string[];
    /** Texts in an hour, 30 by default; more are not carried. */
    readonly per_hour?: number;
  }[];
  /** Channels that are carried between this site and the others of the region that list them, too. None by default. */
  readonly sites: readonly {
    /** Name of the channel, the same at every site; an index or a link would be another channel elsewhere. */
    readonly channel: string;
    /** Texts of all other sites in an hour, 30 by default; more are not sent here. As many are given to the region. */
    readonly per_hour?: number;
    /** How many of them may be of one site; half by default, so that no site takes up the whole number. */
    readonly per_site?: number;
  }[];
  /** Each text is posted as JSON. The secret `webhook_token`, where there is one, goes as bearer token. */
  readonly webhook: {
    readonly url: string;
    /** Channels, `LINK/NAME` or `LINK/INDEX`. */
    readonly from: readonly string[];
  };
  /** Texts that begin with one of these are not carried: commands, by default. */
  readonly except: readonly string[];
  /** Nothing is carried to a link whose radio channel is busier than this. */
  readonly max_utilization: number;
}
