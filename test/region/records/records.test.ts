import { expect, test } from "bun:test";
import { siteIdOf } from "../memory-sites.ts";
import { DAY, HOUR, RecordsWorld } from "./world.ts";

const TTL = { ttlMs: 30 * DAY };
const must = <T>(result: { ok: true; value: T } | { ok: false; error: Error }): T => {
  if (!result.ok) throw result.error;
  return result.value;
};

test("a record of one site is at the others within a moment, told once, and reads the same", () => {
  using world = new RecordsWorld(["a", "b", "c"]);
  const told: string[] = [];
  for (const name of ["a", "b", "c"]) {
    world
      .of(name)
      .onRecord("bbs", ({ body, origin }, what) => told.push(`${name} ${what} ${JSON.stringify(body)} ${origin === siteIdOf("a")}`));
  }
  const id = must(world.of("a").add("bbs", { text: "hello", z: 1, a: [1, 2.5, null] }, TTL));
  expect(id).toMatch(/^[0-9a-f]{32}$/);
  world.clock.pass(100);
  const body = '{"a":[1,2.5,null],"text":"hello","z":1}';
  const sorted = told.map((line) =>
    line.replace(/\{.*\}/, (json) => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(json)).sort()))),
  );
  expect(sorted).toEqual(["a", "b", "c"].map((name) => `${name} added ${body} true`));
  expect(world.of("c").read("bbs")).toEqual(world.of("a").read("bbs"));
  expect(world.isEqual).toBe(true);
  expect(world.of("b").read("other")).toEqual([]);
});

test("a removal reaches everybody, those that were away too, and nothing brings the record back", () => {
  using world = new RecordsWorld(["a", "b", "c"]);
  const id = must(world.of("a").add("bbs", "x", TTL));
  world.clock.pass(100);
  world.region.split(["a", "b"], ["c"]);
  expect(world.of("b").remove(id, "origin")).toMatchObject({ ok: false, error: { code: "permission_denied" } });
  must(world.of("a").remove(id, "origin"));
  expect(world.of("a").remove(id, "origin")).toMatchObject({ ok: false, error: { code: "not_found" } });
  world.clock.pass(HOUR);
  expect([world.ids("a", "bbs"), world.ids("b", "bbs"), world.ids("c", "bbs")]).toEqual([[], [], [id]]);
  world.region.join();
  world.clock.pass(HOUR);
  expect(["a", "b", "c"].flatMap((name) => world.ids(name, "bbs"))).toEqual([]);
  expect(world.isEqual).toBe(true);
});

test("an operator of another site removes a record, and the log names the site", () => {
  using world = new RecordsWorld(["a", "b"]);
  const id = must(world.of("a").add("bbs", "x", TTL));
  world.clock.pass(100);
  must(world.of("b").remove(id, "operator"));
  world.clock.pass(100);
  expect(world.ids("a", "bbs")).toEqual([]);
  expect(world.lines.join("\n")).toContain(`a: an operator removed a record of another site {"by":"${siteIdOf("b")}"`);
});

test("what is added without a broker is kept over a restart and shared when it is back", () => {
  using world = new RecordsWorld(["a", "b"]);
  world.region.setConnected("a", false);
  const id = must(world.of("a").add("bbs", "x", TTL));
  world.restart("a");
  expect(world.ids("a", "bbs")).toEqual([id]);
  world.clock.jumpWall(7 * DAY);
  world.region.setConnected("a", true);
  world.clock.pass(60_000);
  expect(world.ids("b", "bbs")).toEqual([id]);
});

test("a site that was away for a week costs about what it lacks, whatever the others keep", () => {
  using world = new RecordsWorld(["a", "b", "away"]);
  for (let day = 0; day < 20; day++) {
    for (let count = 0; count < 60; count++) must(world.of(count % 2 === 0 ? "a" : "b").add("bbs", { day, count }, { ttlMs: 90 * DAY }));
    world.clock.pass(1_000);
    world.clock.jumpWall(DAY);
  }
  world.clock.pass(5 * 60_000);
  expect(world.isEqual).toBe(true);
  expect(world.of("away").read("bbs", { limit: 500 }).length).toBe(500);
  world.stop("away");
  world.region.setConnected("away", false);
  for (let day = 0; day < 7; day++) {
    for (let count = 0; count < 20; count++) must(world.of("a").add("bbs", { week: day, count }, { ttlMs: 90 * DAY }));
    world.clock.pass(1_000);
    world.clock.jumpWall(DAY);
  }
  const bytes = world.of("a").read("bbs").length;
  expect(bytes).toBe(500);
  const lacked = 140;
  const before = { ...world.region.counts };
  world.region.setConnected("away", true);
  world.start("away");
  world.clock.pass(50_000);
  expect(world.isEqual).toBe(true);
  const spent = world.region.counts.bytes - before.bytes;
  // A record is about 360 bytes as it travels.
  expect(spent).toBeGreaterThan(lacked * 300);
  expect(spent).toBeLessThan(lacked * 360 * 2);
  expect(world.region.counts.sent - before.sent).toBeLessThan(60);
});

test("a new site gets everything that still lives, in batches, over a broker that loses a third and restarts in between", () => {
  using world = new RecordsWorld(["a"]);
  for (let count = 0; count < 400; count++) must(world.of("a").add(`s${count % 3}`, { count, text: "x".repeat(300) }, TTL));
  must(world.of("a").add("s0", "short", { ttlMs: HOUR }));
  world.clock.pass(2 * HOUR);
  world.region.everywhere({ dropChance: 0.3, doubleChance: 0.2, delayMs: 50, jitterMs: 3_000 });
  world.add("new");
  world.clock.pass(10_000);
  world.restart("new");
  world.clock.pass(60_000);
  world.restart("a");
  world.clock.pass(HOUR);
  expect(world.isEqual).toBe(true);
  expect(world.of("new").status().records).toBe(400);
});

test("records expire everywhere, and are told as removed", () => {
  using world = new RecordsWorld(["a", "b"]);
  const told: string[] = [];
  world.of("b").onRecord("bbs", ({ body }, what) => told.push(`${body} ${what}`));
  must(world.of("a").add("bbs", "short", { ttlMs: HOUR }));
  world.clock.pass(59 * 60_000);
  expect(told).toEqual(["short added"]);
  world.clock.pass(3 * 60_000);
  expect(told).toEqual(["short added", "short removed"]);
  expect(world.of("a").status()).toMatchObject({ records: 0, bytes: 0, digest: "" });
});

test("reading goes on after the last record seen, and from the start when that one is gone", () => {
  using world = new RecordsWorld(["a", "b"]);
  const ids = [1, 2, 3, 4].map((n) => must(world.of("a").add("s", n, TTL)));
  world.clock.pass(100);
  const bodies = (options: Parameters<ReturnType<typeof world.of>["read"]>[1]) =>
    world
      .of("b")
      .read("s", options)
      .map(({ body }) => body);
  const [first = "", second] = world
    .of("b")
    .read("s", { limit: 2 })
    .map(({ id }) => id);
  expect(first).not.toBe("");
  expect(bodies({ limit: 2 }).length).toBe(2);
  const rest = second === undefined ? [] : bodies({ after: second });
  expect(rest.length).toBe(2);
  expect([...bodies({ limit: 2 }), ...rest].sort()).toEqual([1, 2, 3, 4]);
  if (second !== undefined) must(world.of("b").remove(second, "operator"));
  expect(second === undefined ? [] : bodies({ after: second, limit: 2 }).length).toBe(2);
  expect(ids.length).toBe(4);
});

test("a sealed record is read at its site alone, after a week away too; the others keep it for it", () => {
  using world = new RecordsWorld(["a", "b", "c"]);
  world.region.setConnected("c", false);
  const told: string[] = [];
  for (const name of ["a", "b", "c"]) world.of(name).onRecord("mail", ({ body }) => told.push(`${name} ${JSON.stringify(body)}`));
  must(world.of("a").add("mail", { text: "for your eyes" }, { ...TTL, to: siteIdOf("c") }));
  world.clock.jumpWall(7 * DAY);
  // Its sender is gone by then.
  world.region.setConnected("a", false);
  world.region.setConnected("c", true);
  world.clock.pass(60_000);
  expect(told).toEqual(['c {"text":"for your eyes"}']);
  expect([world.of("a").read("mail"), world.of("b").read("mail")]).toEqual([[], []]);
  expect(
    world
      .of("c")
      .read("mail")
      .map(({ body }) => body),
  ).toEqual([{ text: "for your eyes" }]);
  const kept = world.database("b").sqlite.query<{ wire: string }, []>("SELECT wire FROM region_records").all();
  expect(kept.length).toBe(1);
  expect(JSON.stringify(kept)).not.toContain("your eyes");
  expect(world.of("a").add("mail", 1, { ...TTL, to: siteIdOf("nobody") })).toMatchObject({ ok: false, error: { code: "not_found" } });
});

test("bad input is refused with its reason, and nothing is kept of it", () => {
  using world = new RecordsWorld(["a"]);
  const add = (stream: string, body: Parameters<ReturnType<typeof world.of>["add"]>[1], ttlMs = DAY) => {
    const added = world.of("a").add(stream, body, { ttlMs });
    return added.ok ? "ok" : `${added.error.code}: ${added.error.message}`;
  };
  expect(add("Not A Stream", 1)).toBe('invalid_argument: "Not A Stream" is no name of a stream');
  expect(add("s", "x".repeat(9_000))).toBe("too_large: a record has at most 8 KB");
  expect(add("s", 1, 10)).toBe("invalid_argument: a record lives one minute to 400 days");
  expect(add("s", 1, Number.NaN)).toStartWith("invalid_argument");
  expect(add("s", JSON.parse(`${"[".repeat(40)}${"]".repeat(40)}`))).toBe("too_large: a record is nested deeper than 32");
  expect(add("s", JSON.parse('{"__proto__": 1}'))).toBe("invalid_argument: a record has no key __proto__");
  expect(add("s", "x".repeat(8_000))).toBe("ok");
  expect(world.of("a").status().records).toBe(1);
  expect(world.of("a").remove("0".repeat(32) as never, "operator")).toMatchObject({ ok: false, error: { code: "not_found" } });
});

test("a site that changes its region takes nothing of the old one along, and finds it again on its way back", () => {
  using world = new RecordsWorld(["a", "b"]);
  must(world.of("a").add("s", "secret of the valley", TTL));
  world.restart("a", "coast");
  world.restart("b", "coast");
  world.clock.pass(HOUR);
  expect([world.ids("a", "s"), world.ids("b", "s"), world.digests()]).toEqual([[], [], ["", ""]]);
  world.restart("a");
  world.restart("b");
  world.clock.pass(HOUR);
  expect(world.ids("b", "s").length).toBe(1);
});

test("what a revoked site made stays, and is not passed on", () => {
  using world = new RecordsWorld(["a", "b", "gone"]);
  must(world.of("gone").add("s", 1, TTL));
  world.clock.pass(100);
  world.region.setState("gone", "revoked");
  world.stop("gone");
  world.add("late");
  world.clock.pass(HOUR);
  expect([world.ids("a", "s").length, world.ids("late", "s").length]).toEqual([1, 0]);
  expect(world.isEqual).toBe(true);
  world.restart("a");
  world.clock.pass(HOUR);
  expect([world.ids("a", "s").length, world.isEqual]).toEqual([1, true]);
});

test("nothing is left behind when it stops", () => {
  using world = new RecordsWorld(["a", "b"]);
  world.clock.pass(60_000);
  for (const name of ["a", "b"]) world.stop(name);
  expect(world.clock.pending).toBe(0);
  expect(world.region.sites.map(({ subscriptions }) => subscriptions)).toEqual([0, 0]);
});
