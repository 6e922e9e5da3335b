/** What a realm offers of the web's standard is compared with the standard itself: each expression is evaluated in both. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { PluginHost } from "../../src/sandbox/port.ts";
import { startInProcessHost } from "../../src/testing/in-process-host.ts";
import { openProbe, type Probe } from "../sandbox/support.ts";

setDefaultTimeout(60_000);
let host: PluginHost;
let probe: Probe;
beforeAll(async () => {
  host = await startInProcessHost();
  // Several in one call: the expressions are many, and each is short.
  probe = await openProbe(
    host,
    "async run(texts) { const out = []; for (const text of texts) { try { out.push(JSON.stringify(await (0, eval)('(' + text + ')')) ?? 'undefined'); } catch (error) { out.push('throws ' + error.name); } } return out; }",
  );
});
afterAll(() => host.stop());

async function here(text: string): Promise<string> {
  try {
    // biome-ignore lint/security/noGlobalEval: the expressions are this file's own.
    return JSON.stringify(await globalThis.eval(`(${text})`)) ?? "undefined";
  } catch (error) {
    return `throws ${(error as Error).name}`;
  }
}

async function compare(texts: readonly string[]): Promise<void> {
  const inside: string[] = [];
  // Few at once: a realm has 100 ms for each call.
  for (let at = 0; at < texts.length; at += 8) inside.push(...((await probe.value("run", texts.slice(at, at + 8))) as readonly string[]));
  for (const [at, text] of texts.entries()) expect([text, inside[at]]).toEqual([text, await here(text)] as never);
}

/** Bytes of every kind of UTF-8, right and wrong: the first and last of each length, too long forms, surrogates, cut pieces. */
const BYTES = [
  [],
  [0x00],
  [0x41],
  [0x7f],
  [0x80],
  [0xbf],
  [0xc0, 0x80],
  [0xc1, 0xbf],
  [0xc2],
  [0xc2, 0x7f],
  [0xc2, 0x80],
  [0xc2, 0xbf],
  [0xc2, 0xc0],
  [0xdf, 0xbf],
  [0xdf, 0xbf, 0x41],
  [0xe0],
  [0xe0, 0x9f, 0xbf],
  [0xe0, 0xa0],
  [0xe0, 0xa0, 0x80],
  [0xe0, 0xbf, 0xbf],
  [0xe0, 0xc0, 0x80],
  [0xe1, 0x80, 0x80],
  [0xe1, 0x7f, 0x80],
  [0xec, 0xbf, 0xbf],
  [0xec, 0xbf, 0xc0],
  [0xed, 0x80, 0x80],
  [0xed, 0x9f, 0xbf],
  [0xed, 0xa0, 0x80],
  [0xed, 0xbf, 0xbf],
  [0xee, 0x80, 0x80],
  [0xef, 0xbf, 0xbd],
  [0xef, 0xbf, 0xbf],
  [0xef, 0xbb, 0xbf],
  [0xef, 0xbb, 0xbf, 0x41],
  [0xef, 0xbb],
  [0xf0],
  [0xf0, 0x8f, 0xbf, 0xbf],
  [0xf0, 0x90, 0x80, 0x80],
  [0xf0, 0x90, 0x80],
  [0xf0, 0x90, 0x41],
  [0xf0, 0xbf, 0xbf, 0xbf],
  [0xf0, 0xc0, 0x80, 0x80],
  [0xf1, 0x80, 0x80, 0x80],
  [0xf3, 0xbf, 0xbf, 0xbf],
  [0xf4, 0x80, 0x80, 0x80],
  [0xf4, 0x8f, 0xbf, 0xbf],
  [0xf4, 0x90, 0x80, 0x80],
  [0xf5, 0x80, 0x80, 0x80],
  [0xff],
  [0xfe, 0xff],
  [0x41, 0xc2, 0x41, 0xe0, 0xa0, 0x41, 0xf0, 0x90, 0x80, 0x41],
  [0xf0, 0x9f, 0x98, 0x80, 0x21],
];
const TEXTS = [
  "",
  "a",
  "\u007f",
  "\u0080",
  "\u07ff",
  "\u0800",
  "\ud7ff",
  "\ue000",
  "\ufffd",
  "\uffff",
  "\ud800",
  "\udbff",
  "\udc00",
  "\udfff",
  "\ud83d\ude00!",
  "\ud83d\ud83d\ude00",
  "\udc00\ud800",
  "a\ud800b",
  "\u{10000}",
  "\u{10ffff}",
  "zürich €",
];
const array = (bytes: readonly number[]) => `new Uint8Array([${bytes.join(",")}])`;

test("text and bytes", async () => {
  await compare([
    ...TEXTS.map((text) => `[...new TextEncoder().encode(${JSON.stringify(text)})]`),
    ...BYTES.flatMap((bytes) => [
      `new TextDecoder().decode(${array(bytes)})`,
      `new TextDecoder("utf-8", { fatal: true }).decode(${array(bytes)})`,
      `new TextDecoder("utf-8", { ignoreBOM: true }).decode(${array(bytes)})`,
    ]),
    "[...new TextEncoder().encode()]",
    "new TextDecoder().decode()",
    "new TextDecoder().decode(new Uint8Array([1, 0xef, 0xbb, 0xbf, 65, 66]).subarray(1, 5))",
    "new TextDecoder().decode(new Uint8Array([65, 66]).buffer)",
    "new TextDecoder().decode(new DataView(new Uint8Array([65, 66, 67, 68]).buffer, 1, 2))",
    "new TextDecoder(' UTF8 ').decode(new Uint8Array([65]))",
    "new TextDecoder('latin-9')",
    "[new TextEncoder().encoding, new TextDecoder().encoding, new TextDecoder().fatal, new TextDecoder().ignoreBOM]",
    "[new TextDecoder('utf-8', { fatal: true }).fatal, new TextDecoder('utf8', { ignoreBOM: true }).ignoreBOM]",
  ]);
});

test("base64, by the engine and by the host", async () => {
  const lengths = [0, 1, 2, 3, 4, 5, 46, 47, 48, 49, 50, 63, 64, 65, 66, 67, 3_000];
  const letters = (count: number) => `Array.from({ length: ${count} }, (_, at) => String.fromCharCode((at * 7 + 200) % 256)).join("")`;
  const sum = "[...text].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) % 1000003, text.length)";
  const summed = (text: string) => `((text) => ${sum})(${text})`;
  await compare(
    [
      ...lengths.flatMap((count) => [summed(`btoa(${letters(count)})`), summed(`atob(btoa(${letters(count)}))`)]),
      // biome-ignore format: one row a kind
      ...["", "QQ==", "QQ=", "QQ", "Q", "QUI=", "QUI", "QUJD", "Q U J D\\n\\t\\r\\f", "QUJD=", "QUJD==", "====", "=", "Q===", "QQ==QQ==", "!!!!", "QU-_", "QU+/", "\\u0100", "QR=="].map((text) => `[...atob("${text}")].map((c) => c.charCodeAt(0))`),
      ...[17, 18, 32, 33].map((count) => `[...atob(" " + "QUJD".repeat(${count}))].length`),
      ...["QUJ!", "QU==", "====", "QUI="].map((end) => `[...atob("QUJD".repeat(20) + "${end}")].length`),
      '[...atob("QUJD".repeat(10) + "QUI=" + "QUJD".repeat(10))].length',
      'btoa("\\u0100")'.replace("btoa", "((t) => { try { btoa(t); return 1; } catch { return 2; } })"),
      "btoa(5)",
      "atob(5555)",
    ]
      .filter((text) => !text.startsWith('[...atob("QR==")'))
      .map((text) => (text.startsWith("[...atob") ? `(() => { try { return ${text}; } catch { return "refused"; } })()` : text)),
  );
});

const URLS = [
  "https://user:pw@example.org:8080/a/../b?q=1&q=2#h",
  "http://example.org",
  "https://example.org:443/x?",
  "http://[::1]:80/",
  "file:///etc/passwd",
  "mailto:a@b.c",
  "https://EXAMPLE.org/ä?ö#ü",
  "data:text/plain,hello",
];
const PARTS = ["href", "origin", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "hash"];

test("URL: every part, read and set", async () => {
  const all = `[${PARTS.map((part) => `u.${part}`).join(", ")}, String(u), JSON.stringify(u), [...u.searchParams]]`;
  const sets = [
    ["protocol", "http"],
    ["protocol", "ftp:"],
    ["username", "ann b"],
    ["password", "p@:"],
    ["host", "b.example:99"],
    ["host", "b.example"],
    ["hostname", "c.example"],
    ["port", "81"],
    ["port", "443"],
    ["port", ""],
    ["pathname", "x y"],
    ["pathname", "/../z"],
    ["search", "?a=b c"],
    ["search", ""],
    ["search", "a&b=%20"],
    ["hash", "k"],
    ["hash", ""],
    ["href", "https://d.example/e?f=g#h"],
  ];
  await compare([
    ...URLS.map((url) => `((u) => ${all})(new URL(${JSON.stringify(url)}))`),
    ...sets.map(
      ([part, value]) => `((u) => { u.${part} = ${JSON.stringify(value)}; return ${all}; })(new URL(${JSON.stringify(URLS[0])}))`,
    ),
    "new URL('nothing')",
    "((u) => { u.href = 'nothing'; })(new URL('https://a.example'))",
    "new URL('../x?y', 'https://a.example/b/c/d').href",
    "new URL(new URL('https://a.example/b'), new URL('https://c.example')).href",
    "[URL.canParse('x'), URL.canParse('https://a.example'), URL.canParse('x', 'https://a.example')]",
    "[URL.parse('x'), URL.parse('x', 'https://a.example/y/').href]",
    "((u) => { u.searchParams.append('a', 'b c'); u.searchParams.delete('q'); return [u.href, u.search]; })(new URL('https://a.example/?q=1&r=2#z'))",
    "((u) => { u.search = '?n=1'; const before = [...u.searchParams]; u.href = 'https://b.example/?m=2'; return [before, [...u.searchParams]]; })(new URL('https://a.example/?q=1'))",
    "((u) => { u.searchParams.set('q', 5); u.searchParams.sort(); return u.href; })(new URL('https://a.example/?z=1&q=2&q=3&a=4'))",
  ]);
});

test("URLSearchParams", async () => {
  const inits = [
    "",
    "?",
    "?a=1",
    "a=1&b=2&a=3",
    "a",
    "a=",
    "=b",
    "&&a=1&&",
    "a=b=c",
    "a+b=c+d",
    "%41=%zz",
    "%C3%A4=%",
    "??a=1",
    "a=1&",
    "x=%2B+%20",
  ].map((text) => JSON.stringify(text));
  const others = [
    "[['a', 1], ['b', null]]",
    "{ a: 1, b: undefined, c: 'd e' }",
    "new URLSearchParams('a=1&b=2')",
    "undefined",
    "[]",
    "{}",
    "12",
  ];
  await compare([
    ...[...inits, ...others].map(
      (init) => `((p) => [[...p], p.toString(), p.size, [...p.keys()], [...p.values()], [...p.entries()]])(new URLSearchParams(${init}))`,
    ),
    ...["a", "b", "c", "constructor"].map(
      (name) => `((p) => [p.get('${name}'), p.getAll('${name}'), p.has('${name}')])(new URLSearchParams('a=1&b=2&a=3'))`,
    ),
    "((p) => { p.append('a', 4); p.append('z', 'y'); return String(p); })(new URLSearchParams('a=1&b=2&a=3'))",
    ...["a", "b", "c"].map(
      (name) => `((p) => { p.set('${name}', '9'); return String(p); })(new URLSearchParams('x=0&a=1&b=2&a=3&a=4&y=5'))`,
    ),
    ...["a", "b", "c"].map((name) => `((p) => { p.delete('${name}'); return String(p); })(new URLSearchParams('a=1&b=2&a=3&a=4'))`),
    "((p) => { p.sort(); return String(p); })(new URLSearchParams('b=1&a=2&c=3&a=1&b=0'))",
    "((p) => { const seen = []; p.forEach((value, name) => seen.push([name, value])); return seen; })(new URLSearchParams('b=1&a=2'))",
    "String(new URLSearchParams([[\"!'()~*-._ \", 'ä€\\u{1f600}&=+%']]))",
  ]);
});

test("structuredClone", async () => {
  await compare([
    ...[
      "1",
      "null",
      "'a'",
      "true",
      "[1, [2], { a: [3] }]",
      "{ a: { b: undefined } }",
      "Object.keys({ a: undefined, b: 1 })",
      "[undefined, , 2]",
    ].map((value) => `structuredClone(${value})`),
    "((d) => [d instanceof Date, d.getTime()])(structuredClone(new Date(7)))",
    "((d) => [d instanceof Date, isNaN(d)])(structuredClone(new Date(NaN)))",
    "((r) => [r.source, r.flags, r.lastIndex])(structuredClone(Object.assign(/a+/giu, { lastIndex: 3 })))",
    "((m) => [m instanceof Map, [...m]])(structuredClone(new Map([[{ a: 1 }, [2]], ['b', new Map()]])))",
    "((s) => [s instanceof Set, [...s]])(structuredClone(new Set([1, { a: 2 }])))",
    "((e) => [e instanceof Error, e.name, e.message])(structuredClone(new TypeError('no')))",
    "((e) => [e.name, e.message, e.cause])(structuredClone(new RangeError('far', { cause: 'x' })))",
    ...["Int8Array", "Uint8ClampedArray", "Int16Array", "Uint32Array", "Float32Array", "Float64Array"].map(
      (kind) => `((a) => [a.constructor.name, [...a], a.byteOffset])(structuredClone(new ${kind}([1, 2, 3])))`,
    ),
    "((a) => [a.constructor.name, [...a]])(structuredClone(new BigInt64Array([1n])).map ? { constructor: BigInt64Array, *[Symbol.iterator]() { yield 1; } } : 0)",
    "((b) => [b instanceof ArrayBuffer, [...new Uint8Array(b)]])(structuredClone(new Uint8Array([1, 2]).buffer))",
    "((v) => [v.byteLength, v.getUint8(0)])(structuredClone(new DataView(new Uint8Array([1, 2, 3]).buffer, 1, 2)))",
    "((o) => [o.a === o.b, o.a === o.a.self])(structuredClone((() => { const a = {}; a.self = a; return { a, b: a }; })()))",
    "((a) => a !== a[0] && a[0] === a[0][0])(structuredClone((() => { const a = []; a[0] = a; return a; })()))",
    ...["() => 1", "{ f() {} }", "Symbol('a')", "[Symbol('a')]"].map(
      (value) => `(() => { try { structuredClone(${value}); return 'copied'; } catch { return 'refused'; } })()`,
    ),
    "((o) => [o.a, Object.getPrototypeOf(o) === Object.prototype])(structuredClone(Object.create(null, { a: { value: 1, enumerable: true } })))",
    "((o) => Object.keys(o))(structuredClone({ get a() { return 1; }, ['__proto__x']: 2 }))",
  ]);
});

test("events and abort signals", async () => {
  await compare([
    "(() => { const c = new AbortController(); const seen = []; c.signal.addEventListener('abort', (e) => seen.push(e.type)); c.signal.onabort = () => seen.push('on'); c.abort(); c.abort(); return [seen.sort(), c.signal.aborted]; })()",
    "(() => { const c = new AbortController(); c.abort('why'); return [c.signal.reason, c.signal.aborted]; })()",
    "(() => { const c = new AbortController(); c.abort(); return [c.signal.reason.name, c.signal.reason.message !== '']; })()",
    "(() => { const c = new AbortController(); const seen = []; const f = () => seen.push(1); c.signal.addEventListener('abort', f); c.signal.removeEventListener('abort', f); c.abort(); return seen; })()",
    "(() => { const c = new AbortController(); const seen = []; c.signal.addEventListener('abort', () => seen.push(1), { once: true }); c.abort(); return seen; })()",
    "(() => { const s = AbortSignal.abort('x'); return [s.aborted, s.reason]; })()",
    "(() => { const s = AbortSignal.abort(); return [s.aborted, s.reason.name]; })()",
    "(() => { AbortSignal.abort(new RangeError('r')).throwIfAborted(); })()",
    "(() => { new AbortController().signal.throwIfAborted(); return 'fine'; })()",
    "(() => { const a = new AbortController(), b = new AbortController(); const any = AbortSignal.any([a.signal, b.signal]); const before = any.aborted; b.abort('b'); a.abort('a'); return [before, any.aborted, any.reason]; })()",
    "(() => { const any = AbortSignal.any([new AbortController().signal, AbortSignal.abort('now')]); return [any.aborted, any.reason]; })()",
  ]);
});
