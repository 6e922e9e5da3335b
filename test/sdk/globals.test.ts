import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import type { PluginHost } from "../../src/sandbox/port.ts";
import { startInProcessHost } from "../../src/testing/in-process-host.ts";
import { openProbe, type Probe } from "../sandbox/support.ts";

setDefaultTimeout(60_000);
let host: PluginHost;
let probe: Probe;

/** Evaluates an expression inside a realm. */
const inside = (expression: string, ...args: (string | number | string[] | null)[]) => probe.value("run", expression, args);

beforeAll(async () => {
  host = await startInProcessHost();
  probe = await openProbe(
    host,
    "async run(text, args) { const value = await (0, eval)('(' + text + ')'); return typeof value === 'function' ? value(...args) : value; }",
  );
});
afterAll(() => host.stop());

test("property: TextEncoder, TextDecoder, btoa and atob agree with the standard ones", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary", maxLength: 40 }), fc.uint8Array({ maxLength: 40 }), async (text, bytes) => {
      expect(await inside("(t) => Array.from(new TextEncoder().encode(t))", text)).toEqual([...new TextEncoder().encode(text)]);
      const list = `new Uint8Array([${bytes.join(",")}])`;
      expect(await inside(`new TextDecoder().decode(${list})`)).toBe(new TextDecoder().decode(bytes));
      const binary = String.fromCharCode(...bytes);
      expect(await inside(`btoa(String.fromCharCode(...${list}))`)).toBe(btoa(binary));
      expect(await inside("(t) => Array.from(atob(t), (c) => c.charCodeAt(0))", btoa(binary))).toEqual([...bytes]);
    }),
    { numRuns: 100 },
  );
});

test("property: URLSearchParams agrees with the standard one", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 5 }), async (pairs) => {
      const standard = new URLSearchParams(pairs).toString();
      expect(await inside(`new URLSearchParams(${JSON.stringify(pairs)}).toString()`)).toBe(standard);
      expect(await inside("(s) => [...new URLSearchParams(s)]", standard)).toEqual([...new URLSearchParams(standard)] as never);
    }),
    { numRuns: 100 },
  );
});

test("URL has the parts of the standard one and can be changed", async () => {
  const text = "https://user:pw@example.org:8080/a/../b?q=1#h";
  const parts =
    "(u) => { const x = new URL(u); return [x.href, x.origin, x.host, x.hostname, x.port, x.pathname, x.search, x.hash, x.username]; }";
  const url = new URL(text);
  expect(await inside(parts, text)).toEqual([
    url.href,
    url.origin,
    url.host,
    url.hostname,
    url.port,
    url.pathname,
    url.search,
    url.hash,
    url.username,
  ]);
  expect(await inside("(u) => { const x = new URL(u); x.searchParams.set('z', 'a b'); x.pathname = '/c'; return String(x); }", text)).toBe(
    "https://user:pw@example.org:8080/c?q=1&z=a+b#h",
  );
  expect(await inside("URL.canParse('no url')")).toBe(false);
  expect(await inside("new URL('/x', 'https://a.b/c').href")).toBe("https://a.b/x");
});

test("structuredClone keeps kinds and cycles and refuses functions", async () => {
  const look = `(() => { const a = { d: new Date(5), m: new Map([[1, new Set([2])]]), r: /x/gi, u: new Uint8Array([1, 2]), n: [1, , 3] }; a.self = a;
    const b = structuredClone(a);
    return [b !== a, b.self === b, b.d.getTime(), b.m.get(1).has(2), String(b.r), b.u[1], b.n.length, 1 in b.n]; })()`;
  expect(await inside(look)).toEqual([true, true, 5, true, "/x/gi", 2, 3, false]);
  expect(await probe.act("run", "structuredClone(() => 1)", [])).toMatchObject({ ok: false, error: { name: "TypeError" } });
});

test("timers, microtasks and abort signals", async () => {
  expect(
    await inside(
      "new Promise((r) => { const log = []; setTimeout((x) => { log.push(x); r(log); }, 10, 'c'); queueMicrotask(() => log.push('b')); log.push('a'); })",
    ),
  ).toEqual(["a", "b", "c"]);
  expect(
    await inside("new Promise((r) => { let n = 0; const id = setInterval(() => { if (++n === 3) { clearInterval(id); r(n); } }, 10); })"),
  ).toBe(3);
  expect(
    await inside("new Promise((r) => { const s = AbortSignal.timeout(10); s.addEventListener('abort', () => r(s.reason.name)); })"),
  ).toBe("TimeoutError");
  expect(
    await inside("(() => { const c = new AbortController(); c.abort(); return [c.signal.aborted, c.signal.reason.name]; })()"),
  ).toEqual([true, "AbortError"]);
  expect(await probe.act("run", "(() => { for (let i = 0; i < 101; i++) setTimeout(() => {}, 1000); })()", [])).toMatchObject({
    ok: false,
    error: { code: "quota_exceeded" },
  });
});

test("randomness is the host's; Date's locale methods point to formatTime", async () => {
  expect(await inside("crypto.randomUUID()")).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(await inside("new Set(crypto.getRandomValues(new Uint8Array(64))).size > 20")).toBe(true);
  const numbers = (await inside("Array.from({ length: 1000 }, Math.random)")) as number[];
  expect(numbers.every((n) => n >= 0 && n < 1)).toBe(true);
  expect(new Set(numbers).size).toBe(1000);
  expect(await probe.act("run", "new Date().toLocaleString()", [])).toMatchObject({
    ok: false,
    error: { message: expect.stringContaining("formatTime") },
  });
});

test("console and log write lines of text, whatever they are given", async () => {
  probe.seen.logs.length = 0;
  await inside(
    "(() => { const a = { x: [1, { y: 'z' }], f() {}, e: new Error('no') }; a.a = a; console.log('see', a, null, 5n); console.warn({ get x() { throw 1; } }); })()",
  );
  expect(probe.seen.logs[0]?.message).toStartWith('see {x: [1, {y: "z"}], f: [function], e: Error: no, a: {x: [1, {...}]');
  expect(probe.seen.logs[1]).toMatchObject({ level: "warn", message: "[an object whose properties throw]" });
});

test("nothing of the engine's or the host's is left on the global", async () => {
  expect(
    await inside(
      "typeof __zephyrgate + typeof process + typeof Bun + typeof require + typeof WebAssembly + typeof SharedArrayBuffer + typeof fetch",
    ),
  ).toBe("undefined".repeat(7));
});
