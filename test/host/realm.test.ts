import { expect, test } from "bun:test";
import { registrationId } from "../../src/ids.ts";
import { openProbe, spec, watcher, withHost } from "../sandbox/support.ts";

test("a call reaches its handler and its value comes back", () =>
  withHost(async (host) => {
    const probe = await openProbe(host, "add(a, b) { return a + b; }, async later() { await null; return 'later'; }");
    expect(await probe.value("add", 2, 3)).toBe(5);
    expect(await probe.value("later")).toBe("later");
  }));

test("what is thrown arrives as an error with the plugin's own lines", () =>
  withHost(async (host) => {
    const probe = await openProbe(
      host,
      "boom() { throw new TypeError('no'); }, async reject() { throw new Error('later'); }, odd() { throw 5; }",
    );
    const outcome = await probe.act("boom");
    expect(outcome).toMatchObject({ ok: false, cause: "threw", error: { name: "TypeError", message: "no" } });
    if (!outcome.ok) expect(outcome.error.stack).toContain("probe.js:");
    expect(await probe.act("reject")).toMatchObject({ ok: false, error: { message: "later" } });
    expect(await probe.act("odd")).toMatchObject({ ok: false, error: { message: "5" } });
  }));

test("a plugin that does not parse, throws or has the wrong export fails to open with the reason", () =>
  withHost(async (host) => {
    const cases = [
      ["export default class {", "SyntaxError"],
      ["throw new Error('at load');", "at load"],
      ["export const x = 1;", "no default export"],
      ["export default 5;", "something else"],
      ["import 'node:fs'; export default 5;", "node:fs"],
      ["await Promise.reject(new Error('top'));", "top"],
    ] as const;
    for (const [code, reason] of cases) {
      const opened = await host.open(spec(code), watcher().events);
      expect(opened.ok).toBe(false);
      if (!opened.ok) expect(opened.error.message).toContain(reason);
    }
  }));

test("requests carry the call they were made for, through awaits, timers and answers", () =>
  withHost(async (host) => {
    const seen = watcher((request) => ({ ok: true, value: { id: String(request.call) } }));
    const probe = await openProbe(
      host,
      `async send(n) { const first = await this.sendMessage("a" + n); await new Promise((r) => setTimeout(r, 10 + n)); await null;
        const second = await this.sendMessage("b" + n); return [first.id, second.id]; }`,
      {},
      seen,
    );
    const calls = [0, 1, 2, 3].map((n) =>
      probe.realm.call({ kind: "handler", registration: registrationId(1) }, [{ name: "send", args: [n] }], 10_000),
    );
    for (const { id, outcome } of calls) expect(await outcome).toMatchObject({ ok: true, value: [String(id), String(id)] });
  }));

test("the token goes with a request and never into the realm", () =>
  withHost(async (host) => {
    const seen = watcher(() => ({ ok: true, value: { id: "m_1" } }));
    const tokens = { send_messages: "secret-token" };
    const look = "look() { return JSON.stringify([Object.getOwnPropertyNames(globalThis), globalThis.__zephyrgate ?? null, this.name]); }";
    const probe = await openProbe(host, `send() { return this.sendMessage("x"); }, ${look}`, { tokens }, seen);
    await probe.value("send");
    expect(seen.requests.find((request) => request.operation === "send_message")?.token).toBe("secret-token");
    expect(String(await probe.value("look"))).not.toContain("secret-token");
  }));

test("errors of the gateway cross without host detail, PermissionDenied as itself", () =>
  withHost(async (host) => {
    const seen = watcher((request) =>
      request.operation === "send_message"
        ? {
            ok: false,
            error: {
              name: "PermissionDenied",
              message: "no",
              permission: "send_messages",
              scope: { channels: [2] },
              hint: "- send_messages",
            },
          }
        : { ok: true, value: null },
    );
    const members = `async send() { try { await this.sendMessage("x"); } catch (e) {
      return [e instanceof PermissionDenied, e.permission, e.scope, e.hint, String(e.stack).includes("src/")]; } }`;
    const probe = await openProbe(host, members, {}, seen);
    expect(await probe.value("send")).toEqual([true, "send_messages", { channels: [2] }, "- send_messages", false]);
  }));

test("a permission or configuration update holds from the next call on and is announced", () =>
  withHost(async (host) => {
    const members = `watch() { this.permissions.onChange(() => { this.changed = true; }); },
      look() { return [this.permissions.query("http_requests"), typeof fetch, this.getConfig("a.b", 1), this.changed === true]; }`;
    const probe = await openProbe(host, members);
    await probe.value("watch");
    expect(await probe.value("look")).toEqual(["prompt", "undefined", 1, false]);
    probe.realm.update({ permissions: { granted: ["http_requests"], denied: [], requested: [] }, config: { a: { b: 7 } } });
    expect(await probe.value("look")).toEqual(["granted", "function", 7, true]);
    probe.realm.update({ permissions: { granted: [], denied: ["http_requests"], requested: [] } });
    expect(await probe.value("look")).toEqual(["denied", "undefined", 7, true]);
  }));

test("timers live only while a call is in flight, unless schedule_tasks is granted", () =>
  withHost(async (host) => {
    const members =
      "arm() { setTimeout(() => { this.rang = true; }, 20); }, wait(ms) { return new Promise((r) => setTimeout(() => r(this.rang === true), ms)); }";
    const without = await openProbe(host, members);
    await without.value("arm");
    expect(await without.value("wait", 100)).toBe(false);
    const granted = await openProbe(host, members, { tokens: { schedule_tasks: "t" } });
    await granted.value("arm");
    expect(await granted.value("wait", 100)).toBe(true);
  }));

test("closing a realm settles its calls and aborts its requests", () =>
  withHost(async (host) => {
    let signal: AbortSignal | null = null;
    const seen = watcher((request) => {
      if (request.operation !== "send_message") return { ok: true, value: null };
      signal = request.signal;
      return new Promise(() => {});
    });
    const probe = await openProbe(host, "send() { return this.sendMessage('x'); }", {}, seen);
    const outcome = probe.act("send");
    while (signal === null) await Bun.sleep(1);
    await probe.realm.close();
    await probe.realm.close();
    expect(await outcome).toMatchObject({ ok: false, cause: "gone" });
    expect((signal as AbortSignal | null)?.aborted).toBe(true);
    expect(await probe.act("send")).toMatchObject({ ok: false, cause: "gone" });
  }));

test("two realms share nothing, not even their random numbers", () =>
  withHost(async (host) => {
    const members =
      "mark() { globalThis.mark = 1; Array.prototype.mark = 1; return Math.random(); }, look() { return [typeof globalThis.mark, [].mark ?? null]; }";
    const first = await openProbe(host, members);
    const second = await openProbe(host, members);
    expect(await first.value("mark")).not.toBe(await second.value("mark"));
    const third = await openProbe(host, members);
    expect(await third.value("look")).toEqual(["undefined", null]);
  }));

test("a session's changes, and only changes, come back with the reply", () =>
  withHost(async (host) => {
    const code = `import { Plugin } from "zephyrgate";
export default class extends Plugin {
  initialize() { this.registerCommand("count", this.count); this.registerCommand("look", (args, c) => c.timestamp.toISOString() + c.senderName); }
  count(args, context) { context.sessionData.n = (context.sessionData.n ?? 0) + 1; return context.sessionData.n; }
}`;
    const opened = await host.open(spec(code, { capabilities: { commands: [{ name: "count" }, { name: "look" }] } }), watcher().events);
    if (!opened.ok) throw opened.error;
    const realm = opened.value;
    await realm.call({ kind: "lifecycle", hook: "initialize" }, [], 10_000).outcome;
    const context = { senderName: "Ann", timestamp: 0, sessionData: { n: 4 } };
    expect(await realm.call({ kind: "handler", registration: registrationId(1) }, [[], context], 10_000).outcome).toMatchObject({
      ok: true,
      value: "5",
      session: { n: 5 },
    });
    const look = await realm.call({ kind: "handler", registration: registrationId(2) }, [[], context], 10_000).outcome;
    expect(look).toMatchObject({ ok: true, value: "1970-01-01T00:00:00.000ZAnn" });
    expect(look).not.toHaveProperty("session");
  }));

test("a reply that is an object or an array is shown as JSON, whatever has a text of its own as that", () =>
  withHost(async (host) => {
    const code = `import { Plugin } from "zephyrgate";
const replies = [{ a: 1 }, [1, "x"], 42.5, false, new (class { toString() { return "mine"; } })()];
export default class extends Plugin {
  initialize() { this.registerCommand("say", (args) => replies[args[0]]); }
}`;
    const opened = await host.open(spec(code, { capabilities: { commands: [{ name: "say" }] } }), watcher().events);
    if (!opened.ok) throw opened.error;
    await opened.value.call({ kind: "lifecycle", hook: "initialize" }, [], 10_000).outcome;
    const said = [0, 1, 2, 3, 4].map(async (n) => {
      const context = { senderName: "Ann", timestamp: 0, sessionData: {} };
      const outcome = await opened.value.call({ kind: "handler", registration: registrationId(1) }, [[n], context], 10_000).outcome;
      return outcome.ok ? outcome.value : outcome;
    });
    expect(await Promise.all(said)).toEqual(['{"a":1}', '[1,"x"]', "42.5", "false", "mine"]);
  }));

test("a call whose arguments are nested too deep is refused at once, and not by its deadline", () =>
  withHost(async (host) => {
    const probe = await openProbe(
      host,
      `async deep() { let value = null; for (let n = 0; n < 200; n++) value = [value];
        try { await this.getSecret(value); return "taken"; } catch (error) { return error.message; } }`,
    );
    expect(await probe.act("deep")).toMatchObject({ ok: true, value: expect.stringContaining("nested deeper") });
  }));
