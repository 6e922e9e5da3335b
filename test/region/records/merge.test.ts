/** The merge against a model: any order, any subset, any repetition, splits and restarts; then everybody keeps the same. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { RecordId } from "../../../src/region/ports.ts";
import { DAY, HOUR, RecordsWorld } from "./world.ts";

const RUNS = Number(process.env.SOAK_RUNS ?? 100);
const NAMES = ["a", "b", "c"] as const;
const STREAMS = ["bbs", "mail"] as const;

const site = fc.constantFrom(...NAMES);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("add"), site, stream: fc.constantFrom(...STREAMS), isShort: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("remove"), site, pick: fc.nat(100), isOperator: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait"), ms: fc.constantFrom(10, 1_000, 60_000, 20 * 60_000) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("restart"), site }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("split"), left: fc.subarray([...NAMES]) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("join") }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("broker"), site, isThere: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("skew"), ms: fc.constantFrom(-HOUR, HOUR) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("weather"),
      dropChance: fc.constantFrom(0, 0.3, 0.9),
      doubleChance: fc.constantFrom(0, 0.5),
      jitterMs: fc.constantFrom(0, 5_000),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Made {
  readonly origin: string;
  readonly expiresAt: number;
  isRemoved: boolean;
}

function run(world: RecordsWorld, made: Map<RecordId, Made>, each: Step): void {
  if ("stream" in each) {
    const ttlMs = each.isShort ? HOUR : 30 * DAY;
    const added = world.of(each.site).add(each.stream, { at: world.clock.now() }, { ttlMs });
    if (!added.ok) throw added.error;
    const expiresAt =
      world
        .of(each.site)
        .read(each.stream)
        .find(({ id }) => id === added.value)?.expiresAt ?? 0;
    made.set(added.value, { origin: each.site, expiresAt, isRemoved: false });
  } else if ("pick" in each) {
    const seen = STREAMS.flatMap((stream) => [...world.of(each.site).read(stream)]);
    const picked = seen[each.pick % Math.max(seen.length, 1)];
    const known = picked === undefined ? undefined : made.get(picked.id);
    if (picked === undefined || known === undefined) return;
    const removed = world.of(each.site).remove(picked.id, each.isOperator ? "operator" : "origin");
    expect(removed.ok).toBe(each.isOperator || known.origin === each.site);
    if (removed.ok) known.isRemoved = true;
  } else if ("left" in each) {
    world.region.split(
      each.left,
      NAMES.filter((name) => !each.left.includes(name)),
    );
  } else if ("dropChance" in each) world.region.everywhere(each);
  else if ("isThere" in each) world.region.setConnected(each.site, each.isThere);
  else if ("site" in each) world.restart(each.site);
  else if (!("ms" in each)) world.region.join();
  else if (each.do === "skew") world.clock.jumpWall(each.ms);
  else world.clock.pass(each.ms);
}

function heal(world: RecordsWorld): void {
  world.region.everywhere({});
  world.region.join();
  for (const name of NAMES) world.region.setConnected(name, true);
  // What lives an hour is over everywhere, whatever the clocks say.
  world.clock.jumpWall(4 * HOUR);
  for (let minutes = 0; minutes < 90 && (minutes < 2 || !world.isEqual); minutes++) world.clock.pass(60_000);
}

test(
  "whatever happens in between, all sites end with what was made, not removed, and lives",
  () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 25 }), (steps) => {
        using world = new RecordsWorld(NAMES, { b: HOUR, c: -HOUR });
        const made = new Map<RecordId, Made>();
        for (const each of steps) run(world, made, each);
        heal(world);
        const now = world.clock.now();
        const expected = [...made].filter(([, { isRemoved, expiresAt }]) => !isRemoved && expiresAt > now).map(([id]) => id as string);
        for (const name of NAMES) {
          const kept = STREAMS.flatMap((stream) => world.ids(name, stream));
          expect([name, kept.sort()]).toEqual([name, expected.sort()]);
        }
        expect(world.isEqual).toBe(true);
      }),
      { numRuns: RUNS },
    );
  },
  { timeout: Math.max(60_000, RUNS * 1_000) },
);

test("two halves that lived an hour apart are equal soon after they are joined, and say little then", () => {
  const names = [...NAMES, "d"];
  using world = new RecordsWorld(names);
  world.region.split(["a", "b"], ["c", "d"]);
  for (let count = 0; count < 60; count++) {
    for (const name of names) world.of(name).add("bbs", { name, count }, { ttlMs: DAY });
    world.clock.pass(60_000);
  }
  const [removed] = world.of("a").read("bbs");
  if (removed !== undefined) world.of("a").remove(removed.id, "operator");
  expect(new Set(world.digests()).size).toBeGreaterThan(1);
  world.region.join();
  world.clock.pass(60_000);
  expect(world.isEqual).toBe(true);
  expect(world.ids("d", "bbs").length).toBe(239);
  const before = world.region.counts.sent;
  world.clock.pass(10 * 60_000);
  // Four sites greet three others about once a minute, and nothing else is said.
  expect(world.region.counts.sent - before).toBeLessThan(4 * 3 * 10 * 2);
});
