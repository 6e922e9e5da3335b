/** Messages of plugins between sites: what a hostile site, and a hostile plugin, can do by them. */
import { describe, expect, test } from "bun:test";
import type { Json } from "../../src/json.ts";
import { type LogFields, silentLogger } from "../../src/log/logger.ts";
import { PluginTopics } from "../../src/region/plugins/topics.ts";
import type { SiteId } from "../../src/region/ports.ts";
import type { RegionMessage } from "../../src/sdk/types/region.ts";
import { FakeClock } from "../fake-clock.ts";
import { MemoryRegion, siteIdOf } from "./memory-sites.ts";

function world(...names: string[]) {
  const clock = new FakeClock(1_700_000_000_000);
  const region = new MemoryRegion(names, clock);
  const warnings: LogFields[] = [];
  const log = { ...silentLogger, warn: (_: string, fields: LogFields = {}) => void warnings.push(fields) };
  const topicsOf = (name: string) => new PluginTopics({ clock, log, messages: region.site(name) });
  return { clock, region, topicsOf, warnings };
}

function heardBy(topics: PluginTopics, plugin: string, topic: string): RegionMessage[] {
  const heard: RegionMessage[] = [];
  topics.subscribe(plugin, topic, (message) => heard.push(message));
  return heard;
}

const deep = (levels: number): Json => {
  let value: Json = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
};

describe("between plugins", () => {
  test("a message reaches the plugin of the same name at every other site, and never its own", async () => {
    const { clock, topicsOf } = world("north", "south", "west");
    const [north, south, west] = [topicsOf("north"), topicsOf("south"), topicsOf("west")];
    const heard = [north, south, west].map((topics) => heardBy(topics, "quiz", "scores"));
    const others = [heardBy(south, "quizz", "scores"), heardBy(south, "quiz", "other"), heardBy(south, "scores", "quiz")];
    expect(north.publish("quiz", "scores", { best: 4 }, undefined)).toEqual({ ok: true, value: { sites: 2 } });
    await clock.advance(1);
    const message = { topic: "scores", site: { id: siteIdOf("north"), name: "north" }, body: { best: 4 }, sentAt: 1_700_000_000_000 };
    expect(heard).toEqual([[], [message], [message]] as never);
    expect(others).toEqual([[], [], []]);
  });

  test("to one site alone; a site that is away gets nothing later, and one that is none is an error", async () => {
    const { clock, region, topicsOf } = world("north", "south", "west");
    const [north, south, west] = [topicsOf("north"), topicsOf("south"), topicsOf("west")];
    const heard = [south, west].map((topics) => heardBy(topics, "quiz", "scores"));
    expect(north.publish("quiz", "scores", 1, siteIdOf("south"))).toEqual({ ok: true, value: { sites: 1 } });
    await clock.advance(1);
    region.setConnected("south", false);
    expect(north.publish("quiz", "scores", 2, siteIdOf("south"))).toEqual({ ok: true, value: { sites: 0 } });
    region.setConnected("south", true);
    await clock.advance(60_000);
    expect(heard.map((messages) => messages.map(({ body }) => body))).toEqual([[1], []]);
    for (const wrong of [siteIdOf("north"), siteIdOf("nowhere"), "south", ""])
      expect(north.publish("quiz", "scores", 1, wrong)).toMatchObject({ ok: false, error: { code: "not_found" } });
  });

  test("without a region, and without a connection, nothing is sent and that is no failure", async () => {
    const { region, topicsOf, clock } = world("north", "south");
    const alone = new PluginTopics({ clock, log: silentLogger, messages: null });
    expect(alone.publish("quiz", "scores", 1, undefined)).toEqual({ ok: true, value: { sites: 0 } });
    expect(alone.sites()).toEqual([{ id: "0".repeat(32), name: "alone", isSelf: true, isOnline: true, heardAt: null }]);
    alone.subscribe("quiz", "scores", () => undefined).dispose();
    region.setConnected("north", false);
    expect(topicsOf("north").publish("quiz", "scores", 1, undefined)).toEqual({ ok: true, value: { sites: 0 } });
  });

  test("sites are this one and the enrolled ones, without those that wait or are revoked", async () => {
    const { region, topicsOf } = world("north", "west", "south", "east");
    region.setState("east", "waiting");
    region.setState("west", "revoked");
    const sites = topicsOf("north").sites();
    expect(sites.map(({ name, isSelf, isOnline }) => [name, isSelf, isOnline])).toEqual([
      ["north", true, true],
      ["south", false, true],
    ]);
    expect(JSON.stringify(sites)).not.toContain("report");
  });

  test("a disposed subscription leaves nothing behind", async () => {
    const { region, topicsOf } = world("north");
    const subscription = topicsOf("north").subscribe("quiz", "scores", () => undefined);
    expect(region.site("north").subscriptions).toBe(1);
    subscription.dispose();
    expect(region.site("north").subscriptions).toBe(0);
  });
});

describe("hostile", () => {
  const send = (region: MemoryRegion, to: string, from: SiteId, body: Json) =>
    region.site(to).take({ from, topic: "plugin/quiz/scores", body, sentAt: 0 });

  test("a plugin's message is bounded in size, depth and values before it leaves", async () => {
    const { topicsOf, region } = world("north", "south");
    const north = topicsOf("north");
    for (const body of ["x".repeat(16 * 1024), "é".repeat(9_000), deep(33), deep(200_000), Array(5_000).fill(0), { a: deep(40) }])
      expect(north.publish("quiz", "scores", body, undefined)).toMatchObject({ ok: false, error: { code: "too_large" } });
    expect(region.counts.sent).toBe(0);
    expect(north.publish("quiz", "scores", deep(32), undefined).ok).toBe(true);
  });

  test("a site's message is bounded alike when it comes, and what is left out is counted and said once a minute", async () => {
    const { topicsOf, region, clock, warnings } = world("north", "south");
    const south = topicsOf("south");
    const heard = heardBy(south, "quiz", "scores");
    const before = structuredClone(south.dropped);
    for (const body of ["x".repeat(16 * 1024), deep(33), deep(200_000), Array(5_000).fill(0)])
      send(region, "south", siteIdOf("north"), body);
    expect(heard).toEqual([]);
    expect([before.too_large, south.dropped.too_large]).toEqual([0, 4]);
    expect(warnings).toHaveLength(1);
    await clock.advance(60_000);
    send(region, "south", siteIdOf("north"), deep(33));
    expect(warnings).toHaveLength(2);
  });

  test("a site that floods one plugin is slowed for that plugin alone", async () => {
    const { topicsOf, region, clock } = world("north", "south", "west");
    const south = topicsOf("south");
    const [quiz, other] = [heardBy(south, "quiz", "scores"), heardBy(south, "other", "scores")];
    for (let n = 0; n < 10_000; n++) send(region, "south", siteIdOf("north"), n);
    expect(quiz).toHaveLength(120);
    expect(south.dropped.rate_limited).toBe(9_880);
    send(region, "south", siteIdOf("west"), "from another site");
    region.site("south").take({ from: siteIdOf("north"), topic: "plugin/other/scores", body: "to another plugin", sentAt: 0 });
    expect([quiz.at(-1)?.body, other.at(-1)?.body]).toEqual(["from another site", "to another plugin"]);
    await clock.advance(6_000);
    send(region, "south", siteIdOf("north"), "later");
    expect(quiz.at(-1)?.body).toBe("later");
  });

  test("nothing of a site that is not enrolled, whatever it says about itself", async () => {
    const { topicsOf, region } = world("north", "south", "west");
    const south = topicsOf("south");
    const heard = heardBy(south, "quiz", "scores");
    region.setState("north", "revoked");
    region.setState("west", "waiting");
    for (const from of [siteIdOf("north"), siteIdOf("west"), siteIdOf("south"), siteIdOf("nobody")])
      send(region, "south", from, { site: { id: siteIdOf("south"), name: "south" } });
    expect(heard).toEqual([]);
    expect(south.dropped.unknown_site).toBe(4);
  });

  test("what arrives is JSON: no prototype comes with it, and the sender is the gateway's word", async () => {
    const { topicsOf, region } = world("north", "south");
    const heard = heardBy(topicsOf("south"), "quiz", "scores");
    send(region, "south", siteIdOf("north"), JSON.parse('{"__proto__":{"polluted":1},"site":{"id":"x","name":"south"}}'));
    expect(heard[0]?.site).toEqual({ id: siteIdOf("north"), name: "north" });
    expect(Object.keys(heard[0]?.body ?? {})).toEqual(["site"]);
    expect(Reflect.get(Object(heard[0]?.body), "polluted")).toBeUndefined();
  });

  test("a region that takes no more is told to the plugin", async () => {
    const { topicsOf, region } = world("north", "south");
    region.site("north").isFlooded = true;
    expect(topicsOf("north").publish("quiz", "scores", 1, undefined)).toMatchObject({ ok: false, error: { code: "rate_limited" } });
  });
});
