/** Against other plugins, by the ways that plugins have to each other. */
import { expect } from "bun:test";
import type { Attack } from "../attack.ts";

const peer = (name: string, tries: string, strike: string, more: Partial<Attack> = {}): Attack => ({
  name,
  tries,
  wall: "permissions",
  permissions: "inter_plugin_messaging, system_state_read, receive_messages",
  strike,
  ...more,
});

/** Answers with what it was told, and from whom. */
export const LISTENER = {
  manifest: "capabilities: { commands: [{ name: heard }] }\npermissions: [send_messages, inter_plugin_messaging]\n",
  code: `import { Plugin } from "zephyrgate";
const heard = [];
export default class Listener extends Plugin {
  initialize() {
    this.registerPluginMessageHandler(async (m) => { heard.push(m.source + ">" + m.target + ":" + m.type); if (m.type === 'alias') m.data.seen = true; if (m.type === 'slow') await new Promise((r) => setTimeout(r, 1500)); if (m.type === 'poison') throw new Error('poisoned'); return { from: this.name, data: m.data }; });
    this.onEvent("peer.spoof", (e) => { heard.push("event by " + e.source); });
    this.registerCommand("heard", () => "heard: " + heard.slice(-8).join(), { help: "what was heard" });
  }
}
`,
};

export const PEERS: readonly Attack[] = [
  peer(
    "spoofed_sender",
    "speaks in another plugin's name to a third",
    "const a = await this.sendToPlugin('listener', 'spoof', { source: 'victim', target: 'x' }); await this.emitEvent('peer.spoof', { source: 'victim', plugin: 'victim' }); Object.defineProperty(this, 'name', { value: 'victim' }); await this.sendToPlugin('listener', 'spoof', null); return JSON.stringify(a);",
    {
      wall: "boundary",
      check: async (world) => {
        const { text } = await world.gateway.ask("heard", /^heard: /);
        expect(text).toContain("spoofed_sender>listener:spoof");
        expect(text).not.toContain("victim>");
        expect(text).not.toContain("by victim");
      },
    },
  ),
  peer(
    "core_event_names",
    "emits events in the gateway's own names: messages, alerts, plugin and link states",
    "const seen = []; for (const t of ['message_received', 'message_status', 'alert', 'log', 'node_seen', 'link_state', 'plugin_started', 'plugin_failed', 'plugin_event', 'permission_changed', 'config_changed', 'region_shared_changed', 'message_x', '__proto__', 'constructor', 'toString']) try { await this.emitEvent(t, { text: 'forged', from: 2 }); seen.push(t); } catch {} return seen.join();",
    { check: (_, said) => expect(said).toMatch(/^core_event_names: (?:(?:__proto__|constructor|toString),?)*$/) },
  ),
  peer(
    "foreign_scope",
    "reaches plugins outside of its scope, directly and by broadcast",
    "const seen = []; for (const f of [() => this.sendToPlugin('listener', 'x', 1), () => this.sendToPlugin('LISTENER', 'x', 1), () => this.emitEvent('other.event', 1)]) try { await f(); seen.push('IN'); } catch { seen.push('-'); } const b = await this.broadcastToPlugins('x', 1).catch(() => []); return seen.join() + ' ' + b.length;",
    {
      permissions: "inter_plugin_messaging: { plugins: [victim], events: [] }",
      check: (_, said) => expect(said).toBe("foreign_scope: -,-,- 0"),
    },
  ),
  peer(
    "data_aliasing",
    "changes data after it was sent, to change what the receiver holds",
    "const d = { n: 1 }; const sending = this.sendToPlugin('listener', 'alias', d); d.n = 'changed'; const got = await sending; return JSON.stringify([d.seen ?? 'unseen', got.data.n]);",
    { wall: "boundary", check: (_, said) => expect(said).toBe('data_aliasing: ["unseen",1]') },
  ),
  peer(
    "peer_bomb",
    "sends another plugin deep, wide and huge data, and answers with such",
    "const seen = []; let deep = 1; for (let i = 0; i < 500; i++) deep = [deep]; for (const d of [deep, 'x'.repeat(180000), Array(50000).fill(1e20), JSON.parse('{\"__proto__\":{\"polluted\":1}}')]) try { await Promise.race([this.sendToPlugin('listener', 'bomb', d), new Promise((r) => setTimeout(r, 500))]); seen.push('sent'); } catch (e) { seen.push(e.code ?? e.name); } return seen.join();",
    { wall: "bridge checks", settles: /peer_bomb: (?:strike|peer_bomb failed)/ },
  ),
  peer(
    "peer_flood",
    "keeps another plugin busy with messages and events that it must handle",
    "let failed = 0; await Promise.all(Array.from({ length: 1500 }, () => this.sendToPlugin('listener', 'flood', 1, { timeout: 2 }).catch(() => { failed++; }))); return failed;",
    {
      wall: "quotas",
      settles: /peer_flood: strike/,
    },
  ),
  peer(
    "peer_poison",
    "has another plugin restarted, and in the end disabled, by messages that make its handler throw",
    "let failed = 0; for (let i = 0; i < 40; i++) await this.sendToPlugin('listener', 'poison', i).catch(() => { failed++; }); return failed;",
    {
      wall: "quotas",
      check: async (world) => {
        expect(await world.gateway.state("listener")).toBe("running");
        expect(world.gateway.lines(/listener is restarted/)).toEqual([]);
      },
    },
  ),
  peer(
    "peer_starvation",
    "takes up all the calls that another plugin can have in flight, so that the mesh gets no answer from it",
    "for (let n = 0; n < 3; n++) await Promise.all(Array.from({ length: 100 }, () => this.sendToPlugin('listener', 'slow', 1, { timeout: 5 }).catch(() => {}))); return 'starved';",
    {
      wall: "quotas",
      lets: 300,
      check: async (world) => {
        await world.gateway.ask("heard", /^heard: /, 5_000);
        expect(world.gateway.lines(/command heard failed/)).toEqual([]);
      },
    },
  ),
  peer(
    "region_unasked",
    "publishes, listens and stores in the region without the permission",
    "const r = this.region; const seen = []; for (const f of [() => r.publish('t', 1), () => r.sites(), () => r.storeShared('k', 1), () => this.storeShared('k', 1), () => r.retrieveShared('k', 0), () => r.deleteShared('k'), () => r.listShared(), () => r.readShared(), () => r.subscribe('t', () => {})]) try { await f(); seen.push('done'); } catch (e) { seen.push(e.name); } return [...new Set(seen)].join();",
    { check: (_, said) => expect(said).toBe("region_unasked: PermissionDenied") },
  ),
  peer(
    "region_topics",
    "names topics and keys of other plugins and of the gateway itself, and reads what its scope leaves out",
    "const r = this.region; const seen = []; for (const t of ['$answers', 'records', 'listener/x', 'plugin/listener/x', 'MINE', 'other', '../mine', 'mine/x', '', 'mine ', '__proto__', 'x'.repeat(65)]) for (const f of [() => r.publish(t, 1), () => r.subscribe(t, () => {})]) try { await f(); seen.push(t); } catch {} for (const k of ['$mine', 'other', 'other/mine', '', 'm', 'minex']) for (const f of [() => r.storeShared(k, 1), () => r.storeShared(k, 1, { own: true }), () => r.retrieveShared(k, 0), () => r.deleteShared(k)]) try { await f(); seen.push(k); } catch {} await r.storeShared('mine/kept', 1); return seen.join() + ' ' + (await r.listShared()).join() + ' ' + (await r.readShared()).entries.map((e) => e.key).join() + ' ' + (await r.publish('mine', 1)).sites;",
    {
      permissions: "region: { topics: [mine] }",
      check: (_, said) => expect(said).toBe("region_topics:  mine/kept mine/kept 0"),
    },
  ),
  peer(
    "region_bodies",
    "publishes and stores what is too large, too deep or no JSON, and more of it than its share",
    "const r = this.region; const codes = new Set(); let deep = 1; for (let i = 0; i < 40; i++) deep = [deep]; const cycle = {}; cycle.a = cycle; for (const b of ['x'.repeat(17000), deep, Array(6000).fill(0)]) for (const f of [() => r.publish('t', b), () => r.storeShared('k', b)]) try { await f(); codes.add('done'); } catch (e) { codes.add(e.code); } for (const b of [cycle, 1n]) try { await r.publish('t', b); codes.add('done'); } catch (e) { codes.add(e.name); } let limited = 0; for (let i = 0; i < 300; i++) try { await r.publish('t', i); } catch (e) { if (e.code === 'rate_limited') limited++; } for (let i = 0; i < 300; i++) try { await r.storeShared('k' + i, i); } catch (e) { if (e.code === 'rate_limited') limited++; } return [...codes].sort().join() + ' ' + (limited > 300);",
    {
      permissions: "region",
      wall: "quotas",
      check: (_, said) => expect(said).toBe("region_bodies: TypeError,too_large true"),
    },
  ),
  peer(
    "echo_one",
    "answers every event of its twin with another, so that the two never end",
    "await this.emitEvent('echo.one', 0); await new Promise((r) => setTimeout(r, 1000)); return 'echoed';",
    {
      wall: "run queue",
      first: "this.onEvent('echo.two', () => { this.emitEvent('echo.one', 1); this.emitEvent('echo.one', 2); });",
    },
  ),
  peer("echo_two", "is the twin: every event is answered twice", "await new Promise((r) => setTimeout(r, 500)); return 'echoed';", {
    wall: "run queue",
    first: "this.onEvent('echo.one', () => { this.emitEvent('echo.two', 1); this.emitEvent('echo.two', 2); });",
  }),
  peer(
    "endless_ask",
    "asks itself and its neighbour back and forth in one call, to use up every call there is",
    "const r = await this.sendToPlugin('endless_ask', 'again', 0).catch((e) => e.code); return JSON.stringify(r);",
    {
      wall: "quotas",
      first:
        "this.registerPluginMessageHandler(async (m) => { const r = await this.sendToPlugin('endless_ask', 'again', m.data + 1, { timeout: 3 }).catch((e) => e.code ?? 'failed'); return r; });",
    },
  ),
  peer(
    "listens_in",
    "listens to messages, direct ones and other plugins' events that it has no permission for",
    "return JSON.stringify(this.got ?? []);",
    {
      permissions: "receive_messages: { channels: [5], direct: false }",
      first:
        "this.got = []; for (const t of ['message_received', 'message_status', 'plugin_event', 'peer.spoof', 'alert', 'node_seen']) try { this.onEvent(t, (e) => { this.got.push(t + ' ' + JSON.stringify(e).slice(0, 60)); }); } catch {} try { this.registerMessageHandler((m) => { this.got.push(m.text); }); } catch {} try { this.registerKeyword('vitals', (m) => { this.got.push('keyword'); }); } catch {}",
      check: (_, said) => expect(said).toBe("listens_in: []"),
    },
  ),
  peer("foreign_message_status", "learns what other plugins send from status events", "return JSON.stringify(this.got);", {
    permissions: "system_state_read",
    first: "this.got = []; this.onEvent('message_status', (e) => { this.got.push(e.sender?.plugin ?? e.plugin ?? '?'); });",
    check: (_, said) => expect(said).not.toContain("victim"),
  }),
  {
    name: "menu_words",
    tries: "takes the words of the built-in menus by the labels and the order of its own items",
    wall: "routing",
    capabilities:
      "menu_items: [{ menu: main, label: Utilities }, { menu: main, label: utilities list }, { menu: utilities, label: Honest item }]",
    first: `for (const label of ["Utilities", "utilities list"]) this.registerMenuItem("main", label, () => "menu_words: taken", { order: -1e9 });
    this.registerMenuItem("utilities", "Honest item", () => "chosen");`,
    strike: "return 'ran';",
    act: async (world) => {
      const answers: string[] = [];
      for (const words of ["menu utilities", "menu utilities list"]) {
        const from = world.asker();
        answers.push((await world.gateway.ask(words, /UTILITIES|taken/, undefined, from)).text);
      }
      return answers.join(" ");
    },
    check: async (world, said) => {
      expect(said).not.toContain("taken");
      const { body } = await world.gateway.api<{ conflicts: { command: string; built_in?: boolean }[] }>("GET", "/plugins/menu_words");
      expect(body.conflicts.filter(({ built_in }) => built_in === true).map(({ command }) => command)).toEqual(["utilities"]);
    },
  },
];
