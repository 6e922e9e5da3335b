/** From a JSON Schema (draft-07 or 2020-12) to TypeScript. What it does not know becomes Json: a type too wide is never wrong. */
import type { Json } from "../../json.ts";

/** A schema is somebody's input: what is beyond these becomes Json, too. */
const MAX_NODES = 1000;
const MAX_DEPTH = 12;
const MAX_ENUM = 100;
const MAX_NAME = 200;
const MAX_COMMENT = 300;

type Fields = { readonly [key: string]: Json };
const BASIC: Readonly<Record<string, string>> = { string: "string", number: "number", integer: "number", boolean: "boolean", null: "null" };

/** The whole file. A key with a default in the manifest is always there, and one that the schema requires. */
export function printConfig(schema: Json, defaults: Json, from: string): string {
  const printer = new Printer(schema);
  const type = printer.root(defaults);
  const imports = /\bJson\b/.test(printer.names) ? 'import type { Json } from "zephyrgate";\n\n' : "";
  const head = `// Generated from ${oneLine(from)} by zephyrgate plugin types; do not edit.\n// biome-ignore-all format: generated\n`;
  const body = type.startsWith("{") ? `export interface Config ${type}` : `export type Config = ${type};`;
  return `${head}${imports}/** What getConfig reads, as \`Plugin<Config>\`. */\n${body}\n`;
}

/** Where a type is printed: how many levels down, and behind which blanks. */
interface Place {
  readonly depth: number;
  readonly indent: string;
}

class Printer {
  /** `Json` once it was needed. */
  names = "";
  #nodes = 0;
  /** References that are being followed: one that leads back to itself has no end. */
  readonly #following = new Set<string>();

  constructor(private readonly schema: Json) {}

  /** A configuration is an object, whatever the schema allows beside it. */
  root(defaults: Json): string {
    const fields = this.#followed(this.schema) ?? {};
    return this.#object(fields, defaults, { depth: 0, indent: "" });
  }

  #type(schema: Json | undefined, defaults: Json | undefined, at: Place): string {
    this.#nodes += 1;
    if (schema === false) return "never";
    if (!isFields(schema) || at.depth > MAX_DEPTH || this.#nodes > MAX_NODES) return this.#json();
    if (typeof schema.$ref === "string") return this.#reference(schema.$ref, defaults, at);
    const type = this.#plain(schema, defaults, at);
    return schema.nullable === true && !/\bnull$/.test(type) && type !== "Json" ? `${type} | null` : type;
  }

  #plain(schema: Fields, defaults: Json | undefined, at: Place): string {
    if ("const" in schema) return this.#literal(schema.const);
    if (Array.isArray(schema.enum)) {
      const values = schema.enum as readonly Json[];
      return values.length > MAX_ENUM ? this.#json() : this.#union(values.map((value) => this.#literal(value)));
    }
    const types = typesOf(schema);
    if (types.length > 0) return this.#union(types.slice(0, 10).map((name) => this.#named(name, schema, defaults, at)));
    const branches = schema.anyOf ?? schema.oneOf;
    if (!Array.isArray(branches) || branches.length === 0 || branches.length > MAX_ENUM) return this.#json();
    return this.#union((branches as readonly Json[]).map((each) => this.#type(each, defaults, below(at))));
  }

  #named(name: string, schema: Fields, defaults: Json | undefined, at: Place): string {
    const basic = Object.hasOwn(BASIC, name) ? BASIC[name] : undefined;
    if (basic !== undefined) return basic;
    if (name === "object") return this.#object(schema, defaults, at);
    if (name !== "array") return this.#json();
    // A list of positions, each with a schema of its own, is left to who reads it.
    const isTuple = Array.isArray(schema.items) || schema.prefixItems !== undefined;
    const item = isTuple || schema.items === undefined ? this.#json() : this.#type(schema.items, undefined, below(at));
    return `readonly ${/[|&]|^readonly /.test(item) && !item.startsWith("{") ? `(${item})` : item}[]`;
  }

  #object(schema: Fields, defaults: Json | undefined, at: Place): string {
    const own = isFields(schema.properties) ? Object.entries(schema.properties) : [];
    const required = new Set(Array.isArray(schema.required) ? (schema.required as readonly Json[]) : []);
    const given = isFields(defaults) ? defaults : {};
    const inner: Place = { depth: at.depth + 1, indent: `${at.indent}  ` };
    const lines: string[] = [];
    for (const [name, each] of own) {
      if (name.length > MAX_NAME || this.#nodes > MAX_NODES) continue;
      const always = required.has(name) || Object.hasOwn(given, name);
      const type = this.#type(each, Object.hasOwn(given, name) ? given[name] : undefined, inner);
      const key = /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
      const about = isFields(each) && typeof each.description === "string" ? oneLine(each.description) : "";
      if (about !== "") lines.push(`${inner.indent}/** ${about} */`);
      lines.push(`${inner.indent}readonly ${key}${always ? "" : "?"}: ${type};`);
    }
    const open = this.#others(schema, lines.length > 0, { depth: at.depth, indent: inner.indent });
    if (open !== null) lines.push(`${inner.indent}readonly [key: string]: ${open};`);
    return lines.length === 0 ? "Record<string, never>" : `{\n${lines.join("\n")}\n${at.indent}}`;
  }

  /** The type of keys that have no name of their own; null when there are none, or when only the named ones are meant. */
  #others(schema: Fields, hasNamed: boolean, at: Place): string | null {
    const { additionalProperties: more, patternProperties: patterns } = schema;
    if (hasNamed) return isFields(more) || more === true || isFields(patterns) ? "unknown" : null;
    if (isFields(patterns)) return this.#json();
    return more === false ? null : this.#type(more === undefined ? true : more, undefined, below(at));
  }

  #reference(to: string, defaults: Json | undefined, at: Place): string {
    const found = this.#following.has(to) ? undefined : this.#find(to);
    if (found === undefined) return this.#json();
    this.#following.add(to);
    const type = this.#type(found, defaults, below(at));
    this.#following.delete(to);
    return type;
  }

  /** The object behind references. */
  #followed(schema: Json): Fields | null {
    let found: Json | undefined = schema;
    for (let steps = 0; steps < MAX_DEPTH && isFields(found) && typeof found.$ref === "string"; steps++) found = this.#find(found.$ref);
    return isFields(found) && typeof found.$ref !== "string" ? found : null;
  }

  /** `#/$defs/name` in this file; nothing is fetched from elsewhere. */
  #find(to: string): Json | undefined {
    if (!to.startsWith("#/") || to.length > MAX_NAME) return undefined;
    let found: Json | undefined = this.schema;
    for (const part of to.slice(2).split("/")) {
      const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
      if (!isFields(found) || !Object.hasOwn(found, name)) return undefined;
      found = found[name];
    }
    return found;
  }

  #literal(value: Json | undefined): string {
    if (value === null || typeof value === "number" || typeof value === "boolean") return String(value);
    if (typeof value !== "string") return this.#json();
    return value.length > MAX_NAME ? "string" : JSON.stringify(value);
  }

  #union(types: readonly string[]): string {
    const different = [...new Set(types)].filter((type) => type !== "never");
    if (different.includes("Json")) return "Json";
    return different.length === 0 ? "never" : different.join(" | ");
  }

  #json(): string {
    this.names = "Json";
    return "Json";
  }
}

function below(at: Place): Place {
  return { ...at, depth: at.depth + 1 };
}

function typesOf(schema: Fields): string[] {
  const { type } = schema;
  if (typeof type === "string") return [type];
  if (Array.isArray(type)) return (type as readonly Json[]).filter((each) => typeof each === "string");
  return isFields(schema.properties) ? ["object"] : [];
}

function isFields(value: Json | undefined): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Text of somebody else's as a comment: it cannot end it. */
function oneLine(text: string): string {
  const plain = text.slice(0, MAX_COMMENT).replace(/[\s\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
  return plain.replaceAll("*/", "*\\/").trim();
}
