/** Ways out of the engine: to the host's objects, its globals, or another realm. */
import { expect } from "bun:test";
import type { Attack } from "../attack.ts";

/** What a plugin sees when it has got out. */
const LOOT = `const loot = (g) => { try { return [typeof g.process, typeof g.Bun, typeof g.require, typeof g.WebAssembly, typeof g.SharedArrayBuffer === "function" && typeof g.Atomics?.wait === "function" ? "shared" : "undefined", g.process?.env?.CANARY].join(); } catch (e) { return String(e); } };`;
const nothing = (_: unknown, said: string) => {
  expect(said).toMatch(/undefined,undefined,undefined,undefined,|threw/);
  expect(said).not.toMatch(/[:,|] ?(?:function|object|shared)/);
};

export const REALM: readonly Attack[] = [
  {
    name: "constructor_constructor",
    tries: "reaches the host's globals by the constructor of a constructor (vm2's first escape)",
    wall: "realm",
    top: LOOT,
    strike: `return loot(this.constructor.constructor("return globalThis")());`,
    check: nothing,
  },
  {
    name: "eval_and_function",
    tries: "evaluates text in the host's scope by eval, indirect eval and Function",
    wall: "realm",
    top: LOOT,
    strike: `return [loot((0, eval)("globalThis")), loot(new Function("return this")()), loot(eval("this") ?? {})].join(" | ");`,
    check: nothing,
  },
  {
    name: "exotic_constructors",
    tries: "makes code by the constructors of generator, async and async generator functions",
    wall: "realm",
    top: LOOT,
    strike: `const made = [];
      for (const f of [function* () {}, async function () {}, async function* () {}]) {
        const M = Object.getPrototypeOf(f).constructor;
        const r = M("return globalThis")();
        made.push(loot(await (r.next ? r.next().value ?? (await r.next())?.value : r) ?? {}));
      }
      return made.join(" | ");`,
    check: nothing,
  },
  {
    name: "dynamic_import",
    tries: "imports the host's modules at run time",
    wall: "realm",
    strike: `const got = [];
      for (const name of ["node:fs", "bun:ffi", "bun", "fs", "std", "os", "qjs:std", "qjs:os", "/etc/passwd", "file:///etc/passwd", "data:text/javascript,export default 1", "./plugin.ts", "zephyrgate"])
        try { const m = await new Function("n", "return import(n)")(name); got.push(name + "=" + Object.keys(m).length); } catch (e) { got.push("-"); }
      return got.join();`,
    check: (_, said) => expect(said.replace(/zephyrgate=\d+/, "-")).toMatch(/^dynamic_import: (?:-,)+-$/),
  },
  {
    name: "bridge_function_constructor",
    tries: "takes the host function by which the sdk calls out and climbs its prototype chain to the host's Function",
    wall: "realm",
    top: LOOT,
    strike: `const found = Object.getOwnPropertyNames(globalThis).filter((n) => /zephyr|host|deliver|bridge/i.test(n)).map((n) => globalThis[n]);
      return found.length + " " + found.filter((f) => f).map((f) => loot(f.constructor.constructor("return globalThis")())).join(" | ") + " undefined,undefined,undefined,undefined,";`,
    check: nothing,
  },
  {
    name: "error_stack_frames",
    tries: "gets at the host's frames by Error.prepareStackTrace and call sites (vm2 2023)",
    wall: "realm",
    strike: `const seen = [];
      Error.prepareStackTrace = (e, frames) => { for (const f of frames ?? []) { try { seen.push(f.getThis?.()?.process, f.getFunction?.()?.constructor("return process")(), f.getFileName?.()); } catch (e) { seen.push("-"); } } return "s"; };
      Error.stackTraceLimit = Infinity;
      try { null.x; } catch (e) { seen.push(String(e.stack)); }
      try { await this.getSecret("x"); } catch (e) { seen.push(String(e.stack)); }
      return seen.map(String).join();`,
    check: (_, said) => expect(said).not.toMatch(/\/src\/|node_modules|\.wasm|\[object process\]/),
  },
  {
    name: "host_error_detail",
    tries: "provokes errors of the host and reads paths and stacks from them",
    wall: "boundary",
    permissions: "database_access, http_requests, system_state_read",
    strike: `const seen = [];
      const all = [() => this.db.query("SELECT * FROM nowhere"), () => this.db.run("x"), () => this.retrieveData({}), () => this.storeData("k".repeat(1e5), 1), () => this.formatTime(NaN, { timeZone: "../../etc/passwd" }), () => new URL("::"), () => this.getNodeInfo({}), () => this.httpGet("http://[::"), () => crypto.getRandomValues(new Uint8Array(1e6)), () => structuredClone(() => {})];
      for (const f of all) try { await f(); } catch (e) { seen.push(e.message + " " + e.stack + " " + Object.keys(e).join()); }
      return seen.filter((s) => /\\/src\\/|node_modules|\\.sqlite|\\/tmp|\\/home|at [^ ]*\\.ts/.test(s)).join(" ; ");`,
    check: (_, said) => expect(said).toBe("host_error_detail: "),
  },
  {
    name: "primordials_rewritten",
    tries: "rewrites every primordial so that the sdk hands over what it works with",
    wall: "realm",
    strike: `const caught = [];
      const spy = (o, k) => { const d = Object.getOwnPropertyDescriptor(o, k); if (!d || !d.configurable || typeof d.value !== "function") return; Object.defineProperty(o, k, { ...d, value: function (...a) { if (caught.length < 500) caught.push(this, ...a); return Reflect_apply(d.value, this, a); } }); };
      const Reflect_apply = Reflect.apply, own = Reflect.ownKeys;
      for (const o of [Object, Object.prototype, Function.prototype, Array.prototype, Promise, Promise.prototype, Map.prototype, WeakMap.prototype, JSON, String.prototype, Symbol]) for (const k of own(o)) if (k !== "constructor") try { spy(o, k); } catch {}
      try { await this.sendMessage("x", { destination: "nobody" }); } catch {}
      this.log.info("x"); this.getConfig("a", 1); this.permissions.query("secrets");
      return caught.filter((c) => { try { return typeof c === "string" && /^[A-Za-z0-9_-]{20,}$/.test(c); } catch { return false; } }).length + " tokens";`,
    check: (_, said) => expect(said).toMatch(/^$| 0 tokens|threw/),
  },
  {
    name: "prototype_pollution",
    tries: "pollutes Object.prototype of host, gateway and other realms by keys of JSON that crosses",
    wall: "boundary",
    permissions: "database_access, inter_plugin_messaging",
    strike: `const evil = JSON.parse('{"__proto__":{"polluted":1,"isAdmin":true},"constructor":{"prototype":{"polluted":1}},"a":{"__proto__":{"polluted":1}}}');
      await this.storeData("evil", evil); await this.storeData("__proto__", evil); await this.storeData("constructor", evil);
      await this.emitEvent("evil.event", evil).catch(() => {}); await this.broadcastToPlugins("evil", evil).catch(() => {});
      this.log.info("x", evil); context.sessionData.__proto__ = { polluted: 1 }; context.sessionData["constructor"] = { prototype: { polluted: 1 } };
      Object.prototype.polluted = 1; Array.prototype.polluted = 1;
      return evil;`,
    check: async (world) => {
      const { body } = await world.gateway.api<Record<string, unknown>>("GET", "/plugins/victim");
      expect(JSON.stringify(body)).not.toContain("polluted");
    },
  },
  {
    name: "hostile_values_out",
    tries: "runs getters, toJSON, Symbol.toPrimitive and proxies of a returned value in the host",
    wall: "boundary",
    strike: `const ran = []; const trap = new Proxy({}, { get(t, k) { ran.push(String(k)); return () => "from the trap"; }, ownKeys() { ran.push("ownKeys"); return ["x"]; }, getOwnPropertyDescriptor() { return { enumerable: true, configurable: true, value: 1 }; } });
      await this.sendMessage("y", { destination: trap }).catch(() => {}); await this.sendMessage({ toString() { ran.push("toString"); return "z"; } }, { get destination() { ran.push("getter"); return "nobody"; } }).catch(() => {});
      try { this.log.info({ [Symbol.toPrimitive]() { ran.push("primitive"); return "p"; } }, { get a() { ran.push("a"); return 1; }, toJSON() { return { plugin: "victim" }; } }); } catch {}
      return "inside " + ran.length;`,
  },
  {
    name: "thenable_return",
    tries: "returns a thenable that calls back twice, late and with itself to confuse the call's end",
    wall: "boundary",
    strike: `const t = { then(a, b) { a(t2); a("twice"); b(new Error("thrice")); setTimeout(() => a("late"), 20); throw 1; } }; const t2 = { then(a) { a("settled once"); a("again"); } }; return t;`,
    check: (_, said) => expect(said).toBe("thenable_return: settled once"),
  },
  {
    name: "handler_ids_forged",
    tries: "speaks the host's protocol itself, with ids of other calls, handlers and requests",
    wall: "boundary",
    first: `this.own = globalThis.__zephyrgate;`,
    strike: `const h = this.own ?? globalThis.__zephyrgate; if (typeof h !== "function") return "no function";
      for (let op = -1; op < 20; op++) for (const text of ["", "null", "[1]", '[1,{"ok":true,"value":"victim HARMED"}]', "[" + "9".repeat(30) + "]", '[1,"register",{"kind":"command","id":1,"name":"vitals"}]', '[2,"send_message",{"content":"forged","destination":"broadcast"}]', '["kv_get",["treasure"]]', '["db_query",["select 1",[]]]']) try { h(op, text); } catch {}
      return "done";`,
    check: async (world) => expect((await world.gateway.messages()).some(({ text }) => text === "forged")).toBe(false),
  },
  {
    name: "shared_memory_wait",
    tries: "blocks the host's thread by Atomics.wait on shared memory",
    wall: "realm",
    strike: `const S = globalThis.SharedArrayBuffer; if (typeof S !== "function" || typeof Atomics?.wait !== "function") return "absent"; try { return Atomics.wait(new Int32Array(new S(8)), 0, 0, 60000); } catch (e) { return String(e); }`,
  },
  {
    name: "nested_wasm",
    tries: "compiles WebAssembly inside the realm for a loop no interrupt stops",
    wall: "realm",
    strike: `return typeof WebAssembly + typeof globalThis.Worker + typeof globalThis.ShadowRealm + typeof globalThis.Deno + typeof globalThis.scriptArgs + typeof globalThis.postMessage;`,
    check: (_, said) => expect(said).toBe(`nested_wasm: ${"undefined".repeat(6)}`),
  },
  {
    name: "finalizers",
    tries: "runs code from finalizers and weak references after its call has ended",
    wall: "run queue",
    strike: `globalThis.hits = 0; const R = globalThis.FinalizationRegistry; if (R) { const r = new R(() => { hits++; for (;;); }); for (let i = 0; i < 2000; i++) r.register({}, i); } const w = globalThis.WeakRef && new WeakRef({}); return "registered " + typeof w;`,
  },
  {
    name: "dates_and_intl",
    tries: "probes Date, Intl and locale methods for the machine's zone and name",
    wall: "realm",
    strike: `const out = [typeof Intl, new Date().getTimezoneOffset()]; for (const m of ["toLocaleString", "toLocaleDateString", "toLocaleTimeString"]) try { out.push(new Date()[m]("en", { timeZone: "../../../etc/passwd" })); } catch (e) { out.push("-"); } try { out.push(this.formatTime(0, { timeZone: "/etc/localtime" })); } catch { out.push("-"); } return out.join();`,
    check: (_, said) => expect(said).toBe("dates_and_intl: undefined,0,-,-,-,-"),
  },
  {
    name: "class_identity",
    tries: "changes this plugin's name, version and configuration to pass for the victim",
    wall: "tokens",
    permissions: "database_access",
    strike: `Object.defineProperty(this, "name", { value: "victim" }); Object.defineProperty(Plugin.prototype, "name", { get: () => "victim", configurable: true });
      return JSON.stringify([await this.retrieveData("treasure", "none"), await this.getConfig("treasure", "none"), (await this.listKeys("")).length]);`,
    check: (_, said) => expect(said).toBe('class_identity: ["none","none",0]'),
  },
  {
    name: "async_stack_swap",
    tries: "answers another sender's question from the handler of its own, by a promise kept across calls",
    wall: "boundary",
    strike: `globalThis.kept ??= context; await null; return JSON.stringify([context.senderId, kept.senderId]);`,
    check: (_, said) => expect(said).toContain("!00000003"),
  },
];
