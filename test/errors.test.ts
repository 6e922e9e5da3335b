import { describe, expect, test } from "bun:test";
import { asGatewayError, ERROR_CODES, fail, GatewayError, issueLine, ok } from "../src/errors.ts";

describe("an error", () => {
  test("says where, what and how to fix it in one line; what is absent leaves no mark", () => {
    const summaries = [
      new GatewayError("not_found", "there is none"),
      new GatewayError("not_found", "there is none", { hint: "make one" }),
      new GatewayError("not_found", "there is none", { where: "a.yaml:3" }),
      new GatewayError("not_found", "there is none", { where: "a.yaml:3", hint: "make one" }),
    ].map((error) => error.summary());
    expect(summaries).toEqual([
      "there is none",
      "there is none (make one)",
      "a.yaml:3: there is none",
      "a.yaml:3: there is none (make one)",
    ]);
  });

  test("keeps its code, its detail and its cause", () => {
    const cause = new Error("below");
    const error = new GatewayError("conflict", "no", { cause, data: { at: 1 }, hint: "h", where: "w" });
    expect(error).toMatchObject({ name: "GatewayError", code: "conflict", message: "no", data: { at: 1 }, hint: "h", where: "w" });
    expect(error.cause).toBe(cause);
    expect("cause" in new GatewayError("conflict", "no")).toBe(false);
  });

  test("as a value", () => {
    expect<unknown>(ok(5)).toEqual({ ok: true, value: 5 });
    const failed = fail("timeout", "late", { hint: "wait" });
    expect([failed.ok, failed.error.code, failed.error.summary()]).toEqual([false, "timeout", "late (wait)"]);
  });

  test("anything thrown becomes one, and one stays itself", () => {
    const own = new GatewayError("conflict", "no");
    expect(asGatewayError(own, "timeout")).toBe(own);
    const type = new TypeError("not a function");
    expect(asGatewayError(type)).toMatchObject({ code: "internal", message: "not a function", cause: type });
    expect(asGatewayError("text", "timeout")).toMatchObject({ code: "timeout", message: "text", cause: "text" });
  });
});

/** The statuses that HTTP defines for what the codes mean; clients branch on them. */
test("every code has the HTTP status of its meaning, and a title of its own", () => {
  const statuses = Object.fromEntries(Object.entries(ERROR_CODES).map(([code, { status }]) => [code, status]));
  expect(statuses).toEqual({
    invalid_argument: 400,
    config_invalid: 400,
    manifest_invalid: 400,
    unauthorized: 401,
    permission_denied: 403,
    not_found: 404,
    method_not_allowed: 405,
    conflict: 409,
    load_failed: 409,
    plugin_failed: 409,
    data_locked: 409,
    too_large: 413,
    quota_exceeded: 413,
    unsupported_media_type: 415,
    unprocessable: 422,
    rate_limited: 429,
    cancelled: 499,
    internal: 500,
    data_unusable: 500,
    unavailable: 503,
    realm_gone: 503,
    host_gone: 503,
    jail_unavailable: 503,
    link_down: 503,
    timeout: 504,
  });
  const titles = Object.values(ERROR_CODES).map(({ title }) => title);
  expect(new Set(titles).size).toBe(titles.length);
  for (const title of titles) expect(title).toMatch(/^[A-Z].*[a-z]$/);
});

test("an issue names its place as far as it is known", () => {
  const lines = [
    issueLine({ file: "m.yaml", message: "is wrong" }),
    issueLine({ file: "m.yaml", column: 4, message: "is wrong" }),
    issueLine({ file: "m.yaml", line: 2, message: "is wrong" }),
    issueLine({ file: "m.yaml", line: 2, column: 4, field: "name", message: "is wrong", hint: "fix it" }),
  ];
  expect(lines).toEqual(["m.yaml: is wrong", "m.yaml: is wrong", "m.yaml:2: is wrong", "m.yaml:2:4: name: is wrong (fix it)"]);
});
