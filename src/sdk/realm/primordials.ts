/**
 * The sdk's own copies of the built-ins it relies on, taken before any plugin code runs: a plugin may rewrite every
 * prototype it likes. Not a boundary, a matter of staying upright. Code of the sdk uses these, index loops instead of
 * `for of` and spread of arrays, and no regular expressions' `Symbol` protocols.
 */
const { apply: reflectApply, ownKeys: reflectOwnKeys } = Reflect;
const bindApply = reflectApply;

type AnyFunction = (...args: never[]) => unknown;
type Uncurried<T, F extends AnyFunction> = (self: T, ...args: Parameters<F>) => ReturnType<F>;

function uncurry<T, F extends AnyFunction>(method: F): Uncurried<T, F> {
  return (self, ...args) => bindApply(method, self, args) as ReturnType<F>;
}

export const apply = reflectApply;
export const ownKeys = reflectOwnKeys;
export const { parse: jsonParse, stringify: jsonStringify } = JSON;
export const { isArray } = Array;
export const { create, defineProperty, freeze, getPrototypeOf, hasOwn, keys, setPrototypeOf, getOwnPropertyDescriptor } = Object;
export const { floor, min, max, imul, trunc } = Math;
export const { isFinite: isFiniteNumber, isSafeInteger, isInteger } = Number;
export const { fromCharCode, fromCodePoint } = String;
export const NativeString = String;
export const NativeNumber = Number;
export const NativeBoolean = Boolean;
export const NativePromise = Promise;
export const NativeMap = Map;
export const NativeSet = Set;
export const NativeWeakMap = WeakMap;
export const NativeDate = Date;
export const NativeError = Error;
export const NativeTypeError = TypeError;
export const NativeRangeError = RangeError;
export const NativeArrayBuffer = ArrayBuffer;
export const NativeUint8Array = Uint8Array;
export const NativeDataView = DataView;
export const NativeRegExp = RegExp;
export const encodeURIComponentOf = encodeURIComponent;
export const decodeURIComponentOf = decodeURIComponent;

export const mapGet = uncurry<Map<unknown, unknown>, (key: unknown) => unknown>(Map.prototype.get) as <K, V>(
  map: Map<K, V>,
  key: K,
) => V | undefined;
export const mapSet = uncurry<Map<unknown, unknown>, (key: unknown, value: unknown) => unknown>(Map.prototype.set) as <K, V>(
  map: Map<K, V>,
  key: K,
  value: V,
) => unknown;
export const mapHas = uncurry<Map<unknown, unknown>, (key: unknown) => boolean>(Map.prototype.has) as <K>(
  map: Map<K, unknown>,
  key: K,
) => boolean;
export const mapDelete = uncurry<Map<unknown, unknown>, (key: unknown) => boolean>(Map.prototype.delete) as <K>(
  map: Map<K, unknown>,
  key: K,
) => boolean;
export const mapClear = uncurry<Map<unknown, unknown>, () => void>(Map.prototype.clear) as (
  map: Map<never, never> | Map<number, unknown>,
) => void;
export const mapForEach = uncurry<Map<unknown, unknown>, (each: (value: unknown, key: unknown) => void) => void>(Map.prototype.forEach) as <
  K,
  V,
>(
  map: Map<K, V>,
  each: (value: V, key: K) => void,
) => void;
export const setForEach = uncurry<Set<unknown>, (each: (value: unknown) => void) => void>(Set.prototype.forEach) as <V>(
  set: Set<V>,
  each: (value: V) => void,
) => void;
export const setAdd = uncurry<Set<unknown>, (value: unknown) => unknown>(Set.prototype.add);
export const setDelete = uncurry<Set<unknown>, (value: unknown) => boolean>(Set.prototype.delete);
export const weakGet = uncurry<WeakMap<object, unknown>, (key: object) => unknown>(WeakMap.prototype.get);
export const weakSet = uncurry<WeakMap<object, unknown>, (key: object, value: unknown) => unknown>(WeakMap.prototype.set);
export const push = uncurry<unknown[], (value: unknown) => number>(Array.prototype.push) as <T>(list: T[], value: T) => number;
export const join = uncurry<readonly unknown[], (separator: string) => string>(Array.prototype.join);
export const slice = uncurry<readonly unknown[], (from?: number, to?: number) => unknown[]>(Array.prototype.slice) as <T>(
  list: readonly T[],
  from?: number,
  to?: number,
) => T[];
export const splice = uncurry<unknown[], (from: number, count: number) => unknown[]>(Array.prototype.splice) as <T>(
  list: T[],
  from: number,
  count: number,
) => T[];
export const setBytes = uncurry<Uint8Array, (from: Uint8Array, at: number) => void>(Uint8Array.prototype.set);
export const charCodeAt = uncurry<string, (at: number) => number>(String.prototype.charCodeAt);
export const stringSlice = uncurry<string, (from: number, to?: number) => string>(String.prototype.slice);
export const indexOf = uncurry<string, (text: string, from?: number) => number>(String.prototype.indexOf);
export const toLowerCase = uncurry<string, () => string>(String.prototype.toLowerCase);
export const trim = uncurry<string, () => string>(String.prototype.trim);
export const padStart = uncurry<string, (length: number, fill: string) => string>(String.prototype.padStart);
export const numberToString = uncurry<number, (radix?: number) => string>(Number.prototype.toString);
export const objectToString = uncurry<unknown, () => string>(Object.prototype.toString);
export const dateGetTime = uncurry<Date, () => number>(Date.prototype.getTime);
export const errorToString = uncurry<unknown, () => string>(Error.prototype.toString);
export const thenOf = uncurry<Promise<unknown>, (done: (value: unknown) => void, failed: (reason: unknown) => void) => Promise<unknown>>(
  Promise.prototype.then,
);

/** `then` on a native promise without a look at anything the plugin could have changed. */
export function whenSettled(promise: Promise<unknown>, done: (value: unknown) => void, failed: (reason: unknown) => void): void {
  // Without an own `constructor` the species would be looked up on a prototype that belongs to the plugin.
  defineProperty(promise, "constructor", { __proto__: null, value: undefined, configurable: true, writable: true } as PropertyDescriptor);
  thenOf(promise, done, failed);
}

/** A field of hostile or unknown values: any getter may throw. */
export function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as { readonly [key: string]: unknown })[name] : undefined;
}
