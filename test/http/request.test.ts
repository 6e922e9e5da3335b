import { describe, expect, test } from "bun:test";
import { askFor, literalAddress, type Prepared, prepare, readTarget, redirected } from "../../src/http/request.ts";
import type { HttpArgs } from "../../src/sdk/boundary/wire.ts";

const KB = 1024;

function prepared(args: Partial<HttpArgs> = {}): Prepared {
  const made = prepare({ method: "GET", url: "https://good.test/a", ...args }, "agent/1");
  if (!made.ok) throw made.error;
  return made.value;
}

function refusal(args: Record<string, unknown>): string {
  const made = prepare({ method: "GET", url: "https://good.test/", ...args } as unknown as HttpArgs, "agent/1");
  return made.ok ? "taken" : `${made.error.code}: ${made.error.message}${made.error.hint === undefined ? "" : ` (${made.error.hint})`}`;
}

describe("a target", () => {
  test.each([
    ["https://Good.Test./x#part", "good.test", 443, true, "https://good.test./x"],
    ["http://good.test", "good.test", 80, false, "http://good.test/"],
    ["http://good.test:8080/", "good.test", 8080, false, "http://good.test:8080/"],
    ["https://[::1]/", "[::1]", 443, true, "https://[::1]/"],
  ])("%s", (text, host, port, secure, href) => {
    const target = readTarget(text);
    expect(target.ok ? { ...target.value, url: target.value.url.href } : target.error.message).toEqual({ host, port, secure, url: href });
  });

  test.each<[string, string]>([
    ["nowhere", '"nowhere" is not a valid URL'],
    ["ftp://good.test/", '"ftp://good.test/" is neither http nor https'],
    ["http://me@good.test/", "the URL contains a user name or password"],
    ["http://:word@good.test/", "the URL contains a user name or password"],
    ["http://good.test:0/", "port 0 is not for HTTP"],
  ])("%s is refused", (text, message) => {
    const target = readTarget(text);
    expect(target.ok ? "taken" : target.error.message).toBe(message);
  });

  test("may be 8192 characters long", () => {
    const of = (length: number) => "http://good.test/".padEnd(length, "x");
    expect(readTarget(of(8192)).ok).toBe(true);
    expect(readTarget(of(8193)).ok).toBe(false);
  });

  test.each([1, 7, 9, 19, 21, 22, 23, 25, 53, 110, 119, 143, 465, 563, 587, 993, 995, 6000, 6667, 6697])("port %d is refused", (port) => {
    const target = readTarget(`http://good.test:${port}/`);
    expect(target.ok ? "taken" : target.error.message).toBe(`port ${port} is not for HTTP`);
  });

  test("an address is one without its brackets, a name is none", () => {
    const addresses = ["http://127.0.0.1/", "http://[::1]/", "http://good.test/"].map((text) => {
      const target = readTarget(text);
      return target.ok ? literalAddress(target.value) : "refused";
    });
    expect(addresses).toEqual(["127.0.0.1", "::1", null]);
  });
});

describe("a request", () => {
  test("has our headers, those of its plugin in lower case, and never another encoding", () => {
    expect(
      prepared({ method: "post", headers: { "X-Key": " v ", "User-Agent": "mine", "Accept-Encoding": "br" }, body: "" }),
    ).toMatchObject({
      method: "POST",
      headers: { accept: "*/*", "user-agent": "mine", "x-key": "v", "accept-encoding": "gzip" },
      body: "",
      timeoutMs: 30_000,
      anyStatus: false,
    });
    expect(prepared({ timeout: 0.5, anyStatus: true })).toMatchObject({ body: null, timeoutMs: 500, anyStatus: true });
    expect(prepared({ timeout: 61 }).timeoutMs).toBe(60_000);
    expect(prepared().headers["user-agent"]).toBe("agent/1");
  });

  test.each<[string, Record<string, unknown>]>([
    ["invalid_argument: method, url and body must be strings", { method: 1 }],
    ["invalid_argument: method, url and body must be strings", { url: 1 }],
    ["invalid_argument: method, url and body must be strings", { method: "POST", body: 1 }],
    ['invalid_argument: there is no method "BREW" (the methods are GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS)', { method: "BREW" }],
    ["invalid_argument: a GET request has no body (use httpPost)", { body: "" }],
    ["invalid_argument: a HEAD request has no body (use httpPost)", { method: "HEAD", body: "x" }],
    ["too_large: the request body is over 256 KB", { method: "PUT", body: "x".repeat(256 * KB + 1) }],
    ["taken", { method: "PUT", body: "x".repeat(256 * KB) }],
    ["taken", { body: null }],
    ["invalid_argument: timeout is not a number of seconds above 0", { timeout: 0 }],
    ["invalid_argument: timeout is not a number of seconds above 0", { timeout: Number.NaN }],
    ["invalid_argument: timeout is not a number of seconds above 0", { timeout: "5" }],
    ["invalid_argument: headers must be an object of names and strings", { headers: ["a"] }],
    ["invalid_argument: headers must be an object of names and strings", { headers: "a" }],
    ['invalid_argument: "a b" is not a header name', { headers: { "a b": "c" } }],
    ['invalid_argument: "" is not a header name', { headers: { "": "c" } }],
    ['invalid_argument: header "Host" is set by the gateway (leave it out)', { headers: { Host: "c" } }],
    ['invalid_argument: header "A" is given twice', { headers: { a: "1", A: "2" } }],
    ["taken", { headers: Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`h${i}`, ""])) }],
    ["too_large: more than 64 request headers", { headers: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`h${i}`, ""])) }],
    ["taken", { headers: { a: "x".repeat(16 * KB - 1) } }],
    ["too_large: the request headers are over 16 KB", { headers: { a: "x".repeat(16 * KB) } }],
  ])("%s", (expected, args) => {
    expect(refusal(args)).toBe(expected);
  });

  test.each(["a\nb", "a\r", "\u0000", "\u007f", "ü€", 5])("the header value %j is refused", (value) => {
    expect(refusal({ headers: { a: value } })).toContain('the value of header "a" contains a line break');
  });

  test("asks for its method, host and port", () => {
    expect(askFor(prepared({ url: "http://good.test:81/" }), true)).toEqual({
      permission: "http_requests",
      method: "GET",
      host: "good.test",
      port: 81,
      secure: false,
      isPrivate: true,
    });
  });
});

describe("a redirect", () => {
  const hop = (args: Partial<HttpArgs>, status: number, location: string) => {
    const next = redirected(prepared(args), status, location);
    return next.ok ? next.value : next.error.message;
  };
  const SECRET = { "x-api-key": "k", "content-type": "text/plain", plain: "p" };

  test.each<[string, number, string, string | null]>([
    ["POST", 301, "GET", null],
    ["POST", 302, "GET", null],
    ["PUT", 302, "PUT", "b"],
    ["POST", 303, "GET", null],
    ["DELETE", 303, "GET", null],
    ["POST", 307, "POST", "b"],
    ["POST", 308, "POST", "b"],
  ])("%s after %d becomes %s", (method, status, becomes, body) => {
    const next = hop({ method, body: "b", headers: SECRET }, status, "/next");
    expect(next).toMatchObject({ method: becomes, body });
    if (typeof next === "string") return;
    expect(Object.keys(next.headers).includes("content-type")).toBe(becomes !== "GET");
    expect(next.headers["x-api-key"]).toBe("k");
  });

  test("HEAD stays HEAD", () => {
    expect(hop({ method: "HEAD" }, 303, "/next")).toMatchObject({ method: "HEAD" });
  });

  test.each(["https://other.test/", "https://good.test:444/"])("credentials do not go along to %s", (location) => {
    const next = hop({ headers: SECRET }, 302, location);
    expect(typeof next === "string" ? {} : next.headers).toMatchObject({ plain: "p" });
    expect(typeof next === "string" ? {} : next.headers).not.toHaveProperty("x-api-key");
  });

  test("from http to https the port and the scheme are others: credentials stay behind", () => {
    const next = hop({ url: "http://good.test:443/", headers: SECRET }, 302, "https://good.test/");
    expect(typeof next === "string" ? {} : next.headers).not.toHaveProperty("x-api-key");
  });

  test("leads neither to http from https nor to no URL", () => {
    expect(hop({}, 302, "http://good.test/")).toBe("the redirect leads from https to http");
    expect(hop({}, 302, "ftp://good.test/")).toContain("is neither http nor https");
  });
});
