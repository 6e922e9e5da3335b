/** Types of a plugin's configuration: what `zephyrgate plugin types` writes, read by dotted keys. Types alone. */
import type { Json } from "../json.ts";

/**
 * The keys of a configuration, dotted where a value is an object: `"place"`, `"alarm.level"`. Where its type is open
 * (`Json`, a map) every key below it.
 */
export type ConfigKey<C, Depth extends readonly unknown[] = []> = keyof C extends never
  ? string
  : { [K in keyof C & string]: K extends `${string}.${string}` ? never : K | Below<K, NonNullable<C[K]>, Depth> }[keyof C & string];

/** The value under a key of {@link ConfigKey}; undefined too where the schema lets it be missing. */
export type ConfigValue<C, K extends string> = keyof C extends never
  ? Json | undefined
  : K extends keyof C
    ? C[K] | (string extends keyof C ? undefined : never)
    : K extends `${infer Head}.${infer Rest}`
      ? Head extends keyof C
        ? Inner<C[Head], Rest>
        : undefined
      : undefined;

/** Any key where the configuration is not typed (`object`, which every typed one is too), and none where it is. */
export type LooseKey<C> = keyof C extends never ? string : never;

/** Deeper than five objects nothing is offered: types must end. */
type Below<K extends string, V, Depth extends readonly unknown[]> = Depth["length"] extends 5
  ? never
  : V extends readonly unknown[]
    ? never
    : V extends object
      ? string extends keyof V
        ? `${K}.${string}`
        : keyof V extends never
          ? never
          : `${K}.${ConfigKey<V, [...Depth, unknown]>}`
      : never;

/** A map's values may be missing, and so may whatever stands under something optional. */
type Inner<V, Rest extends string> = V extends readonly unknown[]
  ? undefined
  : V extends object
    ? string extends keyof V
      ? Json | undefined
      : ConfigValue<V, Rest>
    : undefined;
