/** The words of a plugin's JSON Schema: what a validator takes without a word, and what nobody applies. */
import { readYaml } from "../../config/yaml.ts";
import { FILE_LIMITS, parseJson } from "../../json-reader.ts";
import { nearest } from "../../nearest.ts";
import type { Finding } from "./finding.ts";
import type { Subject } from "./subject.ts";

type Path = readonly (string | number)[];
type Said = (level: "error" | "warning", path: Path, message: string, hint: string) => void;

const MAX_BYTES = 1024 * 1024;
const MAX_FINDINGS = 20;
const MAX_DEPTH = 40;
const TYPES = ["string", "number", "integer", "boolean", "object", "array", "null"];
/** Keywords that hold schemas by names of the author's. */
const BY_NAME = new Set(["properties", "patternProperties", "definitions", "$defs", "dependentSchemas"]);
const LISTS = new Set(["allOf", "anyOf", "oneOf", "prefixItems"]);
const SINGLE = new Set(["items", "additionalItems", "additionalProperties", "contains", "propertyNames", "not", "if", "then", "else"]);
const OTHER =
  "$schema $id $ref $anchor $comment type enum const default title description examples format pattern minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength minItems maxItems uniqueItems minContains maxContains minProperties maxProperties required dependencies dependentRequired readOnly writeOnly deprecated unevaluatedItems unevaluatedProperties contentEncoding contentMediaType".split(
    " ",
  );
const KEYWORDS = [...BY_NAME, ...LISTS, ...SINGLE, ...OTHER];

/** None where the file is missing or no JSON: its reader says so. */
export function schemaFindings({ folder, tree, manifest }: Subject): Finding[] {
  const name = manifest.config.schema_file;
  const look = name === undefined ? null : tree.look(name);
  const text = look?.kind === "file" ? tree.read(look.path) : null;
  const file = `${folder}/${name}`;
  // JSON is YAML; its places are what is needed here.
  const read = text?.ok === true && parseJson(text.value, FILE_LIMITS).ok ? readYaml(text.value, file, MAX_BYTES) : null;
  if (read?.ok !== true) return [];
  const found: Finding[] = [];
  const said: Said = (level, path, message, hint) => {
    if (found.length < MAX_FINDINGS) found.push({ level, file, ...read.value.place(path), field: path.join("."), message, hint });
  };
  new SchemaWalk(manifest.config.defaults ?? {}, said).schema(read.value.value, [], []);
  return found;
}

class SchemaWalk {
  constructor(
    private readonly defaults: unknown,
    private readonly said: Said,
  ) {}

  /** `keys` leads to the configured value, null where that is not one place. */
  schema(schema: unknown, path: Path, keys: Path | null): void {
    if (!isMap(schema) || path.length > MAX_DEPTH) return;
    for (const [word, value] of Object.entries(schema)) {
      const here = [...path, word];
      if (word === "type") types(value, here, this.said);
      else if (word === "default" && keys !== null && keys.length > 0) this.#unapplied(value, here, keys);
      else if (BY_NAME.has(word) && isMap(value)) {
        for (const [name, inner] of Object.entries(value))
          this.schema(inner, [...here, name], word === "properties" && keys !== null ? [...keys, name] : null);
      } else if (LISTS.has(word) && Array.isArray(value)) {
        for (const [index, inner] of value.entries()) this.schema(inner, [...here, index], null);
      } else if (SINGLE.has(word)) this.schema(value, here, null);
      else if (!KEYWORDS.includes(word)) misspelt(word, here, this.said);
    }
  }

  #unapplied(value: unknown, path: Path, keys: Path): void {
    let known: unknown = this.defaults;
    for (const key of keys) known = isMap(known) && Object.hasOwn(known, key) ? known[key] : undefined;
    if (known !== undefined) return;
    const line = keys.reduceRight<string>((inner, key) => `{ ${key}: ${inner} }`, JSON.stringify(value));
    this.said("warning", path, "a default in the schema is not applied", `write it in manifest.yaml: config: { defaults: ${line} }`);
  }
}

function types(value: unknown, path: Path, said: Said): void {
  for (const each of Array.isArray(value) ? (value as unknown[]) : [value]) {
    if (typeof each === "string" && TYPES.includes(each)) continue;
    const near = typeof each === "string" ? nearest(each, TYPES) : null;
    said(
      "error",
      path,
      `${JSON.stringify(each)} is no type of JSON`,
      near === null ? `write one of ${TYPES.join(", ")}` : `did you mean "${near}"?`,
    );
  }
}

function misspelt(word: string, path: Path, said: Said): void {
  const near = nearest(word, KEYWORDS);
  if (near !== null)
    said("warning", path, `${JSON.stringify(word)} is no keyword of JSON Schema, and checks nothing`, `did you mean ${near}?`);
}

function isMap(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
