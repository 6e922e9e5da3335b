import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../src/log/logger.ts";
import { HISTORY_MS, NODE_HISTORY_SCHEMA, NodeHistory, SAMPLE_MS } from "../../src/mesh/nodes/history.ts";
import { openCoreDatabase } from "../../src/storage/core-open.ts";
import { FakeClock } from "../fake-clock.ts";

test("a node's measurements are kept for a week, one row in a quarter of an hour, over a restart", async () => {
  const folder = mkdtempSync(join(tmpdir(), "node-history-"));
  const clock = new FakeClock(Date.parse("2026-01-15T10:30:00Z"));
  const open = () => {
    const opened = openCoreDatabase(join(folder, "gateway.db"), [NODE_HISTORY_SCHEMA], { clock, log: silentLogger });
    if (!opened.ok) throw opened.error;
    return { database: opened.value, history: new NodeHistory(opened.value, clock) };
  };
  const first = open();
  const start = clock.now();
  const node = { number: 7, id: "!00000007", isOwn: false, link: "sim" };
  const device_metrics = { channelUtilization: 12.5, airUtilTx: "hostile" };
  first.history.seen({ ...node, batteryLevel: 90, voltage: 4.1, snr: 5, telemetry: { device_metrics } });
  first.history.seen({ ...node, batteryLevel: 50 });
  first.history.seen({ ...node, number: 8, snr: -3 });
  expect(first.history.of(7)).toEqual([{ at: start, batteryLevel: 90, voltage: 4.1, snr: 5, channelUtilization: 12.5, airUtilTx: null }]);
  await clock.advance(SAMPLE_MS);
  first.history.seen({ ...node, batteryLevel: 89 });
  first.database.close();
  const second = open();
  expect(second.history.of(7).map(({ batteryLevel }) => batteryLevel)).toEqual([90, 89]);
  expect(second.history.of(8).map(({ snr }) => snr)).toEqual([-3]);
  await clock.advance(HISTORY_MS);
  for (let i = 0; i < 600; i++) second.history.seen({ ...node, number: 100 + i });
  expect(second.history.of(7).map(({ batteryLevel }) => batteryLevel)).toEqual([89]);
  const { rows } = second.database.sqlite.query<{ rows: number }, []>("SELECT count(*) AS rows FROM node_history").get() ?? { rows: 0 };
  expect(rows).toBe(601);
  second.database.close();
  rmSync(folder, { recursive: true, force: true });
});
