import { expect, test } from "bun:test";
import type { Logger } from "../../src/log/logger.ts";
import { StaleTexts } from "../../src/router/stale-texts.ts";
import { FakeClock } from "../fake-clock.ts";

test("texts too old to be answered are counted, and told together: soon, then once an hour, and at the end", async () => {
  const lines: string[] = [];
  const note = (message: string) => void lines.push(message);
  const log: Logger = { debug: note, info: note, warn: note, error: note, child: () => log };
  const clock = new FakeClock();
  const stale = new StaleTexts(clock, log);
  for (let i = 0; i < 5; i++) stale.note();
  expect(lines).toEqual([]);
  await clock.advance(10_000);
  expect(lines).toEqual(["5 texts were too old to be answered"]);
  stale.note();
  await clock.advance(3_590_000);
  expect(lines).toHaveLength(1);
  await clock.advance(10_000);
  expect(lines).toEqual(["5 texts were too old to be answered", "1 text was too old to be answered"]);
  await clock.advance(7_200_000);
  expect(lines).toHaveLength(2);
  stale.note();
  stale.stop();
  expect(lines).toHaveLength(3);
  expect([stale.count, clock.pending]).toEqual([7, 0]);
});
