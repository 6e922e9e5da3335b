import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../../src/log/logger.ts";
import type { SiteId } from "../../../src/region/ports.ts";
import { LISTED_MAX, NODES_MAX, NodeRows, REGION_NODES_SCHEMA } from "../../../src/region/shared/node-rows.ts";
import { type OwnNode, SharedNodes } from "../../../src/region/shared/nodes.ts";
import { openCoreDatabase } from "../../../src/storage/core-open.ts";
import { FakeClock, fakeRandom } from "../../fake-clock.ts";
import { MemoryRegion, siteIdOf } from "../memory-sites.ts";

class Directory {
  readonly clock = new FakeClock();
  readonly region: MemoryRegion;
  readonly #folder = mkdtempSync(join(tmpdir(), "nodes-"));
  readonly own = new Map<string, OwnNode[]>();
  readonly #close: (() => void)[] = [];

  constructor(...names: string[]) {
    this.region = new MemoryRegion(names, this.clock);
  }

  start(name: string, skewMs = 0): SharedNodes {
    const { clock } = this;
    const own = { now: () => clock.now() + skewMs, monotonic: () => clock.monotonic(), after: clock.after.bind(clock) };
    const database = openCoreDatabase(join(this.#folder, `${name}.db`), [REGION_NODES_SCHEMA], { clock, log: silentLogger });
    if (!database.ok) throw database.error;
    const nodes = new SharedNodes({
      messages: this.region.site(name),
      rows: new NodeRows(database.value),
      clock: own,
      random: fakeRandom(3),
      log: silentLogger,
      nodes: () => this.own.get(name) ?? [],
    });
    nodes.start();
    this.#close.push(() => {
      nodes.stop();
      database.value.close();
    });
    return nodes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#close) close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const ALICE = { number: 0x2a, longName: "Alice", shortName: "AL", latitude: 47.1 };

test("a node is known elsewhere by its names, where and when it was heard, whatever the clocks say; its position is not", async () => {
  await using directory = new Directory("a", "b");
  directory.own.set("a", [{ ...ALICE, lastHeard: directory.clock.now() - 60_000 + 3_600_000 }, { number: 9 }]);
  directory.start("a", 3_600_000);
  const b = directory.start("b");
  await directory.clock.advance(10_000);
  const [alice, ...others] = b.elsewhere();
  expect(others).toEqual([]);
  expect(alice).toMatchObject({ site: siteIdOf("a"), node: 0x2a, longName: "Alice", shortName: "AL" });
  expect(Object.keys(alice ?? {}).sort()).toEqual(["heardAt", "longName", "node", "shortName", "site"]);
  expect(Math.abs((alice?.heardAt ?? 0) - (directory.clock.now() - 70_000))).toBeLessThan(15_000);
});

test("a site that comes is told everything, and the others then hear only what changed", async () => {
  await using directory = new Directory("a", "b");
  directory.region.setConnected("b", false);
  directory.own.set(
    "a",
    Array.from({ length: 1_000 }, (_, at) => ({ number: at + 1, longName: `Node ${at}`, lastHeard: directory.clock.now() - at * 1_000 })),
  );
  directory.start("a");
  const b = directory.start("b");
  await directory.clock.advance(60_000);
  expect(b.elsewhere().length).toBe(0);
  directory.region.setConnected("b", true);
  for (let second = 0; second < 60; second++) await directory.clock.advance(1_000);
  expect(b.elsewhere().length).toBe(1_000);
  const before = directory.region.counts.sent;
  directory.own.get("a")?.push({ number: 5_000, shortName: "NEW", lastHeard: directory.clock.now() });
  await directory.clock.advance(600_000);
  expect(b.elsewhere()[0]).toMatchObject({ node: 5_000, shortName: "NEW" });
  expect(directory.region.counts.sent - before).toBe(1);
});

test("what is no directory is refused, a site's nodes are bounded, and go with it", async () => {
  await using directory = new Directory("a", "b");
  const b = directory.start("b");
  const evil = directory.region.site("a");
  const bad = [
    null,
    {},
    { nodes: [[0, null, null, 0]] },
    { nodes: [[1, "x".repeat(41), null, 0]] },
    { nodes: [[1, null, null, -1]] },
    { nodes: "x" },
  ];
  for (const body of bad) evil.send("nodes", body);
  await directory.clock.advance(10);
  expect([b.counts.refused, b.elsewhere().length]).toEqual([bad.length, 0]);
  for (let from = 0; from < NODES_MAX + 1_000; from += 100) {
    evil.send("nodes", { nodes: Array.from({ length: 100 }, (_, at) => [from + at + 1, null, null, 5]) });
  }
  await directory.clock.advance(10);
  expect(b.elsewhere().length).toBe(NODES_MAX);
  for (let count = 0; count < 200; count++) evil.send("nodes", { nodes: [] });
  await directory.clock.advance(10);
  expect(b.counts.overRate).toBeGreaterThan(100);
  directory.region.setState("a", "revoked");
  await directory.clock.advance(600_000);
  expect(b.elsewhere()).toEqual([]);
  expect(siteIdOf("a") as SiteId).toBe(evil.self);
});

test("of more nodes than a person looks through the latest are listed", () => {
  const folder = mkdtempSync(join(tmpdir(), "nodes-"));
  const opened = openCoreDatabase(join(folder, "core.db"), [REGION_NODES_SCHEMA], {
    clock: new FakeClock(),
    log: silentLogger,
  });
  if (!opened.ok) throw opened.error;
  const rows = new NodeRows(opened.value);
  const sites = LISTED_MAX / NODES_MAX + 1;
  for (let site = 0; site < sites; site++) {
    const nodes = Array.from({ length: NODES_MAX }, (_, at) => ({ node: at + 1, heardAt: site * NODES_MAX + at }));
    rows.put(nodes.map((node) => ({ ...node, site: siteIdOf(`site${site}`), longName: null, shortName: null })));
  }
  const listed = rows.list();
  expect([listed.length, listed[0]?.heardAt, listed.at(-1)?.heardAt]).toEqual([LISTED_MAX, sites * NODES_MAX - 1, NODES_MAX]);
  opened.value.close();
  rmSync(folder, { recursive: true, force: true });
});
