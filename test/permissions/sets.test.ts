import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Descriptor } from "../../src/permissions/grammar/descriptor.ts";
import { printText } from "../../src/permissions/grammar/descriptor.ts";
import {
  atomAllows,
  denialSet,
  difference,
  intersection,
  isSubset,
  type PermissionSet,
  permissionSet,
  permissionSetHash,
  printSet,
  toDescriptors,
  union,
} from "../../src/permissions/grammar/sets.ts";
import type { Ask } from "../../src/permissions/grammar/types.ts";
import { entry, must, setOf, someEntries } from "./support.ts";

const allows = (set: PermissionSet, ask: Ask) => set.some((atom) => atomAllows(atom, ask));
const inside = (value: unknown, list: readonly unknown[] | undefined) => list === undefined || list.includes(value);

/** The meaning of an entry, written down a second time as plainly as possible: the model. */
function model(descriptor: Descriptor, ask: Ask): boolean {
  if (descriptor.name !== ask.permission) return false;
  if (descriptor.name === "send_messages" && ask.permission === "send_messages") {
    if (ask.kind === "direct") return descriptor.scope.direct !== false;
    return descriptor.scope.broadcast !== false && inChannels(descriptor.scope.channels, ask.channel);
  }
  if (descriptor.name === "receive_messages" && ask.permission === "receive_messages") {
    if ("any" in ask) return true;
    return ask.isDirect ? descriptor.scope.direct !== false : inChannels(descriptor.scope.channels, ask.channel);
  }
  if (descriptor.name === "http_requests" && ask.permission === "http_requests") {
    const { hosts, methods = ["GET", "HEAD", "POST"], private: near = false } = descriptor.scope;
    const named = (pattern: string) => {
      const [, name = "", port = ""] = /^(\[.*\]|[^:]*):?(\d*)$/.exec(pattern) ?? [];
      if (!(port === "" ? ask.port === 80 || ask.port === 443 : ask.port === Number(port))) return false;
      return name.startsWith("*.") ? ask.host.endsWith(name.slice(1)) && ask.host.length > name.length - 1 : ask.host === name;
    };
    return (hosts === undefined || hosts.some(named)) && methods.some((method) => method === ask.method) && (near || !ask.isPrivate);
  }
  if (descriptor.name === "schedule_tasks" && ask.permission === "schedule_tasks") {
    return ask.intervalS === null || ask.intervalS >= (descriptor.scope.min_interval_s ?? 0);
  }
  if (descriptor.name === "inter_plugin_messaging" && ask.permission === "inter_plugin_messaging") {
    if ("any" in ask) return true;
    return "plugin" in ask ? inside(ask.plugin, descriptor.scope.plugins) : inside(ask.event, descriptor.scope.events);
  }
  if (descriptor.name === "region" && ask.permission === "region") return "any" in ask || inside(ask.topic, descriptor.scope.topics);
  if (descriptor.name === "secrets" && ask.permission === "secrets") return inside(ask.secret, descriptor.scope.names);
  if (descriptor.name === "override_commands" && ask.permission === "override_commands") return inside(ask.command, descriptor.scope.names);
  return true;
}
const inChannels = (channels: readonly (string | number)[] | undefined, channel: { index: number; name?: string }) =>
  channels === undefined || channels.includes(channel.index) || (channel.name !== undefined && channels.includes(channel.name));

/** A channel by its index or by its name only: the set logic takes the two for different channels. */
const channel = fc.oneof(
  fc.constantFrom(0, 1, 2, 7).map((index) => ({ index })),
  fc.constantFrom("LongFast", "a, b]=(", "0", "true", "other").map((name) => ({ index: 99, name })),
);
const anAsk: fc.Arbitrary<Ask> = fc.oneof(
  fc.record({
    permission: fc.constant("send_messages" as const),
    kind: fc.constantFrom("direct" as const, "broadcast" as const),
    channel,
    parts: fc.constant(1),
    isReply: fc.constant(false),
  }),
  fc.record({ permission: fc.constant("receive_messages" as const), isDirect: fc.boolean(), channel }),
  fc.constant({ permission: "database_access" as const }),
  fc.record({
    permission: fc.constant("http_requests" as const),
    method: fc.constantFrom("GET", "POST", "PUT", "DELETE"),
    host: fc.constantFrom("a.org", "x.a.org", "y.x.a.org", "y.a.org", "b.org", "[::1]", "127.0.0.1", "xn--mnchen-3ya.de"),
    port: fc.constantFrom(80, 443, 8443, 8080, 1),
    secure: fc.boolean(),
    isPrivate: fc.boolean(),
  }),
  fc.record({ permission: fc.constant("schedule_tasks" as const), intervalS: fc.constantFrom(0.5, 1, 60, 100, 3600, null) }),
  fc.constant({ permission: "system_state_read" as const }),
  fc.record({ permission: fc.constant("inter_plugin_messaging" as const), plugin: fc.constantFrom("p", "q", "*", "r") }),
  fc.record({ permission: fc.constant("inter_plugin_messaging" as const), event: fc.constantFrom("p", "e", "|*", "r") }),
  fc.record({ permission: fc.constant("region" as const), topic: fc.constantFrom("a", "b.c", "b", "true", "1e3", "a/b", "|*") }),
  fc.record({ permission: fc.constant("secrets" as const), secret: fc.constantFrom("key", "other", '"quoted"', "none") }),
  fc.record({ permission: fc.constant("override_commands" as const), command: fc.constantFrom("help", "sos", "none") }),
);
const asks = fc.array(anAsk, { minLength: 20, maxLength: 40 });
const RUNS = { numRuns: 500 };

describe("set logic against the model", () => {
  test("a set allows what one of its entries allows", () => {
    fc.assert(
      fc.property(someEntries, asks, (entries, points) => {
        const set = must(permissionSet(entries));
        for (const ask of points) expect(allows(set, ask)).toBe(entries.some((each) => model(each, ask)));
      }),
      RUNS,
    );
  });

  test("intersection is and, union is or; difference covers the rest and nothing new; subset means it", () => {
    fc.assert(
      fc.property(someEntries, someEntries, asks, (left, right, points) => {
        const [a, b] = [must(permissionSet(left)), must(permissionSet(right))];
        const [both, either, rest] = [intersection(a, b), union(a, b), difference(a, b)];
        for (const ask of points) {
          const [inA, inB] = [allows(a, ask), allows(b, ask)];
          expect(allows(both, ask)).toBe(inA && inB);
          expect(allows(either, ask)).toBe(inA || inB);
          if (inA && !inB) expect(allows(rest, ask)).toBe(true);
          if (!inA) expect(allows(rest, ask)).toBe(false);
          if (isSubset(a, b) && inA) expect(inB).toBe(true);
        }
        expect(isSubset(both, a) && isSubset(both, b) && isSubset(a, either) && isSubset(b, either) && isSubset(rest, a)).toBe(true);
        expect(isSubset(a, union(b, rest))).toBe(true);
        expect(rest.length === 0).toBe(isSubset(a, b));
      }),
      RUNS,
    );
  });

  test("equal sets have one form, one hash and one print, however they are written", () => {
    fc.assert(
      fc.property(someEntries, someEntries, (left, right) => {
        const [a, b] = [must(permissionSet(left)), must(permissionSet(right))];
        expect(union(a, b)).toEqual(union(b, a));
        expect(intersection(a, b)).toEqual(intersection(b, a));
        expect(intersection(a, union(a, b))).toEqual(a);
        const again = must(permissionSet(toDescriptors(a).toReversed()));
        expect(again).toEqual(a);
        expect(permissionSetHash(again)).toBe(permissionSetHash(a));
        expect(permissionSetHash(a) === permissionSetHash(b)).toBe(isSubset(a, b) && isSubset(b, a));
      }),
      RUNS,
    );
  });

  test("a denial takes all of what it names: every method, private addresses, any rate", () => {
    const deny = must(
      denialSet([
        entry({ http_requests: { hosts: ["a.org"] } }),
        entry({ send_messages: { channels: [0], direct: false, rate: "1/min" } }),
      ]),
    );
    const http = (method: string, isPrivate: boolean): Ask => ({
      permission: "http_requests",
      method,
      host: "a.org",
      port: 443,
      secure: true,
      isPrivate,
    });
    expect([http("GET", false), http("DELETE", true)].map((ask) => allows(deny, ask))).toEqual([true, true]);
    expect(isSubset(setOf({ send_messages: { channels: [0], direct: false } }), deny)).toBe(true);
    expect(isSubset(setOf("send_messages"), deny)).toBe(false);
  });
});

describe("order of sets", () => {
  test.each([
    [{ send_messages: { rate: "1/min" } }, { send_messages: { rate: "10/min" } }],
    [{ send_messages: { rate: "59/h" } }, { send_messages: { rate: "1/min" } }],
    [{ send_messages: { rate: "10/min" } }, "send_messages"],
    [{ send_messages: { direct: false } }, "send_messages"],
    [{ database_access: { quota_mb: 5 } }, { database_access: { quota_mb: 10 } }],
    [{ database_access: { quota_mb: 5 } }, "database_access"],
    [{ schedule_tasks: { min_interval_s: 60 } }, { schedule_tasks: { min_interval_s: 10 } }],
    [{ schedule_tasks: { min_interval_s: 60 } }, "schedule_tasks"],
    [{ http_requests: { hosts: ["a.org:80", "a.org:443"] } }, { http_requests: { hosts: ["a.org"] } }],
    [{ http_requests: { hosts: ["x.a.org:80"] } }, { http_requests: { hosts: ["*.a.org"] } }],
    [{ http_requests: { methods: ["GET"] } }, "http_requests"],
    ["http_requests", { http_requests: { private: true } }],
  ])("%j lies in %j", (narrow, wide) => {
    expect(isSubset(setOf(narrow), setOf(wide))).toBe(true);
    const equal = permissionSetHash(setOf(narrow)) === permissionSetHash(setOf(wide));
    expect(isSubset(setOf(wide), setOf(narrow))).toBe(equal);
  });

  test("the difference is said as an operator would say it", () => {
    const more = difference(
      setOf({ http_requests: { hosts: ["a.org", "b.org"], methods: ["GET", "PUT"] } }, "secrets"),
      setOf({ http_requests: { hosts: ["a.org", "b.org"], methods: ["GET"] } }),
    );
    expect(printSet(more)).toBe("http_requests(hosts=[a.org, b.org], methods=[PUT]); secrets");
  });

  test("limits are part of the hash, and an absurd set is refused quickly", () => {
    expect(permissionSetHash(setOf("secrets"), { memory_mb: 32 })).not.toBe(permissionSetHash(setOf("secrets")));
    expect(permissionSetHash(setOf("secrets"), { a: 1, b: 2 })).toBe(permissionSetHash(setOf("secrets"), { b: 2, a: 1 }));
    const hosts = (prefix: string) => Array.from({ length: 64 }, (_, index) => `${prefix}${index}.org`);
    const wide = Array.from({ length: 40 }, (_, index) => entry({ http_requests: { hosts: hosts(`h${index}x`), methods: ["GET"] } }));
    const start = performance.now();
    expect(permissionSet(wide).ok).toBe(false);
    const large = must(permissionSet(wide.slice(0, 8)));
    expect(large).toHaveLength(1024);
    const again = toDescriptors(union(large, intersection(large, large)));
    expect(must(permissionSet(again))).toEqual(large);
    expect(again.length).toBeLessThan(40);
    expect(again.map(printText).join()).toContain("h0x0.org");
    expect(performance.now() - start).toBeLessThan(25_000);
  });
});
