import { Database } from "bun:sqlite";
import { beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { silentLogger } from "../../src/log/logger.ts";
import {
  configDenyHash,
  decide,
  explainRule,
  type PermissionRequester,
  type Policy,
  ruleAllows,
  rulesOf,
  type Standing,
} from "../../src/permissions/decide.ts";
import { printText } from "../../src/permissions/grammar/descriptor.ts";
import {
  atomAllows,
  denialSet,
  EMPTY_SET,
  isSubset,
  permissionSet,
  permissionSetHash,
  printSet,
} from "../../src/permissions/grammar/sets.ts";
import type { Ask } from "../../src/permissions/grammar/types.ts";
import { GrantStore, grantsSchema } from "../../src/permissions/grants.ts";
import { CoreDatabase } from "../../src/storage/core.ts";
import { FakeClock } from "../fake-clock.ts";
import { entry, must, setOf, someEntries, someEntry } from "./support.ts";

const policy: Policy = { allowAll: false, enabled: null, deny: [] };
const plugin = (requested: unknown[], more: Partial<PermissionRequester> = {}): PermissionRequester => ({
  plugin: "weather",
  version: "1.0.0",
  codeHash: "c1",
  requested: requested.map(entry),
  limits: {},
  bundled: false,
  ...more,
});
const HOST_A = { http_requests: { hosts: ["a.org"] } };
const HOST_AB = { http_requests: { hosts: ["a.org", "b.org"] } };
const http = (host: string): Ask => ({ permission: "http_requests", method: "GET", host, port: 443, secure: true, isPrivate: false });

const WEATHER = { name: "weather", path: "/p/weather" };
let store: GrantStore;
const clock = new FakeClock(1_700_000_000_000);
const operator = { who: "operator", means: "cli" as const };
beforeEach(() => {
  const sqlite = new Database(":memory:", { strict: true });
  for (const sql of grantsSchema.versions) sqlite.run(sql);
  store = new GrantStore(new CoreDatabase(sqlite, ":memory:", { clock, log: silentLogger }), clock);
});
/** Decides and stores what is due, as the plugins room does at each load. */
function load(candidate: PermissionRequester, origin = "/p/weather", with_: Policy = policy) {
  const place = { name: "weather", path: origin };
  const verdict = must(decide(candidate, store.current(place), store.overrides(place), with_));
  must(store.settle(place, candidate, verdict));
  return verdict;
}

describe("requested is not granted", () => {
  test("a plugin nobody accepted waits with everything it asks", () => {
    const verdict = load(plugin([HOST_A, "secrets"]));
    expect([verdict.accepted, verdict.reason, verdict.granted]).toEqual([false, "never_accepted", EMPTY_SET]);
    expect(printSet(verdict.awaiting ?? [])).toBe("http_requests(hosts=[a.org]); secrets");
  });

  test("bundled ones and --allow-all get what they ask, without an entry", () => {
    for (const [candidate, with_, reason] of [
      [plugin([HOST_A], { bundled: true }), policy, "bundled"],
      [plugin([HOST_A]), { ...policy, allowAll: true }, "allow_all"],
    ] as const) {
      const verdict = load(candidate, "/p/weather", with_);
      expect([verdict.accepted, verdict.reason, printSet(verdict.granted)]).toEqual([true, reason, "http_requests(hosts=[a.org])"]);
      expect(store.current(WEATHER)).toBeNull();
    }
  });

  test("a name in enabled_plugins accepts the set first seen, and no more", () => {
    const listed = { ...policy, enabled: ["weather"] };
    expect(load(plugin([HOST_A]), "/p/weather", listed).reason).toBe("first_seen");
    expect(load(plugin([HOST_A]), "/p/weather", listed).reason).toBe("accepted");
    const more = load(plugin([HOST_AB], { version: "2.0.0" }), "/p/weather", listed);
    expect([more.accepted, more.reason, printSet(more.awaiting ?? [])]).toEqual([false, "asks_more", "http_requests(hosts=[b.org])"]);
    expect(load(plugin([HOST_A]), "/p/weather", { ...policy, enabled: ["other"] }).reason).toBe("not_enabled");
  });

  test("an acceptance belongs to one place: a folder of the same name elsewhere inherits nothing", () => {
    must(store.accept(WEATHER, plugin([HOST_A]), operator));
    expect(load(plugin([HOST_A])).accepted).toBe(true);
    expect(load(plugin([HOST_A]), "/evil/weather").reason).toBe("never_accepted");
  });

  test("a version that asks for less loses the rest, for good", () => {
    must(store.accept(WEATHER, plugin([HOST_AB]), operator));
    const less = load(plugin([HOST_A], { version: "2.0.0" }));
    expect([less.accepted, printSet(less.lost), less.record]).toEqual([true, "http_requests(hosts=[b.org])", "narrowed"]);
    expect(load(plugin([HOST_AB], { version: "3.0.0" })).reason).toBe("asks_more");
    expect(store.history(WEATHER).map((each) => [each.version, each.means, each.who])).toEqual([
      ["2.0.0", "narrowed", "operator"],
      ["1.0.0", "cli", "operator"],
    ]);
  });

  test("changed code under the accepted permissions is noted and stored", () => {
    must(store.accept(WEATHER, plugin([HOST_A]), operator));
    const changed = load(plugin([HOST_A], { codeHash: "c2" }));
    expect([changed.accepted, changed.codeChanged]).toEqual([true, true]);
    expect(load(plugin([HOST_A], { codeHash: "c2" })).codeChanged).toBe(false);
  });

  test("limits above the defaults are part of what is approved", () => {
    must(store.accept(WEATHER, plugin([HOST_A], { limits: { memory_mb: 32 } }), operator));
    expect(load(plugin([HOST_A], { limits: { memory_mb: 32 } })).accepted).toBe(true);
    const more = load(plugin([HOST_A], { limits: { memory_mb: 64 } }));
    expect([more.accepted, more.reason, more.awaitingLimits]).toEqual([false, "asks_more", { memory_mb: 64 }]);
  });

  test("the same set in other words is the same acceptance", () => {
    const accepted = must(store.accept(WEATHER, plugin([HOST_AB]), operator));
    const other = plugin([{ http_requests: { hosts: ["b.org:443", "B.ORG:80"] } }, HOST_A]);
    expect(load(other).accepted).toBe(true);
    expect(permissionSetHash(must(permissionSet(other.requested)))).toBe(accepted.permissionHash);
  });

  test("nothing beyond requested and accepted is ever granted", () => {
    fc.assert(
      fc.property(someEntries, someEntries, fc.option(fc.constant(["weather"]), { nil: null }), (requested, before, enabled) => {
        const stored = {
          ...plugin([]),
          originPath: "/p",
          permissionHash: "",
          descriptors: before,
          who: "o",
          means: "cli" as const,
          acceptedAt: 0,
        };
        const verdict = must(decide({ ...plugin([]), requested }, stored, [], { ...policy, enabled }));
        const [wanted, had] = [must(permissionSet(requested)), must(permissionSet(before))];
        for (const atom of verdict.granted) expect(wanted.includes(atom) || had.length > 0).toBe(true);
        expect(verdict.accepted).toBe(verdict.awaiting === null);
        expect(verdict.accepted).toBe(printSet(verdict.granted) === printSet(wanted));
        expect(isSubset(verdict.granted, wanted)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

describe("later words", () => {
  const state = (deny: unknown[] = []) =>
    load(plugin([{ http_requests: { hosts: ["a.org", "*.b.org"] } }, "secrets"]), "/p/weather", { ...policy, deny: deny.map(entry) });
  const say = (effect: "grant" | "deny" | "revoke", permission: unknown, deny: unknown[] = []) =>
    must(
      store.override(WEATHER, {
        effect,
        descriptor: entry(permission),
        who: "ann",
        means: "api",
        configHash: configDenyHash(deny.map(entry)),
      }),
    );
  const allowed = (standing: Standing, ask: Ask) => rulesOf(standing).some((rule) => ruleAllows(rule, ask));
  beforeEach(() => {
    must(store.accept(WEATHER, plugin([{ http_requests: { hosts: ["a.org", "*.b.org"] } }, "secrets"]), operator));
  });

  test("deny wins, in whole and in part", () => {
    const standing = state([{ http_requests: { hosts: ["x.b.org"] } }]);
    expect([allowed(standing, http("a.org")), allowed(standing, http("y.b.org")), allowed(standing, http("x.b.org"))]).toEqual([
      true,
      true,
      false,
    ]);
    expect(explainRule(standing, rulesOf(standing), http("x.b.org"))).toEqual({
      allowed: false,
      rule: "deny by configuration: http_requests(hosts=[x.b.org])",
      cause: "denied",
    });
  });

  test("revoke and grant of a part, in the order they were said, kept over a restart", () => {
    say("revoke", "http_requests");
    expect(allowed(state(), http("a.org"))).toBe(false);
    say("grant", { http_requests: { hosts: ["a.org"] } });
    expect([allowed(state(), http("a.org")), allowed(state(), http("x.b.org"))]).toEqual([true, false]);
    say("deny", { http_requests: { hosts: ["a.org"] } });
    expect(allowed(state(), http("a.org"))).toBe(false);
    expect(store.overrides(WEATHER).map(({ effect }) => effect)).toEqual(["revoke", "deny"]);
  });

  test("a grant never reaches beyond what was requested and accepted", () => {
    say("grant", "http_requests");
    say("grant", "send_messages");
    expect(allowed(state(), http("evil.org"))).toBe(false);
    expect(allowed(state(), { permission: "send_messages", kind: "direct", channel: { index: 0 }, parts: 1, isReply: false })).toBe(false);
  });

  test("a grant wins over the file until the file changes", () => {
    const deny = [{ http_requests: { hosts: ["a.org"] } }];
    expect(allowed(state(deny), http("a.org"))).toBe(false);
    say("grant", { http_requests: { hosts: ["a.org"] } }, deny);
    expect(allowed(state(deny), http("a.org"))).toBe(true);
    expect(allowed(state([...deny, "secrets"]), http("a.org"))).toBe(false);
  });

  test("a grant is cut to what was requested, so that it cannot cover what a later version asks", () => {
    const now = state();
    const by = { who: "ann", means: "cli" as const, configHash: configDenyHash([]) };
    const asked = { manifest: now.requested, atRuntime: [] };
    expect(must(store.grant(WEATHER, entry("http_requests"), asked, by)).map(printText)).toEqual(["http_requests(hosts=[*.b.org, a.org])"]);
    expect(store.grant(WEATHER, entry("send_messages"), asked, by)).toMatchObject({
      ok: false,
      error: { code: "not_found" },
    });
    const next = load(plugin(["http_requests", "secrets"], { version: "2.0.0" }));
    expect([next.accepted, next.reason]).toEqual([false, "asks_more"]);
  });

  test("a grant of all that waits is an acceptance; of a part of it, not yet", () => {
    const v2 = plugin([{ http_requests: { hosts: ["a.org", "*.b.org", "c.org", "d.org"] } }, "secrets"], { version: "2.0.0" });
    const by = { who: "ann", means: "cli" as const, configHash: configDenyHash([]) };
    const grant = (host: string) =>
      must(store.grant(WEATHER, entry({ http_requests: { hosts: [host] } }), { manifest: load(v2).requested, atRuntime: [] }, by));
    grant("c.org");
    expect(printSet(load(v2).awaiting ?? [])).toBe("http_requests(hosts=[d.org])");
    grant("d.org");
    const accepted = load(v2);
    expect([accepted.accepted, accepted.record]).toEqual([true, "cli"]);
    expect(store.current(WEATHER)?.permissionHash).toBe(permissionSetHash(accepted.requested));
  });

  test("one grant may cover a part of the manifest and a part asked for at run time", () => {
    const asked = { manifest: setOf(HOST_A), atRuntime: [entry({ http_requests: { hosts: ["x.org"] } })] };
    const by = { who: "ann", means: "cli" as const, configHash: configDenyHash([]) };
    const granted = must(store.grant(WEATHER, entry("http_requests"), asked, by));
    expect(granted.map(printText)).toEqual(["http_requests(hosts=[a.org])", "http_requests(hosts=[x.org])"]);
    expect(store.overrides(WEATHER).map((each) => each.extra === true)).toEqual([false, true]);
  });

  test("what a plugin asked for at run time can be granted beyond its manifest, and be revoked", () => {
    const by = { who: "ann", means: "cli" as const, configHash: configDenyHash([]) };
    const asked = { manifest: state().requested, atRuntime: [entry({ http_requests: { hosts: ["x.org"] } })] };
    expect(must(store.grant(WEATHER, entry({ http_requests: { hosts: ["x.org", "y.org"] } }), asked, by)).map(printText)).toEqual([
      "http_requests(hosts=[x.org])",
    ]);
    expect([allowed(state(), http("x.org")), allowed(state(), http("y.org")), state().accepted]).toEqual([true, false, true]);
    say("revoke", { http_requests: { hosts: ["x.org"] } });
    expect(allowed(state(), http("x.org"))).toBe(false);
    expect(load(plugin([HOST_A]), "/elsewhere").granted).toEqual(EMPTY_SET);
  });

  test("a plugin has at most 128 single decisions, and forget removes all", () => {
    for (let i = 0; i < 128; i++) say("revoke", { secrets: { names: [`n${i}`] } });
    const over = store.override(WEATHER, {
      effect: "revoke",
      descriptor: entry({ secrets: { names: ["more"] } }),
      who: "a",
      means: "api",
      configHash: "",
    });
    expect(over.ok).toBe(false);
    say("revoke", "secrets");
    expect(store.overrides(WEATHER)).toHaveLength(1);
    store.forget(WEATHER);
    expect([store.overrides(WEATHER).length, store.current(WEATHER)]).toEqual([0, null]);
  });

  test("layers mean what they say, for any order of words", () => {
    const asks: Ask[] = [
      http("a.org"),
      http("x.a.org"),
      http("y.x.a.org"),
      { permission: "secrets", secret: "key" },
      { permission: "secrets", secret: "none" },
    ];
    const word = fc.record({ effect: fc.constantFrom("grant" as const, "deny" as const, "revoke" as const), descriptor: someEntry });
    fc.assert(
      fc.property(someEntries, fc.array(word, { maxLength: 6 }), (entries, words) => {
        const granted = must(permissionSet(entries));
        const layers = words.map(({ effect, descriptor }) => ({
          effect,
          rule: "",
          set: must(effect === "grant" ? permissionSet([descriptor]) : denialSet([descriptor])),
        }));
        const standing = { requested: granted, granted, layers };
        for (const ask of asks) {
          const last = layers.findLast((layer) => layer.set.some((atom) => atomAllows(atom, ask)));
          const expected = granted.some((atom) => atomAllows(atom, ask)) && (last === undefined || last.effect === "grant");
          expect(allowed(standing, ask)).toBe(expected);
          expect(explainRule(standing, rulesOf(standing), ask).allowed).toBe(expected);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("why names the cause", () => {
    const standing = must(decide(plugin([HOST_AB]), store.current(WEATHER), [], policy));
    expect(explainRule(standing, rulesOf(standing), http("a.org")).rule).toContain(
      "granted: http_requests(hosts=[a.org:443], methods=[GET])",
    );
    expect(explainRule(standing, rulesOf(standing), http("b.org")).cause).toBe("awaiting");
    expect(explainRule(standing, rulesOf(standing), http("c.org")).cause).toBe("not_requested");
  });
});

describe("the place of a name", () => {
  const other = { name: "weather", path: "/q/weather" };

  test("is the accepted one; adopting takes its grants along; releasing forgets every place", () => {
    expect(store.holder("weather")).toBeNull();
    load(plugin([HOST_A]), "/p/weather", { ...policy, enabled: ["weather"] });
    expect(store.holder("weather")).toEqual({ path: "/p/weather", since: 1_700_000_000_000 });
    must(store.override(WEATHER, { effect: "deny", descriptor: entry("secrets"), ...operator, configHash: "h" }));
    store.adopt(other);
    expect(store.holder("weather")?.path).toBe("/q/weather");
    expect([store.current(other)?.means, store.overrides(other).length]).toEqual(["first_seen", 1]);
    expect([store.current(WEATHER), store.overrides(WEATHER).length]).toEqual([null, 0]);
    store.release("weather");
    expect([store.holder("weather"), store.current(other), store.overrides(other).length]).toEqual([null, null, 0]);
  });

  test("inside a data folder that was moved or restored elsewhere follows it; others stay", () => {
    expect(store.movedHome("/data/installed")).toBeNull();
    const home = { name: "weather", path: "/data/installed/weather" };
    const beside = { name: "beside", path: "/data/installed_too/beside" };
    must(store.accept(home, plugin([HOST_A]), operator));
    must(store.accept(beside, plugin([HOST_A], { plugin: "beside" }), operator));
    expect(store.movedHome("/data/installed")).toBeNull();
    expect(store.movedHome("/elsewhere/données/installed")).toBe("/data/installed");
    const moved = { name: "weather", path: "/elsewhere/données/installed/weather" };
    expect([store.holder("weather")?.path, store.current(moved)?.version, store.current(home)]).toEqual([moved.path, "1.0.0", null]);
    expect([store.holder("beside")?.path, store.current(beside)?.version]).toEqual([beside.path, "1.0.0"]);
    expect(store.movedHome("/data/installed")).toBe("/elsewhere/données/installed");
    expect(store.current(home)?.version).toBe("1.0.0");
  });
});

test("setOf of nothing is the empty set", () => {
  expect(setOf()).toEqual(EMPTY_SET);
});
