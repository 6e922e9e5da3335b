/** What can be stored and sent: values that JSON gives back as they were. Types alone. */

import type { Json } from "../json.ts";

/** What JSON has no form for. */
export type NotJson = undefined | bigint | symbol | ((...args: never[]) => unknown) | Date | RegExp | Promise<unknown>;
/** What JSON would empty. */
export type Collections = ReadonlyMap<unknown, unknown> | ReadonlySet<unknown> | WeakMap<WeakKey, unknown> | ArrayBuffer | ArrayBufferView;

/**
 * The type itself where JSON can say it, interfaces included, and never where it cannot: functions, dates, maps and the like. A
 * property may be missing or undefined; then it is not stored.
 */
export type Storable<T> = [T] extends [Json] ? T : Kept<T>;

/** {@link Storable} of a type that is not wholly Json. */
export type Kept<T> = T extends string | number | boolean | null
  ? T
  : T extends NotJson | Collections
    ? never
    : T extends readonly unknown[]
      ? { [K in keyof T]: Storable<T[K]> }
      : T extends object
        ? { [K in keyof T]: Storable<Exclude<T[K], undefined>> | Extract<T[K], undefined> }
        : never;
