import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../../src/log/logger.ts";
import type { OutMessage } from "../../../src/mesh/outbox/message/message.ts";
import { Journal } from "../../../src/mesh/outbox/storage/journal.ts";
import { OUTBOX_SCHEMA, OutboxStore } from "../../../src/mesh/outbox/storage/store.ts";
import { openCoreDatabase } from "../../../src/storage/core-open.ts";
import { FakeClock } from "../../fake-clock.ts";
import { message } from "./outbox-message.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

function fixture(intervalMs = 1_000) {
  const folder = mkdtempSync(join(tmpdir(), "zephyrgate-journal-"));
  const clock = new FakeClock();
  const opened = openCoreDatabase(join(folder, "gateway.db"), [OUTBOX_SCHEMA], { clock, log: silentLogger });
  if (!opened.ok) throw opened.error;
  const store = new OutboxStore(opened.value);
  const soon: (() => void)[] = [];
  const lost: OutMessage[] = [];
  const told: OutMessage[] = [];
  let commits = 0;
  const journal = new Journal(store, {
    clock,
    log: silentLogger,
    intervalMs,
    soon: (run) => void soon.push(run),
    stored: () => void commits++,
    told: (each) => void told.push(each),
    lost: (each) => void lost.push(each),
  });
  closers.push(() => {
    opened.value.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const runSoon = () => {
    for (const run of soon.splice(0)) run();
  };
  return { clock, store, database: opened.value, journal, lost, told, runSoon, commits: () => commits, soon };
}

/** A message whose row exists. */
async function stored(made: ReturnType<typeof fixture>): Promise<OutMessage> {
  const each = message();
  const added = made.journal.add(each);
  made.journal.commit("normal");
  expect((await added).ok).toBe(true);
  return each;
}

test("a new message is stored with the commit, which says so", async () => {
  const made = fixture();
  const each = message();
  const added = made.journal.add(each);
  expect(made.journal.isDirty).toBe(true);
  expect(made.store.get(each.id)).toBeNull();
  made.journal.commit("normal");
  expect((await added).ok).toBe(true);
  expect([each.stored, each.idsStored, made.commits(), made.journal.isDirty]).toEqual([true, true, 1, false]);
  expect(made.store.get(each.id)?.text).toBe(each.request.text);
});

test("a change without a new packet id is written a second later, or at once by settle and close", async () => {
  const made = fixture();
  const each = await stored(made);
  for (const [state, write] of [
    ["sent", () => made.clock.advance(1_000)],
    ["relayed", () => made.journal.settle()],
    ["delivered", () => made.journal.close()],
  ] as const) {
    each.state = state;
    made.journal.touch(each);
    expect(made.journal.isDirty).toBe(true);
    expect(made.store.get(each.id)?.state).not.toBe(state);
    await write();
    expect(made.store.get(each.id)?.state).toBe(state);
    expect(made.journal.isDirty).toBe(false);
  }
});

test("settle writes new and changed messages together", async () => {
  const made = fixture();
  const old = await stored(made);
  const fresh = message();
  old.state = "sent";
  made.journal.touch(old);
  const added = made.journal.add(fresh);
  made.journal.settle();
  expect((await added).ok).toBe(true);
  expect([made.store.get(old.id)?.state, made.store.get(fresh.id)?.state]).toEqual(["sent", "queued"]);
});

test("a changed message that gets a new packet id is written with the next commit", async () => {
  const made = fixture();
  const each = await stored(made);
  each.state = "sent";
  made.journal.touch(each);
  each.idsStored = false;
  made.journal.touch(each);
  made.journal.commit("normal");
  expect(each.idsStored).toBe(true);
  expect(made.store.get(each.id)?.state).toBe("sent");
  expect(made.journal.isDirty).toBe(false);
});

test("the first commit comes after the current work, the next when the interval is over, and one at a time is due", async () => {
  const made = fixture(1_000);
  const first = made.journal.add(message());
  made.journal.commitSoon();
  made.journal.commitSoon();
  expect(made.soon).toHaveLength(1);
  made.runSoon();
  expect((await first).ok).toBe(true);
  const second = message();
  const added = made.journal.add(second);
  made.journal.commitSoon();
  expect(made.soon).toHaveLength(0);
  expect(second.stored).toBe(false);
  await made.clock.advance(1_000);
  expect((await added).ok).toBe(true);
  expect(made.commits()).toBe(2);
});

test("nothing is committed after close", async () => {
  const made = fixture(500);
  await stored(made);
  made.journal.commitSoon();
  made.journal.close();
  const before = made.commits();
  await made.clock.advance(2_000);
  expect(made.commits()).toBe(before);
});

test("when the database cannot be written, a new message is lost, an emergency is sent from memory and stored later", async () => {
  const made = fixture();
  made.database.sqlite.run("ALTER TABLE outbox RENAME TO hidden");
  const [normal, emergency] = [message(), message({ priority: "emergency" })];
  const results = [made.journal.add(normal), made.journal.add(emergency)];
  made.journal.commit("full");
  const [lost, kept] = await Promise.all(results);
  expect(lost?.ok === false && lost.error.code).toBe("unavailable");
  expect(kept?.ok).toBe(true);
  expect(made.lost).toEqual([normal]);
  expect([normal.idsStored, emergency.idsStored, emergency.stored]).toEqual([false, true, false]);
  expect(made.commits()).toBe(1);
  made.database.sqlite.run("ALTER TABLE hidden RENAME TO outbox");
  made.journal.settle();
  expect(made.store.get(emergency.id)?.priority).toBe("emergency");
  expect(made.store.get(normal.id)).toBeNull();
});
