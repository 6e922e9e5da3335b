/** The part of JSON Schema that the form understands; what is beyond it is edited as JSON. */
export interface Schema {
  readonly type?: string | readonly string[];
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
