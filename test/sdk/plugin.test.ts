import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RealmSpec, RequestOutcome } from "../../src/bridge/realm-spec.ts";
import type { Json } from "../../src/json.ts";
import { EMERGENCY_WORDS } from "../../src/mesh/emergency/words.ts";
import { openProbe, spec, watcher, withHost } from "../sandbox/support.ts";

setDefaultTimeout(60_000);
const folder = mkdtempSync(join(tmpdir(), "sdk-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const storage = (name: string): Partial<RealmSpec> => ({ tokens: { database_access: "t" }, database: join(folder, `${name}.sqlite`) });

async function initialize(body: string, change: Partial<RealmSpec> = {}, answer?: (operation: string) => RequestOutcome) {
  return await withHost(async (host) => {
    const seen = watcher((request) => answer?.(request.operation) ?? { ok: true, value: null });
    const code = `import { Plugin, PermissionDenied, definePlugin } from "zephyrgate"; export default definePlugin(async (plugin) => { ${body} });`;
    const opened = await host.open(spec(code, change), seen.events);
    if (!opened.ok) throw opened.error;
    const outcome = await opened.value.call({ kind: "lifecycle", hook: "initialize" }, [], 10_000).outcome;
    return { outcome, seen, asked: seen.requests.map((request) => [request.operation, request.args as Json]) };
  });
}

test("what is not declared is refused with the lines to add", async () => {
  for (const [call, lines] of [
    ['plugin.registerCommand("hello", () => 1, { help: "Say hello" })', 'commands:\n    - name: hello\n      description: "Say hello"'],
    ['plugin.registerKeyword("rain", () => 1)', "keywords:\n    - pattern: rain"],
    ['plugin.registerScheduledTask("poll", { cron: "0 * * * *" }, () => 1)', 'scheduled_tasks:\n    - name: poll\n      cron: "0 * * * *"'],
    [
      'plugin.registerMenuItem("main", "Rain", () => 1, { command: "rain" })',
      'menu_items:\n    - menu: main\n      label: "Rain"\n      command: rain',
    ],
  ] as const) {
    const { outcome, asked } = await initialize(`${call};`);
    expect(outcome).toMatchObject({ ok: false, error: { name: "PluginError", message: expect.stringContaining(lines) } });
    expect(asked).toEqual([]);
  }
});

test("a permission that is missing throws at once, and the gateway is asked so that its audit knows", async () => {
  const capabilities = { scheduled_tasks: [{ name: "poll", interval: 60 }] };
  const body = `try { plugin.registerScheduledTask("poll", { interval: 60 }, () => 1); } catch (e) { plugin.log.info([e instanceof PermissionDenied, e.permission, e.hint].join()); }`;
  const { seen, asked } = await initialize(body, { capabilities });
  expect(seen.logs[0]?.message).toContain("true,schedule_tasks,add to the manifest:\npermissions:\n  - schedule_tasks");
  expect(asked).toEqual([["register", { kind: "task", id: 1, name: "poll", interval: 60 }]]);
});

test("initialize waits for its registrations and fails with the first refusal", async () => {
  const capabilities = { commands: [{ name: "two" }, { name: "ok", aliases: ["okay"] }] };
  const body = 'plugin.registerCommand("ok", () => 1, { aliases: ["okay"] }); plugin.registerCommand("two", () => 1);';
  let asked = 0;
  const { outcome } = await initialize(body, { capabilities }, () =>
    ++asked === 2
      ? {
          ok: false,
          error: { name: "PermissionDenied", message: "sos is reserved", permission: "override_commands", scope: "sos", hint: "h" },
        }
      : { ok: true, value: null },
  );
  expect(outcome).toMatchObject({
    ok: false,
    error: { name: "PermissionDenied", message: "sos is reserved", permission: "override_commands" },
  });
});

test("reserved words need override_commands, which is missed at once", async () => {
  const words = ["help", ...EMERGENCY_WORDS];
  const capabilities = { commands: [...words, "hello"].map((name) => ({ name })) };
  const body = [...words, "hello"]
    .map((word) => `try { plugin.registerCommand("${word}", () => 1); } catch (e) { plugin.log.info(e.name + e.permission); }`)
    .join("");
  const { seen, outcome } = await initialize(body, { capabilities });
  expect(seen.logs.map((line) => line.message)).toEqual(words.map(() => "PermissionDeniedoverride_commands"));
  expect(outcome.ok).toBe(true);
});

test("an Error given to the log keeps its name, message and stack", async () => {
  const { seen } = await initialize(
    'const e = new TypeError("no"); plugin.log.error("a", e); plugin.log.warn("b", { error: e, n: 1 }); plugin.log.error(e);',
  );
  const error = { error_type: "TypeError", error_message: "no", stack_trace: expect.stringContaining("at ") };
  expect(seen.logs).toMatchObject([{ fields: error }, { fields: { ...error, n: 1 } }, { message: "TypeError: no", fields: error }]);
});

test("at most 200 registrations of a kind", async () => {
  const capabilities = { commands: Array.from({ length: 201 }, (_, n) => ({ name: `c${n}` })) };
  const { outcome, asked } = await initialize("for (let n = 0; n < 201; n++) plugin.registerCommand('c' + n, () => 1);", { capabilities });
  expect(outcome).toMatchObject({ ok: false, error: { code: "quota_exceeded" } });
  expect(asked.length).toBe(200);
});

test("getConfig reads dotted keys, typed by the default", () =>
  withHost(async (host) => {
    const probe = await openProbe(host, "get(...args) { return this.getConfig(...args) ?? 'none'; }", {
      config: { a: { b: 3, c: "x" }, list: [1], no: null },
    });
    expect(await probe.value("get", "a.b", 1)).toBe(3);
    expect(await probe.value("get", "a.b", "text")).toBe("text");
    expect(await probe.value("get", "a.d", 9)).toBe(9);
    expect(await probe.value("get", "a")).toEqual({ b: 3, c: "x" });
    expect(await probe.value("get", "list", [])).toEqual([1]);
    expect(await probe.value("get", "constructor")).toBe("none");
    expect(await probe.value("get", "a.__proto__.x")).toBe("none");
  }));

test("storage through the realm: data, tables, blobs, big integers, errors", () =>
  withHost(async (host) => {
    const members = `async kv() { await this.storeData("k", { a: [1] }, { ttl: 60 }); return [await this.retrieveData("k", null), await this.retrieveData("x", 7), await this.listKeys("k"), await this.deleteData("k")]; },
      async sql() { await this.db.migrate(["CREATE TABLE t (n, b)"]);
        await this.db.transaction([["INSERT INTO t VALUES (?, ?)", 2n ** 60n, new Uint8Array([1, 2])], ["INSERT INTO t VALUES (?, ?)", true, "x"]]);
        const rows = await this.db.query("SELECT * FROM t ORDER BY b DESC"); const bytes = rows.find((r) => r.b instanceof Uint8Array);
        return [rows.length, bytes.n, bytes.b[1], (await this.db.run("DELETE FROM t WHERE n = ?", 1)).changes]; },
      async bad() { try { await this.db.query("ATTACH 'x' AS y"); } catch (e) { return [e.name, e.code]; } }`;
    const probe = await openProbe(host, members, storage("a"));
    expect(await probe.value("kv")).toEqual([{ a: [1] }, 7, ["k"], true]);
    expect(await probe.value("sql")).toEqual([2, "1152921504606846976", 2, 1]);
    expect(await probe.value("bad")).toEqual(["PluginError", "invalid_argument"]);
    const denied = await openProbe(host, "async kv() { await this.storeData('k', 1); }", { database: join(folder, "b.sqlite") });
    expect(await denied.act("kv")).toMatchObject({ ok: false, error: { name: "PermissionDenied", permission: "database_access" } });
    probe.realm.update({ tokens: {} });
    expect(await probe.act("kv")).toMatchObject({ ok: false, error: { name: "PermissionDenied" } });
  }));

test("a backup holds what was stored, whether the database is open or not", () =>
  withHost(async (host) => {
    const members = "async put() { await this.storeData('k', 5); }, async get() { return await this.retrieveData('k', null); }";
    const from = storage("from");
    const probe = await openProbe(host, members, from);
    await probe.value("put");
    for (const to of ["open", "closed"]) {
      expect(await host.backupDatabase(String(from.database), join(folder, `${to}.sqlite`))).toMatchObject({ ok: true });
      const copy = await openProbe(host, members, storage(to));
      expect(await copy.value("get")).toBe(5);
      await copy.realm.close();
      if (to === "open") await probe.realm.close();
    }
    expect((await host.backupDatabase(String(from.database), join(folder, "no/such/folder.sqlite"))).ok).toBe(false);
  }));

test("httpGet, httpPost and fetch make results of the gateway's outcomes", () =>
  withHost(async (host) => {
    const seen = watcher((request) => {
      const { url } = (request.args ?? {}) as { url?: string };
      if (url === undefined) return { ok: true, value: null };
      if (url.includes("down")) return { ok: true, value: { ok: false, error: { code: "timeout", message: "no answer" } } };
      return { ok: true, value: { ok: true, status: 200, headers: { "content-type": "application/json" }, body: '{"n":1}', url } };
    });
    const members = `get(url, options) { return this.httpGet(url, options); }, post(url, data) { return this.httpPost(url, { data }); },
      async fetch(url) { const r = await fetch(url, { method: "PUT", body: "x" }); return [r.ok, r.status, r.headers.get("Content-Type"), await r.json()]; }`;
    const probe = await openProbe(host, members, { permissions: { granted: ["http_requests"], denied: [], requested: [] } }, seen);
    expect(await probe.value("get", "https://a.b/c?d=1#h", { params: { "e f": 2 } })).toMatchObject({
      ok: true,
      status: 200,
      data: { n: 1 },
    });
    expect(seen.requests.at(-1)?.args).toMatchObject({ method: "GET", url: "https://a.b/c?d=1&e+f=2" });
    await probe.value("post", "https://a.b", { x: 1 });
    expect(seen.requests.at(-1)?.args).toMatchObject({ method: "POST", body: '{"x":1}', headers: { "content-type": "application/json" } });
    expect(await probe.value("get", "https://down")).toEqual({ ok: false, error: { code: "timeout", message: "no answer" } });
    expect(await probe.value("fetch", "https://a.b")).toEqual([true, 200, "application/json", { n: 1 }]);
    expect(await probe.act("fetch", "https://down")).toMatchObject({
      ok: false,
      error: { name: "TypeError", message: "fetch failed: no answer" },
    });
  }));

test("formatTime knows zones and summer time, and says what it does not know", () =>
  withHost(async (host) => {
    const probe = await openProbe(host, "format(ms, options) { return this.formatTime(new Date(ms), options); }");
    const july = Date.UTC(2026, 6, 1, 12, 5, 9);
    expect(await probe.value("format", july, { timeZone: "Europe/Berlin", style: "time" })).toBe("14:05");
    expect(await probe.value("format", july, { timeZone: "Europe/Berlin", style: "iso" })).toBe("2026-07-01T14:05:09+02:00");
    expect(await probe.value("format", july, {})).toBe("2026-07-01 12:05");
    expect(await probe.value("format", july, { style: "iso" })).toBe("2026-07-01T12:05:09Z");
    expect(await probe.act("format", july, { timeZone: "Mars/Base" })).toMatchObject({ ok: false, error: { code: "invalid_argument" } });
  }));

test("configurations are judged by their schema, all problems at once, no ref leaves it", () =>
  withHost(async (host) => {
    const schema = {
      type: "object",
      properties: { every: { type: "integer", minimum: 60 }, hosts: { type: "array", items: { type: "string" } } },
      required: ["every", "name"],
      additionalProperties: false,
    };
    expect(await host.validateConfig({ ...schema, required: [] }, { every: 60 })).toEqual({ ok: true, value: [] });
    const bad = await host.validateConfig(schema, { every: 5, hosts: ["a", 3], extra: 1 });
    if (!bad.ok) throw bad.error;
    const paths = bad.value.map((problem) => problem.path);
    expect(paths).toContain("every");
    expect(paths).toContain("hosts.1");
    expect(bad.value.some((problem) => problem.message.includes("name"))).toBe(true);
    const modern = { $schema: "https://json-schema.org/draft/2020-12/schema", prefixItems: [{ type: "string" }] };
    expect(await host.validateConfig(modern, [5])).toMatchObject({ ok: true, value: [{ path: "0" }] });
    expect((await host.validateConfig({ $ref: "https://example.org/s.json" }, {})).ok).toBe(false);
  }));

test("a pattern on which the engine gives up is an error, not a text that does not match", () =>
  withHost(async (host) => {
    const text = `${"a".repeat(40)}!`;
    const schema = (pattern: string) => ({ properties: { "a/b": { allOf: [{ pattern }] } }, default: { pattern: "(" } });
    // The search would succeed, if it went on for long enough.
    expect(await host.validateConfig(schema("^((a+)+\\?|a+!)$"), { "a/b": text })).toMatchObject({ ok: false, error: { code: "timeout" } });
    expect(await host.validateConfig(schema("^a+\\?$"), { "a/b": text })).toMatchObject({ ok: true, value: [{ path: "a/b" }] });
    expect(await host.validateConfig(schema("^a+!$"), { "a/b": text })).toEqual({ ok: true, value: [] });
  }));
