import { expect, test } from "bun:test";
import { silentLogger } from "../../../src/log/logger.ts";
import type { SharedCall, SiteReach } from "../../../src/mesh/emergency/other-sites.ts";
import { CallsForHelp } from "../../../src/region/shared/calls-for-help.ts";
import { siteIdOf } from "../memory-sites.ts";
import { HOUR, RecordsWorld } from "../records/world.ts";

const CALL: SharedCall = {
  key: "!0000002a 7 abcd",
  caseKey: "!0000002a 7 abcd",
  sender: "!0000002a",
  word: "SOS",
  isFollowUp: false,
  content: "SOS from Alice (!0000002a): leg broken",
  correlationId: "c1",
};

/** The calls of several sites; operators are reached when a test says so. */
class Sites {
  readonly world: RecordsWorld;
  readonly heard: string[] = [];
  readonly calls = new Map<string, CallsForHelp>();
  readonly reach = new Map<string, (reach: SiteReach) => void>();

  constructor(...names: string[]) {
    this.world = new RecordsWorld(names);
    for (const name of names) this.start(name);
    this.world.clock.pass(10_000);
  }

  start(name: string): CallsForHelp {
    const calls = new CallsForHelp({
      messages: this.world.region.site(name),
      records: this.world.of(name),
      clock: this.world.clock,
      log: silentLogger,
      receive: (call, site, changed) => {
        this.heard.push(`${name}: [${site}] ${call.content}`);
        this.reach.set(name, changed);
        changed({ reached: [], isSettled: false });
      },
      list: (call, site) => this.heard.push(`${name}: late [${site}] ${call.content}`),
      reached: (_, site, { reached, isSettled }) =>
        this.heard.push(`${name}: ${site === siteIdOf("b") ? "b" : "?"} reached ${reached.join("+")} ${isSettled}`),
      acknowledged: (_, by, site) => this.heard.push(`${name}: ${by} of ${site} took note`),
    });
    calls.start();
    this.calls.set(name, calls);
    return calls;
  }

  of(name: string): CallsForHelp {
    return this.calls.get(name) ?? this.start(name);
  }

  [Symbol.dispose](): void {
    for (const calls of this.calls.values()) calls.stop();
    this.world[Symbol.dispose]();
  }
}

test("a call is heard once at every other site, and its site hears who was reached and who took note", () => {
  using sites = new Sites("a", "b", "c");
  expect(sites.of("a").share(CALL)).toEqual([
    { id: siteIdOf("b"), name: "b" },
    { id: siteIdOf("c"), name: "c" },
  ]);
  sites.world.clock.pass(100);
  const text = "[a] SOS from Alice (!0000002a): leg broken";
  expect(sites.heard.filter((line) => line.includes("SOS")).sort()).toEqual([`b: ${text}`, `c: ${text}`]);
  sites.reach.get("b")?.({ reached: ["Bob"], isSettled: true });
  sites.of("b").acknowledge(CALL.caseKey, "token ops");
  sites.world.clock.pass(100);
  expect(sites.heard).toContain("a: b reached Bob true");
  expect(sites.heard.filter((line) => line.includes("took note")).sort()).toEqual([
    "a: token ops of b took note",
    "c: token ops of b took note",
  ]);
});

test("a site that is away is not promised to the sender; back within hours it acts, later it lists", () => {
  using sites = new Sites("a", "b", "late");
  for (const name of ["b", "late"]) sites.world.region.setConnected(name, false);
  expect(sites.of("a").share(CALL)).toEqual([]);
  sites.world.clock.pass(HOUR);
  sites.world.region.setConnected("b", true);
  sites.world.clock.pass(60_000);
  sites.world.clock.jumpWall(5 * HOUR);
  sites.world.region.setConnected("late", true);
  sites.world.clock.pass(60_000);
  expect(sites.heard.filter((line) => line.includes("SOS"))).toEqual([
    "b: [a] SOS from Alice (!0000002a): leg broken",
    "late: late [a] SOS from Alice (!0000002a): leg broken",
  ]);
});

test("a restart in the middle loses no call and repeats none", () => {
  using sites = new Sites("a", "b");
  // The record came, and the site went down before it acted.
  sites.of("b").stop();
  sites.of("a").share(CALL);
  sites.world.clock.pass(1_000);
  sites.start("b");
  expect(sites.heard.filter((line) => line.startsWith("b: [a]"))).toHaveLength(1);
  sites.of("b").stop();
  sites.start("b");
  sites.start("b");
  expect(sites.heard.filter((line) => line.startsWith("b: [a]"))).toHaveLength(1);
});

test("a hostile site can neither jam the operators nor send what is no call", () => {
  using sites = new Sites("a", "b");
  for (let count = 0; count < 200; count++) sites.of("a").share({ ...CALL, key: `k${count}` });
  for (const body of [
    null,
    1,
    { kind: "call" },
    { kind: "call", ...CALL, sender: "alice" },
    { kind: "reach", key: "x", reached: [1], isSettled: true },
  ]) {
    sites.world.of("a").add("sos", body, { ttlMs: HOUR });
  }
  sites.world.clock.pass(5_000);
  expect(sites.heard.filter((line) => line.startsWith("b: [a]")).length).toBe(60);
  expect(sites.of("b").counts).toMatchObject({ received: 60, overRate: 140, refused: 5 });
});
