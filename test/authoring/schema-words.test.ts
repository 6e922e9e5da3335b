/** What `plugin check` says of the words of a plugin's JSON Schema, each at its place in the file. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { schemaFindings } from "../../src/authoring/check/schema-words.ts";
import { openSubject } from "../../src/authoring/check/subject.ts";

const root = mkdtempSync(join(tmpdir(), "schema-words-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

function subjectOf(schema: string | null, config = "{ schema_file: schema.json }") {
  count += 1;
  const folder = join(root, `p${count}`);
  mkdirSync(folder);
  writeFileSync(join(folder, "manifest.yaml"), `name: mine\nversion: 1.0.0\ndescription: x\nauthor: y\nconfig: ${config}\n`);
  writeFileSync(join(folder, "plugin.ts"), "");
  if (schema !== null) writeFileSync(join(folder, "schema.json"), schema);
  const subject = openSubject(folder);
  if (!subject.ok) throw new Error(JSON.stringify(subject.error));
  return { subject: subject.value, folder };
}

function said(schema: unknown, config?: string): string[] {
  const { subject, folder } = subjectOf(JSON.stringify(schema), config);
  return schemaFindings(subject).map(({ level, file, field, message, hint }) => {
    expect(file).toBe(`${folder}/schema.json`);
    return `${level} ${field}: ${message} (${hint})`;
  });
}

test("a schema whose words are all known says nothing, nor does a missing one or one that is no JSON", () => {
  const known = {
    $schema: "x",
    type: ["object", "null"],
    properties: { a: { type: "string", pattern: "x", minLength: 1, maxLength: 2 }, default: { type: "number" }, typ: { type: "integer" } },
    patternProperties: { "^x": { type: "boolean" } },
    definitions: { tpye: { type: "array", items: { type: "string" }, uniqueItems: true } },
    $defs: {
      b: {
        allOf: [Object.fromEntries(["if", "then", "else"].map((word) => [word, {}]))],
        anyOf: [{ not: {} }],
        oneOf: [{ contains: {} }],
        prefixItems: [{}],
      },
    },
    dependentSchemas: { a: { propertyNames: { type: "string" } } },
    additionalProperties: false,
    required: ["a"],
    "x-unlike-any": 1,
  };
  expect(said(known)).toEqual([]);
  for (const text of [null, "{", "[1,"]) expect(schemaFindings(subjectOf(text).subject)).toEqual([]);
  expect(schemaFindings(subjectOf("{}", "{}").subject)).toEqual([]);
});

describe("a type that is none", () => {
  test.each<[unknown, string[]]>([
    ["strng", ['error type: "strng" is no type of JSON (did you mean "string"?)']],
    [["string", "nul"], ['error type: "nul" is no type of JSON (did you mean "null"?)']],
    ["datetime", ['error type: "datetime" is no type of JSON (write one of string, number, integer, boolean, object, array, null)']],
    [5, ["error type: 5 is no type of JSON (write one of string, number, integer, boolean, object, array, null)"]],
  ])("%j", (type, expected) => {
    expect(said({ type })).toEqual(expected);
  });
});

test("a misspelt word, wherever a schema may be", () => {
  const schema = {
    properties: { a: { tpye: "string" } },
    patternProperties: { b: { minimun: 1 } },
    definitions: { c: { descripton: "x" } },
    $defs: { d: { enmu: [] } },
    dependentSchemas: { e: { requird: [] } },
    allOf: [{}, { maximun: 1 }],
    anyOf: [{ pattrn: "x" }],
    items: { formt: "x" },
    not: { defalt: 1 },
    additionalProperties: { minLenght: 1 },
    // Not a schema: its words are the author's.
    enum: [{ tpye: 1 }],
    const: { tpye: 1 },
  };
  const line = (field: string, near: string) =>
    `warning ${field}: ${JSON.stringify(field.split(".").at(-1))} is no keyword of JSON Schema, and checks nothing (did you mean ${near}?)`;
  expect(said(schema)).toEqual([
    line("properties.a.tpye", "type"),
    line("patternProperties.b.minimun", "minimum"),
    line("definitions.c.descripton", "description"),
    line("$defs.d.enmu", "enum"),
    line("dependentSchemas.e.requird", "required"),
    line("allOf.1.maximun", "maximum"),
    line("anyOf.0.pattrn", "pattern"),
    line("items.formt", "format"),
    line("not.defalt", "default"),
    line("additionalProperties.minLenght", "minLength"),
  ]);
});

test("a default that nobody applies, unless the manifest has one; where the place is not one, nothing is said", () => {
  const schema = {
    default: {},
    properties: {
      a: { default: 5 },
      b: { properties: { c: { default: "x" }, d: { default: true } } },
      e: { default: 1 },
      list: { items: { default: 1 } },
    },
    patternProperties: { "^x": { default: 1 } },
    allOf: [{ properties: { a: { default: 6 } } }],
  };
  const line = (field: string, defaults: string) =>
    `warning ${field}: a default in the schema is not applied (write it in manifest.yaml: config: { defaults: ${defaults} })`;
  expect(said(schema, "{ schema_file: schema.json, defaults: { b: { d: false }, e: 0 } }")).toEqual([
    line("properties.a.default", "{ a: 5 }"),
    line("properties.b.properties.c.default", '{ b: { c: "x" } }'),
  ]);
  expect(said({ properties: { toString: { default: 1 } } })).toEqual([line("properties.toString.default", "{ toString: 1 }")]);
});

test("the place in the file; twenty findings at most, however deep they are", () => {
  const { subject } = subjectOf('{\n  "properties": {\n    "a": { "tpye": "string" }\n  }\n}');
  expect(schemaFindings(subject)).toMatchObject([{ line: 3, column: 20 }]);
  expect(said({ properties: Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`p${at}`, { tpye: 1 }])) })).toHaveLength(20);
  const nested = (levels: number): unknown => (levels === 0 ? { tpye: 1 } : { not: nested(levels - 1) });
  expect(said(nested(20))).toHaveLength(1);
});
