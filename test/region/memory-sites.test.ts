import { expect, test } from "bun:test";
import { FakeClock } from "../fake-clock.ts";
import { MemoryRegion, siteIdOf } from "./memory-sites.ts";

function region(...names: string[]) {
  const clock = new FakeClock();
  const sites = new MemoryRegion(names, clock);
  const heard: string[] = [];
  for (const site of sites.sites)
    site.onMessage("t", ({ body, from }) => heard.push(`${site.name}<${sites.sites.find((each) => each.self === from)?.name}:${body}`));
  return { clock, sites, heard };
}

test("a message reaches every other site, or the one it is for", () => {
  const { clock, sites, heard } = region("a", "b", "c");
  expect(sites.site("a").send("t", 1).ok).toBe(true);
  expect(heard).toEqual([]);
  clock.pass(0);
  sites.site("b").send("t", 2, siteIdOf("c"));
  clock.pass(0);
  expect(heard).toEqual(["b<a:1", "c<a:1", "c<b:2"]);
});

test("links are cut, delayed and split, each direction by itself", () => {
  const { clock, sites, heard } = region("a", "b", "c");
  sites.link("a", "b", { isDown: true });
  sites.link("a", "c", { delayMs: 100 });
  sites.site("a").send("t", 1);
  sites.site("b").send("t", 2, siteIdOf("a"));
  clock.pass(50);
  expect(heard).toEqual(["a<b:2"]);
  clock.pass(50);
  expect(heard).toEqual(["a<b:2", "c<a:1"]);
  sites.split(["a"], ["b", "c"]);
  expect(
    sites
      .site("a")
      .sites()
      .filter(({ online }) => online)
      .map(({ name }) => name as string),
  ).toEqual(["a"]);
  sites.site("b").send("t", 3);
  clock.pass(1_000);
  sites.join();
  sites.site("b").send("t", 4);
  clock.pass(1_000);
  expect(heard.slice(2)).toEqual(["c<b:3", "a<b:4", "c<b:4"]);
});

test("messages are dropped, doubled and reordered", () => {
  const { clock, sites, heard } = region("a", "b");
  sites.everywhere({ dropChance: 0.3, doubleChance: 0.3, jitterMs: 100 });
  for (let count = 0; count < 100; count++) sites.site("a").send("t", count);
  clock.pass(200);
  const bodies = heard.map((each) => Number(each.split(":")[1]));
  expect(new Set(bodies).size).toBeLessThan(100);
  expect(bodies.length).toBeGreaterThan(new Set(bodies).size);
  expect(bodies).not.toEqual([...bodies].sort((x, y) => x - y));
});

test("a site without a broker sends nothing and hears nothing; nobody hears a revoked one", () => {
  const { clock, sites, heard } = region("a", "b", "c");
  let changes = 0;
  sites.site("c").onChange(() => changes++);
  sites.setConnected("a", false);
  expect(sites.site("a").send("t", 1)).toMatchObject({ ok: false, error: { code: "unavailable" } });
  sites.site("b").send("t", 2);
  clock.pass(0);
  sites.setState("b", "revoked");
  sites.site("b").send("t", 3);
  clock.pass(0);
  expect(heard).toEqual(["c<b:2"]);
  expect(changes).toBe(2);
  expect(sites.site("c").send("t", "x".repeat(40_000))).toMatchObject({ ok: false, error: { code: "too_large" } });
});
