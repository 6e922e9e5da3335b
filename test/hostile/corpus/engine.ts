/**
 * What was reported against QuickJS-NG, QuickJS and their WebAssembly build in the last year, as far as a script can do it. Where a
 * report applies to the pinned engine, it corrupts the memory of one realm; nothing outside of it may notice.
 */
import { expect } from "bun:test";
import type { Attack } from "../attack.ts";

/** `about`: the public report. `applies`: whether the pinned engine (QuickJS-NG 0.12.1) shows it. */
export interface EngineReport extends Attack {
  readonly about: string;
  readonly applies: boolean;
}

const report = (name: string, about: string, applies: boolean, tries: string, strike: string): EngineReport => ({
  name: `engine_${name}`,
  about,
  applies,
  tries: `${tries} (${about})`,
  wall: "realm",
  manifest: "limits: { timeout_s: 3 }\n",
  strike,
  // The realm may end in any way: by its own error, cut, aborted, or with an answer.
  settles: new RegExp(`engine_${name}: |engine_${name} failed|engine_${name}\\b.*(?:strike|is restarted|realm ended|disabled)`),
  check: (world, said) => {
    // An address of the host, or its paths, would show that the reading left the realm's own memory.
    expect(said).not.toMatch(/0x7f[0-9a-f]{10}|\/usr\/|node_modules/);
    if (!applies) expect(said).not.toMatch(/LEAK|THERE|spoilt [1-9]/);
    expect(world.gateway.output).not.toMatch(/Segmentation fault|panic|SIGSEGV/);
  },
});

/** Looks whether neighbours in the heap were written over, and keeps the collector busy. */
const SPRAY = `const spray = []; for (let i = 0; i < 3000; i++) spray.push({ i, text: "neighbour" + i });
  return "spoilt " + spray.filter((each, i) => each.i !== i || each.text !== "neighbour" + i).length;`;

export const ENGINE: readonly EngineReport[] = [
  report(
    "concat_iterator",
    "quickjs-ng#1368",
    true,
    "frees an iterator while Iterator.concat still uses it",
    `for (let round = 0; round < 50; round++) { let whole; const part = { [Symbol.iterator]() { whole.return(); return [][Symbol.iterator](); } };
      whole = Iterator.concat(part); try { whole.next(); } catch {} } ${SPRAY}`,
  ),
  report(
    "concat_next_getter",
    "quickjs-ng#1440",
    true,
    "ends Iterator.concat from the getter of next",
    `for (let round = 0; round < 50; round++) { let whole; const part = { [Symbol.iterator]: () => ({ get next() { whole.return(); return () => ({ done: true }); } }) };
      whole = Iterator.concat(part, [1]); try { whole.next(); } catch {} } ${SPRAY}`,
  ),
  report(
    "weak_registry",
    "quickjs-ng#1352",
    true,
    "has a finalization registry freed by the weak map that holds it",
    `for (let round = 0; round < 20; round++) (() => { let key = Symbol("k"); const held = new WeakMap(); let registry = new FinalizationRegistry(() => {});
      registry.register(key, 1); held.set(key, registry); registry = null; key = null; })(); ${SPRAY}`,
  ),
  report(
    "async_generator",
    "quickjs-ng#1355",
    true,
    "enters an async generator again while its promise is resolved",
    `const open = () => { let done; const promise = new Promise((resolve) => { done = resolve; }); return { promise, done }; };
      const [a, b, c] = [open(), open(), open()]; let it, step = 0, busy = false;
      Object.defineProperty(Object.prototype, "then", { configurable: true, get() { if (busy || !it) return undefined; busy = true;
        try { if (step === 0) it.return(0); else if (step === 1) { it.next(1); it.return(1); } step++; } catch {} busy = false; } });
      async function* turns() { try { await a.promise; yield 1; await b.promise; yield 2; await c.promise; } finally { await c.promise; } }
      it = turns(); it.next(); a.done({}); await null; await null; b.done({}); c.done({}); await null; await null;
      delete Object.prototype.then; ${SPRAY}`,
  ),
  report(
    "long_array",
    "quickjs-ng#1468",
    true,
    "pushes onto an array of two thousand million, whose new size is negative",
    `const long = [1, 2, 3]; try { long.length = 0x7fffffff; long.push(4); long[0x1000] = { a: 1 }; long.fill(0x41, 0x7ffffff0); } catch {} ${SPRAY}`,
  ),
  report(
    "own_keys",
    "quickjs#535",
    true,
    "names 536,870,913 keys of a proxy, whose table is then eight bytes long",
    `let asked = 0; const keys = new Proxy([], { get(_, key) { if (key === "length") return 0x20000001; if (++asked > 5000) throw new Error("enough"); return "key" + asked; } });
      try { Reflect.ownKeys(new Proxy({}, { ownKeys: () => keys })); } catch {} ${SPRAY}`,
  ),
  report(
    "iterator_find",
    "quickjs-ng#1572",
    true,
    "has Iterator.prototype.find count the references of one object wrongly",
    `const one = {}; for (let round = 0; round < 200; round++) new Array(500).fill(one).values().find(() => false); one.a = { b: [one] }; ${SPRAY}`,
  ),
  report(
    "array_constructor",
    "quickjs-ng#1296, #1305",
    false,
    "shrinks the buffer while a typed array is made of it",
    `let seen = ""; for (const of of [(b) => b, (b) => new Uint8Array(b)]) { const buffer = new ArrayBuffer(4096, { maxByteLength: 4096 });
      const evil = new Proxy(function () {}, { get(t, k, r) { if (k !== "prototype") return Reflect.get(t, k, r); buffer.resize(0); return Uint8Array.prototype; } });
      try { seen += Reflect.construct(Uint8Array, [of(buffer)], evil).slice(0, 64).join(); } catch {} } if (/[1-9]/.test(seen)) return "LEAK " + seen; ${SPRAY}`,
  ),
  report(
    "array_sort",
    "quickjs-ng#1297",
    false,
    "shrinks the buffer while a typed array is sorted",
    `for (let trigger = 1; trigger < 2200; trigger += 97) { const buffer = new ArrayBuffer(256, { maxByteLength: 2560 }); const bytes = new Uint8Array(buffer);
      bytes.forEach((_, i) => { bytes[i] = i; }); bytes[255] = 0; let count = 0; try { bytes.sort((x, y) => { if (++count === trigger) buffer.resize(10); return x - y; }); } catch {} } ${SPRAY}`,
  ),
  report(
    "array_with",
    "quickjs#492",
    false,
    "shrinks and grows the buffer while with, at, fill, set and copyWithin convert their arguments",
    `const seen = []; for (const act of ["with", "at", "fill", "set", "copyWithin", "subarray", "slice", "lastIndexOf", "includes"]) for (const size of [0, 1, 8192]) {
      const buffer = new ArrayBuffer(4096, { maxByteLength: 8192 }); const bytes = new Uint8Array(buffer); const turn = { valueOf() { buffer.resize(size); return 4000; } };
      try { const got = act === "set" ? bytes.set({ length: 4096, get 0() { buffer.resize(size); return 1; } }) : bytes[act](turn, turn, turn); if (got?.some?.((b) => b !== 0 && b !== 160)) seen.push(act); } catch {} }
      if (seen.length > 0) return "LEAK " + seen; ${SPRAY}`,
  ),
  report(
    "buffer_slice",
    "quickjs-ng#1208, #1210",
    false,
    "frees the buffer behind slice and transfer",
    `const Real = ArrayBuffer; const buffer = new Real(4096, { maxByteLength: 8192 });
      Object.defineProperty(Real, Symbol.species, { configurable: true, value: function (n) { buffer.resize(1); return new Real(n); } });
      let seen = ""; try { seen = new Uint8Array(buffer.slice(1000, 4000)).join(""); } catch {} const moved = new Real(64); const view = new Uint8Array(moved); moved.transfer();
      if (/[1-9]/.test(seen) || view[0] !== undefined) return "LEAK"; ${SPRAY}`,
  ),
  report(
    "finalizers",
    "quickjs-ng#1318",
    false,
    "collects objects that observe each other by weak references and registries",
    `class Keeper { #registry = new FinalizationRegistry(() => {}); keep(key, value) { this.#registry.register(key, value, new WeakRef(key)); } }
      for (let i = 0; i < 500; i++) { const target = {}; const keeper = new Keeper(); keeper.keep(target, {}); target.back = new Set([keeper]); } ${SPRAY}`,
  ),
  report(
    "class_patterns",
    "quickjs-ng#1354, #1591",
    false,
    "compiles patterns that end in the middle of a class, and with hundreds of named groups",
    `for (const pattern of ["[]", "[", "[^", "[a-", "[\\\\q{", "(?<g>a)" + "|x".repeat(1000) + "|(?<g>c)", "(".repeat(5000)]) for (const flags of ["", "u", "v"]) try { new RegExp(pattern, flags).exec("a".repeat(100)); } catch {} ${SPRAY}`,
  ),
  report(
    "atomics_and_disposal",
    "quickjs-ng#1301, #1302, #1564, #1661",
    false,
    "uses Atomics and DisposableStack, which the pinned build does not have",
    `const there = ["Atomics", "SharedArrayBuffer", "DisposableStack", "AsyncDisposableStack"].filter((name) => typeof globalThis[name] !== "undefined"); if (there.length > 0) return "THERE " + there; ${SPRAY}`,
  ),
  report(
    "memory_pressure",
    "quickjs#528 to #532, quickjs-emscripten#257",
    false,
    "parses and runs code while nearly no memory is left",
    `const kept = []; try { for (;;) kept.push("x".repeat(100000) + kept.length); } catch {}
      for (let i = 0; i < 200; i++) { try { eval("function f(a" + i + "){ with({}){ let b = a" + i + "; { let c; var d; } return () => b } }"); } catch {} if (i % 20 === 0) kept.pop(); } kept.length = 0; ${SPRAY}`,
  ),
];
