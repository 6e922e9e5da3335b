import { expect, test } from "bun:test";
import { HOPS, type HopReport, markHop, traceHops } from "../src/hops.ts";

test("a command that passes every step in order is measured; what begins anew, or skips a step, is not", () => {
  let now = 0;
  const reports: HopReport[] = [];
  traceHops(
    () => now,
    (report) => reports.push(report),
  );
  for (let command = 0; command < 500; command++) {
    markHop("bytes"); // An acknowledgement.
    now += 1_000;
    for (const hop of HOPS) {
      markHop(hop);
      now += hop === "call" ? (command === 77 ? 9 : 2) : 0.1;
    }
    markHop("call");
  }
  markHop("message");
  expect(reports[0]?.slowest.length).toBe(5);
  expect(reports[0]?.slowest[0]).toEqual({ command: 77, us: [100, 100, 9_000, 100, 100, 100] });
  expect(reports.map(({ slowest: _, ...rest }) => rest)).toEqual([
    {
      commands: 500,
      us: {
        ...{ "bytes>message": 100, "message>call": 100, "call>result": 2_000 },
        ...{ "result>queued": 100, "queued>stored": 100, "stored>written": 100 },
      },
    },
  ]);
});
