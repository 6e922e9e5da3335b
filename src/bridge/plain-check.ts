/**
 * A Valibot schema as plain comparisons, for frames that come with every message: Valibot makes an object for each value that it
 * looks at. The schema stays the only source. A plain check says yes only where Valibot would accept the value and give back an equal one;
 * whatever it does not know, or does not take, is left to Valibot, which also finds the words for a refusal.
 */

/** True: the schema accepts the value, and gives it back as it is. False: ask the schema. */
export type PlainCheck = (value: unknown) => boolean;

/** Names that Valibot leaves out of a record. */
const DROPPED_KEYS = new Set(["__proto__", "prototype", "constructor"]);

/** Null for a schema of a kind that is not known here. */
export function plainCheck(schema: unknown): PlainCheck | null {
  if (!isObject(schema)) return null;
  return Array.isArray(schema.pipe) ? pipeCheck(schema.pipe) : schemaCheck(schema);
}

function schemaCheck(schema: Members): PlainCheck | null {
  switch (schema.type) {
    case "string":
    case "boolean":
      return (value) => typeof value === schema.type;
    case "number":
      return (value) => typeof value === "number" && !Number.isNaN(value);
    case "literal":
      return (value) => value === schema.literal;
    case "picklist":
      return Array.isArray(schema.options) ? memberCheck(new Set(schema.options)) : null;
    case "custom":
      return isFunction(schema.check) ? customCheck(schema.check) : null;
    case "nullable":
      return orCheck(null, plainCheck(schema.wrapped));
    case "optional":
      return schema.default === undefined ? orCheck(undefined, plainCheck(schema.wrapped)) : null;
    case "exact_optional":
      return schema.default === undefined ? plainCheck(schema.wrapped) : null;
    case "array":
      return arrayCheck(plainCheck(schema.item));
    case "record":
      return recordCheck(plainCheck(schema.key), plainCheck(schema.value));
    case "strict_object":
      return isObject(schema.entries) ? objectCheck(schema.entries) : null;
    case "variant":
      return variantCheck(schema.key, schema.options);
    default:
      return null;
  }
}

/** The first of a pipe is its schema, without the pipe; then its actions, in order. */
function pipeCheck([first, ...actions]: readonly unknown[]): PlainCheck | null {
  const base = plainCheck(first);
  const rest = actions.map(actionCheck);
  if (base === null || !rest.every((check) => check !== null)) return null;
  return (value) => base(value) && rest.every((check) => check(value));
}

function actionCheck(action: unknown): PlainCheck | null {
  if (!isObject(action)) return null;
  const { requirement, operation } = action;
  if (action.type === "safe_integer") return Number.isSafeInteger;
  if (action.type === "finite") return Number.isFinite;
  // A transformation that only gives the value another type.
  if (action.type === "transform" && isFunction(operation)) return (value) => Object.is(operation(value), value);
  if (typeof requirement !== "number") return null;
  if (action.type === "min_value") return (value) => typeof value === "number" && value >= requirement;
  if (action.type === "max_value") return (value) => typeof value === "number" && value <= requirement;
  if (action.type === "max_length") return (value) => lengthOf(value) <= requirement;
  return null;
}

function lengthOf(value: unknown): number {
  return typeof value === "string" || Array.isArray(value) ? value.length : Number.NaN;
}

function memberCheck(options: ReadonlySet<unknown>): PlainCheck {
  return (value) => options.has(value);
}

function customCheck(check: (value: unknown) => unknown): PlainCheck {
  return (value) => check(value) === true;
}

function orCheck(other: null | undefined, check: PlainCheck | null): PlainCheck | null {
  return check === null ? null : (value) => value === other || check(value);
}

function arrayCheck(item: PlainCheck | null): PlainCheck | null {
  return item === null ? null : (value) => Array.isArray(value) && value.every(item) && Object.keys(value).length === value.length;
}

function recordCheck(key: PlainCheck | null, member: PlainCheck | null): PlainCheck | null {
  if (key === null || member === null) return null;
  return (value) => isPlain(value) && Object.keys(value).every((name) => !DROPPED_KEYS.has(name) && key(name) && member(value[name]));
}

function objectCheck(entries: Members): PlainCheck | null {
  const members: { readonly name: string; readonly check: PlainCheck; readonly mayLack: boolean }[] = [];
  for (const [name, schema] of Object.entries(entries)) {
    const check = plainCheck(schema);
    if (check === null || !isObject(schema)) return null;
    members.push({ name, check, mayLack: schema.type === "optional" || schema.type === "exact_optional" });
  }
  return (value) => {
    if (!isPlain(value)) return false;
    let seen = 0;
    for (const { name, check, mayLack } of members) {
      if (!Object.hasOwn(value, name)) {
        if (!mayLack) return false;
      } else if (check(value[name])) seen++;
      else return false;
    }
    return Object.keys(value).length === seen;
  };
}

function variantCheck(key: unknown, options: unknown): PlainCheck | null {
  if (typeof key !== "string" || !Array.isArray(options)) return null;
  const checks = new Map<unknown, PlainCheck>();
  for (const option of options) {
    const check = plainCheck(option);
    const name = isObject(option) && isObject(option.entries) ? option.entries[key] : null;
    if (check === null || !isObject(name) || name.type !== "literal" || checks.has(name.literal)) return null;
    checks.set(name.literal, check);
  }
  return (value) => isPlain(value) && Object.hasOwn(value, key) && checks.get(value[key])?.(value) === true;
}

interface Members {
  readonly [name: string]: unknown;
}

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null;
}

function isFunction(value: unknown): value is (given: unknown) => unknown {
  return typeof value === "function";
}

/** As JSON.parse makes it: neither a list nor of a class. */
function isPlain(value: unknown): value is Members {
  return isObject(value) && Object.getPrototypeOf(value) === Object.prototype;
}
