// Generated from config_schema.json by zephyrgate plugin types; do not edit.
// biome-ignore-all format: generated
/** What getConfig reads, as `Plugin<Config>`. */
export interface Config {
  /** Names of the boards, one word each; the first is used where none is named. */
  readonly boards: readonly string[];
  /** Bulletins on all boards; the oldest makes room. */
  readonly max_bulletins: number;
  /** Bulletins that one node may have. */
  readonly max_per_author: number;
  /** Days after which a bulletin is deleted. */
  readonly bulletin_days: number;
  /** Letters in one node's mailbox. */
  readonly max_letters: number;
  /** Letters of one node that their receivers have not read yet. */
  readonly max_unread_sent: number;
  /** Days after which a letter is deleted. */
  readonly mail_days: number;
  /** Entries of the channel directory. */
  readonly max_channels: number;
  /** Percent below which a battery counts as low. */
  readonly low_battery: number;
  /** Tell a node once, when it is heard, that it has new mail. */
  readonly notices: boolean;
}
