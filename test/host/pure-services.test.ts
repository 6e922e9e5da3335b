/** Services of the plugin host that need neither gateway nor realm. Their arguments are hostile. */
import { describe, expect, test } from "bun:test";
import { createHash, createHmac } from "node:crypto";
import { digest, hmac, verifyHmac } from "../../src/host/services/hashes.ts";
import { validateConfig } from "../../src/host/services/schema.ts";
import { parseUrl } from "../../src/host/services/url.ts";
import type { Json } from "../../src/json.ts";

describe("hashes", () => {
  const data = Buffer.from("data").toString("base64");
  const key = Buffer.from("key").toString("base64");
  test.each([
    ["SHA-1", "sha1"],
    ["SHA-256", "sha256"],
    ["SHA-384", "sha384"],
    ["SHA-512", "sha512"],
  ])("%s", (name, own) => {
    expect(digest(name, data)).toBe(createHash(own).update("data").digest("base64"));
    const right = createHmac(own, "key").update("data").digest();
    expect(hmac(name, key, data)).toEqual(right);
    expect(verifyHmac(name, key, data, right.toString("base64"))).toBe(true);
    const wrong = Buffer.from(right);
    wrong[wrong.length - 1] = (wrong[wrong.length - 1] ?? 0) ^ 1;
    for (const other of [wrong, right.subarray(0, -1), Buffer.concat([right, Buffer.from([0])]), Buffer.alloc(0)])
      expect(verifyHmac(name, key, data, other.toString("base64"))).toBe(false);
  });

  test("no other hash, and nothing that is no text", () => {
    for (const name of ["sha256", "MD5", "constructor", "__proto__", 5, null, undefined])
      expect(() => digest(name, data)).toThrow("There is no such hash");
    for (const wrong of [5, null, undefined, {}]) {
      expect(() => digest("SHA-1", wrong)).toThrow("Bytes were expected");
      expect(() => hmac("SHA-1", wrong, data)).toThrow("Bytes were expected");
      expect(() => verifyHmac("SHA-1", key, data, wrong)).toThrow("Bytes were expected");
    }
  });
});

describe("URLs", () => {
  const PARTS = ["origin", "href", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "hash"];
  test("all parts, and one of them changed", () => {
    const parts = parseUrl("https://u:p@a.example:81/b?c#d", null, null);
    expect(parts).toEqual({
      origin: "https://a.example:81",
      href: "https://u:p@a.example:81/b?c#d",
      protocol: "https:",
      username: "u",
      password: "p",
      host: "a.example:81",
      hostname: "a.example",
      port: "81",
      pathname: "/b",
      search: "?c",
      hash: "#d",
    });
    expect(Object.keys(parts ?? {})).toEqual(PARTS);
    expect(parseUrl("https://a.example/b", null, ["port", "99"])).toMatchObject({ port: "99", host: "a.example:99" });
    expect(parseUrl("https://a.example/b", null, ["href", "http://c.example"])).toMatchObject({ href: "http://c.example/" });
    expect(parseUrl("../c", "https://a.example/b/d", undefined)).toMatchObject({ pathname: "/c" });
  });

  test("null for what is none, whatever it is", () => {
    const long = (length: number) => `https://a.example/${"x".repeat(length - 18)}`;
    expect(parseUrl(long(16_384), null, null)).not.toBeNull();
    expect(parseUrl("https://a.example", null, ["hash", "x".repeat(16_384)])).not.toBeNull();
    for (const [input, base, change] of [
      ["nothing", null, null],
      [5, null, null],
      [long(16_385), null, null],
      ["a", 5, null],
      ["https://a.example", null, ["origin", "x"]],
      ["https://a.example", null, ["toString", "x"]],
      ["https://a.example", null, ["port", 5]],
      ["https://a.example", null, ["hash", "x".repeat(16_385)]],
      ["https://a.example", null, ["href", "nothing"]],
      ["https://a.example", null, []],
    ])
      expect(parseUrl(input, base, change)).toBeNull();
  });
});

describe("schemas", () => {
  function problems(schema: Json, config: Json): unknown {
    const checked = validateConfig(schema, config);
    return checked.ok ? checked.value.map(({ path, message }) => `${path}: ${message}`) : [checked.error.code, checked.error.message];
  }

  test("each problem once, by the dotted key, without those that only say that something below failed", () => {
    const schema = {
      type: "object",
      properties: {
        "a/b": { type: "number", minimum: 1 },
        "c%d~": { enum: ["x"] },
        list: { type: "array", items: { type: "string", maxLength: 2 } },
        deep: { allOf: [{ properties: { er: { const: 1 } } }] },
      },
      required: ["must"],
      additionalProperties: false,
    };
    expect(problems(schema, { must: 1 })).not.toEqual([]);
    const found = problems(schema, { "a/b": 0, "c%d~": "y", list: ["ok", "long"], deep: { er: 2 } }) as string[];
    const paths = found.map((each) => each.split(":")[0]);
    expect(paths).toContain("a/b");
    expect(paths).toContain("c%d~");
    expect(paths).toContain("list.1");
    expect(paths).toContain("deep.er");
    expect(paths).toContain("");
    expect(new Set(found).size).toBe(found.length);
    expect(found.filter((each) => /does not match (?:schema|all|subschema)/i.test(each))).toEqual([]);
  });

  test("what fits has none; a schema may be true or false", () => {
    expect(problems({ type: "object" }, {})).toEqual([]);
    expect(problems(true, { any: 1 })).toEqual([]);
    expect(problems(false, {})).not.toEqual([]);
  });

  test("the draft is the one that is named, else 7", () => {
    const tuple = (key: string, draft?: string) => ({ ...(draft === undefined ? {} : { $schema: draft }), [key]: [{ type: "string" }] });
    const of = (schema: Json) => (problems(schema, [1]) as unknown[]).length > 0;
    expect(of(tuple("prefixItems", "https://json-schema.org/draft/2020-12/schema"))).toBe(true);
    expect(of(tuple("items"))).toBe(true);
    expect(of(tuple("items", "https://json-schema.org/draft/2019-09/schema"))).toBe(true);
    const exclusive = { $schema: "http://json-schema.org/draft-04/schema#", minimum: 1, exclusiveMinimum: true };
    expect(problems(exclusive, 1)).not.toEqual([]);
    expect(problems({ exclusiveMinimum: 1 }, 1)).not.toEqual([]);
  });

  test("a schema that is broken, or leads out of itself, says so", () => {
    expect(problems({ $ref: "https://elsewhere.example/schema" }, {})).toEqual([
      "invalid_argument",
      expect.stringContaining("The JSON Schema cannot be used: "),
    ]);
    expect(problems({ pattern: "(" }, "a")).toEqual(["invalid_argument", expect.stringContaining("The JSON Schema cannot be used: ")]);
  });

  test("a hundred problems at most, and no endless message", () => {
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`k${at}`, at]));
    expect(problems({ additionalProperties: { type: "string" } }, many)).toHaveLength(100);
    const long = problems({ enum: ["x".repeat(2_000)] }, "y") as string[];
    expect(Math.max(...long.map((each) => each.length))).toBeLessThanOrEqual(502);
  });

  test("a pattern that the engine gave up is a timeout, and one that does not match is a problem", () => {
    expect(problems({ pattern: "^a+$" }, "b")).toHaveLength(1);
    expect(problems({ properties: { a: { pattern: "^a+$" }, pattern: { const: "(" } } }, { a: "b", pattern: "(" })).toHaveLength(1);
    const slow = problems({ properties: { a: { pattern: "^(a+)+$" } } }, { a: `${"a".repeat(40)}b` });
    expect(slow).toEqual(["timeout", "The configuration takes too long to be checked against its schema"]);
  });
});
