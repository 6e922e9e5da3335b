/** The schema of a plugin's settings is a stranger's: whatever it is, the form that is made from it can be drawn. */
import { expect, test } from "bun:test";
import { kindOf, newRow, readSchema, type Schema } from "../../src/console/views/plugins/settings/schema.ts";

const NESTED = (depth: number): unknown => (depth === 0 ? { type: "string" } : { type: "object", properties: { a: NESTED(depth - 1) } });

/** All schemas in a schema, as the form walks them. */
const walk = (schema: Schema): Schema[] => [
  schema,
  ...Object.values(schema.properties ?? {}).flatMap(walk),
  ...(schema.items === undefined ? [] : walk(schema.items)),
];

test.each([
  ["no object", 5],
  ["null", null],
  ["a list", [{ type: "object" }]],
  ["properties that are none", { type: "object", properties: [null, 1] }],
  ["a property that is null", { type: "object", properties: { a: null, b: 7, __proto__: { type: "x" } } }],
  ["an enum that is none", { type: "object", properties: { a: { enum: 5 }, b: { enum: "abc" }, c: { enum: [null, {}] } } }],
  ["texts that are none", { type: "object", title: {}, description: [], properties: { a: { title: 5, type: ["string"], minimum: "1" } } }],
  ["required that is none", { type: "object", required: "a", properties: { a: { type: "array", items: null } } }],
  ["a deep one", NESTED(1000)],
  ["a wide one", { type: "object", properties: Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`k${at}`, {}])) }],
])("%s", (_, given) => {
  const schemas = walk(readSchema(given));
  expect(schemas.length).toBeLessThan(1000);
  for (const each of schemas) {
    expect(typeof kindOf(each)).toBe("string");
    expect(typeof newRow(each)).toBe("object");
    for (const text of [each.title, each.description, each.type]) expect(["string", "undefined"]).toContain(typeof text);
    for (const list of [each.enum, each.required]) expect(list === undefined || Array.isArray(list)).toBe(true);
  }
});

test("its texts are shown without what turns or hides them, and not at any length", () => {
  const { title = "", description = "" } = readSchema({ title: "safe\u202eevil\u0007", description: "x".repeat(10_000) });
  expect([/[\u202e\u0007]/.test(title), description.length <= 500]).toEqual([false, true]);
});
