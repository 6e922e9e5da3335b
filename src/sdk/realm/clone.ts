/** structuredClone for what a realm has: plain objects, arrays, Map, Set, Date, RegExp, errors, buffers and their views. */
import {
  dateGetTime,
  getPrototypeOf,
  isArray,
  keys,
  mapForEach,
  mapGet,
  mapSet,
  NativeArrayBuffer,
  NativeDataView,
  NativeDate,
  NativeError,
  NativeMap,
  NativeRegExp,
  NativeSet,
  NativeTypeError,
  NativeUint8Array,
  objectToString,
  setAdd,
  setForEach,
} from "./primordials.ts";

type Seen = Map<object, unknown>;
type Dictionary = { [key: string]: unknown };

/** As in the web standard, circles included. Throws TypeError for functions, symbols and objects of other classes. */
export function structuredClone<T>(value: T): T {
  return copy(value, new NativeMap()) as T;
}

function copy(value: unknown, seen: Seen): unknown {
  if (typeof value === "function" || typeof value === "symbol") throw new NativeTypeError(`A ${typeof value} cannot be cloned`);
  if (typeof value !== "object" || value === null) return value;
  const known = mapGet(seen, value as object);
  if (known !== undefined) return known;
  const keep = <T extends object>(clone: T): T => {
    mapSet(seen, value as object, clone);
    return clone;
  };
  if (isArray(value)) return fill(keep([] as unknown as Dictionary), value as unknown as Dictionary, seen, value.length);
  if (value instanceof NativeDate) return keep(new NativeDate(dateGetTime(value)));
  if (value instanceof NativeRegExp) return keep(new NativeRegExp(value.source, value.flags));
  if (value instanceof NativeMap) {
    const clone = keep(new NativeMap());
    mapForEach(value, (inner, key) => mapSet(clone, copy(key, seen), copy(inner, seen)));
    return clone;
  }
  if (value instanceof NativeSet) {
    const clone = keep(new NativeSet());
    setForEach(value, (inner) => setAdd(clone, copy(inner, seen)));
    return clone;
  }
  if (value instanceof NativeArrayBuffer) return keep(copyBuffer(value, 0, value.byteLength));
  if (NativeArrayBuffer.isView(value)) return copyView(value, keep);
  if (value instanceof NativeError) return keep(copyError(value));
  const kind = objectToString(value);
  if (kind !== "[object Object]") throw new NativeTypeError(`${kind} cannot be cloned`);
  return fill(keep({}), value as Dictionary, seen);
}

function fill(clone: Dictionary, value: Dictionary, seen: Seen, length?: number): Dictionary {
  const names = keys(value);
  for (let at = 0; at < names.length; at++) {
    const name = names[at] ?? "";
    clone[name] = copy(value[name], seen);
  }
  if (length !== undefined) clone.length = length;
  return clone;
}

function copyBuffer(buffer: ArrayBufferLike, offset: number, length: number): ArrayBuffer {
  const clone = new NativeArrayBuffer(length);
  const from = new NativeUint8Array(buffer, offset, length);
  const to = new NativeUint8Array(clone);
  for (let at = 0; at < length; at++) to[at] = from[at] ?? 0;
  return clone;
}

function copyView(view: ArrayBufferView, keep: <T extends object>(clone: T) => T): object {
  const buffer = copyBuffer(view.buffer, view.byteOffset, view.byteLength);
  if (view instanceof NativeDataView) return keep(new NativeDataView(buffer));
  const Kind = getPrototypeOf(view).constructor as new (buffer: ArrayBuffer) => object;
  return keep(new Kind(buffer));
}

function copyError(error: Error): Error {
  const clone = new NativeError(error.message);
  clone.name = error.name;
  return clone;
}
