import { expect, test } from "bun:test";
import { silentLogger } from "../../../src/log/logger.ts";
import { SharedAlerts } from "../../../src/region/shared/alerts.ts";
import { HOUR, RecordsWorld } from "../records/world.ts";

function start(world: RecordsWorld, name: string, seen: string[]): SharedAlerts {
  const alerts = new SharedAlerts({
    messages: world.region.site(name),
    records: world.of(name),
    clock: world.clock,
    log: silentLogger,
    raise: ({ code, message, site, link }) => seen.push(`${name}: ${site} ${code} ${link ?? ""} ${message}`),
    clear: ({ code, site }) => seen.push(`${name}: ${site} ${code} is over`),
  });
  alerts.start();
  return alerts;
}

const RAISED = { change: "raised", id: "1", code: "link_down", message: "no radio link roof", link: "roof" } as const;

test("an open alert is known at the other sites until it is over, at those that come later, too", () => {
  using world = new RecordsWorld(["a", "b", "late"]);
  const seen: string[] = [];
  const [a] = [start(world, "a", seen), start(world, "b", seen)];
  world.region.setConnected("late", false);
  a.changed(RAISED);
  a.changed(RAISED);
  world.clock.pass(100);
  expect(seen).toEqual(["b: a link_down roof no radio link roof"]);
  world.region.setConnected("late", true);
  world.clock.pass(60_000);
  start(world, "late", seen);
  expect(seen.at(-1)).toBe("late: a link_down roof no radio link roof");
  a.changed({ ...RAISED, change: "cleared" });
  world.clock.pass(100);
  expect(seen.slice(2).sort()).toEqual(["b: a link_down is over", "late: a link_down is over"]);
  expect(world.of("late").read("alerts")).toEqual([]);
});

test("a gateway that starts again takes back what its last run raised; one that listens again is told what is open", () => {
  using world = new RecordsWorld(["a", "b"]);
  const seen: string[] = [];
  const [a, b] = [start(world, "a", seen), start(world, "b", seen)];
  a.changed(RAISED);
  world.clock.pass(100);
  b.stop();
  const again = start(world, "b", seen);
  expect(seen).toHaveLength(2);
  a.stop();
  start(world, "a", seen);
  world.clock.pass(100);
  expect(seen.at(-1)).toBe("b: a link_down is over");
  again.stop();
});

test("alerts that come and go, or are no alerts, cost the other sites little", () => {
  using world = new RecordsWorld(["a", "b"]);
  const seen: string[] = [];
  const [a, b] = [start(world, "a", seen), start(world, "b", seen)];
  for (let count = 0; count < 300; count++) a.changed({ ...RAISED, id: `${count}` });
  world.of("a").add("alerts", { code: "Not A Code", message: 1 }, { ttlMs: HOUR });
  world.clock.pass(1_000);
  expect([seen.length, a.counts.overRate, b.counts.refused]).toEqual([50, 240, 11]);
});
