import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { silentLogger } from "../../src/log/logger.ts";
import type { MeshNode } from "../../src/mesh/node.ts";
import { NodeDirectory, type NodeDirectoryDeps, type NodeStore } from "../../src/mesh/nodes/directory.ts";
import { FakeClock } from "../fake-clock.ts";

function directory(deps: Partial<NodeDirectoryDeps> = {}) {
  const clock = new FakeClock(1_000_000);
  const seen: number[] = [];
  const nodes = new NodeDirectory({ clock, log: silentLogger, onSeen: (node) => seen.push(node.number), ...deps });
  return { clock, nodes, seen };
}

const user = (longName: string, shortName = longName.slice(0, 4)) => ({ longName, shortName });

class MemoryStore implements NodeStore {
  rows = new Map<number, MeshNode>();
  saves = 0;
  isFailing = false;
  load(): MeshNode[] {
    return [...this.rows.values()];
  }
  save(changed: readonly MeshNode[], removed: readonly number[]): void {
    if (this.isFailing) throw new Error("disk full");
    this.saves++;
    for (const node of changed) this.rows.set(node.number, node);
    for (const number of removed) this.rows.delete(number);
  }
}

describe("node directory", () => {
  test("remembers the channels of the link that hears a node, the last first; another link has others", () => {
    const { nodes } = directory();
    const hear = (link: string, channel?: number) => {
      nodes.merge({ number: 2, link, isOwn: false, isLive: true, ...(channel === undefined ? {} : { channel }) });
      return nodes.get(2)?.heardOn;
    };
    expect(hear("base", 2)).toEqual([2]);
    expect(hear("base", 0)).toEqual([0, 2]);
    expect(hear("base")).toEqual([0, 2]);
    expect(hear("base", 2)).toEqual([2, 0]);
    expect(hear("roof")).toBeUndefined();
    expect(hear("roof", 1)).toEqual([1]);
  });

  test("merges what several links tell; what was heard later wins, and gaps are filled", () => {
    const { nodes } = directory();
    nodes.merge({ number: 2, link: "base", isOwn: false, user: user("Alice"), snr: 3, lastHeard: 500 });
    nodes.merge({ number: 2, link: "roof", isOwn: false, snr: 9, hopsAway: 1, lastHeard: 900 });
    nodes.merge({ number: 2, link: "base", isOwn: false, snr: 1, batteryLevel: 80, lastHeard: 400 });
    expect(nodes.get(2)).toEqual({
      number: 2,
      id: "!00000002",
      link: "roof",
      isOwn: false,
      longName: "Alice",
      shortName: "Alic",
      snr: 9,
      hopsAway: 1,
      batteryLevel: 80,
      lastHeard: 900,
    });
  });

  test("a node once known as our own stays so, whoever hears it", () => {
    const { nodes } = directory();
    nodes.merge({ number: 2, link: "base", isOwn: true });
    nodes.merge({ number: 2, link: "roof", isOwn: false, lastHeard: 5 });
    expect(nodes.get(2)?.isOwn).toBe(true);
  });

  test("tells a node when it is new or heard again, not when old news comes", () => {
    const { nodes, seen } = directory();
    nodes.merge({ number: 2, link: "base", isOwn: false, lastHeard: 500 });
    nodes.merge({ number: 2, link: "base", isOwn: false, lastHeard: 500 });
    nodes.merge({ number: 2, link: "base", isOwn: false, lastHeard: 600 });
    nodes.merge({ number: 3, link: "base", isOwn: false });
    expect(seen).toEqual([2, 2, 3]);
  });

  test("a radio's clock that runs ahead makes no node fresh for ever", () => {
    const { nodes, clock } = directory();
    nodes.merge({ number: 2, link: "base", isOwn: false, lastHeard: clock.now() * 2 });
    expect(nodes.get(2)?.lastHeard).toBe(clock.now());
  });

  test("finds by number, id and exact name, and never guesses between namesakes", () => {
    const { nodes } = directory();
    nodes.merge({ number: 2, link: "base", isOwn: false, user: user("Alice", "AL") });
    nodes.merge({ number: 3, link: "base", isOwn: false, user: user("Bob", "BO") });
    nodes.merge({ number: 4, link: "base", isOwn: false, user: user("Bob", "B2") });
    const number = (key: string | number) => {
      const found = nodes.find(key);
      return found.ok ? found.value.number : found.error.code;
    };
    expect([2, "!00000002", "!00000003", "Alice", "AL", "B2"].map(number)).toEqual([2, 2, 3, 2, 2, 4]);
    expect(["alicia", "Bob", "Carol", "!00000009", 9, ""].map(number)).toEqual([
      "not_found",
      "conflict",
      "not_found",
      "not_found",
      "not_found",
      "not_found",
    ]);
    const namesakes = nodes.find("Bob");
    expect(namesakes.ok ? "" : namesakes.error.hint).toContain("!00000003 Bob, !00000004 Bob");
    expect([nodes.nameOf(2), nodes.nameOf(9)]).toEqual(["Alice", "!00000009"]);
  });

  test("names in any case; the one that is written so comes first; several of a name are refused with their ids", () => {
    const nodes = new NodeDirectory({ clock: new FakeClock(), log: silentLogger });
    const call = (number: number, longName: string, shortName: string) =>
      nodes.merge({ number, link: "base", isOwn: false, user: { longName, shortName } });
    call(2, "Alice", "AL");
    call(3, "alice", "a2");
    call(4, "Hütte Süd", "12");
    const resolve = (destination: string | number) => {
      const found = nodes.resolve(destination);
      return found.ok ? found.value : found.error.summary();
    };
    expect(["Alice", "alice", "al", "A2", "hütte süd", " HÜTTE SÜD ", "12", "4", "Broadcast", "!00000002"].map(resolve)).toEqual([
      2, 3, 2, 3, 4, 4, 4, 4, 0xffffffff, 2,
    ]);
    expect(resolve("ALICE")).toContain("!00000002 Alice, !00000003 alice");
    expect([resolve("99999999999"), resolve("0")]).toEqual([expect.stringContaining("no node"), expect.stringContaining("not known")]);
  });

  test("resolves destinations, also of nodes never heard", () => {
    const { nodes } = directory();
    nodes.merge({ number: 2, link: "base", isOwn: false, user: user("Alice") });
    const resolve = (destination: string | number) => {
      const found = nodes.resolve(destination);
      return found.ok ? found.value : found.error.code;
    };
    expect(["broadcast", "!0000ffff", 77, "Alice"].map(resolve)).toEqual([0xffffffff, 0xffff, 77, 2]);
    expect([0, -1, 1.5, 2 ** 32, Number.NaN, "!00000000", "nobody"].map(resolve)).toEqual([
      "invalid_argument",
      "invalid_argument",
      "invalid_argument",
      "invalid_argument",
      "invalid_argument",
      "not_found",
      "not_found",
    ]);
  });

  test("is bounded: whoever was silent longest goes, our own radios never", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 200 }), (heard) => {
        const { nodes } = directory({ maxNodes: 10 });
        nodes.merge({ number: 1000, link: "base", isOwn: true });
        heard.forEach((number, at) => {
          nodes.merge({ number, link: "base", isOwn: false, lastHeard: at + 1 });
        });
        const lastHeard = new Map(heard.map((number, at) => [number, at]));
        const expected = [...lastHeard].sort((a, b) => b[1] - a[1]).slice(0, 9);
        expect(nodes.get(1000)?.isOwn).toBe(true);
        const kept = nodes.all().map((node) => node.number);
        expect(kept.length).toBe(Math.min(lastHeard.size, 9) + 1);
        for (const [number] of expected) expect(kept).toContain(number);
      }),
    );
  });

  test("numbers that no node can have are left out", () => {
    const { nodes } = directory();
    nodes.merge({ number: 0, link: "base", isOwn: false });
    nodes.merge({ number: 0xffffffff, link: "base", isOwn: false });
    expect(nodes.all()).toEqual([]);
  });

  test("survives a restart, written in batches and at the end; what was dropped is dropped there too", async () => {
    const store = new MemoryStore();
    const { nodes, clock } = directory({ store, maxNodes: 3 });
    nodes.start();
    for (let at = 1; at <= 100; at++) nodes.merge({ number: (at % 5) + 1, link: "base", isOwn: false, lastHeard: at });
    expect(store.saves).toBe(0);
    await clock.advance(5 * 60_000);
    expect(store.saves).toBe(1);
    nodes.merge({ number: 9, link: "base", isOwn: false, lastHeard: 200, user: user("Late") });
    nodes.stop();
    nodes.stop();
    expect(store.saves).toBe(2);
    expect(clock.pending).toBe(0);
    const again = directory({ store }).nodes;
    again.start();
    expect(again.all().sort((a, b) => a.number - b.number)).toEqual(nodes.all().sort((a, b) => a.number - b.number));
    expect(again.find("Late").ok).toBe(true);
  });

  test("a save that fails loses nothing: the next one has it", async () => {
    const store = new MemoryStore();
    const { nodes } = directory({ store });
    nodes.merge({ number: 2, link: "base", isOwn: false });
    store.isFailing = true;
    nodes.stop();
    store.isFailing = false;
    nodes.stop();
    expect([...store.rows.keys()]).toEqual([2]);
  });
});
