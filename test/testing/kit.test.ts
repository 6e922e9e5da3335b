import { afterAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestGateway } from "zephyrgate/testing";
import { removePlugins, writePlugin } from "./plugins.ts";

afterAll(removePlugins);

const COMMANDS = `capabilities:
  commands: [{ name: go }, { name: time }, { name: late }, { name: fail }, { name: get }, { name: keep }, { name: kept }, { name: many }]
  scheduled_tasks: [{ name: tick, interval: 60 }]
permissions: [send_messages, schedule_tasks, database_access, http_requests, secrets]
config: { defaults: { greeting: hi } }
`;

const probe = writePlugin(
  "probe",
  COMMANDS,
  `
  ticks = 0;
  override initialize() {
    this.registerCommand("go", () => this.getConfig("greeting", ""));
    this.registerCommand("time", () => new Date().toISOString() + " " + Date.now());
    this.registerCommand("late", async () => { await new Promise((resolve) => setTimeout(resolve, 5000)); return "at last"; });
    this.registerCommand("fail", () => { throw new TypeError("broken on purpose"); });
    this.registerCommand("get", async ([url = ""]) => { const got = await this.httpGet(url, { timeout: 8 }); return got.ok ? JSON.stringify(got.data) : got.error.code; });
    this.registerCommand("keep", async ([value = ""]) => { await this.storeData("value", value, { ttl: 60 }); return "kept"; });
    this.registerCommand("kept", async () => (await this.retrieveData("value", "")) || "nothing");
    this.registerCommand("many", () => "word ".repeat(100));
    this.registerScheduledTask("tick", { interval: 60 }, () => { this.ticks += 1; this.log.info("tick " + this.ticks); });
  }
  override onConfigChanged(keys: string[]) { this.log.info("changed " + keys.join()); }
`,
);

test("a test's time is its own: in the gateway and in the realm", async () => {
  await using gateway = await startTestGateway({ plugin: probe, now: "2030-02-03T04:05:06Z" });
  expect(await gateway.node("Alice").asks("time")).toBe(`2030-02-03T04:05:06.001Z ${Date.UTC(2030, 1, 3, 4, 5, 6, 1)}`);
  await gateway.advance({ hours: 1, minutes: 1 });
  expect(await gateway.node("Alice").asks("time")).toStartWith("2030-02-03T05:06:06.001Z");
  expect(gateway.logs.filter((line) => line.message.startsWith("tick"))).toHaveLength(61);
});

test("says takes no time unless a plugin waits", async () => {
  await using gateway = await startTestGateway({ plugin: probe });
  const before = gateway.now.getTime();
  expect(await gateway.node("Alice").says("go")).toEqual(["hi"]);
  expect(gateway.now.getTime()).toBe(before);
  expect(await gateway.node("Alice").says("late")).toEqual(["at last"]);
  expect(gateway.now.getTime()).toBe(before + 5000);
});

test("pacing as on the air, where it is asked for", async () => {
  await using gateway = await startTestGateway({ plugin: probe, settings: { mesh: { text_spacing_s: 2.5 } } });
  const alice = gateway.node("Alice");
  const parts = await alice.says("many");
  expect(parts.length).toBeGreaterThan(1);
  const at = alice.packets.map((packet) => packet.at);
  expect(at.slice(1).map((time, i) => time - (at[i] ?? 0) >= 2500)).toEqual(at.slice(1).map(() => true));
});

test("HTTP is answered by the test", async () => {
  await using gateway = await startTestGateway({ plugin: probe });
  const alice = gateway.node("Alice");
  gateway.http.respond("https://api.test/a", { json: { a: 1 } });
  gateway.http.respond(/slow/, { text: "slow", delay: 5 });
  gateway.http.respond("https://api.test/never", { error: "silence" });
  gateway.http.respond("https://api.test/down", { error: "refused" });
  gateway.http.respond("https://api.test/echo", (request) => ({ status: 200, json: { method: request.method } }));
  expect(await alice.asks("get https://api.test/a?x=1")).toBe('{"a":1}');
  expect(await alice.asks("get https://api.test/slow")).toBe('"slow"');
  expect(await alice.asks("get https://api.test/never")).toBe("timeout");
  expect(await alice.asks("get https://api.test/down")).toBe("unavailable");
  expect(await alice.asks("get https://api.test/echo")).toBe('{"method":"GET"}');
  expect(gateway.http.requests.filter((request) => request.url.endsWith("/down"))).toHaveLength(3);
  expect(await alice.asks("get http://localhost/")).toBe("permission_denied");
  expect(await alice.asks("get https://elsewhere.test/")).toBe("unavailable");
  expect(gateway.explain("x")).toContain("GET https://elsewhere.test/");
});

test("stored data, with their TTL", async () => {
  await using gateway = await startTestGateway({ plugin: probe });
  const alice = gateway.node("Alice");
  expect(await gateway.stored("value")).toBeUndefined();
  await alice.says("keep treasure");
  expect(await gateway.stored("value")).toBe("treasure");
  expect(await gateway.plugin.storedKeys()).toEqual(["value"]);
  await gateway.advance({ seconds: 61 });
  expect(await gateway.stored("value")).toBeUndefined();
  expect(await alice.asks("kept")).toBe("nothing");
});

test("permissions are taken, given back and missed", async () => {
  await using gateway = await startTestGateway({ plugin: probe, grant: ["send_messages", "schedule_tasks", "database_access"] });
  const alice = gateway.node("Alice");
  gateway.http.respond(/.*/, { json: 1 });
  expect(await alice.asks("get https://api.test/")).toBe("permission_denied");
  expect(gateway).toHaveBeenDenied("http_requests", /api\.test/);
  await gateway.grant({ http_requests: { hosts: ["api.test"] } });
  expect(await alice.asks("get https://api.test/")).toBe("1");
  expect(await alice.asks("get https://other.test/")).toBe("permission_denied");
  await gateway.revoke("database_access");
  expect(await alice.asks("keep it")).toMatch(/^keep failed/);
  expect(gateway).toHaveBeenDenied("database_access");
  await gateway.revoke("send_messages");
  expect(await alice.says("go")).toEqual([]);
  expect(gateway).toHaveBeenDenied("send_messages");
});

test("what goes wrong on the air", async () => {
  await using gateway = await startTestGateway({ plugin: probe });
  const alice = gateway.node("Alice");
  await alice.says("go");
  expect(gateway.sent.at(-1)).toMatchObject({ text: "hi", to: "Alice", state: "delivered", plugin: "probe", parts: 1 });
  gateway.failNext("nak");
  await alice.says("go");
  expect(gateway.sent.at(-1)).toMatchObject({ state: "failed", reason: "no_route" });
  gateway.failNext("queue_full");
  expect(await alice.says("go")).toEqual(["hi"]);
  // The gateway tries again, so once would not do.
  gateway.failNext("timeout", 9);
  expect(await alice.says("go")).toEqual([]);
  await gateway.advance({ minutes: 10 });
  expect(gateway.sent.at(-1)).toMatchObject({ state: "failed", reason: "not_heard" });
  alice.leaves();
  expect(await alice.says("go")).toEqual([]);
});

test("what is sent while the link is down arrives when it is back", async () => {
  await using gateway = await startTestGateway({ plugin: probe });
  const alice = gateway.node("Alice");
  await gateway.linkDown();
  expect(await alice.says("go")).toEqual([]);
  await gateway.linkUp();
  expect(alice.heard).toEqual(["hi"]);
});

test("restarts keep data, and a killed host comes back", async () => {
  await using gateway = await startTestGateway({ plugin: probe });
  const alice = gateway.node("Alice");
  await alice.says("keep treasure");
  await gateway.plugin.restart();
  expect(await alice.asks("kept")).toBe("treasure");
  await gateway.killHost();
  expect(gateway.plugin.state).toBe("running");
  expect(await alice.asks("kept")).toBe("treasure");
  await gateway.restart();
  expect(await alice.asks("kept")).toBe("treasure");
});

test("code is reloaded, and a version that fails leaves the old one", async () => {
  const folder = writePlugin(
    "changing",
    "capabilities: { commands: [{ name: v }] }\npermissions: [send_messages]\n",
    'override initialize() { this.registerCommand("v", () => "one"); }',
  );
  await using gateway = await startTestGateway({ plugin: folder });
  const [alice, file] = [gateway.node("Alice"), join(folder, "plugin.ts")];
  const source = readFileSync(file, "utf8");
  writeFileSync(file, source.replace('"one"', '"second"'));
  await gateway.plugin.reload();
  expect(await alice.asks("v")).toBe("second");
  writeFileSync(file, source.replace("override initialize", "override initialize )"));
  await expect(gateway.plugin.reload()).rejects.toThrow(/plugin\.ts:3/);
  expect(await alice.asks("v")).toBe("second");
});

test("configuration reaches the plugin", async () => {
  await using gateway = await startTestGateway({ plugin: probe, config: { greeting: "salut" } });
  expect(await gateway.node("Alice").asks("go")).toBe("salut");
  await gateway.plugin.configure({ greeting: "hoi" });
  expect(gateway).toHaveLogged("changed greeting");
  expect(await gateway.node("Alice").asks("go")).toBe("hoi");
});

test("failures say what is known", async () => {
  await using gateway = await startTestGateway({ plugin: probe });
  const alice = gateway.node("Alice");
  await alice.says("fail");
  await gateway.revoke("send_messages");
  const missed = alice.asks("go");
  await expect(missed).rejects.toThrow(/Alice said "go" and nobody answered/);
  await expect(missed).rejects.toThrow(
    /probe is running[\s\S]*command: go, time[\s\S]*denied:\n {2}probe: send_messages[\s\S]*broken on purpose[\s\S]*plugin\.ts:\d+/,
  );
  expect(() => expect(gateway).toHaveSent("never", { to: "Bob" })).toThrow(/"never" was sent to "Bob"[\s\S]*probe is running/);
  expect(() => expect(gateway).not.toHaveLogged(/broken on purpose/)).toThrow(/though it was not to be/);
});

test("a plugin that does not start fails the test, with its reason", async () => {
  const broken = writePlugin("broken", "", 'override initialize() { this.registerCommand("x", () => ""); }');
  await expect(startTestGateway({ plugin: broken })).rejects.toThrow(/broken does not run, it is failed[\s\S]*capabilities/);
  await using gateway = await startTestGateway({ plugin: broken, mayFail: true });
  expect(gateway.plugin.state).toBe("failed");
});

test("mistakes of the test itself are named", async () => {
  await expect(startTestGateway({ plugin: "/nowhere" })).rejects.toThrow(/manifest\.yaml/);
  await expect(startTestGateway({ plugin: probe, settings: { mehs: {} } })).rejects.toThrow(/mehs/);
  expect(() => expect("text" as never).toHaveSent("x")).toThrow(/expect\(gateway\)/);
});

test("nothing is left behind", async () => {
  const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith("zephyrgate-test-"));
  const gateway = await startTestGateway({ plugin: probe });
  const opened = folders();
  await gateway.close();
  await gateway.close();
  expect(() => gateway.mesh).toThrow(/closed/);
  expect(opened.filter((name) => !folders().includes(name)).length).toBeGreaterThan(0);
});

test("secrets and operators", async () => {
  const folder = writePlugin(
    "keeper",
    "capabilities: { commands: [{ name: secret }] }\npermissions: [send_messages, secrets]\n",
    'override initialize() { this.registerCommand("secret", async () => (await this.getSecret("key")) ?? "none", { adminOnly: true }); }',
  );
  await using gateway = await startTestGateway({ plugin: folder, secrets: { key: "swordfish" }, operators: ["Warden"] });
  expect(await gateway.node("Warden").asks("secret")).toBe("swordfish");
  expect(await gateway.node("Alice").asks("secret")).toMatch(/^Unknown/);
});
