import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../src/log/logger.ts";
import { NodeDirectory } from "../../src/mesh/nodes/directory.ts";
import { CoreNodeStore, NODES_SCHEMA } from "../../src/mesh/nodes/store.ts";
import { openCoreDatabase } from "../../src/storage/core-open.ts";
import { FakeClock } from "../fake-clock.ts";

test("nodes survive a restart in the core database, and dropped ones do not come back", () => {
  const folder = mkdtempSync(join(tmpdir(), "nodes-"));
  const clock = new FakeClock();
  const run = (use: (nodes: NodeDirectory) => void) => {
    const opened = openCoreDatabase(join(folder, "core.db"), [NODES_SCHEMA], { clock, log: silentLogger });
    if (!opened.ok) throw opened.error;
    const nodes = new NodeDirectory({ clock, log: silentLogger, store: new CoreNodeStore(opened.value), maxNodes: 3 });
    nodes.start();
    use(nodes);
    nodes.stop();
    const commits = opened.value.stats().commits;
    opened.value.close();
    return commits;
  };
  const commits = run((nodes) => {
    for (let at = 1; at <= 5; at++) {
      nodes.merge({ number: 0xffff0000 + at, link: "base", isOwn: false, lastHeard: at, user: { longName: `N${at}`, shortName: "" } });
    }
  });
  expect(commits).toBe(1);
  run((nodes) => {
    expect(nodes.all().map((node) => node.longName)).toEqual(["N3", "N4", "N5"]);
    expect(nodes.get(0xffff0005)).toMatchObject({ id: "!ffff0005", lastHeard: 5, link: "base" });
    nodes.merge({ number: 1, link: "base", isOwn: false, lastHeard: 9 });
  });
  run((nodes) => expect(nodes.all().map((node) => node.number)).toEqual([1, 0xffff0004, 0xffff0005]));
  rmSync(folder, { recursive: true });
});
