import { beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { systemRandom } from "../../src/clock.ts";
import { Broker, type Forgery } from "../../src/permissions/broker.ts";
import type { Standing } from "../../src/permissions/decide.ts";
import { toEntry } from "../../src/permissions/grammar/descriptor.ts";
import { denialSet } from "../../src/permissions/grammar/sets.ts";
import type { Ask } from "../../src/permissions/grammar/types.ts";
import { FakeClock } from "../fake-clock.ts";
import { entry, must, setOf, someEntry } from "./support.ts";

const http = (host: string, isPrivate = false): Ask => ({
  permission: "http_requests",
  method: "GET",
  host,
  port: 443,
  secure: true,
  isPrivate,
});
const send = (parts = 1, isReply = false, index = 0): Ask => ({
  permission: "send_messages",
  kind: "broadcast",
  channel: { index },
  parts,
  isReply,
});
const standing = (granted: unknown[], denied: unknown[] = []): Standing => ({
  requested: setOf(...granted, ...denied),
  granted: setOf(...granted),
  layers: denied.map((each) => ({ effect: "deny", set: must(denialSet([entry(each)])), rule: `deny by test` })),
});

let clock = new FakeClock(1_700_000_000_000);
let audited: { plugin: string; scope: string; result: string; rule: string; correlationId: string }[] = [];
let forgeries: [string, Forgery["kind"]][] = [];
let wanted: string[] = [];
let broker: Broker;
beforeEach(() => {
  clock = new FakeClock(1_700_000_000_000);
  [audited, forgeries, wanted] = [[], [], []];
  broker = new Broker({
    clock,
    random: systemRandom,
    audit: { record: (each) => void audited.push(each) },
    onForgery: (plugin, { kind }) => void forgeries.push([plugin, kind]),
    onRequest: (plugin, descriptor) => void wanted.push(`${plugin} ${descriptor.name}`),
  });
});

describe("tokens", () => {
  test("one per granted permission, unguessable, and good for its own permission only", () => {
    const capabilitySet = broker.open("p", standing(["http_requests", "secrets"]));
    expect(Object.keys(capabilitySet.tokens).sort()).toEqual(["http_requests", "secrets"]);
    const { http_requests = "", secrets = "" } = capabilitySet.tokens;
    expect(http_requests).toMatch(/^[\w-]{43}$/);
    expect(capabilitySet.check(http_requests, http("a.org"), "c1").allowed).toBe(true);
    expect(capabilitySet.check(secrets, http("a.org"), "c2").allowed).toBe(false);
    expect(forgeries).toEqual([["p", "wrong_permission"]]);
    const many = new Set(Array.from({ length: 500 }, () => broker.open("q", standing(["secrets"])).tokens.secrets));
    expect(many.size).toBe(500);
  });

  test("guessed, foreign, replayed and revoked ones are forgeries", () => {
    const [mine, other] = [broker.open("mine", standing(["secrets"])), broker.open("other", standing(["secrets"]))];
    const ask: Ask = { permission: "secrets", secret: "x" };
    const [own = "", foreign = ""] = [mine.tokens.secrets, other.tokens.secrets];
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.base64String({ minLength: 44, maxLength: 44 }).map((text) => text.slice(0, 43)),
        ),
        (guess) => !mine.check(guess, ask, "c").allowed,
      ),
    );
    forgeries = [];
    expect(mine.check(foreign, ask, "c").allowed).toBe(false);
    expect(mine.check(`${own}=`, ask, "c").allowed).toBe(false);
    other.close();
    expect(mine.check(foreign, ask, "c").allowed).toBe(false);
    mine.apply(standing([]));
    expect(mine.check(own, ask, "c").allowed).toBe(false);
    expect(forgeries).toEqual([
      ["mine", "foreign"],
      ["mine", "unknown"],
      ["mine", "dead"],
    ]);
    clock.pass(5001);
    expect(mine.check(own, ask, "c").allowed).toBe(false);
    expect(forgeries.at(-1)).toEqual(["mine", "dead"]);
    expect(audited.every((each) => each.result === "deny")).toBe(true);
  });

  test("no token is no forgery, and no permission either", () => {
    const capabilitySet = broker.open("p", standing(["secrets"]));
    expect(capabilitySet.check(null, { permission: "secrets", secret: "x" }, "c")).toMatchObject({
      allowed: false,
      rule: "no token was presented",
    });
    expect(capabilitySet.check(null, http("a.org"), "c")).toMatchObject({ allowed: false, rule: "not requested in the manifest" });
    expect(forgeries).toEqual([]);
  });

  test("a second load of a plugin has tokens of its own; nothing leaks over many loads", () => {
    const old = broker.open("p", standing(["secrets"]));
    const fresh = broker.open("p", standing(["secrets"]));
    expect(fresh.check(old.tokens.secrets ?? "", { permission: "secrets", secret: "x" }, "c").allowed).toBe(false);
    old.close();
    old.close();
    fresh.close();
    for (let i = 0; i < 5000; i++) broker.open("p", standing(["secrets"])).close();
    expect(broker.size).toBe(0);
  });
});

describe("decisions", () => {
  test("each is audited with scope, rule and correlation id; a refusal says what to do", () => {
    const capabilitySet = broker.open("p", standing([{ http_requests: { hosts: ["a.org"] } }]));
    expect(capabilitySet.checkOwn(http("a.org"), "c1").allowed).toBe(true);
    expect(capabilitySet.checkOwn(http("evil.org"), "c2")).toEqual({
      allowed: false,
      rule: "not requested in the manifest",
      permission: "http_requests",
      scope: "GET http_requests(hosts=[evil.org])",
      hint: 'add to permissions in manifest.yaml: - http_requests: {hosts: ["evil.org"]}',
    });
    expect(audited.map(({ result, rule, correlationId }) => [result, rule, correlationId])).toEqual([
      ["allow", "granted: http_requests(hosts=[a.org:443], methods=[GET])", "c1"],
      ["deny", "not requested in the manifest", "c2"],
    ]);
  });

  test("a request to a node spends one of its own rate, and nothing of the texts'", () => {
    const capabilitySet = broker.open("p", standing([{ mesh_requests: { rate: "2/h" } }, { send_messages: { rate: "2/h" } }]));
    const ask = () => capabilitySet.checkOwn({ permission: "mesh_requests" }, "c");
    expect([ask().allowed, ask().allowed]).toEqual([true, true]);
    expect(ask()).toMatchObject({ allowed: false, retryAfterS: expect.closeTo(1800), rule: "rate: mesh_requests(rate=2/h)" });
    const text = { permission: "send_messages", kind: "direct", parts: 2, isReply: false } as const;
    expect(capabilitySet.checkOwn({ ...text, channel: { index: 0 } }, "c").allowed).toBe(true);
  });

  test("revocation holds from the next call on, stops what is in flight, and a narrowing leaves a fresh signal", () => {
    const capabilitySet = broker.open("p", standing([{ http_requests: { hosts: ["a.org", "b.org"] } }, "secrets"]));
    const [flying, secret] = [capabilitySet.signal("http_requests"), capabilitySet.signal("secrets")];
    expect(capabilitySet.signal("http_requests")).toBe(flying);
    let changes = 0;
    const subscription = capabilitySet.onChange(() => changes++);
    capabilitySet.apply(standing([{ http_requests: { hosts: ["a.org", "b.org"] } }, "secrets", "database_access"]));
    expect([flying.aborted, capabilitySet.tokens.database_access === undefined]).toEqual([false, false]);
    capabilitySet.apply(standing([{ http_requests: { hosts: ["a.org"] } }, "secrets"]));
    expect([flying.aborted, secret.aborted, changes]).toEqual([true, false, 2]);
    expect(capabilitySet.signal("http_requests").aborted).toBe(false);
    expect([capabilitySet.checkOwn(http("a.org"), "c").allowed, capabilitySet.checkOwn(http("b.org"), "c").allowed]).toEqual([true, false]);
    capabilitySet.apply(standing(["secrets"], ["http_requests"]));
    expect(capabilitySet.signal("http_requests").aborted).toBe(true);
    expect(capabilitySet.tokens.http_requests).toBeUndefined();
    subscription.dispose();
    capabilitySet.close();
    expect([secret.aborted, changes, Object.keys(capabilitySet.tokens).length]).toEqual([true, 3, 0]);
    expect(capabilitySet.checkOwn({ permission: "secrets", secret: "x" }, "c")).toMatchObject({
      allowed: false,
      rule: "the plugin was unloaded",
    });
  });

  test("a denied part of what is granted aborts, too", () => {
    const capabilitySet = broker.open("p", standing(["secrets"]));
    const signal = capabilitySet.signal("secrets");
    capabilitySet.apply(standing(["secrets"], [{ secrets: { names: ["x"] } }]));
    expect(signal.aborted).toBe(true);
    expect(capabilitySet.checkOwn({ permission: "secrets", secret: "x" }, "c")).toMatchObject({ allowed: false, rule: "deny by test" });
    expect(capabilitySet.checkOwn({ permission: "secrets", secret: "y" }, "c").allowed).toBe(true);
  });

  test("a rate counts parts, replies too; it comes back with time and survives a change of standing", () => {
    const capabilitySet = broker.open("p", standing([{ send_messages: { rate: "10/min" } }]));
    expect(capabilitySet.checkOwn(send(5), "c").allowed).toBe(true);
    expect(capabilitySet.checkOwn(send(4, true), "c").allowed).toBe(true);
    capabilitySet.apply(standing([{ send_messages: { rate: "10/min" } }, "secrets"]));
    const over = capabilitySet.checkOwn(send(3), "c");
    expect(over).toMatchObject({ allowed: false, rule: expect.stringContaining("rate: ") });
    expect(!over.allowed && over.retryAfterS).toBeCloseTo(12, 3);
    clock.pass(12_001);
    expect(capabilitySet.checkOwn(send(3), "c").allowed).toBe(true);
  });

  test("parts above the burst pass a full bucket and are paid back", () => {
    const capabilitySet = broker.open("p", standing([{ send_messages: { rate: "2/min" } }]));
    expect(capabilitySet.checkOwn(send(5), "c").allowed).toBe(true);
    clock.pass(60_000);
    expect(capabilitySet.checkOwn(send(1), "c").allowed).toBe(false);
    clock.pass(60_001);
    expect(capabilitySet.checkOwn(send(1), "c").allowed).toBe(true);
  });

  test("entries of different rates count apart, the same rate together", () => {
    const capabilitySet = broker.open(
      "p",
      standing([
        { send_messages: { channels: [1], rate: "1/min" } },
        { send_messages: { channels: [0, 2], direct: false, rate: "2/min" } },
      ]),
    );
    expect([send(1, false, 0), send(1, false, 2), send(1, false, 0)].map((ask) => capabilitySet.checkOwn(ask, "c").allowed)).toEqual([
      true,
      true,
      false,
    ]);
    expect([send(1, false, 1), send(1, false, 1)].map((ask) => capabilitySet.checkOwn(ask, "c").allowed)).toEqual([true, false]);
  });

  test("scopes do not limit a reply to the asker, a denial does", () => {
    const capabilitySet = broker.open("p", standing([{ send_messages: { channels: [1], direct: false } }]));
    expect([capabilitySet.checkOwn(send(1, true, 5), "c").allowed, capabilitySet.checkOwn(send(1, false, 5), "c").allowed]).toEqual([
      true,
      false,
    ]);
    capabilitySet.apply(standing([{ send_messages: { channels: [1, 2], direct: false } }], [{ send_messages: { channels: [5] } }]));
    expect([capabilitySet.checkOwn(send(1, true, 5), "c").allowed, capabilitySet.checkOwn(send(1, true, 6), "c").allowed]).toEqual([
      false,
      true,
    ]);
    expect(broker.open("q", standing(["secrets"])).checkOwn(send(1, true), "c").allowed).toBe(false);
  });
});

describe("query, request, drop", () => {
  test("states as Deno has them", () => {
    const capabilitySet = broker.open(
      "p",
      standing([{ http_requests: { hosts: ["*.a.org"] } }], [{ http_requests: { hosts: ["x.a.org"] } }, "override_commands"]),
    );
    const query = (input: unknown) => capabilitySet.query(entry(input));
    expect(query({ http_requests: { hosts: ["y.a.org"] } })).toEqual({ state: "granted", partial: false });
    expect(query({ http_requests: { hosts: ["*.a.org"] } })).toEqual({ state: "granted", partial: true });
    expect(query({ http_requests: { hosts: ["x.a.org"] } })).toMatchObject({ state: "denied" });
    expect(query({ http_requests: { hosts: ["b.org"] } })).toEqual({ state: "prompt", partial: false });
    expect(query("override_commands")).toMatchObject({ state: "denied" });
    expect(query("secrets")).toMatchObject({ state: "prompt" });
  });

  test("what is granted in full is allowed, for any standing", () => {
    fc.assert(
      fc.property(fc.array(someEntry, { maxLength: 4 }), fc.array(someEntry, { maxLength: 2 }), someEntry, (granted, denied, asked) => {
        const capabilitySet = broker.open("p", standing(granted.map(toEntry), denied.map(toEntry)));
        const { state, partial } = capabilitySet.query(asked);
        if (state === "granted" && !partial && asked.name === "http_requests") {
          for (const host of ["a.org", "x.a.org", "y.x.a.org"]) {
            const inside = setOf(toEntry(asked)).some((atom) => atom.at[0] === host && atom.at[1] === 443 && atom.at[2] === "method|=GET");
            if (inside) expect(capabilitySet.checkOwn(http(host), "c").allowed).toBe(true);
          }
        }
        capabilitySet.close();
      }),
      { numRuns: 200 },
    );
  });

  test("a request waits for the operator once, and is gone when it is granted", () => {
    const capabilitySet = broker.open("p", standing([]));
    for (let i = 0; i < 3; i++) expect(capabilitySet.request(entry("secrets")).state).toBe("prompt");
    expect([wanted, capabilitySet.requests().length]).toEqual([["p secrets"], 1]);
    capabilitySet.apply(standing(["secrets"]));
    expect([capabilitySet.requests().length, capabilitySet.request(entry("secrets")).state]).toEqual([0, "granted"]);
    for (let i = 0; i < 100; i++) capabilitySet.request(entry({ http_requests: { hosts: [`h${i}.org`] } }));
    expect(capabilitySet.requests().length).toBeLessThanOrEqual(32);
  });

  test("what the plugin gives away stays away while it is loaded", () => {
    const capabilitySet = broker.open("p", standing(["http_requests"]));
    expect(capabilitySet.drop(entry({ http_requests: { hosts: ["a.org"] } })).state).toBe("prompt");
    capabilitySet.apply(standing(["http_requests", "secrets"]));
    expect([capabilitySet.checkOwn(http("a.org"), "c").allowed, capabilitySet.checkOwn(http("b.org"), "c").allowed]).toEqual([false, true]);
    for (let i = 0; i < 200; i++) capabilitySet.drop(entry({ http_requests: { hosts: [`h${i}.org`] } }));
    expect(capabilitySet.checkOwn(http("b.org"), "c").allowed).toBe(false);
    expect(capabilitySet.checkOwn({ permission: "secrets", secret: "x" }, "c").allowed).toBe(true);
  });

  test("states() is what the sdk looks at first", () => {
    const capabilitySet = broker.open(
      "p",
      standing(["secrets", { http_requests: { hosts: ["*.a.org"] } }], [{ http_requests: { hosts: ["x.a.org"] } }]),
    );
    expect(capabilitySet.states()).toMatchObject({
      granted: [{ http_requests: { hosts: ["*.a.org"] } }, "secrets"],
      denied: [{ http_requests: { hosts: ["x.a.org"] } }],
    });
    // Refused whole, it leaves no rule to show the hole in.
    expect(broker.open("r", standing(["secrets"], ["secrets"])).states()).toEqual({
      granted: [],
      denied: ["secrets"],
      requested: ["secrets"],
    });
    expect([capabilitySet.quotaMb(), broker.open("q", standing([{ database_access: { quota_mb: 3 } }])).quotaMb()]).toEqual([0, 3]);
  });

  test("a check costs little", () => {
    const capabilitySet = broker.open("p", standing([{ http_requests: { hosts: Array.from({ length: 64 }, (_, i) => `h${i}.org`) } }]));
    const token = capabilitySet.tokens.http_requests ?? "";
    const start = performance.now();
    for (let i = 0; i < 5000; i++) capabilitySet.check(token, http("h63.org"), "c");
    expect(performance.now() - start).toBeLessThan(2500);
  });
});
