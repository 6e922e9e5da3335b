// Generated from config_schema.json by zephyrgate plugin types; do not edit.
// biome-ignore-all format: generated
/** What getConfig reads, as `Plugin<Config>`. */
export interface Config {
  /** Who is alerted beside the operators: node ids (`!0a0b0c0d`), names of nodes, or channels (a name, or `LINK/INDEX`). */
  readonly responders: readonly string[];
  /** Who is alerted in addition when nobody has answered; written as `responders`. */
  readonly escalate_to: readonly string[];
  readonly kinds: {
    readonly sos: {
      /** Minutes without anybody who answers after which all are alerted again; one for each time. */
      readonly escalate_minutes: readonly number[];
    };
    readonly sosp: {
      /** Minutes without anybody who answers after which all are alerted again; one for each time. */
      readonly escalate_minutes: readonly number[];
    };
    readonly sosf: {
      /** Minutes without anybody who answers after which all are alerted again; one for each time. */
      readonly escalate_minutes: readonly number[];
    };
    readonly sosm: {
      /** Minutes without anybody who answers after which all are alerted again; one for each time. */
      readonly escalate_minutes: readonly number[];
    };
  };
  /** How long the sender may be silent before it is asked whether it is all right. */
  readonly check_in_minutes: number;
  /** How long an answer to that is waited for. */
  readonly answer_minutes: number;
  /** After so many without an answer the responders are alerted again. */
  readonly missed_check_ins: number;
  /** When a drill ends by itself. */
  readonly drill_minutes: number;
  /** When a call for help ends by itself. */
  readonly expire_hours: number;
  /** How many calls for help are kept. */
  readonly history: number;
}
