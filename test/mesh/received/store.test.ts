import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../../src/log/logger.ts";
import type { TextMessage } from "../../../src/mesh/message.ts";
import { RECEIVED_MS, RECEIVED_ROWS, RECEIVED_SCHEMA, ReceivedTexts } from "../../../src/mesh/received/store.ts";
import { openCoreDatabase } from "../../../src/storage/core-open.ts";
import { FakeClock } from "../../fake-clock.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function open(clock = new FakeClock(), folder = mkdtempSync(join(tmpdir(), "zephyrgate-received-"))) {
  folders.push(folder);
  const opened = openCoreDatabase(join(folder, "gateway.db"), [RECEIVED_SCHEMA], { clock, log: silentLogger });
  if (!opened.ok) throw opened.error;
  return { clock, folder, database: opened.value, received: new ReceivedTexts(opened.value, clock) };
}

function heard(text: string, change: Partial<TextMessage> = {}): TextMessage {
  const place = { link: "sim", packetId: 7, from: 2, to: 1, channel: 0, isDirect: true };
  const facts = { kind: "text", isReaction: false, pkiEncrypted: true, viaMqtt: false, correlationId: "c_1", receivedAt: 1 } as const;
  return { ...place, ...facts, text, ...change };
}

test("texts are listed newest first, page after page, by sender, and survive a restart", () => {
  const { clock, folder, database, received } = open();
  const now = clock.now();
  for (let i = 1; i <= 5; i++) received.keep(heard(`t${i}`, { from: i % 2 === 0 ? 2 : 3, receivedAt: now + i, snr: 5.5, replyId: 9 }));
  expect(received.list({ limit: 2 }).map(({ text }) => text)).toEqual(["t5", "t4"]);
  expect(received.list({ limit: 2, before: 4 }).map(({ text }) => text)).toEqual(["t3", "t2"]);
  expect(received.list({ limit: 9, from: 2 }).map(({ text }) => text)).toEqual(["t4", "t2"]);
  database.close();
  const again = open(clock, folder);
  expect(again.received.list({ limit: 1 })).toEqual([
    {
      seq: 5,
      link: "sim",
      packetId: 7,
      from: 3,
      to: 1,
      channel: 0,
      isDirect: true,
      text: "t5",
      replyId: 9,
      isReaction: false,
      snr: 5.5,
      correlationId: "c_1",
      receivedAt: now + 5,
    },
  ]);
  again.database.close();
});

test("they are bounded in number and in age", () => {
  const { clock, database, received } = open();
  const now = clock.now();
  for (let at = 0; at < RECEIVED_ROWS + 400; at += 400) {
    for (let i = 0; i < 400; i++) received.keep(heard(`t${at + i}`, { receivedAt: now }));
    database.flush();
  }
  const count = () => database.sqlite.query<{ n: number }, []>("SELECT count(*) AS n FROM received").get()?.n;
  expect(count()).toBe(RECEIVED_ROWS);
  clock.pass(RECEIVED_MS + 1_000);
  for (let i = 0; i < 400; i++) received.keep(heard("fresh", { receivedAt: clock.now() }));
  database.flush();
  expect(count()).toBe(400);
  database.close();
});

test("while the database cannot be written the latest thousand are kept and the rest counted", () => {
  const { database, received } = open();
  database.sqlite.run("ALTER TABLE received RENAME TO away");
  for (let i = 0; i < 1_200; i++) received.keep(heard(`t${i}`));
  database.flush();
  expect(received.dropped).toBe(200);
  database.sqlite.run("ALTER TABLE away RENAME TO received");
  expect(received.list({ limit: 1 }).map(({ text }) => text)).toEqual(["t1199"]);
  database.close();
});

test("texts are counted by hour, without reactions", () => {
  const { database, received } = open();
  const hour = 3_600_000;
  const at = [10 * hour, 10 * hour + 5, 12 * hour, 3 * hour];
  for (const [packetId, receivedAt] of at.entries()) received.keep(heard("t", { packetId, receivedAt }));
  received.keep(heard("👍", { packetId: 99, receivedAt: 12 * hour, isReaction: true }));
  expect(received.countByHour(4 * hour)).toEqual([
    { hour: 10, received: 2 },
    { hour: 12, received: 1 },
  ]);
  database.close();
});

test("texts of the former table, which had an index, are taken over with their numbers", () => {
  const folder = mkdtempSync(join(tmpdir(), "zephyrgate-received-"));
  folders.push(folder);
  const clock = new FakeClock();
  const path = join(folder, "gateway.db");
  const [first = ""] = RECEIVED_SCHEMA.versions;
  const former = openCoreDatabase(path, [{ room: RECEIVED_SCHEMA.room, versions: [first] }], { clock, log: silentLogger });
  if (!former.ok) throw former.error;
  former.value.sqlite.run(
    `INSERT INTO received (seq, link, packet_id, from_node, to_node, channel, is_direct, text, is_reaction, correlation_id, received_at)
      VALUES (41, 'sim', 7, 2, 1, 0, 1, 'before', 0, 'c_1', ?)`,
    [clock.now()],
  );
  former.value.close();
  const { received } = open(clock, folder);
  received.keep(heard("after", { receivedAt: clock.now() }));
  expect(received.list({ limit: 9 }).map(({ seq, text }) => [seq, text])).toEqual([
    [42, "after"],
    [41, "before"],
  ]);
});
