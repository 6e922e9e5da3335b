import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { silentLogger } from "../../src/log/logger.ts";
import { verify } from "../../src/permissions/audit/chain.ts";
import { AuditLog } from "../../src/permissions/audit/log.ts";
import type { AuditItem } from "../../src/permissions/audit/query.ts";
import { FakeClock } from "../fake-clock.ts";
import { must } from "./support.ts";

let dir: string;
let clock = new FakeClock(1_700_000_000_000);
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "audit-"));
  clock = new FakeClock(1_700_000_000_000);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const open = (maxMb = 50) => {
  const log = new AuditLog({ dir, clock, log: silentLogger, maxMb: () => maxMb });
  log.start();
  return log;
};
const decided = (scope: string, more: Partial<{ plugin: string; result: "allow" | "deny"; permission: string }> = {}) => ({
  plugin: "weather",
  permission: "http_requests",
  scope,
  result: "allow" as const,
  rule: "granted",
  correlationId: "c1",
  ...more,
});
const files = () =>
  readdirSync(dir)
    .filter((name) => name.endsWith(".jsonl"))
    .sort();
const path = (index = 0) => join(dir, files()[index] ?? "missing");
const lines = (index = 0) => readFileSync(path(index), "utf8").trimEnd().split("\n");
const broken = () => {
  const result = verify(dir);
  return result.ok ? null : `${result.error.where}: ${result.error.message}`;
};
async function filled(count: number): Promise<void> {
  const log = open();
  for (let i = 0; i < count; i++) log.note("test", "p", { i });
  await log.stop();
}

describe("the chain", () => {
  test("holds over writes, restarts and rotations", async () => {
    for (let round = 0; round < 3; round++) {
      const log = open();
      for (let i = 0; i < 700; i++) log.note("test", "p", { i });
      await log.stop();
    }
    const verified = must(verify(dir));
    expect([verified.files, verified.lines, verified.notes]).toEqual([3, 2103, []]);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
  });

  test("an untouched log of any content verifies, and any single change to a line is found at or before it", async () => {
    await filled(40);
    const original = readFileSync(path(), "utf8");
    expect(broken()).toBeNull();
    fc.assert(
      fc.property(fc.nat(original.length - 1), fc.nat(94), (position, letter) => {
        const character = String.fromCharCode(32 + letter);
        fc.pre(original[position] !== character);
        writeFileSync(path(), original.slice(0, position) + character + original.slice(position + 1));
        const line = original.slice(0, position).split("\n").length;
        const found = Number(/jsonl:(\d+)/.exec(broken() ?? "")?.[1]);
        expect(found).toBeGreaterThanOrEqual(1);
        expect(found).toBeLessThanOrEqual(line + 1);
      }),
      { numRuns: 300 },
    );
  });

  const tamper: [string, (rows: string[]) => string[], number][] = [
    ["deleted line", (rows) => rows.toSpliced(5, 1), 6],
    ["two lines swapped", (rows) => rows.toSpliced(5, 2, rows[6] ?? "", rows[5] ?? ""), 6],
    ["line written twice", (rows) => rows.toSpliced(5, 0, rows[4] ?? ""), 6],
    ["first line gone", (rows) => rows.slice(1), 1],
    ["line put in", (rows) => rows.toSpliced(5, 0, '{"seq":6,"kind":"test"}'), 6],
    ["rubbish", (rows) => rows.toSpliced(5, 0, "rubbish"), 6],
    ["edited fact", (rows) => rows.with(5, (rows[5] ?? "").replace('"i":4', '"i":5')), 6],
  ];
  test.each(tamper)("%s", async (_what, change, line) => {
    await filled(20);
    writeFileSync(path(), `${change(lines()).join("\n")}\n`);
    expect(broken()).toStartWith(`${files()[0]}:${line}: `);
  });

  test("a cut tail is found by the head, and not without it", async () => {
    await filled(20);
    const head = must(verify(dir)).head;
    writeFileSync(path(), `${lines().slice(0, -3).join("\n")}\n`);
    expect(broken()).toContain("the log ends at 18, and was written up to 21");
    rmSync(join(dir, "head.json"));
    expect(broken()).toBeNull();
    expect(verify(dir, head).ok).toBe(false);
  });

  test("a missing file is found: the oldest, one in between, the newest", async () => {
    for (const index of [0, 1, 2]) {
      rmSync(dir, { recursive: true, force: true });
      for (let round = 0; round < 3; round++) await filled(5);
      rmSync(path(index));
      expect(broken()).not.toBeNull();
    }
  });

  test("a chain computed anew from some line on does not match the head", async () => {
    await filled(10);
    const head = readFileSync(join(dir, "head.json"), "utf8");
    const other = mkdtempSync(join(tmpdir(), "audit-"));
    const log = new AuditLog({ dir: other, clock, log: silentLogger, maxMb: () => 1 });
    log.start();
    for (let i = 0; i < 10; i++) log.note("test", "innocent", { i });
    await log.stop();
    writeFileSync(path(), readFileSync(join(other, files()[0] ?? "")));
    writeFileSync(join(dir, "head.json"), head);
    expect(broken()).toContain("not the one that was written");
    rmSync(other, { recursive: true });
  });

  test("a torn last line is cut off at the next start, which admits it; a lost tail is admitted too", async () => {
    await filled(5);
    appendFileSync(path(), '{"seq":7,"time":"20');
    expect(broken()).toContain("not whole");
    await filled(5);
    expect(must(verify(dir)).notes.join()).toContain("cut short");
    const size = statSync(path(1)).size - Buffer.byteLength(`${lines(1).at(-1)}\n`);
    truncateSync(path(1), size);
    await filled(1);
    expect(must(verify(dir)).notes.join()).toContain("ended before its head");
  });

  test("an unreadable head, an empty file and a damaged end do not keep the log from starting", async () => {
    await filled(3);
    writeFileSync(join(dir, "head.json"), "{");
    expect(broken()).toContain("head.json");
    writeFileSync(join(dir, "audit-00000002.jsonl"), "");
    await filled(3);
    expect(broken()).toBeNull();
    appendFileSync(path(2), "rubbish\n");
    await filled(3);
    expect(broken()).toStartWith("audit-00000003.jsonl:6");
  });

  test("whole oldest files go when the log is too large, and a line says so", async () => {
    const log = open(0.25);
    for (let i = 0; i < 4000; i++) {
      log.note("test", "p", { i, text: "x".repeat(60) });
      if (i % 100 === 0) await log.flush();
    }
    await log.stop();
    const total = files().reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
    expect(total).toBeLessThan(0.3 * 1024 * 1024);
    expect(files()[0]).not.toBe("audit-00000001.jsonl");
    expect(must(verify(dir)).notes.some((note) => note.includes('"dropped"'))).toBe(true);
    rmSync(path(0));
    expect(broken()).toContain("does not say that it was dropped");
  });
});

describe("what is written", () => {
  test("within a second, without being asked", async () => {
    const log = open();
    log.record(decided("a.org"));
    clock.pass(1000);
    await log.flush();
    expect(lines()).toHaveLength(2);
    expect(JSON.parse(lines()[1] ?? "")).toMatchObject({
      seq: 2,
      kind: "decision",
      plugin: "weather",
      scope: "a.org",
      result: "allow",
      correlation_id: "c1",
    });
    await log.stop();
    await log.stop();
  });

  test("identical decisions are summed: the first at once, the repeats when the window closes", async () => {
    const log = open();
    for (let i = 0; i < 1000; i++) log.record(decided("a.org"));
    log.record(decided("b.org"));
    clock.pass(10_000);
    log.record(decided("a.org"));
    const items = await log.query({});
    expect(items.map(({ scope, count }) => [scope, count])).toEqual([
      ["a.org", 1],
      ["a.org", 999],
      ["b.org", 1],
      ["a.org", 1],
    ]);
    expect(items[1]?.first).toBeDefined();
    await log.stop();
  });

  test("a plugin that floods with ever new scopes fills two hundred lines a window, others keep theirs", async () => {
    const log = open();
    for (let i = 0; i < 50_000; i++) log.record(decided(`h${i}.org`, { result: "deny" }));
    log.record(decided("a.org", { plugin: "honest" }));
    const items = await log.query({ limit: 1000 });
    expect(items).toHaveLength(202);
    expect(items.find(({ scope }) => scope === "(many different)")?.count).toBe(49_800);
    expect(items.filter(({ plugin }) => plugin === "honest")).toHaveLength(1);
    await log.stop();
  });

  test("when the disk does not take it, what is beyond the buffer is counted and said", async () => {
    const log = open();
    for (let i = 0; i < 10_000; i++) log.note("test", "p", { i });
    await log.stop();
    const verified = must(verify(dir));
    expect(verified.notes.join()).toContain('"kind":"lost"');
    expect(verified.lines).toBeLessThanOrEqual(8194);
  });

  test("queries filter, latest first, over files; text of plugins stays data", async () => {
    await filled(3);
    const log = open();
    const evil = 'x"},{"plugin":"root\n\u001b[31m';
    log.record(decided("a.org"));
    log.record(decided("a.org", { result: "deny", plugin: "other" }));
    log.record(decided(evil, { permission: "secrets" }));
    expect((await log.query({ plugin: "weather" })).map(({ scope }) => scope)).toEqual([evil, "a.org"]);
    expect(await log.query({ result: "deny" })).toMatchObject([{ plugin: "other", kind: "decision" }]);
    expect(await log.query({ permission: "secrets" })).toHaveLength(1);
    expect(await log.query({ limit: 4 })).toHaveLength(4);
    expect(await log.query({ since: clock.now() + 1 })).toEqual([]);
    const all = (await log.query({})).map(({ seq = 0 }) => seq);
    const at = all[2] ?? 0;
    expect((await log.query({ before: at })).map(({ seq }) => seq)).toEqual(all.slice(3));
    expect((await log.query({ after: at })).map(({ seq }) => seq)).toEqual(all.slice(0, 2));
    expect((await log.query({ plugin: "p" }))[0]?.facts).toEqual({ i: 2 });
    await log.stop();
    expect(must(verify(dir)).notes).toEqual([]);
  });

  test("a live tail gets each decision as it is made, until it is disposed", async () => {
    const log = open();
    const seen: AuditItem[] = [];
    const tail = log.subscribe({ plugin: "weather", result: "deny" }, (item) => void seen.push(item));
    for (let i = 0; i < 3; i++) log.record(decided("a.org", { result: "deny" }));
    log.record(decided("a.org"));
    log.record(decided("a.org", { result: "deny", plugin: "other" }));
    tail.dispose();
    log.record(decided("a.org", { result: "deny" }));
    expect(seen).toHaveLength(3);
    await log.stop();
  });
});
