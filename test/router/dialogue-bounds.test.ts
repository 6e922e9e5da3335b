import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { handleNumber } from "../../src/ids.ts";
import { silentLogger } from "../../src/log/logger.ts";
import type { TextMessage } from "../../src/mesh/message.ts";
import { DIALOGUES_MAX, DIALOGUES_SCHEMA, Dialogues } from "../../src/router/dialogues.ts";
import { CoreDatabase } from "../../src/storage/core.ts";
import { FakeClock } from "../fake-clock.ts";
import { OWN } from "./router-support.ts";

const message = (from: number, receivedAt: number): TextMessage => ({
  kind: "text",
  correlationId: `c_${from}`,
  link: "base",
  packetId: from,
  from,
  to: OWN,
  channel: 0,
  isDirect: true,
  receivedAt,
  pkiEncrypted: false,
  viaMqtt: false,
  text: "ask",
  isReaction: false,
});

test("questions that wait are bounded in number, also on the disk, and a large one is not stored", () => {
  const clock = new FakeClock(1_700_000_000_000);
  const sqlite = new Database(":memory:", { strict: true });
  for (const sql of DIALOGUES_SCHEMA.versions) sqlite.run(sql);
  const dialogues = new Dialogues({
    clock,
    log: silentLogger,
    database: new CoreDatabase(sqlite, ":memory:", { clock, log: silentLogger }),
    keyOf: () => "command:ask",
    handleOf: () => handleNumber(1),
    placeOf: () => "",
    expired: () => {},
  });
  const ask = (from: number, args: readonly string[]) =>
    dialogues.ask(
      {
        plugin: "p",
        handle: handleNumber(1),
        args,
        what: { command: "ask" },
        message: message(from, clock.now()),
        number: null,
        answers: [],
      },
      { dialogue: from, question: "?", timeoutS: 600 },
    );
  for (let from = 1; from <= DIALOGUES_MAX + 100; from++) {
    ask(from, from % 2 === 0 ? [] : ["x".repeat(100_000)]);
    dialogues.sent(from, "p", "?");
  }
  expect(dialogues.size).toBe(DIALOGUES_MAX);
  const [stored] = sqlite.query<{ n: number; most: number }, []>("SELECT count(*) AS n, max(length(state)) AS most FROM dialogues").all();
  expect(stored?.n).toBeLessThanOrEqual(DIALOGUES_MAX);
  expect(stored?.most).toBeLessThanOrEqual(8192);
  // Questions that were never sent take no text, and are as many.
  for (let from = 10_000; from < 10_000 + DIALOGUES_MAX + 100; from++) ask(from, []);
  expect(dialogues.size).toBe(DIALOGUES_MAX);
  expect(dialogues.take(message(10_000, clock.now()))).toBeNull();
  dialogues.sent(10_000, "p", "another text");
  dialogues.sent(10_000, "another plugin", "?");
  expect(dialogues.take(message(10_000, clock.now()))).toBeNull();
  dialogues.sent(10_000, "p", "?");
  expect(dialogues.take(message(10_000, clock.now()))).toMatchObject({ plugin: "p", number: 10_000 });
  dialogues.sent(10_000 + DIALOGUES_MAX + 1, "p", "?");
  expect(dialogues.take(message(10_000 + DIALOGUES_MAX + 1, clock.now()))).toBeNull();
  dialogues.stop();
  sqlite.close();
});

test("a plugin that took another's name does not get the answer that was meant for the other, not even as an end", () => {
  const clock = new FakeClock(1_700_000_000_000);
  const sqlite = new Database(":memory:", { strict: true });
  for (const sql of DIALOGUES_SCHEMA.versions) sqlite.run(sql);
  const expired: string[] = [];
  let place = "/plugins/honest";
  const start = () =>
    new Dialogues({
      clock,
      log: silentLogger,
      database: new CoreDatabase(sqlite, ":memory:", { clock, log: silentLogger }),
      keyOf: () => "command:ask",
      handleOf: () => handleNumber(1),
      placeOf: () => place,
      expired: (dialogue) => void expired.push(dialogue.place),
    });
  const ask = (dialogues: Dialogues, from: number) => {
    dialogues.ask(
      {
        plugin: "p",
        handle: handleNumber(1),
        args: [],
        what: { command: "ask" },
        message: message(from, clock.now()),
        number: 1,
        answers: [],
      },
      { dialogue: from, question: "?", timeoutS: 600 },
    );
    dialogues.sent(from, "p", "?");
  };
  const dialogues = start();
  for (const from of [1, 2, 3, 4]) ask(dialogues, from);
  expect(dialogues.take(message(1, clock.now()))?.place).toBe("/plugins/honest");
  place = "/plugins/thief";
  expect(dialogues.take(message(2, clock.now()))).toBeNull();
  expect(dialogues.end(3)).toBeNull();
  dialogues.stop();
  const after = start();
  expect(after.take(message(4, clock.now()))).toBeNull();
  ask(after, 5);
  after.stop();
  place = "/plugins/honest";
  expect(start().take(message(5, clock.now()))).toBeNull();
  expect(expired).toEqual([]);
  sqlite.close();
});
