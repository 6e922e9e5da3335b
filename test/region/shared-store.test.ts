/** The shared store of plugins over the region's real records: real databases, messages in memory. */
import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import type { Json } from "../../src/json.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { SHARED_SCHEMA } from "../../src/region/plugins/shared-rows.ts";
import { SharedStore } from "../../src/region/plugins/shared-store.ts";
import type { RegionRecords } from "../../src/region/ports.ts";
import type { CoreDatabase } from "../../src/storage/core.ts";
import { openCoreDatabase } from "../../src/storage/core-open.ts";
import { siteIdOf } from "./memory-sites.ts";
import { DAY, HOUR, RecordsWorld } from "./records/world.ts";

const FOR_GOOD = { ttlS: null, site: null };
const left: { close(): void }[] = [];
afterEach(() => {
  for (const each of left.splice(0).reverse()) each.close();
});

/** Sites with a shared store each; a site named in `alone` is in no region yet. */
class Stores {
  readonly world: RecordsWorld;
  readonly #folder = mkdtempSync(join(tmpdir(), "shared-"));
  readonly #open = new Map<string, { store: SharedStore; database: CoreDatabase }>();

  constructor(
    names: readonly string[],
    private readonly alone: Set<string> = new Set(),
  ) {
    this.world = new RecordsWorld(names);
    for (const name of names) this.#start(name);
    left.push(this);
  }

  of(name: string): SharedStore {
    const open = this.#open.get(name);
    if (open === undefined) throw new Error(`${name} is not running`);
    return open.store;
  }

  restart(name: string, change: "joins" | "leaves" | "stays" = "stays"): void {
    this.#stop(name);
    if (change === "joins") this.alone.delete(name);
    if (change === "leaves") this.alone.add(name);
    this.world.restart(name);
    this.#start(name);
  }

  /** Until everything that was sent has arrived. */
  async settle(ms = 2 * 60_000): Promise<void> {
    await this.world.clock.advance(ms);
  }

  /** Much time, in one jump; every site begins again. */
  pass(ms: number): void {
    this.world.clock.jumpWall(ms);
    for (const name of this.world.names) this.restart(name);
  }

  value(name: string, key: string): Json | undefined {
    return this.of(name).retrieve("quiz", key)?.[0];
  }

  /** What a site has. */
  all(name: string): Record<string, Json> {
    const store = this.of(name);
    return Object.fromEntries(store.list("quiz", "").map((key) => [key, store.retrieve("quiz", key)?.[0] ?? null]));
  }

  close(): void {
    for (const name of [...this.#open.keys()]) this.#stop(name);
    this.world[Symbol.dispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A site that comes back under a new key is another one, on the database that it had. */
  async renew(name: string, as: string): Promise<void> {
    this.#stop(name);
    this.world.region.setState(name, "revoked");
    this.world.add(as);
    await this.settle();
    this.#start(as, name);
  }

  #start(name: string, file = name): void {
    const { clock, region } = this.world;
    const database = openCoreDatabase(join(this.#folder, `${file}.db`), [SHARED_SCHEMA], { clock, log: silentLogger });
    if (!database.ok) throw database.error;
    const find = (site: string) => region.sites.find(({ self, state }) => self === site && state === "enrolled")?.self ?? null;
    const joined = { self: siteIdOf(name), records: this.world.of(name), find };
    const store = new SharedStore({ database: database.value, clock, log: silentLogger, region: this.alone.has(name) ? null : joined });
    store.start();
    this.#open.set(name, { store, database: database.value });
  }

  #stop(name: string): void {
    const open = this.#open.get(name);
    this.#open.delete(name);
    open?.store.stop();
    open?.database.close();
  }
}

describe("one store at every site", () => {
  test("what one site stores all read; the last write counts; a deletion too", async () => {
    const stores = new Stores(["north", "south", "west"]);
    expect(stores.of("north").store("quiz", "best/ann", { points: 3 }, FOR_GOOD).ok).toBe(true);
    await stores.settle();
    expect(stores.value("west", "best/ann")).toEqual({ points: 3 });
    stores.of("west").store("quiz", "best/ann", { points: 5 }, FOR_GOOD);
    stores.of("west").store("quiz", "best/bob", null, FOR_GOOD);
    await stores.settle();
    expect(stores.all("south")).toEqual({ "best/ann": { points: 5 }, "best/bob": null });
    expect(stores.of("south").remove("quiz", "best/ann")).toEqual({ ok: true, value: true });
    expect(stores.of("south").remove("quiz", "best/ann")).toEqual({ ok: true, value: false });
    await stores.settle();
    for (const name of ["north", "south", "west"]) expect(stores.all(name)).toEqual({ "best/bob": null });
  });

  test("what a site stored it keeps on sharing under a new key", async () => {
    const stores = new Stores(["north", "south"]);
    stores.of("north").store("quiz", "open", 1, FOR_GOOD);
    stores.of("north").store("quiz", "ends", 2, { ttlS: 86_400, site: null });
    stores.of("south").store("quiz", "other", 3, FOR_GOOD);
    await stores.settle();
    await stores.renew("north", "hill");
    await stores.settle();
    for (const name of ["hill", "south"]) expect(stores.all(name)).toEqual({ open: 1, ends: 2, other: 3 });
    const made = stores.world
      .of("south")
      .read("plugin/quiz")
      .map(({ body, origin }) => [origin, (body as { key: string }).key].join(" "));
    for (const key of ["open", "ends"]) expect(made).toContain(`${siteIdOf("hill")} ${key}`);
    // It can be changed by the new key, which the old one's record does not outweigh.
    stores.of("hill").store("quiz", "open", 9, FOR_GOOD);
    await stores.settle();
    expect(stores.value("south", "open")).toBe(9);
  });

  test("what a hostile site removes as if its operator had asked, its own site shares again; what it deletes itself is gone", async () => {
    const stores = new Stores(["north", "south", "west"]);
    for (let n = 0; n < 120; n++) {
      stores.of("north").store("quiz", `key${n}`, n, FOR_GOOD);
      await stores.world.clock.advance(100);
    }
    await stores.settle();
    const hostile = stores.world.of("west");
    for (const { id } of hostile.read("plugin/quiz")) expect(hostile.remove(id, "operator").ok).toBe(true);
    await stores.settle(5 * 60_000);
    // A hundred at once: the others stay at their own site, and are shared at its next start.
    expect(Object.keys(stores.all("south"))).toHaveLength(100);
    expect(Object.keys(stores.all("north"))).toHaveLength(120);
    stores.restart("north");
    await stores.settle();
    expect(Object.keys(stores.all("south"))).toHaveLength(120);
    expect(stores.of("north").remove("quiz", "key5").ok).toBe(true);
    await stores.settle(5 * 60_000);
    for (const name of ["north", "south"]) expect(stores.value(name, "key5")).toBeUndefined();
  });

  test("each plugin name has its own", async () => {
    const stores = new Stores(["north", "south"]);
    stores.of("north").store("quiz", "key", 1, FOR_GOOD);
    await stores.settle();
    expect([stores.of("south").retrieve("quizz", "key"), stores.of("south").list("other", "")]).toEqual([null, []]);
  });

  test("clocks that differ by an hour do not decide who was last", async () => {
    const stores = new Stores(["north", "south"]);
    stores.of("north").store("quiz", "key", "first", FOR_GOOD);
    await stores.settle();
    stores.world.clock.jumpWall(-HOUR);
    stores.of("south").store("quiz", "key", "second, by a clock that is slow", FOR_GOOD);
    await stores.settle();
    expect([stores.value("north", "key"), stores.value("south", "key")]).toEqual(Array(2).fill("second, by a clock that is slow"));
  });

  test("an old value stays until its successor is there", async () => {
    const stores = new Stores(["north", "south"]);
    stores.of("north").store("quiz", "key", 1, FOR_GOOD);
    await stores.settle();
    for (let n = 2; n < 30; n++) {
      stores.of("north").store("quiz", "key", n, FOR_GOOD);
      await stores.world.clock.advance(20);
      expect(stores.value("south", "key")).toBeNumber();
    }
  });

  test("a site that was away for a week has what the others stored, and they what it stored", async () => {
    const stores = new Stores(["north", "south"]);
    stores.world.region.setConnected("south", false);
    stores.of("north").store("quiz", "a", 1, FOR_GOOD);
    stores.of("south").store("quiz", "b", 2, FOR_GOOD);
    stores.pass(7 * DAY);
    stores.world.region.setConnected("south", true);
    await stores.settle();
    for (const name of ["north", "south"]) expect(stores.all(name)).toEqual({ a: 1, b: 2 });
  });

  test("a value with a ttl ends everywhere; a lasting one stays while its site is there, and a month longer", async () => {
    const stores = new Stores(["north", "south"]);
    stores.of("north").store("quiz", "short", 1, { ttlS: 3600, site: null });
    stores.of("north").store("quiz", "long", 2, FOR_GOOD);
    await stores.settle();
    expect(stores.all("south")).toEqual({ short: 1, long: 2 });
    stores.pass(2 * HOUR);
    for (const name of ["north", "south"]) expect(stores.all(name)).toEqual({ long: 2 });
    for (let month = 0; month < 6; month++) {
      stores.pass(12 * DAY);
      await stores.settle();
    }
    expect(stores.all("south")).toEqual({ long: 2 });
    stores.world.region.setConnected("north", false);
    stores.pass(31 * DAY);
    expect([stores.all("south"), stores.all("north")]).toEqual([{}, { long: 2 }]);
  });
});

describe("to one site alone", () => {
  test("only that one and the writer read it; both can remove it, and a restart changes nothing", async () => {
    const stores = new Stores(["north", "south", "west"]);
    const sealed = { ttlS: null, site: siteIdOf("south") };
    stores.of("north").store("quiz", "mail/1", "secret", sealed);
    await stores.settle();
    expect(["north", "south", "west"].map((name) => stores.value(name, "mail/1"))).toEqual(["secret", "secret", undefined]);
    for (const name of ["north", "south", "west"]) stores.restart(name);
    await stores.settle();
    expect(["north", "south", "west"].map((name) => stores.value(name, "mail/1"))).toEqual(["secret", "secret", undefined]);
    stores.of("south").remove("quiz", "mail/1");
    await stores.settle();
    expect(["north", "south", "west"].map((name) => stores.all(name))).toEqual([{}, {}, {}]);
    expect(stores.of("north").store("quiz", "mail/2", 1, { ttlS: null, site: siteIdOf("nobody") })).toMatchObject({
      error: { code: "not_found" },
    });
  });
});

describe("alone", () => {
  test("it is kept here over a restart and for good, and shared once the gateway joins a region", async () => {
    const stores = new Stores(["north", "south"], new Set(["north"]));
    stores.of("north").store("quiz", "key", "kept", FOR_GOOD);
    stores.of("north").store("quiz", "gone", 1, FOR_GOOD);
    stores.of("north").store("quiz", "ends", 1, { ttlS: 60, site: null });
    stores.of("north").remove("quiz", "gone");
    stores.pass(100 * DAY);
    expect([stores.all("north"), stores.all("south")]).toEqual([{ key: "kept" }, {}]);
    stores.restart("north", "joins");
    await stores.settle();
    expect(stores.all("south")).toEqual({ key: "kept" });
    stores.restart("north", "leaves");
    stores.of("north").store("quiz", "key", "changed alone", FOR_GOOD);
    stores.pass(40 * DAY);
    expect(stores.all("north")).toEqual({ key: "changed alone" });
    stores.restart("north", "joins");
    await stores.settle();
    for (const name of ["north", "south"]) expect(stores.all(name)).toEqual({ key: "changed alone" });
  });

  test("a site that is sealed to is none", () => {
    const stores = new Stores(["north"], new Set(["north"]));
    expect(stores.of("north").store("quiz", "k", 1, { ttlS: null, site: siteIdOf("north") })).toMatchObject({
      error: { code: "not_found" },
    });
  });
});

describe("hostile", () => {
  const add = (records: RegionRecords, body: Json, stream = "plugin/quiz") => records.add(stream, body, { ttlMs: DAY });

  test("records that are none of the store's are left out and counted, and every site goes on", async () => {
    const stores = new Stores(["north", "south"]);
    stores.value("south", "key");
    const evil = stores.world.of("north");
    let deep: Json = 1;
    for (let level = 0; level < 40; level++) deep = [deep];
    const wrong: Json[] = [
      null,
      "x",
      [],
      { key: "", version: 1, value: 1 },
      { key: "k".repeat(129), version: 1, value: 1 },
      { key: "k", version: 0, value: 1 },
      { key: "k", version: 2 ** 53, value: 1 },
      { key: "k", version: 1.5, value: 1 },
      { key: "k", version: 1, value: 1, extra: 1 },
      { key: "k", version: 1, value: "x".repeat(7_000) },
    ];
    const kept = wrong.filter((body) => add(evil, body).ok).length;
    expect(add(evil, { key: "k", version: 1, value: deep }).ok).toBe(false);
    await stores.settle();
    expect(kept).toBe(wrong.length);
    expect([stores.all("south"), stores.of("south").refused]).toEqual([{}, wrong.length]);
    stores.of("south").store("quiz", "key", 1, FOR_GOOD);
    await stores.settle();
    expect(stores.all("north")).toEqual({ key: 1 });
  });

  test("a site fills neither another's disk nor another plugin's store; a pinned key says so", async () => {
    const stores = new Stores(["north", "south"]);
    stores.value("south", "key");
    const evil = stores.world.of("north");
    for (let n = 0; n < 1_300; n++) add(evil, { key: `k${n}`, version: 1, value: "x".repeat(100) });
    add(evil, { key: "pinned", version: 2 ** 48, value: 1 }, "plugin/other");
    await stores.settle(5 * 60_000);
    expect(stores.of("south").list("quiz", "").length).toBeLessThanOrEqual(1_250);
    expect(stores.of("south").refused).toBeGreaterThanOrEqual(50);
    expect(stores.of("south").store("quiz", "mine", 1, FOR_GOOD).ok).toBe(true);
    expect(stores.of("south").store("other", "mine", 1, FOR_GOOD).ok).toBe(true);
    expect(stores.of("south").store("other", "pinned", 2, FOR_GOOD)).toMatchObject({ error: { code: "conflict" } });
  });

  test("no site changes another's own value, and a page of values says who wrote each", async () => {
    const stores = new Stores(["north", "south", "west"]);
    const [north, south] = [stores.of("north"), stores.of("south")];
    north.store("quiz", "case/1", "open", { ...FOR_GOOD, isOwn: true });
    south.store("quiz", "case/1", "mine", { ...FOR_GOOD, isOwn: true });
    await stores.settle();
    // West claims to be the others, in every way that a record offers.
    const evil = stores.world.of("west");
    for (const key of ["case/1", "case/1\u0001self", `case/1\u0001${siteIdOf("north")}`])
      for (const extra of [{ own: true }, {}, { own: true, site: siteIdOf("north") }])
        add(evil, { key, version: 99, value: "forged", ...extra });
    stores.of("west").remove("quiz", "case/1", true);
    await stores.settle();
    for (const name of ["north", "south", "west"]) {
      stores.restart(name);
      const { entries, next } = stores.of(name).entries("quiz", "case/", "");
      const by = (site: string) => entries.filter(({ origin, isOwn }) => isOwn && origin === (site === name ? null : siteIdOf(site)));
      expect(next).toBeNull();
      expect([by("north"), by("south")].map(([own]) => own?.value)).toEqual(["open", "mine"]);
      expect(entries.every(({ key }) => key === "case/1")).toBe(true);
    }
    expect(stores.of("north").list("quiz", "")).toEqual(["case/1"]);
  });

  test("many values are read page by page, each once", async () => {
    const stores = new Stores(["north", "south"]);
    for (let n = 0; n < 250; n++)
      stores.of("north").store("quiz", `k${n}`, "x".repeat(n % 7 === 0 ? 5_000 : 10), { ...FOR_GOOD, isOwn: n % 2 === 0 });
    await stores.settle();
    const keys: string[] = [];
    for (let after: string | null = ""; after !== null; ) {
      const page = stores.of("south").entries("quiz", "k", after);
      expect(JSON.stringify(page).length).toBeLessThan(200 * 1024);
      keys.push(...page.entries.map(({ key }) => key));
      after = page.next;
    }
    expect(new Set(keys).size).toBe(250);
    expect(keys).toHaveLength(250);
  });

  test("a plugin's own values are bounded, in size, number, depth and time", () => {
    const stores = new Stores(["north"]);
    const store = stores.of("north");
    expect(store.store("quiz", "k", "x".repeat(6 * 1024), FOR_GOOD)).toMatchObject({ error: { code: "too_large" } });
    for (const ttlS of [0, 59, 30 * 86_400 + 1, Number.NaN, Number.POSITIVE_INFINITY, -1])
      expect(store.store("quiz", "k", 1, { ttlS, site: null })).toMatchObject({ error: { code: "invalid_argument" } });
    for (let n = 0; n < 175; n++) store.store("quiz", `k${n}`, "x".repeat(6_000), FOR_GOOD);
    expect(store.store("quiz", "one more", "x".repeat(6_000), FOR_GOOD)).toMatchObject({ error: { code: "quota_exceeded" } });
    expect(store.store("quiz", "k1", "small", FOR_GOOD).ok).toBe(true);
  });
});

type Step =
  | { readonly do: "store" | "remove"; readonly site: number; readonly key: number }
  | { readonly do: "restart"; readonly site: number }
  | { readonly do: "split" | "join" | "wait" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("store" as const), site: fc.nat(2), key: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("remove" as const), site: fc.nat(2), key: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const), site: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("split" as const, "join" as const, "wait" as const) }) },
);

test("whatever is written where, split and restarted: all sites end alike, with values that were written", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const names = ["north", "south", "west"];
      const stores = new Stores(names);
      const written = new Set<Json>();
      for (const [at, each] of steps.entries()) {
        const name = "site" in each ? (names[each.site] ?? "") : "";
        if (each.do === "store") {
          written.add(at);
          expect(stores.of(name).store("quiz", `k${each.key}`, at, FOR_GOOD).ok).toBe(true);
          expect(stores.value(name, `k${each.key}`)).toBe(at);
        } else if (each.do === "remove") expect(stores.of(name).remove("quiz", `k${each.key}`).ok).toBe(true);
        else if (each.do === "restart") stores.restart(name);
        else if (each.do === "split") stores.world.region.split(["north"], ["south", "west"]);
        else if (each.do === "join") stores.world.region.join();
        else await stores.settle(5_000);
      }
      stores.world.region.join();
      await stores.settle();
      const [north, ...others] = names.map((name) => stores.all(name));
      for (const other of others) expect(other).toEqual(north ?? {});
      for (const value of Object.values(north ?? {})) expect(written).toContain(value);
      stores.close();
      left.length = 0;
    }),
    { numRuns: 12 },
  );
}, 60_000);
