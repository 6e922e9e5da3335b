/** Three gateways, a hundred nodes, packet loss and restarts of radios: every message ends, once, and as it is told. `bun run scenario` does more. */
import { expect, test } from "bun:test";
import { runScenario } from "./scenario.ts";
import { tableOf } from "./table.ts";

const HOURS = Number(process.env.SCENARIO_HOURS ?? 0.4);

test("every message of three gateways on one air is accounted for", async () => {
  const report = await runScenario({ hours: HOURS, nodes: 100, loss: 0.1, reboots: 5, gateways: 3, seed: 7 });
  expect(report.wrong).toEqual([]);
  expect(report.stations).toHaveLength(3);
  for (const { sent, asked } of report.stations) {
    const rows = [...sent.values()];
    for (const { queued, delivered, sent: final, failed, open } of rows) {
      expect(queued).toBe(delivered + final + sum(failed));
      expect(open).toBe(0);
    }
    expect(rows.reduce((all, { delivered }) => all + delivered, 0)).toBeGreaterThan(0);
    expect(asked.said).toBe(asked.lost + asked.received);
    expect(asked.received).toBe(sum(asked.outcomes));
    // One in ten is lost, and more while a radio restarts.
    expect(asked.lost).toBeLessThan(asked.said / 2);
  }
  expect(tableOf(report)).toContain("every message is accounted for");
}, 600_000);

test("a message that is not accounted for is told", () => {
  const table = tableOf({ stations: [], packets: 0, wrong: ["gateway 1: m_1 ended as sent"] });
  expect(table).toContain("NOT accounted for: 1");
  expect(table).toContain("m_1 ended as sent");
});

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((all, each) => all + each, 0);
}
