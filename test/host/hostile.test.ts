import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { registrationId } from "../../src/ids.ts";
import type { PluginHost } from "../../src/sandbox/port.ts";
import { startInProcessHost } from "../../src/testing/in-process-host.ts";
import { openProbe, type Probe, spec, watcher, withHost } from "../sandbox/support.ts";

setDefaultTimeout(120_000);

/** A second realm of the same host, which must go on answering whatever the first does. */
async function neighbour(host: PluginHost): Promise<Probe> {
  return await openProbe(host, "hello(name) { return 'hello ' + name; }");
}

async function answers(probe: Probe): Promise<void> {
  expect(await probe.value("hello", "you")).toBe("hello you");
}

const cutShort: Readonly<Record<string, string>> = {
  "an endless loop": "while (true) {}",
  "an endless loop in finally": "try { while (true) {} } finally { while (true) {} }",
  "a loop that catches everything": "for (;;) { try { while (true) {} } catch {} }",
  "a catastrophic pattern": "/^(a+)+$/.test('a'.repeat(40) + 'b')",
  "an endless getter": "JSON.stringify({ get x() { while (true) {} } })",
  "an endless toJSON on the way out": "return { toJSON() { while (true) {} } }",
  "an endless proxy on the way out": "return new Proxy({}, { ownKeys() { while (true) {} } })",
  "an endless generator": "for (const _ of (function* () { while (true) yield 1; })()) {}",
};

describe("cut short without harm to others", () => {
  for (const [name, body] of Object.entries(cutShort)) {
    test(name, () =>
      withHost(async (host) => {
        const other = await neighbour(host);
        const bad = await openProbe(host, `go() { ${body} }, ok() { return 1; }`);
        expect(await bad.act("go")).toMatchObject({ ok: false, cause: "slice" });
        expect(bad.seen.strikes[0]?.reason).toBe("slice");
        await answers(other);
        expect(await bad.value("ok")).toBe(1);
      }),
    );
  }

  test("an endless loop while loading fails the load", () =>
    withHost(async (host) => {
      const opened = await host.open(spec("while (true) {}"), watcher().events);
      expect(opened.ok).toBe(false);
      await answers(await neighbour(host));
    }));

  test("a loop in a promise job", () =>
    withHost(async (host) => {
      const other = await neighbour(host);
      const bad = await openProbe(host, "async go() { await null; while (true) {} }");
      expect(await bad.act("go")).toMatchObject({ ok: false, cause: "slice" });
      await answers(other);
    }));
});

/** Time enough to use the memory up on a slow machine: it is the memory that must end it. */
const LONG_SLICE = { limits: { ...spec("").limits, sliceMs: 2_000 } };

describe("memory", () => {
  test("endless allocation fails that call alone", () =>
    withHost(async (host) => {
      const other = await neighbour(host);
      const bad = await openProbe(host, "go() { const a = []; for (;;) a.push('x'.repeat(1e5) + a.length); }", LONG_SLICE);
      expect(await bad.act("go")).toMatchObject({ ok: false, cause: "memory" });
      await answers(other);
    }));

  test("5,000 arrays of 64 KB kept end the realm alone, and it can be opened anew", () =>
    withHost(async (host) => {
      const other = await neighbour(host);
      const members =
        "go() { globalThis.kept = []; for (let i = 0; i < 5000; i++) kept.push(new Uint8Array(65536).fill(1)); }, ok() { return 1; }";
      const bad = await openProbe(host, members, LONG_SLICE);
      expect(await bad.act("go")).toMatchObject({ ok: false, cause: "memory" });
      await answers(other);
      expect(bad.seen.gone[0]?.reason).toBe("memory");
      expect(await (await openProbe(host, members)).value("ok")).toBe(1);
    }));

  test("one huge text is refused and the realm lives", () =>
    withHost(async (host) => {
      const bad = await openProbe(host, "go() { return 'x'.repeat(2 ** 28); }, ok() { return 1; }");
      expect(await bad.act("go")).toMatchObject({ ok: false });
      expect(await bad.value("ok")).toBe(1);
    }));
});

describe("depth", () => {
  const bodies = {
    recursion: "const f = () => f() + 1; f();",
    "nested data inwards": "JSON.parse('['.repeat(200000));",
    "nested data outwards": "let x = []; for (let i = 0; i < 1e4; i++) x = [x]; return x;",
    "nested source": "(0, eval)('('.repeat(100000));",
    "nested patterns": "new RegExp('(?:'.repeat(50000));",
    "a chain of proxies": "let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); return p.x;",
  };
  for (const [name, body] of Object.entries(bodies)) {
    test(name, () =>
      withHost(async (host) => {
        const other = await neighbour(host);
        const bad = await openProbe(host, `go() { ${body} }`);
        expect((await bad.act("go")).ok).toBe(false);
        await answers(other);
      }),
    );
  }
});

test("ten chains of 90 ms timers do not keep another realm waiting for long", () =>
  withHost(async (host) => {
    const other = await neighbour(host);
    const chain =
      "const spin = () => { this.log.info('step'); const end = Date.now() + 90; while (Date.now() < end) {} setTimeout(spin, 10); }; setTimeout(spin, 10);";
    const tokens = { schedule_tasks: "t" };
    const seen = watcher();
    const hogs = await Promise.all(Array.from({ length: 10 }, () => openProbe(host, `go() { ${chain} }`, { tokens }, seen)));
    for (const hog of hogs) await hog.act("go");
    // Counted in steps, not in time: a busy machine has too little time for the budgets that slow the chains down further.
    for (let count = 0; count < 20; count++) {
      const before = seen.logs.length;
      await answers(other);
      // Realms take turns: each chain does one step, and one of them may be at its next.
      expect(seen.logs.length - before).toBeLessThanOrEqual(hogs.length + 1);
      await Bun.sleep(20);
    }
    expect(seen.logs.length).toBeGreaterThan(hogs.length);
  }));

test("a promise that never settles times out and holds up nobody", () =>
  withHost(async (host) => {
    const other = await neighbour(host);
    const bad = await openProbe(host, "go() { return new Promise(() => {}); }");
    const { outcome } = bad.realm.call({ kind: "handler", registration: registrationId(1) }, [{ name: "go" }], 100);
    await answers(other);
    expect(await outcome).toMatchObject({ ok: false, cause: "timeout" });
  }));

test("the 65th call in flight is overloaded, and there is room again afterwards", () =>
  withHost(async (host) => {
    const bad = await openProbe(host, "go() { return new Promise(() => {}); }, ok() { return 1; }");
    const calls = Array.from(
      { length: 64 },
      () => bad.realm.call({ kind: "handler", registration: registrationId(1) }, [{ name: "go" }], 300).outcome,
    );
    expect(await bad.act("ok")).toMatchObject({ ok: false, cause: "overloaded" });
    await Promise.all(calls);
    expect(await bad.value("ok")).toBe(1);
  }));

test("a microtask that requeues itself for ever is throttled and others answer", () =>
  withHost(async (host) => {
    const other = await neighbour(host);
    const bad = await openProbe(host, "go() { const again = () => queueMicrotask(again); again(); }");
    expect((await bad.act("go")).ok).toBe(true);
    for (let count = 0; count < 5; count++) await answers(other);
  }));

const rewriting = `
  for (const holder of [Object, Function, Array, String, Number, Boolean, Promise, Map, Set, WeakMap, Date, RegExp, Error, ArrayBuffer, Uint8Array, Symbol]) {
    for (const target of [holder, holder.prototype]) {
      for (const key of Reflect.ownKeys(target)) {
        try { const d = Object.getOwnPropertyDescriptor(target, key); if (d && d.configurable && typeof d.value === "function") todo.push([target, key]); } catch {}
      }
    }
  }
  for (const target of [JSON, Math, Reflect]) for (const key of Reflect.ownKeys(target)) if (typeof target[key] === "function") todo.push([target, key]);
  const define = Object.defineProperty;
  const evil = function () { throw new Error("rewritten"); };
  for (let i = 0; i < todo.length; i++) { try { define(todo[i][0], todo[i][1], { value: evil, writable: true, configurable: true }); } catch {} }`;

test("a plugin that rewrites every primordial still answers, and nobody else notices", () =>
  withHost(async (host) => {
    const other = await neighbour(host);
    const members = `break() { const todo = []; ${rewriting} return 1; }, ok() { return 2; }, async later() { return await 3; },
      say() { this.log.info("still here", { n: 1 }); return 4; }, key() { return this.getConfig("a.b", 0); }`;
    const bad = await openProbe(host, members, { config: { a: { b: 6 } } });
    expect(await bad.value("break")).toBe(1);
    expect(await bad.value("ok")).toBe(2);
    expect(await bad.value("say")).toBe(4);
    expect(await bad.value("key")).toBe(6);
    expect(bad.seen.logs.map((line) => line.message)).toContain("still here");
    await answers(other);
  }));

test("prototype pollution by values and keys reaches neither host nor others", () =>
  withHost(async (host) => {
    const other = await neighbour(host);
    const bad = await openProbe(
      host,
      'go() { Object.prototype.polluted = 1; return JSON.parse(\'{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}\'); }',
    );
    const value = await bad.value("go");
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(Object.hasOwn(value as object, "__proto__")).toBe(false);
    await answers(other);
  }));

test("forged ids and floods harm only their own realm", () =>
  withHost(async (host) => {
    const other = await neighbour(host);
    const answer = watcher(() => ({ ok: true, value: { id: "m" } }));
    const bad = await openProbe(
      host,
      `async flood() { let refused = 0; const all = []; for (let i = 0; i < 600; i++) all.push(this.sendMessage("x").catch(() => { refused++; })); await Promise.all(all); return refused; },
       lines() { for (let i = 0; i < 500; i++) this.log.info("line " + i); }`,
      {},
      answer,
    );
    expect(Number(await bad.value("flood"))).toBeGreaterThan(300);
    expect(answer.strikes[0]?.reason).toBe("flood");
    await bad.act("lines");
    expect(answer.logs.filter((line) => line.message.startsWith("line")).length).toBeLessThanOrEqual(100);
    await answers(other);
  }));

test("large values by the hundred do not fill the bridge", () =>
  withHost(async (host) => {
    const other = await neighbour(host);
    const members = `async go() { let refused = 0; const big = "x".repeat(190000); const all = [];
      for (let i = 0; i < 250; i++) all.push(this.sendMessage(big).catch(() => { refused++; })); await Promise.all(all); return refused; },
      big() { return "x".repeat(190000); }`;
    const bad = await openProbe(host, members, { limits: { memoryMb: 128, sliceMs: 2000, timeoutS: 10, storageMb: 16 } });
    expect(Number(await bad.value("go"))).toBeGreaterThan(0);
    await Promise.all(Array.from({ length: 60 }, () => bad.act("big")));
    await answers(other);
    expect(other.seen.gone).toEqual([]);
  }));

test("large answers by the hundred arrive while the realm is busy", () =>
  withHost(async (host) => {
    const seen = watcher(() => ({ ok: true, value: { id: "y".repeat(30_000) } }));
    const members =
      "async go() { const all = []; for (let i = 0; i < 200; i++) all.push(this.sendMessage('x')); return (await Promise.all(all)).length; }";
    const probe = await openProbe(host, members, {}, seen);
    expect(await probe.value("go")).toBe(200);
  }));

test("errors with hostile properties are put into words", () =>
  withHost(async (host) => {
    const members = `getters() { throw { get message() { throw 1; }, get name() { throw 2; } }; }, long() { throw new Error("x".repeat(1e6)); },
      proxy() { throw new Proxy({}, { get() { throw 1; } }); }, symbol() { throw Symbol("s"); }, none() { throw undefined; }`;
    const bad = await openProbe(host, members);
    for (const name of ["getters", "long", "proxy", "symbol", "none"]) {
      const outcome = await bad.act(name);
      expect(outcome).toMatchObject({ ok: false, cause: "threw" });
      if (!outcome.ok) expect(outcome.error.message.length).toBeLessThan(9000);
    }
  }));

test("twenty cut slices in a minute end the realm with strikes", async () => {
  const host = await startInProcessHost();
  const bad = await openProbe(host, "go() { while (true) {} }", { limits: { memoryMb: 16, sliceMs: 5, timeoutS: 10, storageMb: 16 } });
  for (let count = 0; count < 20; count++) await bad.act("go");
  expect(bad.seen.gone[0]?.reason).toBe("strikes");
  await host.stop();
});
