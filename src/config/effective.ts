/** The configuration in force, value by value, each with the place that it came from. */
import type { Json } from "../json.ts";
import { Redactor } from "../log/redact.ts";
import type { ReadConfig } from "./load.ts";
import { isMap } from "./merge.ts";
import type { YamlFile } from "./yaml.ts";

export interface EffectiveValue {
  /** Dotted. A list is one value. */
  readonly key: string;
  /** Without secrets: values of keys named like one, and passwords in addresses, are replaced; long lists and texts are cut. */
  readonly value: unknown;
  /** `default`, `FILE:line:column`, or the name of the variable or flag. */
  readonly from: string;
  readonly isDefault: boolean;
}

/** All values, in the order of the schema. Paths are absolute, as the gateway uses them. */
export function effectiveValues({ loaded, yaml, origins }: ReadConfig): EffectiveValue[] {
  const redactor = new Redactor();
  const values: EffectiveValue[] = [];
  const walk = (value: Json, path: readonly string[]) => {
    if (isMap(value) && (Object.keys(value).length > 0 || path.length === 0)) {
      for (const [key, inner] of Object.entries(value)) if (inner !== undefined) walk(inner, [...path, key]);
      return;
    }
    // The whole path is given, because a secret's name may be that of a map above the value.
    const shown = innermost(redactor.value(path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value)), path);
    const from = sourceOf(path, yaml, origins);
    values.push({ key: path.join("."), value: shown, from: from ?? "default", isDefault: from === null });
  };
  walk(loaded.config as unknown as Json, []);
  return values;
}

/** The value at the end of the path, or what replaced it on the way. */
function innermost(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const key of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return at;
    at = Reflect.get(at, key);
  }
  return at;
}

function sourceOf(path: readonly string[], yaml: YamlFile, origins: ReadonlyMap<string, string>): string | null {
  // An override may set a whole map.
  for (let length = path.length; length > 0; length--) {
    const origin = origins.get(path.slice(0, length).join("."));
    if (origin !== undefined) return origin;
  }
  let at: Json | undefined = yaml.value;
  for (const key of path) at = isMap(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  if (at === undefined) return null;
  const place = yaml.place(path);
  return place === undefined ? yaml.file : `${yaml.file}:${place.line}:${place.column}`;
}
