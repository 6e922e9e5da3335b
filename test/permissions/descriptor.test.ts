import { describe, expect, test } from "bun:test";
import { toJsonSchema } from "@valibot/to-json-schema";
import fc from "fast-check";
import * as v from "valibot";
import {
  parseEntries,
  parseEntry,
  parseText,
  permissionEntrySchema,
  printText,
  toEntry,
} from "../../src/permissions/grammar/descriptor.ts";
import { canonicalHost, hostCovers } from "../../src/permissions/grammar/hosts.ts";
import { explainRisk } from "../../src/permissions/risk.ts";
import { yaml } from "../../src/permissions/words.ts";
import { entry, must, someEntry } from "./support.ts";

const failure = (input: unknown) => {
  const result = parseEntry(input, "manifest.yaml:7");
  if (result.ok) throw new Error(`accepted: ${JSON.stringify(result.value)}`);
  return result.error.summary();
};

describe("descriptor grammar", () => {
  test("parse after print is the identity, in both forms", () => {
    fc.assert(
      fc.property(someEntry, (descriptor) => {
        expect(must(parseText(printText(descriptor)))).toEqual(descriptor);
        expect(must(parseEntry(toEntry(descriptor)))).toEqual(descriptor);
        expect(must(parseEntry(printText(descriptor)))).toEqual(descriptor);
        expect(printText(descriptor)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
        expect(v.is(permissionEntrySchema, toEntry(descriptor))).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ["send_messages", "send_messages"],
    [{ http_requests: { methods: ["get"], hosts: ["API.weather.gov."] } }, "http_requests(hosts=[api.weather.gov], methods=[GET])"],
    [
      { http_requests: { hosts: ["b.org", "a.org", "b.org"], methods: ["POST", "HEAD", "GET"], private: false } },
      "http_requests(hosts=[a.org, b.org])",
    ],
    [
      { http_requests: { hosts: ["münchen.de", "::1", "[::1]:80", "0x7f.1:8080"] } },
      'http_requests(hosts=[127.0.0.1:8080, "[::1]", "[::1]:80", xn--mnchen-3ya.de])',
    ],
    [
      { send_messages: { rate: "10/minute", channels: ["Long Fast", 2, "2"], direct: true } },
      'send_messages(channels=[2, "2", "Long Fast"], rate=10/min)',
    ],
    [{ send_messages: {} }, "send_messages"],
    [{ secrets: { names: ["b", "a"] } }, "secrets(names=[a, b])"],
  ])("%j prints as %s", (input, text) => {
    expect(printText(entry(input))).toBe(text);
  });

  test.each([
    ["send_mesages", "did you mean send_messages?"],
    ["everything", "the permissions are send_messages, "],
    [{ http_request: {} }, "did you mean http_requests?"],
    [{ http_requests: { host: ["a"] } }, "did you mean hosts?"],
    [{ http_requests: { hosts: "a" } }, "http_requests.hosts"],
    [{ http_requests: { hosts: [] } }, "http_requests.hosts"],
    [{ http_requests: { hosts: ["https://a.org/"] } }, "write the host alone"],
    [{ http_requests: { hosts: ["*"] } }, "leave `hosts` out"],
    [{ http_requests: { hosts: ["*.*.a"] } }, "is no host"],
    [{ http_requests: { hosts: ["a*.org"] } }, "is no host"],
    [{ http_requests: { hosts: ["*.0.0.1"] } }, "before an address"],
    [{ http_requests: { hosts: ["a.org:0"] } }, "port"],
    [{ http_requests: { hosts: ["a.org:99999"] } }, "port"],
    [{ http_requests: { hosts: ["a.org/x"] } }, "is no host"],
    [{ http_requests: { hosts: ["u@a.org"] } }, "is no host"],
    [{ http_requests: { hosts: ["a%2eorg"] } }, "is no host"],
    [{ http_requests: { hosts: [`${"a".repeat(64)}.`.repeat(5)] } }, "http_requests.hosts"],
    [{ http_requests: { methods: ["GETT"] } }, "did you mean GET?"],
    [{ http_requests: null }, "write `- http_requests`"],
    [{ http_requests: null, hosts: ["a"] }, "indent scope keys"],
    [{ system_state_read: { nodes: true } }, "has no scope keys"],
    [{ send_messages: { rate: "10" } }, "rate"],
    [{ send_messages: { rate: "0/min" } }, "as 10/min"],
    [{ send_messages: { rate: "10/year" } }, "as 10/min"],
    [{ send_messages: { direct: false, broadcast: false } }, "allows nothing"],
    [{ send_messages: { channels: [8] } }, "send_messages.channels"],
    [{ database_access: { quota_mb: -1 } }, "database_access.quota_mb"],
    [{ __proto__: null, constructor: {} }, "there is no permission"],
    [{}, "empty"],
    [7, "a permission is a name"],
    [["send_messages"], "a permission is a name"],
    ["http_requests(hosts=[a.org)", "expected"],
    ["http_requests(hosts=[a.org]) x", "nothing more"],
    ['secrets(names=["a)', "expected"],
    ["secrets(names=a, names=b)", "twice"],
    ["secrets(", "expected"],
  ])("%j says what is wrong and what to write", (input, words) => {
    const line = failure(input);
    expect(line).toStartWith("manifest.yaml:7: ");
    expect(line).toContain(words);
  });

  test("any value and any text gets an answer, in linear time", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.anything(),
          fc.string({ maxLength: 200 }),
          fc.string().map((text) => `secrets(${text})`),
        ),
        (input) => {
          const result = parseEntry(input);
          if (result.ok) expect(must(parseText(printText(result.value)))).toEqual(result.value);
        },
      ),
      { numRuns: 500 },
    );
    const start = performance.now();
    for (const text of [
      '"\\'.repeat(60_000),
      '"'.repeat(120_000),
      `secrets(${"a=[".repeat(40_000)}`,
      "(".repeat(120_000),
      "a,".repeat(60_000),
    ])
      parseEntry(text);
    expect(performance.now() - start).toBeLessThan(2000);
  });

  test("a list of entries reports every wrong one with its place", () => {
    const result = parseEntries(["send_messages", "sekrets", { http_requests: { host: [] } }]);
    expect(result.ok ? [] : result.error.map((error) => error.where)).toEqual(["permissions[1]", "permissions[2]"]);
  });

  test("the schema serves editors", () => {
    const json = JSON.stringify(toJsonSchema(permissionEntrySchema));
    expect(json).toContain("min_interval_s");
  });

  test("the risk of a request is that of its scope", () => {
    const risk = (permission: unknown) => explainRisk(permission).risk;
    expect(risk("secrets")).not.toBe(risk({ secrets: { names: ["key"] } }));
    expect(risk({ secrets: {} })).toBe(risk("secrets"));
    expect(risk({ database_access: { quota_mb: 1 } })).toBe(risk("database_access"));
    const http = (scope: object) => risk({ http_requests: scope });
    expect(http({ methods: ["GET"] })).toBe(risk("http_requests"));
    expect(http({ hosts: ["a.org"] })).not.toBe(risk("http_requests"));
    expect(http({ hosts: ["a.org"], private: false })).toBe(http({ hosts: ["a.org"] }));
    expect(http({ private: true })).toStartWith(risk("http_requests"));
    expect(http({ private: true })).toContain("your own network");
    expect(explainRisk({ http_requests: { hosts: ["a.org", "b.org"] } }).words).toBe("http_requests (hosts a.org, b.org)");
    for (const unknown of ["spawn", { spawn: {} }, null, 7, "constructor"]) expect(risk(unknown)).toContain("does not know");
  });

  test("every permission has words for the operator, and nothing in them steers a terminal", () => {
    fc.assert(
      fc.property(someEntry, (descriptor) => {
        const explained = explainRisk(toEntry(descriptor));
        expect(explained.risk).not.toContain("does not know");
        expect(explained.words).not.toMatch(/[\u0000-\u001f\u202e]/);
        expect(explained.words).toStartWith(descriptor.name);
        expect(yaml(descriptor)).not.toContain("\n");
      }),
      { numRuns: 200 },
    );
    expect(yaml(entry({ http_requests: { hosts: ["api.weather.gov"] } }))).toBe('http_requests: {hosts: ["api.weather.gov"]}');
  });
});

describe("hosts", () => {
  test.each([
    ["*.a.org", "x.a.org", true],
    ["*.a.org", "y.x.a.org", true],
    ["*.a.org", "a.org", false],
    ["*.a.org", "xa.org", false],
    ["*.a.org", "a.org.evil.com", false],
    ["*.a.org", "*.a.org", true],
    ["*.a.org", "*.x.a.org", true],
    ["*.x.a.org", "*.a.org", false],
    ["a.org", "*.a.org", false],
    ["*", "anything", true],
    ["*", "*.a.org", true],
  ])("%s covers %s: %p", (outer, inner, covered) => {
    expect(hostCovers(outer, inner)).toBe(covered);
  });

  test("what the URL parser reads and what a pattern reads is one spelling", () => {
    fc.assert(
      fc.property(fc.webUrl(), fc.domain(), fc.boolean(), (url, domain, dot) => {
        expect(canonicalHost(new URL(url).hostname)).toBe(new URL(url).hostname);
        expect(canonicalHost(`${domain.toUpperCase()}${dot ? "." : ""}`)).toBe(canonicalHost(domain));
      }),
      { numRuns: 200 },
    );
    for (const bad of ["", ".", "a..b", ".a", "a b", "a\u0000b", "a/b", "[::1", "::1]", "1:2", "a:1", "a@b", "<a>"])
      expect(canonicalHost(bad)).toBeNull();
  });
});
