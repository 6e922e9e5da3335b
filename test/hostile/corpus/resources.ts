/** Taking what others need: processor, memory, the bridge, the log, the air. */
import { expect } from "bun:test";
import type { PluginFiles } from "../../gateway/harness.ts";
import type { Attack } from "../attack.ts";

/** What the gateway's own process may have grown by after an attack, MB. The harm that was measured was 2,200. */
const GROWTH_MB = 200;

/** Plugins that each hang once in native code. */
export const HANGERS: Readonly<Record<string, PluginFiles>> = Object.fromEntries(
  ["hanger_a", "hanger_b", "hanger_c", "hanger_d", "hanger_e"].map((name) => [
    name,
    {
      manifest: `capabilities: { commands: [{ name: ${name} }] }\npermissions: [send_messages]\n`,
      code: `import { Plugin } from "zephyrgate";
export default class Hanger extends Plugin {
  initialize() { this.registerCommand("${name}", () => [].indexOf.call({ length: 9e15 }, 1), { help: "" }); }
}
`,
    },
  ]),
);

/** Of the host kept in memory; a lone attacker must not take it with itself. */
export const RESOURCES: readonly Attack[] = [
  {
    name: "endless_loop",
    tries: "never returns",
    wall: "run queue",
    strike: "for (;;);",
  },
  {
    name: "loop_in_finally",
    tries: "goes on in catch and finally when it is cut",
    wall: "run queue",
    strike: "for (;;) { try { for (;;); } catch { for (;;); } finally { for (;;); } }",
  },
  {
    name: "loop_while_loading",
    tries: "never ends its module's evaluation, so that the gateway never becomes ready",
    wall: "run queue",
    top: "for (;;);",
    strike: "",
    stays: /failed|backing_off|loading|disabled/,
  },
  {
    name: "promise_never_loads",
    tries: "awaits for ever at the top of its module",
    wall: "run queue",
    top: "await new Promise(() => {});",
    strike: "",
    stays: /failed|backing_off|loading|disabled/,
  },
  {
    name: "catastrophic_pattern",
    tries: "runs a regular expression that backtracks for ages",
    wall: "run queue",
    strike: "return /^(([a-z])+.)+[A-Z]([a-z])+$/.test('a'.repeat(5000));",
  },
  {
    name: "native_index_of",
    tries: "sits in one native array search that no interrupt reaches",
    wall: "watchdog",
    strike: "return [].indexOf.call({ length: 9e15 }, 1);",
    settles: /plugin host ended: watchdog/,
  },
  {
    name: "hanging_in_turn",
    tries: "has one plugin after the other hang, so that the innocent wait longer each time for their host",
    wall: "watchdog",
    act: async (world) => {
      for (const name of Object.keys(HANGERS)) {
        const from = world.gateway.output.length;
        await world.gateway.say(name, { from: world.asker() });
        await world.gateway.until(`${name} was ended`, () => /plugin host ended: watchdog/.test(world.gateway.output.slice(from)));
        await world.vitals();
      }
      // Each has a process of its own now.
      for (const name of Object.keys(HANGERS)) await world.gateway.api("POST", `/plugins/${name}/disable`);
      return "hung";
    },
    check: (world) => expect(world.gateway.output).not.toMatch(/plugin host shared died \d+ times in a row/),
  },
  {
    name: "native_string_search",
    tries: "sits in one native string search that no interrupt reaches",
    wall: "watchdog",
    strike: "return 'a'.repeat(2e5).indexOf('a'.repeat(1e5) + 'b');",
    settles: /plugin host ended: watchdog|native_string_search: strike/,
  },
  {
    name: "bigint_power",
    tries: "computes a power of a million digits in one native step",
    wall: "watchdog",
    strike: "let x = 3n ** 2000000n; for (let i = 0; i < 6; i++) x = x * x; return String(x).length;",
    settles: /plugin host ended|bigint_power: (?:strike|.*memory|bigint_power failed)/,
  },
  {
    name: "sort_comparator",
    tries: "changes the array inside its own comparator and getters while it is sorted",
    wall: "memory cap",
    strike:
      "const a = Array.from({ length: 2e4 }, (_, i) => i); a.sort(() => { a.length = 0; a.push(...Array(100).fill({})); return Math.random() - 0.5; }); return a.length;",
    settles: /sort_comparator: (?:strike|sort_comparator failed)/,
  },
  {
    name: "many_small_objects",
    tries: "keeps small objects until memory is gone",
    wall: "memory cap",
    strike: "const kept = []; for (;;) kept.push({ n: kept.length });",
  },
  {
    name: "typed_arrays",
    tries: "keeps typed arrays past the engine's own limit",
    wall: "memory cap",
    top: "const kept = [];",
    strike: "for (let i = 0; i < 5000; i++) kept.push(new Uint8Array(65536).fill(i)); return kept.length;",
  },
  {
    name: "huge_strings",
    tries: "doubles a text until memory is gone",
    wall: "memory cap",
    strike: "let s = 'x'; for (;;) s += s;",
  },
  {
    name: "memory_in_constructor",
    tries: "takes all its memory while loading, each time it is started",
    wall: "memory cap",
    top: "const kept = []; for (let i = 0; i < 1e5; i++) kept.push(new Array(1000).fill(i));",
    strike: "",
    stays: /failed|backing_off|loading|disabled/,
  },
  {
    name: "stack_overflow",
    tries: "recurses in script, JSON, patterns, proxies and array nesting to run over the native stack",
    wall: "realm",
    strike: `const seen = []; const f = () => f() + 1;
      for (const g of [f, () => JSON.parse("[".repeat(3e5)), () => new RegExp("(?:".repeat(1e5)), () => eval("(".repeat(2e5)), () => { let p = {}; for (let i = 0; i < 5e4; i++) p = new Proxy(p, {}); return p.x; }, () => { let a = []; for (let i = 0; i < 5e4; i++) a = [a]; return JSON.stringify(a); }, () => { const a = []; a[0] = a; return a.flat(Infinity); }, () => { const e = {}; e.toString = () => String(e); return String(e); }])
        try { g(); seen.push("ran"); } catch (e) { seen.push(e.name); }
      return seen.join();`,
    settles: /stack_overflow: (?:strike|stack_overflow failed)/,
  },
  {
    name: "timer_flood",
    tries: "sets a thousand timers of no delay",
    wall: "quotas",
    permissions: "schedule_tasks",
    strike: "let refused = 0; for (let i = 0; i < 1000; i++) try { setInterval(() => {}, 0); } catch { refused++; } return refused;",
    check: (_, said) => expect(Number(/\d+$/.exec(said)?.[0])).toBeGreaterThanOrEqual(900),
  },
  {
    name: "timer_chains",
    tries: "keeps the processor by ten chains of timers, each just under the slice",
    wall: "run queue",
    permissions: "schedule_tasks",
    strike:
      "for (let n = 0; n < 10; n++) { const again = () => { const end = Date.now() + 90; while (Date.now() < end); setTimeout(again, 10); }; setTimeout(again, 10); } return 'started';",
  },
  {
    name: "timer_numbers",
    tries: "sets timers with rubbish for a delay and reuses one number for all",
    wall: "boundary",
    permissions: "schedule_tasks",
    strike:
      "for (const d of [NaN, -1, Infinity, -Infinity, 1e300, '7', {}, [], null, undefined, 2n ** 70n, Symbol.iterator]) try { clearTimeout(setTimeout(() => {}, d)); clearTimeout(d); } catch {} return 'done';",
  },
  {
    name: "microtask_starvation",
    tries: "queues microtasks for ever so that no event is ever next",
    wall: "run queue",
    strike: "const again = () => queueMicrotask(again); again(); await new Promise(() => {});",
    lets: 1500,
  },
  {
    name: "promise_chain_starvation",
    tries: "resolves promises for ever in many chains at once",
    wall: "run queue",
    strike: "for (let i = 0; i < 200; i++) (async () => { for (;;) await null; })(); await new Promise(() => {});",
    lets: 1500,
  },
  {
    name: "rejection_storm",
    tries: "floods the gateway with unhandled rejections and thrown timers",
    wall: "quotas",
    strike:
      "for (let i = 0; i < 5000; i++) Promise.reject(new Error('storm ' + 'x'.repeat(2000))); setTimeout(() => { throw new Error('timer'); }, 10); await new Promise((r) => setTimeout(r, 50)); return 'stormed';",
  },
  {
    name: "log_flood",
    tries: "drowns the log and the disk in lines",
    wall: "quotas",
    strike: "for (let i = 0; i < 100000; i++) this.log.warn('flood ' + 'x'.repeat(1000)); return 'logged';",
    settles: /log_flood: .*(?:strike|more log lines)/,
    check: (world) => {
      expect(world.gateway.lines(/log_flood: flood/).length).toBeLessThan(300);
      expect(world.gateway.lines(/plugin host ended: protocol/)).toEqual([]);
    },
  },
  {
    name: "request_flood",
    tries: "sends a hundred thousand capability calls in one turn",
    wall: "quotas",
    strike:
      "let refused = 0; const all = []; for (let i = 0; i < 3000; i++) all.push(this.sendMessage('x', { destination: 'nobody' }).catch(() => { refused++; })); await Promise.all(all); return refused;",
    settles: /request_flood: strike/,
  },
  {
    name: "request_storm_unread",
    tries: "calls the gateway in microtasks for ever and never lets the answers in, so that they pile up in the host",
    wall: "quotas",
    strike:
      "const again = () => { for (let i = 0; i < 200; i++) this.sendMessage('x', { destination: 'nobody' }).catch(() => {}); Promise.resolve().then(again); }; again(); await new Promise(() => {});",
    lets: 4000,
  },
  {
    name: "large_values",
    tries: "fills the bridge with values as large as are let through",
    wall: "bridge checks",
    strike:
      "const big = 'x'.repeat(190000); let n = 0; const all = []; for (let i = 0; i < 100; i++) all.push(this.sendMessage(big).catch(() => { n++; })); await Promise.all(all); return n;",
    settles: /large_values: (?:strike|large_values failed)/,
  },
  {
    name: "wide_json",
    tries: "returns wide, deep and numeric JSON that grows when it is written anew",
    wall: "bridge checks",
    strike:
      "const n = []; for (let i = 0; i < 30000; i++) n.push(1e20); context.sessionData.n = n; let d = 1; for (let i = 0; i < 90; i++) d = [d]; context.sessionData.d = d; return n;",
    settles: /wide_json: (?:strike|wide_json failed)/,
  },
  {
    name: "registration_flood",
    tries: "registers thousands of handlers to slow the router down",
    wall: "quotas",
    permissions: "receive_messages",
    strike:
      "let ok = 0; for (let i = 0; i < 3000; i++) { try { this.onEvent('message_received', () => {}); ok++; } catch {} } await new Promise((r) => setTimeout(r, 300)); return ok;",
    settles: /registration_flood: strike/,
  },
  {
    name: "event_flood",
    tries: "emits events without end, so that all who listen are busy",
    wall: "quotas",
    permissions: "inter_plugin_messaging",
    strike: "for (let i = 0; i < 20000; i++) this.emitEvent('event_flood.noise', { i }).catch(() => {}); return 'emitted';",
    settles: /event_flood: strike/,
  },
  {
    name: "event_memory",
    tries: "has the gateway keep events of many empty lists, which nobody hears and which need fifty times their text",
    wall: "quotas",
    permissions: "inter_plugin_messaging",
    strike: `const seen = {}; const count = (code) => { seen[code] = (seen[code] ?? 0) + 1; };
      for (const size of [60000, 30000, 10000, 2000]) { const data = Array.from({ length: size }, () => []);
        for (let i = 0; i < 80; i++) await this.emitEvent("event_memory.kept", data).then(() => count("taken"), (e) => count(e.code)); }
      return JSON.stringify(seen);`,
    manifest: "limits: { slice_ms: 400, timeout_s: 40 }\n",
    settles: /event_memory: strike|event_memory failed/,
    check: (world) => expect(world.memoryMb() - world.memoryBeforeMb).toBeLessThan(GROWTH_MB),
  },
  {
    name: "peer_memory",
    tries: "fills others' mailboxes with messages as large as are let through",
    wall: "quotas",
    permissions: "inter_plugin_messaging",
    strike: `const data = Array.from({ length: 20000 }, () => []); const seen = {};
      const count = (code) => { seen[code] = (seen[code] ?? 0) + 1; };
      await Promise.all(Array.from({ length: 60 }, () => this.broadcastToPlugins("x", data, { timeout: 1 }).then(() => count("taken"), (e) => count(e.code))));
      return JSON.stringify(seen);`,
    settles: /peer_memory: strike|peer_memory failed/,
    check: (world) => expect(world.memoryMb() - world.memoryBeforeMb).toBeLessThan(GROWTH_MB),
  },
  {
    name: "disposed_handles",
    tries: "registers handlers and takes them back in a loop, so that their numbers pile up",
    wall: "quotas",
    permissions: "inter_plugin_messaging, system_state_read",
    strike: `for (let i = 0; i < 4000; i++) { this.registerPluginMessageHandler(() => null).dispose(); if (i % 100 === 0) await new Promise((r) => setTimeout(r, 10)); }
      return "done";`,
    manifest: "limits: { slice_ms: 400, timeout_s: 40 }\n",
    settles: /disposed_handles: strike|disposed_handles failed/,
    check: async (world) => {
      const { body } = await world.gateway.api("GET", "/plugins/disposed_handles");
      expect(JSON.stringify(body)).not.toContain('"plugin_message":4');
      expect(world.memoryMb() - world.memoryBeforeMb).toBeLessThan(GROWTH_MB);
    },
  },
  {
    name: "permission_texts",
    tries: "asks for permissions of two hundred kilobytes, which are shown to the operator",
    wall: "quotas",
    strike: `const seen = {}; const count = (code) => { seen[code] = (seen[code] ?? 0) + 1; };
      for (let i = 0; i < 40; i++) await this.permissions.request({ http_requests: { hosts: Array.from({ length: 3000 }, (_, n) => "h" + i + "x" + n + ".example.org") } }).then(() => count("taken"), (e) => count(e.code ?? e.name));
      return JSON.stringify(seen);`,
    settles: /permission_texts: strike|permission_texts failed/,
    check: async (world) => {
      const { body } = await world.gateway.api("GET", "/plugins/permission_texts");
      expect(JSON.stringify(body).length).toBeLessThan(64 * 1024);
    },
  },
  {
    name: "registration_texts",
    tries: "registers hundreds of handlers with as much text as fits, over and over",
    wall: "quotas",
    permissions: "inter_plugin_messaging",
    capabilities: 'menu_items: [{ menu: main, label: "Long" }]',
    strike: `for (let round = 0; round < 20; round++) for (let i = 0; i < 200; i++) { const r = this.onEvent("t".repeat(80) + round + "x" + i, () => {}); if (i % 2 === 0) r.dispose(); }
      await new Promise((r) => setTimeout(r, 300)); return "done";`,
    settles: /registration_texts: strike|registration_texts failed/,
    check: (world) => expect(world.memoryMb() - world.memoryBeforeMb).toBeLessThan(GROWTH_MB),
  },
  {
    name: "message_flood",
    tries: "floods the air with hundreds of messages",
    wall: "quotas",
    only: "send_messages: { rate: 10/min }",
    // Its own reply finds the rate used up.
    settles: /message_flood: .*(?:a reply was dropped|strike|failed)/,
    strike:
      "let refused = 0; for (let i = 0; i < 60; i++) await this.sendMessage('flood ' + i, { destination: 'broadcast' }).catch(() => { refused++; }); return refused;",
    check: async (world) =>
      expect((await world.gateway.messages()).filter(({ text }) => text.startsWith("flood ")).length).toBeLessThanOrEqual(20),
  },
  {
    name: "long_messages",
    tries: "sends texts of up to a megabyte to keep the air for hours",
    wall: "quotas",
    strike:
      "const said = []; for (const n of [2000, 16000, 100000]) await this.sendMessage('L'.repeat(n), { destination: 'broadcast' }).then(() => said.push('sent'), (e) => said.push(e.code)); return said.join();",
    check: (_, said) => expect(said).toBe("long_messages: sent,sent,invalid_argument"),
  },
  {
    name: "slow_answer",
    tries: "never settles its call, so that the sender's next messages wait",
    wall: "run queue",
    strike: "await new Promise(() => {});",
    lets: 300,
  },
  {
    name: "stuck_while_stopping",
    clings: true,
    tries: "never ends its stop and cleanup, so that the gateway cannot stop",
    wall: "run queue",
    members: "async stop() { await new Promise(() => {}); } async cleanup() { for (;;); }",
    strike: "return 'waits for the end';",
  },
  {
    name: "clock_freeze",
    tries: "replaces Date, Math.random and timers to confuse schedules and ids of the host",
    wall: "realm",
    strike:
      "Date.now = () => -8.64e15; Date = null; Math.random = () => NaN; setTimeout = clearTimeout = queueMicrotask = null; Promise = undefined; return 'frozen';",
  },
];
