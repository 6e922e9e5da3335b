/** What a plugin is made of, each by itself: a recording, its bundle's lines, what its calls have used, what was decided about it, its data. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fail, GatewayError, ok } from "../../src/errors.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { decisionsSchema, forgetDecisions, StoredDecisions } from "../../src/plugins/approval/decisions.ts";
import { denied, failed } from "../../src/plugins/capabilities/call/call.ts";
import { DataCopy, discardCopy } from "../../src/plugins/lifecycle/data-copy.ts";
import { type Bundle, describeError } from "../../src/plugins/plugin/bundle.ts";
import { CallMetrics } from "../../src/plugins/plugin/metrics.ts";
import { Recording } from "../../src/plugins/plugin/recording.ts";
import type { PluginHost } from "../../src/sandbox/port.ts";
import { openCoreDatabase } from "../../src/storage/core-open.ts";
import { FakeClock } from "../fake-clock.ts";

const folder = mkdtempSync(join(tmpdir(), "plugin-parts-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a recording", () => {
  const clock = new FakeClock(1_000);
  const recording = (maxS = 5) => {
    const ends: string[] = [];
    const made = new Recording(clock, maxS);
    made.onStop(() => ends.push("stopped"));
    return { made, ends };
  };

  test("is of one realm: the next that is opened, and no later one", () => {
    const { made } = recording();
    expect([made.begin(), made.begin(), made.started]).toEqual([true, false, clock.now()]);
    const late = recording().made;
    late.stop("early");
    expect(late.begin()).toBe(false);
  });

  test("keeps what it is told, until it is stopped, once", () => {
    const { made, ends } = recording();
    for (const piece of ["ab", "", "c"]) made.take(piece);
    expect([made.text(), made.status]).toEqual(["abc", { running: true, size: 3, reason: "" }]);
    made.stop("by hand");
    made.stop("again");
    expect([made.status, ends]).toEqual([{ running: false, size: 3, reason: "by hand" }, ["stopped"]]);
  });

  test("ends when its time is over, and not before", async () => {
    const { made, ends } = recording(5);
    await clock.advance(4_999);
    expect(made.status.running).toBe(true);
    await clock.advance(1);
    expect([made.status.reason, ends]).toEqual(["its time is over: 5 s", ["stopped"]]);
  });

  test("ends when it is full; the piece that is too much is not kept", () => {
    const { made, ends } = recording();
    const half = "x".repeat(5 * 1024 * 1024);
    made.take(half);
    made.take(half);
    expect(made.status.running).toBe(true);
    made.take("y");
    expect([made.status.reason, made.text().length, ends]).toEqual(["it is full", 10 * 1024 * 1024, ["stopped"]]);
    made.take("y");
    expect(made.text().endsWith("y")).toBe(false);
  });

  test("ends with its realm, which needs not be told, and whose reason is the first", async () => {
    const { made, ends } = recording(5);
    made.realmEnded("crashed");
    await clock.advance(10_000);
    expect([made.status.reason, ends]).toEqual(["the plugin ended: crashed", []]);
    const stopped = recording().made;
    stopped.stop("by hand");
    stopped.realmEnded("crashed");
    expect(stopped.status.reason).toBe("by hand");
  });
});

describe("an error in one line", () => {
  const bundle: Bundle = { code: "", hash: "", mapStack: (stack) => stack.replace("bundle.js:9:1", "src/plugin.ts:3:7") };
  test.each([
    [{ name: "TypeError", message: "m" }, "TypeError: m"],
    [{ name: "PluginError", message: "m" }, "m"],
    [{ name: "TypeError", message: "m", hint: "do it" }, "TypeError: m (do it)"],
    [{ name: "TypeError", message: "m (do it)", hint: "do it" }, "TypeError: m (do it)"],
    [{ name: "TypeError", message: "a\n  b \n c" }, "TypeError: a b c"],
    [
      { name: "TypeError", message: "m", stack: "at sdk.js:1:1\nat f (bundle.js:9:1)\nat bundle.js:9:1" },
      "TypeError: m at src/plugin.ts:3:7",
    ],
    [{ name: "TypeError", message: "m", stack: "at sdk.js:1:1" }, "TypeError: m"],
    [
      { name: "TypeError", message: "m", stack: `${"at sdk.js:1:1\n".repeat(49)}at bundle.js:9:1`, hint: "h" },
      "TypeError: m at src/plugin.ts:3:7 (h)",
    ],
    [{ name: "TypeError", message: "m", stack: `${"at sdk.js:1:1\n".repeat(50)}at bundle.js:9:1` }, "TypeError: m"],
  ])("%#", (error, line) => {
    expect(describeError(error, bundle)).toBe(line);
  });

  test("without the bundle, without a place", () => {
    expect(describeError({ name: "E", message: "m", stack: "at bundle.js:9:1" }, null)).toBe("E: m");
  });
});

describe("what calls have used", () => {
  test("percentiles of the last 256", () => {
    const metrics = new CallMetrics();
    expect(metrics.percentile(0.5)).toBe(0);
    metrics.record(7);
    expect([metrics.percentile(0), metrics.percentile(0.99), metrics.percentile(1)]).toEqual([7, 7, 7]);
    for (let ms = 1; ms <= 256; ms++) metrics.record(ms);
    expect([metrics.percentile(0), metrics.percentile(0.5), metrics.percentile(0.99), metrics.percentile(1)]).toEqual([1, 129, 254, 256]);
    expect(metrics.calls).toBe(257);
  });

  test("processor time by what was called; after 500 kinds the others together", () => {
    const metrics = new CallMetrics();
    metrics.use("a", 2);
    metrics.use("a", 5);
    metrics.use("a", 3);
    expect(metrics.uses.get("a")).toEqual({ calls: 3, cpuMs: 10, maxMs: 5 });
    for (let kind = 1; kind < 500; kind++) metrics.use(`kind ${kind}`, 1);
    expect([metrics.uses.size, metrics.uses.has("others")]).toEqual([500, false]);
    metrics.use("one more", 1);
    metrics.use("and more", 4);
    metrics.use("a", 1);
    expect([metrics.uses.size, metrics.uses.get("others"), metrics.uses.get("a")?.calls]).toEqual([
      501,
      { calls: 2, cpuMs: 5, maxMs: 4 },
      4,
    ]);
  });
});

describe("decisions of the operator", () => {
  function database(name: string) {
    const opened = openCoreDatabase(join(folder, name), [decisionsSchema], { clock: new FakeClock(1_000), log: silentLogger });
    if (!opened.ok) throw opened.error;
    return opened.value;
  }
  const stored = (core: ReturnType<typeof database>, hash = "h1") =>
    new StoredDecisions(
      core,
      () => hash,
      () => 5,
    );

  test("are kept over a start while the file is the same; another file forgets them", () => {
    const core = database("same.db");
    const first = stored(core);
    expect([first.get("a"), first.settings("a")]).toEqual([null, null]);
    first.set("a", "enabled");
    first.set("a", "disabled");
    first.set("b", "enabled");
    first.saveSettings("a", { x: 1 });
    first.saveSettings("a", { x: 2 });
    const second = stored(core);
    expect([second.get("a"), second.get("b"), second.settings("a"), second.settings("b")]).toEqual(["disabled", "enabled", { x: 2 }, null]);
    const other = stored(core, "h2");
    expect([other.get("a"), other.get("b"), other.settings("a")]).toEqual([null, null, null]);
    expect(stored(core, "h1").get("b")).toBeNull();
    core.close();
  });

  test("of a plugin that goes are forgotten, those of others are not", () => {
    const core = database("forget.db");
    const decisions = stored(core);
    for (const name of ["a", "b", "c"]) {
      decisions.set(name, "enabled");
      decisions.saveSettings(name, { of: name });
    }
    decisions.forget("a");
    forgetDecisions(core, "b");
    expect(["a", "b", "c"].map((name) => decisions.settings(name))).toEqual([null, null, { of: "c" }]);
    expect([decisions.get("a"), stored(core).get("a"), stored(core).get("b"), stored(core).get("c")]).toEqual([
      null,
      null,
      null,
      "enabled",
    ]);
    core.close();
  });

  test("hold no longer when the file changes", () => {
    const core = database("changed.db");
    const decisions = stored(core);
    decisions.set("a", "enabled");
    decisions.saveSettings("a", { x: 1 });
    decisions.fileChanged();
    expect([decisions.get("a"), decisions.settings("a"), stored(core).get("a")]).toEqual([null, null, null]);
    core.close();
  });
});

describe("a refusal, as the sdk throws it", () => {
  const decision = { allowed: false, rule: "r", permission: "secrets", scope: "key", hint: "add it" } as const;

  test("of a permission: its line, or when to try again", () => {
    const error = {
      name: "PermissionDenied",
      message: "secrets: add it",
      code: "permission_denied",
      permission: "secrets",
      scope: "key",
      hint: "add it",
    };
    expect(denied(decision)).toMatchObject({ ok: false, error });
    expect(denied({ ...decision, retryAfterS: 3 })).toMatchObject({ ok: false, error: { ...error, code: "rate_limited" } });
  });

  test("of the gateway: where, what, and the cure", () => {
    expect(failed(new GatewayError("not_found", "no node", { where: "node 7", hint: "look" }))).toMatchObject({
      ok: false,
      error: { name: "GatewayError", message: "node 7: no node", code: "not_found", hint: "look" },
    });
    const plain = failed(new GatewayError("timeout", "too late"));
    expect(plain).toMatchObject({ ok: false, error: { message: "too late", code: "timeout" } });
    expect(JSON.stringify(plain)).not.toContain("hint");
  });
});

describe("a copy of the data before a new version", () => {
  let place = "";
  let count = 0;
  beforeEach(() => {
    count += 1;
    place = join(folder, `data-${count}`);
    mkdirSync(place);
  });
  const did: string[] = [];
  function host(name: string, failing: "release" | "backup" | null = null): PluginHost {
    const answer = (what: "release" | "backup") => (failing === what ? fail("host_gone", `${name} is gone`) : ok(null));
    return {
      pid: null,
      walls: [],
      open: async () => fail("internal", "not used here"),
      takeInDatabase: async () => ok({ rows: {}, left: [] }),
      backupDatabase: async (from, to) => {
        did.push(`${name} backup`);
        if (failing !== "backup") writeFileSync(to, `${readFileSync(from, "utf8")} copied`);
        return answer("backup");
      },
      releaseDatabase: async () => {
        did.push(`${name} release`);
        return answer("release");
      },
      validateConfig: async () => ok([]),
      exited: new Promise(() => undefined),
      stop: async () => undefined,
    };
  }
  const make = (old: PluginHost, next: PluginHost, nextPath = "a.db") => {
    did.length = 0;
    return DataCopy.make({ path: join(place, "a.db"), host: old }, { path: join(place, nextPath), host: next });
  };
  const copied = async (...args: Parameters<typeof make>) => {
    const made = await make(...args);
    if (!made.ok) throw made.error;
    return made.value;
  };
  const text = (path: string) => (existsSync(join(place, path)) ? readFileSync(join(place, path), "utf8") : null);

  test("in one place: restored as it was, or discarded", async () => {
    writeFileSync(join(place, "a.db"), "data");
    const copy = await copied(host("old"), host("next"));
    expect([did, text("a.db.before-reload")]).toEqual([["old release", "old backup"], "data copied"]);
    writeFileSync(join(place, "a.db"), "changed by the next version");
    expect(await copy.restore()).toEqual({ ok: true, value: null });
    expect([text("a.db"), text("a.db.before-reload"), did.at(-1)]).toEqual(["data copied", null, "next release"]);
    const kept = await copied(host("old"), host("next"));
    expect(kept.discard()).toEqual({ ok: true, value: null });
    expect([text("a.db"), text("a.db.before-reload")]).toEqual(["data copied", null]);
  });

  test("in two places: the next version gets it in its own, closed to others", async () => {
    writeFileSync(join(place, "a.db"), "data");
    const copy = await copied(host("old"), host("next"), "alone/b.db");
    expect(did).toEqual(["old release", "old backup", "next release"]);
    expect([text("a.db"), text("alone/b.db"), text("a.db.before-reload")]).toEqual(["data", "data copied", null]);
    expect(statSync(join(place, "alone")).mode & 0o777).toBe(0o700);
    expect((await copy.restore()).ok).toBe(true);
    expect([text("a.db"), text("alone/b.db")]).toEqual(["data", null]);
    const again = await copied(host("old"), host("next"), "alone/b.db");
    expect(again.discard().ok).toBe(true);
    expect([text("a.db"), text("alone/b.db")]).toEqual([null, "data copied"]);
  });

  test("of a plugin that has none: what the next version made goes with it", async () => {
    const copy = await copied(host("old"), host("next"));
    expect(did).toEqual([]);
    writeFileSync(join(place, "a.db"), "made by the next version");
    await copy.restore();
    expect(text("a.db")).toBeNull();
    mkdirSync(join(place, "alone"));
    writeFileSync(join(place, "alone/b.db"), "left behind");
    await copied(host("old"), host("next"), "alone/b.db");
    expect(text("alone/b.db")).toBeNull();
  });

  test("that cannot be made says why", async () => {
    writeFileSync(join(place, "a.db"), "data");
    expect(await make(host("old", "release"), host("next"))).toMatchObject({ ok: false, error: { message: "old is gone" } });
    expect(did).toEqual(["old release"]);
    expect(await make(host("old", "backup"), host("next"))).toMatchObject({ ok: false, error: { message: "old is gone" } });
    expect(await make(host("old"), host("next", "release"), "b.db")).toMatchObject({ ok: false, error: { message: "next is gone" } });
    expect(text("b.db")).toBeNull();
    writeFileSync(join(place, "file"), "");
    expect(await make(host("old"), host("next"), "file/b.db")).toMatchObject({
      ok: false,
      error: {
        code: "data_unusable",
        message: expect.stringContaining("its data cannot be copied: "),
        hint: "see the free space and the rights of data_dir",
      },
    });
    mkdirSync(join(place, "c.db.before-reload/x"), { recursive: true });
    expect(discardCopy(join(place, "c.db"))).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining("its data cannot be removed: ") },
    });
    expect(discardCopy(join(place, "nothing.db"))).toEqual({ ok: true, value: null });
  });
});
