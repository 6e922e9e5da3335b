/** A package is rolled out over a region in memory: stages, halts, and what a hostile site can and cannot do. */
import { describe, expect, test } from "bun:test";
import { fail, ok, type Result } from "../../../src/errors.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import { RolloutCoordinator } from "../../../src/region/rollout/coordinator.ts";
import type { RolloutPlan } from "../../../src/region/rollout/plan.ts";
import { RolloutReceiver } from "../../../src/region/rollout/receiver.ts";
import type { RolloutStore } from "../../../src/region/rollout/store.ts";
import { ROLLOUT_TOPIC } from "../../../src/region/rollout/wire.ts";
import { FakeClock, fakeRandom, settle } from "../../fake-clock.ts";
import { MemoryRegion, siteIdOf } from "../memory-sites.ts";

const NAMES = ["home", "a", "b", "c", "d", "e"];
const PACKAGE = Uint8Array.from({ length: 50_000 }, (_, at) => at & 0xff);

interface Host {
  readonly installed: Uint8Array[];
  state: { state: string; version: string; reason: string | null } | null;
  outcome: Result<null>;
  /** Versions that it was asked to leave. */
  readonly asked: string[];
  before: Host["state"];
  returns: Result<null>;
}

/** As the database gives it back: a copy. */
function memoryStore(): Pick<RolloutStore, "load" | "begin" | "change"> {
  let kept: ReturnType<RolloutStore["load"]> = null;
  return {
    load: () => structuredClone(kept),
    begin: (rollout, bytes) => {
      kept = structuredClone({ rollout, package: bytes });
    },
    change: (rollout) => {
      if (kept !== null) kept = structuredClone({ ...kept, rollout });
    },
  };
}

function world(granted: readonly string[] = NAMES) {
  const clock = new FakeClock();
  const region = new MemoryRegion(NAMES, clock);
  const hosts = new Map<string, Host>();
  const receivers = NAMES.slice(1).map((name) => {
    const host: Host = { installed: [], state: null, outcome: ok(null), asked: [], before: null, returns: ok(null) };
    hosts.set(name, host);
    const receiver = new RolloutReceiver({
      clock,
      log: silentLogger,
      sites: region.site(name),
      control: () => (granted.includes(name) ? [siteIdOf("home")] : []),
      host: {
        async install(bytes, { version }) {
          host.installed.push(bytes);
          if (host.outcome.ok) host.state ??= { state: "running", version, reason: null };
          return host.outcome;
        },
        async back({ version }) {
          host.asked.push(version);
          if (host.returns.ok) host.state = host.before;
          return host.returns;
        },
        stateOf: () => host.state,
      },
    });
    receiver.start();
    return receiver;
  });
  const store = memoryStore();
  const random = fakeRandom(3);
  const begun = () => {
    const made = new RolloutCoordinator({ clock, random, log: silentLogger, sites: region.site("home"), store });
    made.start();
    return made;
  };
  const coordinator = begun();
  const host = (name: string): Host => hosts.get(name) as Host;
  const begin = (over: Partial<RolloutPlan> = {}) =>
    coordinator.begin({ package: PACKAGE, name: "weather2", version: "1.2.0", stages: [1, 3, null], waitMs: 60_000, sites: null, ...over });
  const pass = async (ms: number) => {
    for (let step = 0; step < ms; step += 500) {
      clock.pass(500);
      await settle();
    }
  };
  const have = () => NAMES.slice(1).filter((name) => host(name).installed.length > 0);
  return { clock, region, host, receivers, coordinator, begun, begin, pass, have };
}

const summary = (result: Result<unknown>) => (result.ok ? "ok" : `${result.error.code}: ${result.error.summary()}`);

describe("stage by stage", () => {
  test("one site, then three, then all; each is watched before the next, and everybody gets the same bytes", async () => {
    const { begin, pass, have, host, coordinator } = world();
    expect(summary(begin())).toBe("ok");
    await pass(5_000);
    expect(have()).toEqual(["a"]);
    expect(coordinator.status()).toMatchObject({ state: "watching", stage: 1, stages: 3 });
    await pass(65_000);
    expect(have()).toEqual(["a", "b", "c"]);
    await pass(65_000);
    expect(have()).toEqual(["a", "b", "c", "d", "e"]);
    await pass(65_000);
    expect(coordinator.status()).toMatchObject({ state: "done", reason: null });
    for (const name of have()) expect(Buffer.from(host(name).installed[0] ?? []).equals(PACKAGE)).toBe(true);
    expect(have().every((name) => host(name).installed.length === 1)).toBe(true);
  });

  test("sites that are named, in this order; those that are offline are left out and named", async () => {
    const { begin, pass, have, region, coordinator } = world();
    region.setConnected("b", false);
    expect(summary(begin({ sites: ["d", "b", siteIdOf("a")], stages: [1, null] }))).toBe("ok");
    await pass(3_000);
    expect(have()).toEqual(["d"]);
    expect(coordinator.status()?.leftOut).toEqual(["b"]);
    await pass(200_000);
    expect(have()).toEqual(["a", "d"]);
    expect(coordinator.status()?.state).toBe("done");
  });

  test("messages that are lost, doubled and late: it comes through", async () => {
    const { begin, pass, region, coordinator, have } = world();
    region.everywhere({ dropChance: 0.2, doubleChance: 0.2, jitterMs: 800 });
    begin({ stages: [null] });
    await pass(280_000);
    expect(coordinator.status()).toMatchObject({ state: "done" });
    expect(have()).toHaveLength(5);
  });
});

describe("halts, and says why", () => {
  const halted = async (act: (w: ReturnType<typeof world>) => void, granted = NAMES) => {
    const w = world(granted);
    w.begin();
    await w.pass(5_000);
    act(w);
    await w.pass(400_000);
    const status = w.coordinator.status();
    return { state: status?.state, reason: status?.reason, have: w.have() };
  };

  test("the plugin fails while it is watched", async () => {
    const found = await halted((w) => {
      w.host("a").state = { state: "backing_off", version: "1.2.0", reason: "plugin.ts:3: TypeError" };
    });
    expect(found).toEqual({ state: "halted", reason: "site a: failed: it is backing off: plugin.ts:3: TypeError", have: ["a"] });
  });

  test("a site of an earlier stage fails in a later one", async () => {
    const w = world();
    w.begin();
    await w.pass(70_000);
    w.host("a").state = { state: "failed", version: "1.2.0", reason: null };
    await w.pass(400_000);
    expect(w.coordinator.status()?.reason).toBe("site a: failed: it is failed");
    expect(w.have()).toEqual(["a", "b", "c"]);
  });

  test("the site's own rules refuse it", async () => {
    const w = world();
    w.host("a").outcome = fail("permission_denied", "weather2 is signed by SHA256:x, whom this site does not trust", {
      hint: "zephyrgate trust add",
    });
    w.begin();
    await w.pass(100_000);
    expect(w.coordinator.status()?.reason).toBe(
      "site a: refused: weather2 is signed by SHA256:x, whom this site does not trust (zephyrgate trust add)",
    );
    expect(w.have()).toEqual(["a"]);
  });

  test("the site grants no rollouts", async () => {
    const found = await halted(() => undefined, []);
    expect(found.reason).toStartWith("site a: refused: it does not let your site roll out there: its operator adds the fingerprint");
    expect(found.have).toEqual([]);
  });

  test("a site goes offline", async () => {
    expect((await halted((w) => w.region.setConnected("a", false))).reason).toBe("site a went offline");
  });

  test("a site is revoked", async () => {
    expect((await halted((w) => w.region.setState("a", "revoked"))).reason).toBe("site a is not enrolled any more");
  });

  test("a site restarts and forgets", async () => {
    const found = await halted((w) => {
      w.receivers[0]?.stop();
      new RolloutReceiver({
        clock: w.clock,
        log: silentLogger,
        sites: w.region.site("a"),
        control: () => [siteIdOf("home")],
        host: { install: async () => ok(null), back: async () => ok(null), stateOf: () => null },
      }).start();
    });
    expect(found.reason).toContain("it was restarted meanwhile");
  });

  test("a site is online and says nothing", async () => {
    expect((await halted((w) => w.receivers[0]?.stop())).reason).toBe("site a does not answer");
  });

  test("the operator says so; and the own broker's absence is no site's fault", async () => {
    const w = world();
    w.begin();
    await w.pass(5_000);
    w.region.setConnected("home", false);
    await w.pass(120_000);
    expect(w.coordinator.status()?.state).not.toBe("halted");
    expect(summary(w.coordinator.halt("by an operator"))).toBe("ok");
    expect(w.coordinator.status()).toMatchObject({ state: "halted", reason: "by an operator" });
    expect(summary(w.coordinator.halt("again"))).toBe("conflict: no rollout is under way");
  });
});

describe("what is asked wrongly", () => {
  test.each([
    ["no stages", { stages: [] }, "invalid_argument: stages are growing numbers of sites (for example 1,3,all)"],
    ["shrinking stages", { stages: [3, 1] }, "invalid_argument: stages"],
    ["all, and then some", { stages: [null, 5] }, "invalid_argument: stages"],
    ["half a site", { stages: [0.5] }, "invalid_argument: stages"],
    ["nothing", { package: new Uint8Array() }, "too_large: a package that is rolled out has at most 2 MB"],
    ["a large package", { package: new Uint8Array(2 * 2 ** 20 + 1) }, "too_large: a package that is rolled out has at most 2 MB"],
    ["a site that is not there", { sites: ["z"] }, "not_found: there is no other enrolled site z (there are: a, b, c, d, e)"],
    ["this site", { sites: ["home"] }, "not_found: there is no other enrolled site home"],
  ] as const)("%s", (_, over, expected) => expect(summary(world().begin(over))).toStartWith(expected));

  test("a second one while the first is under way", async () => {
    const { begin } = world();
    begin();
    expect(summary(begin())).toStartWith("conflict: a rollout of weather2 1.2.0 is under way");
  });

  test("without the broker, or with nobody online", () => {
    const alone = world();
    for (const name of NAMES.slice(1)) alone.region.setConnected(name, false);
    expect(summary(alone.begin())).toStartWith("unavailable: no other site of the region is online");
    alone.region.setConnected("home", false);
    expect(summary(alone.begin())).toStartWith("unavailable: the region's broker is not connected");
  });
});

describe("hostile sites", () => {
  const offer = (over: object = {}) => ({
    kind: "offer",
    rollout: "0123456789abcdef",
    name: "evil",
    version: "9.0.0",
    sha256: "0".repeat(64),
    bytes: 100,
    ...over,
  });
  const from = (name: string, body: object) => ({ from: siteIdOf(name), topic: ROLLOUT_TOPIC, body: body as never, sentAt: 0 });

  test("a site that may not installs nothing, is told once a minute, and cannot answer in another's place", async () => {
    const { region, host, pass } = world();
    const before = region.counts.sent;
    for (let n = 0; n < 100; n++) region.site("a").take(from("e", offer()));
    await pass(1_000);
    expect(region.counts.sent - before).toBe(1);
    region.site("a").take(from("home", offer()));
    region.site("a").take(from("e", { kind: "piece", rollout: "0123456789abcdef", at: 0, data: Buffer.alloc(100).toString("base64") }));
    await pass(1_000);
    expect(host("a").installed).toEqual([]);
  });

  test("pieces of another size, another content, out of order, or of nothing are not installed", async () => {
    for (const data of [Buffer.alloc(99), Buffer.alloc(101), Buffer.alloc(0), Buffer.alloc(100)]) {
      const { region, host, pass } = world();
      region.site("a").take(from("home", offer()));
      region.site("a").take(from("home", { kind: "piece", rollout: "0123456789abcdef", at: 0, data: data.toString("base64") }));
      await pass(1_000);
      expect(host("a").installed).toEqual([]);
    }
  });

  test("an offer without its package ends by itself, and another can follow", async () => {
    const { region, host, pass, begin } = world();
    region.site("a").take(from("home", offer()));
    await pass(70_000);
    begin({ stages: [1] });
    await pass(5_000);
    expect(host("a").installed).toHaveLength(1);
  });

  test("rubbish of every shape is ignored", async () => {
    const { region, coordinator, begin, pass } = world();
    begin({ stages: [1], waitMs: 0 });
    const shapes = [
      null,
      1,
      "x",
      [],
      {},
      offer({ bytes: -1 }),
      offer({ bytes: 1e12 }),
      offer({ name: "../x" }),
      offer({ more: 1 }),
      { kind: "step" },
    ];
    for (const body of shapes) {
      region.site("a").take(from("home", body as object));
      region.site("home").take(from("e", body as object));
    }
    const rollout = coordinator.status()?.id ?? "";
    region.site("home").take(from("e", { kind: "step", rollout, step: "failed", reason: "not my turn" }));
    await pass(5_000);
    expect(coordinator.status()?.state).toBe("done");
  });
});

test("nothing is left behind", async () => {
  const { coordinator, receivers, begin, pass, clock, region } = world();
  begin();
  await pass(20_000);
  coordinator.stop();
  for (const receiver of receivers) receiver.stop();
  expect(region.sites.every((site) => site.subscriptions === 0)).toBe(true);
  clock.pass(60_000);
  expect(clock.pending).toBe(0);
});

describe("the coordinator restarts", () => {
  test("in the middle: it goes on where it was, without sites that are not heard yet as trouble", async () => {
    const w = world();
    w.begin();
    await w.pass(30_000);
    expect(w.coordinator.status()).toMatchObject({ state: "watching", stage: 1 });
    w.coordinator.stop();
    await w.pass(300_000);
    expect(w.have()).toEqual(["a"]);
    for (const name of NAMES.slice(1)) w.region.setConnected(name, false);
    const again = w.begun();
    await w.pass(30_000);
    expect(again.status()?.reason ?? null).toBeNull();
    for (const name of NAMES.slice(1)) w.region.setConnected(name, true);
    await w.pass(300_000);
    expect([again.status()?.state, w.have().length]).toEqual(["done", 5]);
    expect(w.host("a").installed).toHaveLength(1);
    again.stop();
    // It is shown after another restart, and nothing begins again.
    const last = w.begun();
    await w.pass(60_000);
    expect([last.status()?.state, w.host("e").installed.length]).toEqual(["done", 1]);
  });

  test("while a package is on its way: the site gets the rest", async () => {
    const w = world();
    w.region.everywhere({ delayMs: 2_000 });
    w.begin();
    await w.pass(5_000);
    w.coordinator.stop();
    expect(w.have()).toEqual([]);
    const again = w.begun();
    await w.pass(60_000);
    expect([again.status()?.state, w.have()]).toEqual(["watching", ["a"]]);
  });

  test("a site that stays away is trouble after a while; one that was halted stays halted", async () => {
    const w = world();
    w.begin();
    await w.pass(5_000);
    w.coordinator.stop();
    w.region.setConnected("a", false);
    const again = w.begun();
    await w.pass(200_000);
    expect(again.status()).toMatchObject({ state: "halted", reason: "site a went offline" });
    again.stop();
    w.region.setConnected("a", true);
    const last = w.begun();
    await w.pass(200_000);
    expect(last.status()).toMatchObject({ state: "halted" });
    expect(w.have()).toEqual(["a"]);
  });
});

describe("back", () => {
  const done = async () => {
    const w = world();
    for (const name of NAMES.slice(1)) w.host(name).before = { state: "running", version: "1.1.0", reason: null };
    w.begin();
    await w.pass(200_000);
    expect(w.coordinator.status()?.state).toBe("done");
    return w;
  };
  const asked = (w: Awaited<ReturnType<typeof done>>) => NAMES.slice(1).filter((name) => w.host(name).asked.length > 0);

  test("by the same stages, each watched; where there was no version before, the plugin is gone", async () => {
    const w = await done();
    w.host("b").before = null;
    expect(summary(w.coordinator.back())).toBe("ok");
    await w.pass(5_000);
    expect(asked(w)).toEqual(["a"]);
    expect(w.coordinator.status()).toMatchObject({ way: "back", state: "watching", stage: 1, stages: 3 });
    await w.pass(200_000);
    expect(asked(w)).toEqual(["a", "b", "c", "d", "e"]);
    expect(w.coordinator.status()).toMatchObject({ state: "done", version: "1.2.0" });
    expect([w.host("a").asked, w.host("b").state]).toEqual([["1.2.0"], null]);
    expect(summary(w.coordinator.back())).toBe("conflict: weather2 1.2.0 was taken back already");
  });

  test("of one that halted: only the sites that took it, without those that are away, over a restart", async () => {
    const w = world();
    w.begin();
    await w.pass(70_000);
    w.coordinator.halt("enough");
    w.region.setConnected("b", false);
    expect(summary(w.coordinator.back())).toBe("ok");
    w.coordinator.stop();
    const again = w.begun();
    await w.pass(200_000);
    expect(asked(w)).toEqual(["a", "c"]);
    expect(again.status()).toMatchObject({ state: "done", leftOut: ["b"] });
  });

  test("it halts where a site cannot, and where the version before does not run", async () => {
    const w = await done();
    w.host("a").returns = fail("not_found", "no other version is kept");
    w.coordinator.back();
    await w.pass(30_000);
    expect(w.coordinator.status()).toMatchObject({ state: "halted", reason: "site a: failed: no other version is kept" });
    const other = await done();
    other.host("a").before = { state: "backing_off", version: "1.1.0", reason: "it throws" };
    other.coordinator.back();
    await other.pass(30_000);
    expect(other.coordinator.status()?.reason).toBe("site a: failed: it is backing off: it throws");
    expect(asked(other)).toEqual(["a"]);
  });

  test("nothing was rolled out, one is under way, or the site grants nothing", async () => {
    expect(summary(world().coordinator.back())).toBe("conflict: no rollout was begun here");
    const w = world();
    w.begin();
    expect(summary(w.coordinator.back())).toMatch(/^conflict: a rollout of weather2 1.2.0 is under way/);
    const stranger = world([]);
    const { region, pass, host } = stranger;
    region.site("b").send(ROLLOUT_TOPIC, { kind: "back", rollout: "0123456789abcdef", name: "weather2", version: "1.2.0" }, siteIdOf("a"));
    await pass(2_000);
    expect(host("a").asked).toEqual([]);
  });
});
