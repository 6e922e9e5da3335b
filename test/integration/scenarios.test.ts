/** The spec's six integration scenarios, in one gateway process with a simulated mesh, seen from outside. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Gateway, type PluginFiles, type Sent } from "../gateway/harness.ts";

const plugin = (manifest: readonly string[], body: string): PluginFiles => ({
  manifest: manifest.map((line) => `${line}\n`).join(""),
  code: `import { Plugin } from "zephyrgate";\nexport default class Scenario extends Plugin {\n${body}\n}\n`,
});

const PLUGINS: Readonly<Record<string, PluginFiles>> = {
  phases: plugin(
    ["capabilities: { commands: [{ name: phases }] }", "permissions: [send_messages]", "config: { defaults: { word: first } }"],
    `  initialize() { this.log.info("phase initialize " + this.getConfig("word")); this.registerCommand("phases", () => "alive"); }
  start() { this.log.info("phase start"); }
  healthCheck() { return true; }
  onConfigChanged(keys: string[]) { this.log.info("phase configured " + keys.join()); }
  stop() { this.log.info("phase stop"); }
  cleanup() { this.log.info("phase cleanup"); }`,
  ),
  flow: plugin(
    [
      "capabilities: { commands: [{ name: flow }], keywords: [{ pattern: storm warning }] }",
      "permissions: [send_messages, receive_messages, system_state_read]",
    ],
    `  seen: string[] = [];
  initialize() {
    this.registerMessageHandler((message, context) => { this.seen.push(context.senderName + ":" + message.text); });
    this.registerKeyword("storm warning", (match) => "heard " + match.join());
    this.registerCommand("flow", async (args, context) => {
      const node = await this.getNodeInfo(context.senderId);
      return [args.join("+"), context.senderId, context.channel, context.isDirect, node?.longName === context.senderName, this.seen.length].join("|");
    });
    this.onEvent("message_status", (event: any) => this.log.info("status " + event.state + " " + event.text));
  }`,
  ),
  menus: plugin(
    [
      "capabilities: { menu_items: [{ menu: utilities, label: Tools, command: tools }, { menu: utilities, label: Counter, command: counter }, { menu: utilities, label: Vanish, command: vanish }] }",
      "permissions: [send_messages]",
    ],
    `  initialize() {
    this.registerMenuItem("utilities", "Tools", () => undefined, { command: "tools" });
    this.registerMenuItem("utilities", "Counter", (context) => {
      const times = Number(context.sessionData.times ?? 0) + 1;
      context.sessionData.times = times;
      return "count " + times + " for " + context.senderName;
    }, { command: "counter", parent: "tools", description: "Counts" });
    const item = this.registerMenuItem("utilities", "Vanish", () => { item.dispose(); return "gone now"; }, { command: "vanish" });
  }`,
  ),
  tasks: plugin(
    [
      "capabilities: { scheduled_tasks: [{ name: tick, interval: 1 }, { name: cron, cron: '*/2 * * * * *' }] }",
      "permissions: [send_messages, schedule_tasks]",
    ],
    `  runs = 0;
  initialize() {
    this.registerScheduledTask("tick", { interval: 1 }, async () => {
      this.runs++;
      if (this.runs === 1) throw new Error("first run fails");
      await this.sendMessage("tick " + this.runs, { channel: 1 });
    });
    this.registerScheduledTask("cron", { cron: "*/2 * * * * *" }, () => this.log.info("cron ran"));
  }`,
  ),
  left: plugin(
    [
      "capabilities: { commands: [{ name: left }], provides: [left_service] }",
      "permissions: [send_messages, database_access, inter_plugin_messaging, system_state_read]",
    ],
    `  async initialize() {
    await this.db.migrate(["CREATE TABLE notes (owner TEXT)"]);
    this.registerPluginMessageHandler((message) => message.type === "ask" ? { from: "left", got: message.data } : null);
    this.onEvent("left.weather", (event: any) => this.log.info("left heard " + JSON.stringify(event)));
    this.registerCommand("left", async (args) => {
      if (args[0] === "store") { await this.storeData("key", "of left"); await this.db.run("INSERT INTO notes VALUES ('left')"); return "stored"; }
      if (args[0] === "ask") return JSON.stringify(await this.sendToPlugin("right", "ask", { n: 1 }));
      if (args[0] === "all") return JSON.stringify(await this.broadcastToPlugins("ask", 2));
      if (args[0] === "who") return (await this.getPlugins()).filter((each) => each.provides.some((what) => what.endsWith("_service"))).map((each) => each.name + "=" + each.provides.join()).sort().join();
      return (await this.retrieveData("key", "nothing")) + " " + JSON.stringify(await this.db.query("SELECT owner FROM notes"));
    });
  }`,
  ),
  right: plugin(
    [
      "capabilities: { commands: [{ name: right }], provides: [right_service] }",
      "permissions: [send_messages, database_access, inter_plugin_messaging]",
    ],
    `  async initialize() {
    await this.db.migrate(["CREATE TABLE notes (owner TEXT)"]);
    this.registerPluginMessageHandler((message) => message.type === "ask" ? { from: "right", got: message.data } : null);
    this.registerCommand("right", async (args) => {
      if (args[0] === "emit") { await this.emitEvent("left.weather", { wind: 7 }); return "emitted"; }
      return (await this.retrieveData("key", "nothing")) + " " + JSON.stringify(await this.db.query("SELECT owner FROM notes"));
    });
  }`,
  ),
};

let gateway: Gateway;

beforeAll(async () => {
  const enabled = Object.keys(PLUGINS).join(", ");
  gateway = await Gateway.start({
    plugins: PLUGINS,
    spacingS: 0.1,
    config: `plugins: { paths: PATHS, enabled_plugins: [${enabled}] }\ncommands: { sender_rate: 1000/s }\nlog: { level: debug }\n`,
  });
}, 120_000);

afterAll(async () => {
  await gateway?.stop();
});

const logsOf = async (name: string) =>
  (await gateway.api<{ items: { message: string }[] }>("GET", `/plugins/${name}/logs?limit=200`)).body.items.map(({ message }) => message);
const phases = async () => (await logsOf("phases")).filter((line) => line.startsWith("phase ")).map((line) => line.slice("phase ".length));
const answer = async (text: string, wanted: RegExp) => (await gateway.ask(text, wanted)).text;

test("end-to-end plugin loading: a folder goes through all phases of its life", async () => {
  expect(await gateway.state("phases")).toBe("running");
  expect(await phases()).toEqual(["initialize first", "start"]);
  expect(await answer("phases", /alive/)).toBe("alive");
  expect((await gateway.api("PUT", "/plugins/phases/config", { word: "second" })).status).toBe(200);
  expect((await gateway.api("POST", "/plugins/phases/disable")).status).toBe(200);
  expect(await gateway.state("phases")).toBe("disabled");
  expect((await gateway.api("POST", "/plugins/phases/enable")).status).toBe(200);
  expect(await gateway.state("phases")).toBe("running");
  expect(await phases()).toEqual(["initialize first", "start", "configured word", "stop", "cleanup", "initialize second", "start"]);
  expect(await answer("phases", /alive/)).toBe("alive");
}, 120_000);

test("message flow: a message of the mesh reaches handlers, keyword and command, and the answer is delivered", async () => {
  await gateway.say("nice weather", { from: "!00000003", channel: 0 });
  await gateway.say("a storm warning here", { from: "!00000003", channel: 0 });
  await gateway.until("the keyword's answer", async () => (await gateway.messages()).some(({ text }) => text === "heard storm,warning"));
  expect(await answer("flow a b", /a\+b/)).toMatch(/^a\+b\|!00000002\|0\|true\|true\|\d+$/);
  const isDelivered = (message: Sent) => message.text.startsWith("a+b") && message.state === "delivered";
  await gateway.until("it was delivered", async () => (await gateway.messages()).some(isDelivered));
  await gateway.until("the plugin was told", async () => (await logsOf("flow")).some((line) => line.startsWith("status delivered a+b")));
  // One id from the message to the radio.
  const { body } = await gateway.api<{ items: { permission: string; correlation_id: string | null }[] }>(
    "GET",
    "/audit?plugin=flow&permission=send_messages",
  );
  expect(body.items.some((entry) => /^c_[0-9a-f]{12}$/.test(entry.correlation_id ?? ""))).toBe(true);
}, 120_000);

test("BBS menu: items show, nest, keep the session's data, and can go at run time", async () => {
  const items = async () => (await gateway.api<{ items: { label: string; parent: string | null }[] }>("GET", "/menus")).body.items;
  expect(await items()).toContainEqual(
    expect.objectContaining({ menu: "utilities", label: "Counter", command: "counter", parent: "tools", plugin: "menus" }),
  );
  expect(await answer("menu", /MAIN/)).toContain("Utilities");
  expect(await answer("utilities", /UTILITIES/)).toContain("Tools");
  expect(await answer("tools", /TOOLS/)).toContain("Counter");
  expect(await answer("counter", /^count/)).toMatch(/^count 1 for /);
  expect(await answer("1", /^count/)).toMatch(/^count 2 for /);
  expect(await answer("menu utilities vanish", /gone/)).toBe("gone now");
  await gateway.until("it is gone", async () => !(await items()).some(({ label }) => label === "Vanish"));
  expect(await answer("menu utilities", /UTILITIES/)).not.toContain("Vanish");
  await answer("q", /closed/);
}, 120_000);

interface Task {
  readonly name: string;
  readonly runs: number;
  readonly failures: number;
  readonly last_error: string | null;
  readonly next_run: string | null;
}

test("scheduled tasks: they run on time, send, survive a failure, and end with their plugin", async () => {
  const tasks = async () =>
    (await gateway.api<{ items: (Task & { plugin: string })[] }>("GET", "/schedule")).body.items.filter(({ plugin }) => plugin === "tasks");
  await gateway.until("three ticks", async () => ((await tasks()).find(({ name }) => name === "tick")?.runs ?? 0) >= 3, 30_000);
  expect((await tasks()).find(({ name }) => name === "tick")).toMatchObject({
    failures: 1,
    last_error: expect.stringContaining("first run fails"),
  });
  await gateway.until("a tick on the air", async () =>
    (await gateway.messages()).some(({ text, state }) => text === "tick 2" && state !== "queued"),
  );
  await gateway.until("cron ran", async () => (await logsOf("tasks")).includes("cron ran"));
  expect((await gateway.api("POST", "/plugins/tasks/disable")).status).toBe(200);
  expect(await tasks()).toEqual([]);
  const sent = (await gateway.messages()).filter(({ text }) => text.startsWith("tick")).length;
  await Bun.sleep(2_500);
  expect((await gateway.messages()).filter(({ text }) => text.startsWith("tick")).length).toBe(sent);
}, 120_000);

test("database: each plugin has its own data and tables of one name, also after a restart", async () => {
  expect(await answer("left store", /stored/)).toBe("stored");
  expect(await answer("left show", /of left/)).toBe('of left [{"owner":"left"}]');
  expect(await answer("right show", /nothing/)).toBe("nothing []");
  expect((await gateway.api("POST", "/plugins/left/restart")).status).toBe(200);
  expect(await answer("left show", /of left/)).toBe('of left [{"owner":"left"}]');
}, 120_000);

test("multi-plugin interaction: questions, broadcasts, events, and who provides what", async () => {
  expect(await answer("left ask", /right/)).toBe('{"from":"right","got":{"n":1}}');
  expect(await answer("left all", /right/)).toContain('"from":"right"');
  expect(await answer("right emit", /emitted/)).toBe("emitted");
  await gateway.until("left heard it", async () =>
    (await logsOf("left")).some((line) => line.startsWith("left heard") && line.includes('"wind":7')),
  );
  expect(await answer("left who", /_service/)).toBe("left=left_service,right=right_service");
  expect((await gateway.api("POST", "/plugins/right/disable")).status).toBe(200);
  // A target that is gone is an error in the asking plugin, and nothing more.
  await gateway.say("left ask");
  await gateway.until("the failure is logged", async () => (await logsOf("left")).some((line) => line.includes("left failed")));
  expect(await answer("left who", /_service/)).toBe("left=left_service,right=right_service");
}, 120_000);
