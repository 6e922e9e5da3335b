import { expect, test } from "bun:test";
import type { Logger } from "../../src/log/logger.ts";
import { Overload } from "../../src/router/overload.ts";
import { FakeClock } from "../fake-clock.ts";
import { RouterBench } from "./router-support.ts";

test("messages over the bound are counted, and told at once, then together once a minute, and at the end", async () => {
  const lines: string[] = [];
  const note = (message: string) => void lines.push(message);
  const log: Logger = { debug: note, info: note, warn: note, error: note, child: () => log };
  const clock = new FakeClock();
  const overload = new Overload(clock, log);
  for (let i = 0; i < 500; i++) overload.note("c_1");
  expect(lines).toEqual(["too many messages at once; one was not handled"]);
  await clock.advance(60_000);
  expect(lines.slice(1)).toEqual(["too many messages at once; 499 were not handled"]);
  await clock.advance(120_000);
  expect(lines).toHaveLength(2);
  overload.note("c_2");
  overload.note("c_3");
  overload.stop();
  expect(lines.slice(2)).toEqual(["too many messages at once; one was not handled", "too many messages at once; one was not handled"]);
  expect([overload.count, clock.pending]).toEqual([502, 0]);
});

test("of 1,200 messages at once 200 are over the router's bound, and a call for help is not", async () => {
  const b = new RouterBench();
  try {
    for (let i = 0; i < 1_200; i++) b.intake.receive(b.message("hi there", { from: 1_000 + i }));
    b.intake.receive(b.message("sos", { from: 9_000 }));
    expect(b.router.stats().overloads).toBe(200);
    await b.router.idle();
    expect(b.events.alerts.length).toBeGreaterThan(0);
  } finally {
    await b.close();
  }
});
