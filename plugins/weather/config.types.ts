// Generated from config_schema.json by zephyrgate plugin types; do not edit.
// biome-ignore-all format: generated
/** What getConfig reads, as `Plugin<Config>`. */
export interface Config {
  /** Where weather and forecast come from: Open-Meteo (everywhere), or the weather service of the United States. */
  readonly source: "open_meteo" | "nws";
  /** Of the default place, degrees north. */
  readonly latitude?: number;
  /** Of the default place, degrees east. */
  readonly longitude?: number;
  /** Name of the default place. Without latitude and longitude it is looked up. */
  readonly place?: string;
  /** Celsius and km/h, or Fahrenheit and mph. */
  readonly units: "metric" | "imperial";
  /** IANA name of the time zone in which sun and moon are told. */
  readonly time_zone: string;
  /** How old an answer may be before the service is asked again. */
  readonly cache_minutes: number;
  /** Outside of Germany and the United States: whose warnings hold at the default place and some 25 km around it. */
  readonly warnings?: {
    /** Two letters, such as AT. */
    readonly country: string;
    /** Names or codes of areas as meteoalarm.org has them, such as Wien or AT901. */
    readonly areas: readonly string[];
  };
  /** Sends each new warning for the default place once. Without channels and nodes nothing is sent. */
  readonly watch: {
    /** Names of channels, or `LINK/INDEX`. */
    readonly channels: readonly string[];
    /** Node ids or names. */
    readonly nodes: readonly string[];
    /** Warnings that are sent. */
    readonly severities: readonly ("Minor" | "Moderate" | "Severe" | "Extreme" | "Unknown")[];
    /** How often it looks. */
    readonly every_minutes: number;
  };
}
