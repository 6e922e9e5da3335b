import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { configJsonSchema, configReference, jsonSchemaOf } from "../../src/config/document.ts";

const committed = (name: string) => readFileSync(join(import.meta.dir, "../../docs", name), "utf8");

test("the committed schema and reference are those of the schema that is checked", () => {
  expect(configJsonSchema()).toEqual(JSON.parse(committed("config.schema.json")));
  expect(configReference()).toBe(committed("configuration.md"));
});

test("keys that start with x- pass at every depth, sections have no default, and parts are replaced by their path", () => {
  const section = v.optional(v.strictObject({ inner: v.optional(v.number(), 5) }), {});
  const schema = v.strictObject({ section, list: v.array(v.strictObject({ any: v.unknown() })) });
  const document = jsonSchemaOf(schema, "Title", { "list[].any": { type: "string" } });
  expect(document).toMatchObject({
    title: "Title",
    patternProperties: { "^x-": {} },
    properties: {
      section: { patternProperties: { "^x-": {} }, properties: { inner: { default: 5 } } },
      list: { items: { patternProperties: { "^x-": {} }, properties: { any: { type: "string" } } } },
    },
  });
  expect(document.properties?.section).not.toHaveProperty("default");
});
