import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventBus } from "../../src/bus.ts";
import { REPLY_DECISIONS_SCHEMA, ReplyDecisions } from "../../src/control/reply-decisions.ts";
import type { CoreEvents } from "../../src/events/core.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { openCoreDatabase } from "../../src/storage/core-open.ts";
import { FakeClock } from "../fake-clock.ts";

const [FIRST = ""] = REPLY_DECISIONS_SCHEMA.versions;

function open(path: string, versions: readonly string[]) {
  const deps = { clock: new FakeClock(), log: silentLogger };
  const database = openCoreDatabase(path, [{ room: REPLY_DECISIONS_SCHEMA.room, versions }], deps);
  if (!database.ok) throw database.error;
  return database.value;
}

test("decisions of the former table are kept; of several rows of a question the last counts; rows are bounded", () => {
  const folder = mkdtempSync(join(tmpdir(), "zg-decisions-"));
  try {
    const path = join(folder, "core.db");
    const former = open(path, [FIRST]);
    former.write(() => {
      const put = (id: string, outcome: string) =>
        former.sqlite.run("INSERT INTO reply_decisions (correlation_id, decision) VALUES (?, ?)", [
          id,
          JSON.stringify({ outcome, suppressed: [] }),
        ]);
      put("c_1", "silent");
      put("c_2", "replied");
    });
    former.close();
    const database = open(path, REPLY_DECISIONS_SCHEMA.versions);
    const bus = new EventBus<CoreEvents>(() => undefined);
    const decisions = new ReplyDecisions(bus, database);
    expect([decisions.of("c_1")?.outcome, decisions.of("c_2")?.outcome]).toEqual(["silent", "replied"]);
    bus.emit("message_processed", { correlationId: "c_1", plugin: null, outcome: "failed" });
    database.flush();
    expect(new ReplyDecisions(new EventBus<CoreEvents>(() => undefined), database).of("c_1")?.outcome).toBe("failed");
    for (let i = 0; i < 5_200; i++) {
      bus.emit("message_processed", { correlationId: `c_x${i}`, plugin: null, outcome: "silent" });
      if (i % 100 === 0) database.flush();
    }
    database.flush();
    const rows = database.sqlite.query<{ rows: number }, []>("SELECT count(*) AS rows FROM reply_decisions").get()?.rows ?? 0;
    expect(rows).toBeLessThanOrEqual(4_700);
    expect(new ReplyDecisions(new EventBus<CoreEvents>(() => undefined), database).of("c_x5199")?.outcome).toBe("silent");
    database.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
