import { printable } from "../../../parts/printable.ts";

/** The part of JSON Schema that the form understands; what is beyond it is edited as JSON. */
export interface Schema {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly required?: readonly string[];
  readonly default?: unknown;
}

/** Bounds of what is drawn: the schema is a stranger's. */
const DEEPEST = 8;
const MOST = 200;
const MAX_TEXT = 500;

/** What the form understands of a plugin's schema; all else of it is left out. */
export function readSchema(given: unknown, depth = 0): Schema {
  if (!isSettings(given) || depth > DEEPEST) return {};
  const { type, enum: choices, properties, items, required } = given;
  const text = (key: string) => (typeof given[key] === "string" ? { [key]: printable(given[key].slice(0, MAX_TEXT)) } : {});
  const bounds = ["minimum", "maximum", "minLength", "maxLength"].filter((key) => typeof given[key] === "number");
  const inner = isSettings(properties) ? Object.entries(properties).slice(0, MOST) : null;
  return {
    ...(typeof type === "string" ? { type } : {}),
    ...text("title"),
    ...text("description"),
    ...(Array.isArray(choices) ? { enum: choices.slice(0, MOST) } : {}),
    ...(inner === null ? {} : { properties: Object.fromEntries(inner.map(([key, each]) => [key, readSchema(each, depth + 1)])) }),
    ...(items === undefined ? {} : { items: readSchema(items, depth + 1) }),
    ...Object.fromEntries(bounds.map((key) => [key, given[key]])),
    ...(Array.isArray(required) ? { required: required.filter((each) => typeof each === "string") } : {}),
    ...(given.default === undefined ? {} : { default: given.default }),
  };
}

export type Kind = "text" | "number" | "flag" | "choice" | "choices" | "lines" | "group" | "rows" | "json";
export type Settings = { readonly [key: string]: unknown };

/** More choices than this are no row of boxes. */
const BOXES_MOST = 12;

export function kindOf(schema: Schema): Kind {
  if (schema.enum !== undefined) return schema.enum.every((each) => typeof each !== "object") ? "choice" : "json";
  switch (schema.type) {
    case "string":
      return "text";
    case "number":
    case "integer":
      return "number";
    case "boolean":
      return "flag";
    case "object":
      return schema.properties === undefined ? "json" : "group";
    case "array":
      return kindOfList(schema.items ?? {});
    default:
      return "json";
  }
}

function kindOfList({ enum: choices, type, properties }: Schema): Kind {
  if (type === "object" && properties !== undefined) return "rows";
  if (choices !== undefined && choices.length <= BOXES_MOST && choices.every((each) => typeof each === "string")) return "choices";
  return type === "string" && choices === undefined ? "lines" : "json";
}

export function isSettings(value: unknown): value is Settings {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A row that was just added: the defaults of its schema. */
export function newRow({ properties = {} }: Schema): Settings {
  return Object.fromEntries(Object.entries(properties).flatMap(([key, { default: value }]) => (value === undefined ? [] : [[key, value]])));
}

export const isEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** `value` with what lies at `path` replaced; undefined removes it. */
export function withValue(value: Settings, [key = "", ...more]: readonly string[], next: unknown): Settings {
  const inner = value[key];
  const replaced = more.length === 0 ? next : withValue(isSettings(inner) ? inner : {}, more, next);
  const { [key]: _, ...others } = value;
  return replaced === undefined ? others : { ...value, [key]: replaced };
}

/** The operator's values after an edit: what was changed joins those that were there, and defaults stay defaults. */
export function ownAfter(own: Settings, before: Settings, after: Settings): Settings {
  let next = own;
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [was, is] = [before[key], after[key]];
    if (isEqual(was, is)) continue;
    const inner = own[key];
    const value = isSettings(was) && isSettings(is) ? ownAfter(isSettings(inner) ? inner : {}, was, is) : is;
    next = withValue(next, [key], value);
  }
  return next;
}
