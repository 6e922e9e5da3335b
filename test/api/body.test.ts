/** What is taken as the body of a request, and how a field that is wrong is named: never with what was sent. */
import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import { check, MAX_BODY, NOTHING, readBytes, readJson, type Schema, streamBytes } from "../../src/api/route/body.ts";

const JSON_TYPE = "application/json";
const FILE_TYPE = "application/octet-stream";
const request = (body: string | Uint8Array<ArrayBuffer> | null, type: string | null = JSON_TYPE, more: Record<string, string> = {}) =>
  new Request("http://localhost/", {
    method: "POST",
    body,
    headers: { ...(type === null ? {} : { "content-type": type }), ...more },
  });

describe("JSON", () => {
  const read = async (...args: Parameters<typeof request>) => {
    const result = await readJson(request(...args));
    return result.ok ? result.value : `${result.error.code}: ${result.error.message} (${result.error.hint})`;
  };
  const notJson =
    "invalid_argument: the body is not well-formed JSON in UTF-8 (send one JSON value; GET /api/v1/openapi.json shows its form)";

  test("one value, of whichever kind of JSON; none where there is no body", async () => {
    expect(await read('{"a":1}')).toEqual({ a: 1 });
    for (const type of ["application/json; charset=utf-8", "APPLICATION/JSON ;x", "application/problem+json", "application/vnd.x-y.z+json"])
      expect(await read("1", type)).toBe(1);
    expect([await read(null, null), await read("", null)]).toEqual([undefined, undefined]);
  });

  test("nothing else", async () => {
    const media = "unsupported_media_type: the body must be JSON (send content-type: application/json)";
    for (const type of [null, "text/plain", "application/jsonx", "application/+json", "xapplication/json", "application/x+json z"])
      expect([type, await read("1", type)]).toEqual([type, media]);
    for (const text of ["{", "1 2", "undefined"]) expect(await read(text)).toBe(notJson);
    expect(await read(new Uint8Array([0x22, 0xff, 0x22]))).toBe(notJson);
  });

  test("at most a megabyte, by what is announced and by what comes; not too deep, not too many values", async () => {
    const large = "too_large: the body is larger than 1 MB (send less)";
    expect(MAX_BODY).toBe(2 ** 20);
    expect(await read(JSON.stringify("x".repeat(MAX_BODY - 2)))).toBe("x".repeat(MAX_BODY - 2));
    expect(await read(JSON.stringify("x".repeat(MAX_BODY - 1)))).toBe(large);
    expect(await read("1", JSON_TYPE, { "content-length": String(MAX_BODY + 1) })).toBe(large);
    expect(await read("1", JSON_TYPE, { "content-length": String(MAX_BODY) })).toBe(1);
    expect(await read("[".repeat(64) + "]".repeat(64))).toBeArray();
    for (const text of ["[".repeat(65) + "]".repeat(65), `[${"1,".repeat(100_000)}1]`])
      expect(await read(text)).toMatch(/^invalid_argument: the body .+ \(send less\)$/);
  });
});

describe("a file", () => {
  const bytes = new Uint8Array([1, 2, 3]);
  const media = { code: "unsupported_media_type", message: "the body must be a file", hint: "send content-type: application/octet-stream" };

  test("whole, up to its limit", async () => {
    expect(await readBytes(request(bytes, FILE_TYPE), 3)).toMatchObject({ ok: true, value: Buffer.from(bytes) });
    expect(await readBytes(request(bytes, "Application/Octet-Stream; x"), 3)).toMatchObject({ ok: true });
    expect(await readBytes(request(bytes, JSON_TYPE), 3)).toMatchObject({ ok: false, error: media });
    const large = { code: "too_large", message: "the body is larger than 2 MB", hint: "send less" };
    const most = 2 * 2 ** 20;
    expect(await readBytes(request(new Uint8Array(most + 1), FILE_TYPE), most)).toMatchObject({ ok: false, error: large });
    expect(await readBytes(request(bytes, FILE_TYPE, { "content-length": String(most + 1) }), most)).toMatchObject({
      ok: false,
      error: large,
    });
    expect(await readBytes(request(null, FILE_TYPE), 0)).toMatchObject({ ok: true, value: new Uint8Array() });
  });

  test("piece by piece; too much of it fails while it is read", async () => {
    const collect = async (...[given, most]: Parameters<typeof streamBytes>) => {
      const stream = streamBytes(given, most);
      if (!stream.ok) return stream.error;
      let size = 0;
      for await (const chunk of stream.value) size += chunk.length;
      return size;
    };
    expect(await collect(request(bytes, FILE_TYPE), 3)).toBe(3);
    expect(await collect(request(null, FILE_TYPE), 0)).toBe(0);
    expect(await collect(request(bytes, "text/plain"), 3)).toMatchObject(media);
    expect(await collect(request(bytes, FILE_TYPE, { "content-length": "4" }), 3)).toMatchObject({ code: "too_large" });
    await expect(collect(request(bytes, FILE_TYPE, { "content-length": "1" }), 2)).rejects.toMatchObject({ code: "too_large" });
  });
});

describe("a field that is wrong", () => {
  const schema = v.strictObject({
    name: v.pipe(v.string(), v.minLength(2), v.maxLength(4)),
    count: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(9))),
    mode: v.optional(v.picklist(["on", "off"])),
    level: v.optional(v.picklist(["debug", "info", "warn", "error"])),
    at: v.optional(v.pipe(v.string(), v.regex(/^x/))),
    when: v.optional(v.pipe(v.string(), v.regex(/^x/, "a time such as 10m"))),
    on: v.optional(v.boolean()),
    either: v.optional(v.union([v.string(), v.number()])),
    list: v.optional(v.array(v.strictObject({ id: v.number() }))),
    inner: v.optional(v.strictObject({ deep: v.optional(v.record(v.string(), v.number())) })),
    even: v.optional(
      v.pipe(
        v.number(),
        v.check((value) => value % 2 === 0, "must be even"),
      ),
    ),
    url: v.optional(v.pipe(v.string(), v.url())),
    null: v.optional(v.null()),
  });
  const said = (input: unknown, of: Schema = schema) => {
    const result = check(of, input, "unprocessable");
    return result.ok ? null : `${result.error.message}${result.error.hint === undefined ? "" : ` (${result.error.hint})`}`;
  };
  const keys = "name, count, mode, level, at, when, on, either, list, inner, even, url, null";

  test.each<[unknown, string | null]>([
    [{ name: "abcd", count: 9, mode: "off", at: "x", on: false, list: [{ id: 1 }], inner: { deep: { a: 1 } }, even: 2 }, null],
    [{}, "name: is missing"],
    ["text", "input: must be an object"],
    [null, "input: must be an object"],
    [[], "input: must be an object"],
    [{ name: 5 }, "name: must be text"],
    [{ name: "a" }, "name: must be no shorter than 2"],
    [{ name: "abcde" }, "name: must be no longer than 4"],
    [{ name: "ab", count: "5" }, "count: must be a number"],
    [{ name: "ab", count: 0 }, "count: must be at least 1"],
    [{ name: "ab", count: 10 }, "count: must be at most 9"],
    [{ name: "ab", count: 1.5 }, "count: must match integer"],
    [{ name: "ab", mode: "maybe" }, "mode: must be on or off"],
    [{ name: "ab", level: "loud" }, "level: must be one of debug, info, warn, error"],
    [{ name: "ab", at: "y" }, "at: has a wrong form"],
    [{ name: "ab", when: "y" }, "when: must be a time such as 10m"],
    [{ name: "ab", on: 1 }, "on: must be true or false"],
    [{ name: "ab", either: true }, "either: must be text or a number"],
    [{ name: "ab", list: {} }, "list: must be a list"],
    [{ name: "ab", list: [{ id: 1 }, { id: "x" }] }, "list.1.id: must be a number"],
    [{ name: "ab", list: [{ id: 1, ip: 2 }] }, "list.0: unknown key"],
    [{ name: "ab", inner: [] }, "inner: must be an object"],
    [{ name: "ab", inner: { deep: [] } }, "inner.deep: must be an object"],
    [{ name: "ab", inner: { deep: { a: "x" } } }, "inner.deep.a: must be a number"],
    [{ name: "ab", even: 3 }, "even: must be even"],
    [{ name: "ab", url: "no url" }, "url: must match url"],
    [{ name: "ab", null: 1 }, "null: must be null"],
    [{ name: "ab", secret: "s" }, `input: unknown key (known here: ${keys})`],
  ])("%j", (input, expected) => {
    expect(said(input)).toBe(expected);
  });

  test("where no key is known, it says so; a list is taken where one may be", () => {
    expect(said({ a: 1 }, NOTHING)).toBe("input: unknown key (none is known here)");
    expect(said({}, NOTHING)).toBeNull();
    expect(said([1], v.array(v.number()))).toBeNull();
    expect(said([1], v.union([v.record(v.string(), v.number()), v.array(v.number())]))).toBeNull();
    expect(said([1], v.looseObject({}))).toBe("input: must be an object");
    expect(said([1], v.unknown())).toBeNull();
  });

  test("all of them, twenty at most, each with its path", () => {
    const result = check(schema, { name: 5, count: 0, inner: { deep: { a: "x" } } }, "invalid_argument");
    expect(result.ok ? null : [result.error.code, result.error.data]).toEqual([
      "invalid_argument",
      {
        errors: [
          { path: "name", message: "must be text" },
          { path: "count", message: "must be at least 1" },
          { path: "inner.deep.a", message: "must be a number" },
        ],
      },
    ]);
    const many = check(
      v.array(v.number()),
      Array.from({ length: 30 }, () => "x"),
      "not_found",
    );
    expect(many.ok ? [] : (many.error.data as { errors: unknown[] }).errors).toHaveLength(20);
  });
});
