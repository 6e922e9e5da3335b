/** Doing what was never granted, or is no longer. */
import { expect } from "bun:test";
import type { Attack } from "../attack.ts";
import { SENDER, type World } from "../world.ts";

/** Tries each call; IN where it went through, - where it was refused. */
const trying = (...calls: readonly string[]) => `const seen = [];
  for (const f of [${calls.map((call) => `() => ${call}`).join(", ")}])
    try { const got = await f(); seen.push(got && got.ok === false ? "-" : "IN"); } catch (e) { seen.push("-"); }
  return seen.join();`;
const allRefused = (_: unknown, said: string) => expect(said).toMatch(/^\w+: (?:-,)*-$/);
const denials = async (world: World, plugin: string) =>
  (await world.gateway.api<{ items: { result: string }[] }>("GET", `/audit?plugin=${plugin}&result=deny&limit=50`)).body.items.length;

export const PERMISSIONS: readonly Attack[] = [
  {
    name: "nothing_granted",
    tries: "uses every capability without asking for any",
    wall: "permissions",
    only: "",
    strike: `${trying(
      "this.sendMessage('free', { destination: 'broadcast' })",
      "this.httpGet('http://example.org/')",
      "this.getNodes()",
      "this.getNodeInfo(2)",
      "this.getNetworkStatus()",
      "this.getPlugins()",
      "this.sendToPlugin('victim', 'x', null)",
      "this.broadcastToPlugins('x', null)",
      "this.emitEvent('x.y', null)",
      "this.getSecret('key')",
      "this.storeData('a', 1)",
      "this.registerKeyword('x', () => 'y')",
      "this.registerMessageHandler(() => 'y')",
      "this.registerScheduledTask('t', { interval: 60 }, () => {})",
      "this.onEvent('message_received', () => {})",
      "this.onEvent('node_seen', () => {})",
    ).replace("return seen.join()", "globalThis.kept = seen.join(); this.log.warn('carried ' + kept); return kept")}`,
    settles: /nothing_granted: carried/,
    check: (world) => {
      expect(world.gateway.lines(/nothing_granted: carried/)[0]).toMatch(/carried (?:-,){15}-/);
      expect(world.gateway.lines(/-> .*(?:free|nothing_granted)/)).toEqual([]);
    },
  },
  {
    name: "silent_question",
    tries: "asks its sender without the right to send, so that it gets all that the sender writes to others",
    wall: "permissions",
    only: "",
    strike: `this.log.warn("begins"); for (;;) { const text = await context.ask("And?", { timeout: 3600 }); this.log.warn("captured " + text); }`,
    settles: /silent_question: begins/,
    check: async (world) => {
      const { text } = await world.gateway.ask("vitals unheard", /^victim \w+ unheard$/, undefined, SENDER);
      expect(text).toBe("victim lives unheard");
      expect(world.gateway.lines(/silent_question: captured/)).toEqual([]);
    },
  },
  {
    name: "alert_words",
    tries: "fails until it is disabled, so that its own words go to the operators' nodes in the gateway's alert",
    wall: "permissions",
    only: "",
    commands: ["alert_words_fails"],
    first: `this.registerCommand("alert_words_fails", () => { throw new Error("ASTRAY: call evil.example"); });`,
    strike: "return null;",
    act: async (world) => {
      const { gateway } = world;
      await gateway.until("it is disabled", async () => {
        await gateway.say("alert_words_fails", { from: world.asker() });
        return /disabled/.test((await gateway.state("alert_words")) ?? "");
      });
      await gateway.until("the alert is queued", async () =>
        (await gateway.messages()).some(({ text }) => text.startsWith("ALERT alert_words")),
      );
      return "disabled";
    },
    check: async (world) => {
      expect((await world.gateway.messages()).filter(({ text }) => text.includes("ASTRAY"))).toEqual([]);
      expect(world.gateway.lines(/-> .*ASTRAY/)).toEqual([]);
    },
  },
  {
    name: "secrets_of_others",
    tries: "reads another plugin's secrets by name, path and prototype",
    wall: "permissions",
    permissions: "secrets: { names: [mine] }",
    strike: `const seen = []; for (const n of ["key", "victim/key", "../victim/key", "__proto__", "constructor", "mine\\u0000key", "*", "mine"]) try { seen.push(await this.getSecret(n)); } catch { seen.push("-"); } return seen.map(String).join();`,
    check: (_, said) => expect(said).toBe("secrets_of_others: -,-,-,-,-,-,-,null"),
  },
  {
    name: "scope_channels",
    tries: "sends where its scope does not reach, by number, name, spelling and reply",
    wall: "permissions",
    only: "send_messages: { channels: [3], direct: false, broadcast: true }",
    strike: trying(
      "this.sendMessage('astray', { channel: 0 })",
      "this.sendMessage('astray', { channel: 7 })",
      "this.sendMessage('astray', { destination: '!00000002' })",
      "this.sendMessage('astray', { destination: 2 })",
      "this.sendMessage('astray', { destination: 4294967295, channel: 0 })",
      "this.sendMessage('astray', { destination: 'broadcast', channel: 1 })",
      "this.sendMessage('astray', { channel: -1 })",
      "this.sendMessage('astray', { channel: 3.5 })",
      "this.sendMessage('astray', { channel: '3' })",
      "this.sendMessage('astray', { destination: 2 ** 32 + 2 })",
    ),
    check: async (world, said) => {
      allRefused(world, said);
      expect((await world.gateway.messages()).some(({ text }) => text === "astray")).toBe(false);
    },
  },
  {
    name: "scope_widened",
    tries: "widens its scope by asking at run time, by rubbish scopes and by revoking and asking again",
    wall: "permissions",
    permissions: "http_requests: { hosts: [example.org] }",
    strike: `const seen = []; for (const p of ["secrets", "http_requests", { http_requests: { hosts: ["*"] } }, { http_requests: { private: true } }, { send_messages: { rate: "1000000/s" } }, { __proto__: null, secrets: {} }, "*", {}, [], null, { secrets: { names: [] }, http_requests: {} }])
      try { seen.push(await this.permissions.request(p)); } catch { seen.push("-"); }
      try { await this.permissions.revoke({ http_requests: { hosts: ["example.org"] } }); seen.push(await this.permissions.request({ http_requests: { hosts: ["example.org"] } })); } catch { seen.push("-"); }
      return seen.join();`,
    check: (_, said) => expect(said).not.toContain("granted"),
  },
  {
    name: "request_permission_flood",
    tries: "buries the operator in requests",
    wall: "quotas",
    strike: `for (let i = 0; i < 500; i++) await this.permissions.request({ http_requests: { hosts: ["h" + i + ".example.org"] } }).catch(() => {}); return "asked";`,
    check: async (world) => {
      const { body } = await world.gateway.api("GET", "/plugins/request_permission_flood/permissions");
      expect(JSON.stringify(body).match(/h\d+\.example/g)?.length ?? 0).toBeLessThan(100);
    },
  },
  {
    name: "forged_state",
    tries: "rewrites what it sees of its own permissions and believes itself granted",
    wall: "tokens",
    first: `this.permissions.query = () => "granted"; Object.prototype.granted = ["http_requests", "system_state_read", "secrets"];`,
    strike: trying(
      "this.getNodes()",
      "this.httpGet('http://example.org/')",
      "this.getSecret('key')",
      "this.sendToPlugin('victim', 'x', 1)",
    ),
    check: allRefused,
  },
  {
    name: "denial_swallowed",
    tries: "forges, subclasses and swallows PermissionDenied in the hope that the call goes on",
    wall: "permissions",
    strike: `PermissionDenied.prototype.name = "Granted"; Object.defineProperty(PermissionDenied, Symbol.hasInstance, { value: () => false }); const r = await this.getNodes().catch((e) => { e.code = "ok"; e.allowed = true; return e; }); return r instanceof Array ? "IN" : "-";`,
    check: allRefused,
  },
  {
    name: "after_revoke",
    tries: "goes on with a permission that the operator has taken away, by calls, tasks and events that are under way",
    wall: "tokens",
    permissions: "system_state_read, schedule_tasks, receive_messages",
    capabilities: "scheduled_tasks: [{ name: again, interval: 60 }]",
    first: `this.onEvent("node_seen", () => {}); `,
    strike: `if (args[0] === "first") return "ready"; const seen = []; for (let i = 0; i < 3; i++) { try { await this.getNodes(); seen.push("IN"); } catch { seen.push("-"); } await new Promise((r) => setTimeout(r, 20)); } return seen.join();`,
    says: "after_revoke first",
    check: async (world) => {
      await world.gateway.ask("after_revoke", /^after_revoke: IN,IN,IN$/);
      expect(
        (await world.gateway.api("DELETE", "/plugins/after_revoke/permissions", { permission: "system_state_read" })).status,
      ).toBeLessThan(300);
      await world.gateway.ask("after_revoke", /^after_revoke: -,-,-$/);
      expect(await denials(world, "after_revoke")).toBeGreaterThan(0);
    },
  },
  {
    name: "undeclared_commands",
    tries: "answers commands, keywords and aliases that it never declared, those of others among them",
    wall: "declarations",
    permissions: "receive_messages",
    strike: `const seen = []; for (const f of [() => this.registerCommand("vitals", () => "victim HARMED"), () => this.registerCommand("undeclared", () => "x"), () => this.registerKeyword("hello", () => "x"), () => this.registerMenuItem("main", "Evil", () => "x"), () => this.registerCommand("sos", () => "x"), () => this.registerCommand("help", () => "x")]) try { f(); seen.push("IN"); } catch { seen.push("-"); } return seen.join();`,
    check: allRefused,
  },
  {
    name: "alias_takeover",
    tries: "takes over another plugin's command, help and the emergency words by aliases of its own command",
    wall: "declarations",
    first: `try { this.registerCommand("alias_takeover", this.strike, { aliases: ["vitals", "sos", "help", "ping"], priority: -1e308 }); } catch {}
    `,
    strike: `for (const a of ["sos", "help", "mayday"]) try { this.registerCommand("alias_takeover", this.strike, { aliases: [a] }); } catch {} return "tried";`,
    check: async (world) => {
      await world.gateway.ask("help", /^(?!alias_takeover)/);
      expect(world.gateway.lines(/-> .*alias_takeover: tried.*(?:sos|SOS)/)).toEqual([]);
    },
  },
  {
    name: "undeclared_schedule",
    tries: "schedules faster than its scope, without end and by hostile cron and zones",
    wall: "permissions",
    permissions: "schedule_tasks: { min_interval_s: 600 }",
    capabilities: "scheduled_tasks: [{ name: quick, interval: 600 }]",
    strike: `const seen = []; for (const o of [{ interval: 0.001 }, { interval: 1 }, { interval: -1 }, { interval: NaN }, { interval: 599 }, { cron: "* * * * * *" }, { cron: "*/1 * * * *" }, { cron: "0 0 30 2 *" + " ".repeat(1e4) }, { cron: "0-59/0 * * * *" }, { interval: 600, timezone: "../../etc/passwd" }]) { try { this.registerScheduledTask("quick", o, () => {}).dispose(); seen.push("made"); } catch { seen.push("-"); } await new Promise((r) => setTimeout(r, 10)); } return seen.join();`,
    check: async (world) => {
      const { body } = await world.gateway.api("GET", "/schedule");
      expect(JSON.stringify(body)).not.toContain('"quick"');
    },
  },
  {
    name: "emergency_lane",
    tries: "sends as an emergency to pass everybody else on the air",
    wall: "permissions",
    strike: `await this.sendMessage("not an emergency", { destination: "broadcast", priority: "emergency" }); return "sent";`,
    check: async (world) => {
      const { body } = await world.gateway.api<{ items: { text: string; priority?: string }[] }>("GET", "/messages?limit=200");
      const found = body.items.find(({ text }) => text === "not an emergency");
      expect(found?.priority ?? "high").not.toBe("emergency");
    },
  },
  {
    name: "rate_exceeded",
    tries: "sends past its rate, and asks for rates with rubbish in them",
    wall: "permissions",
    only: "send_messages: { rate: 10/min, channels: [0] }",
    strike: `let sent = 0; for (let i = 0; i < 30; i++) try { await this.sendMessage("spent " + i, { channel: 0 }); sent++; } catch {} for (const x of [0, -5, 1e9, "0/min"]) this.permissions.request({ send_messages: { rate: x } }).catch(() => {}); this.log.warn("spent " + sent); return "x";`,
    settles: /rate_exceeded: spent/,
    check: async (world) =>
      expect((await world.gateway.messages()).filter(({ text }) => text.startsWith("spent ")).length).toBeLessThanOrEqual(12),
  },
];
