/** Attacks of a site that is enrolled: it holds the region's key, and its own. */
import { expect, test } from "bun:test";
import type { Json } from "../../../src/json.ts";
import type { RecordId, SiteId } from "../../../src/region/ports.ts";
import { RECORDS_TOPIC } from "../../../src/region/records/messages.ts";
import { type RecordContent, signRecord } from "../../../src/region/records/record.ts";
import { memoryKeys, signAs } from "../memory-keys.ts";
import { siteIdOf } from "../memory-sites.ts";
import { DAY, HOUR, RecordsWorld } from "./world.ts";

const EVIL = siteIdOf("evil");

/** Sites a and b, and one that a test drives by hand. */
class Attack {
  readonly world = new RecordsWorld(["a", "b"]);
  #nonce = 0;

  constructor() {
    this.world.region.add("evil");
    this.world.clock.pass(10_000);
  }

  forge(changes: Partial<RecordContent>, signer: SiteId = EVIL): { id: RecordId; json: Json } {
    const madeAt = this.world.clock.now();
    const nonce = (++this.#nonce).toString(16).padStart(32, "0");
    const act = { kind: "add", body: "evil", to: null } as const;
    const content = { stream: "bbs", origin: EVIL, act, madeAt, expiresAt: madeAt + DAY, nonce, ...changes };
    const keys = { ...memoryKeys(this.world.region, EVIL), sign: (bytes: Uint8Array) => signAs(signer, bytes) };
    const { id, wire } = signRecord({ region: "valley", keys }, content);
    return { id, json: JSON.parse(wire) };
  }

  send(body: Json, to?: SiteId): void {
    const sent = this.world.region.site("evil").send(RECORDS_TOPIC, body, to);
    if (!sent.ok) throw sent.error;
    this.world.clock.pass(10);
  }

  news(...records: Json[]): void {
    this.send({ kind: "news", records });
  }

  refused(site = "a") {
    return this.world.of(site).status().refused;
  }

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
  }
}

test("a record in another site's name is refused, however it is signed", () => {
  using attack = new Attack();
  attack.news(attack.forge({ origin: siteIdOf("b") }).json);
  attack.news(attack.forge({ origin: siteIdOf("nobody") }, siteIdOf("nobody")).json);
  const { json } = attack.forge({});
  if (typeof json === "object" && json !== null && !Array.isArray(json))
    attack.news({ ...json, origin: siteIdOf("b") }, { ...json, stream: "mail" });
  expect(attack.world.ids("a", "bbs")).toEqual([]);
  expect(attack.refused().forged).toBe(4);
  expect(attack.world.lines.filter((line) => line.startsWith("a: a site sends records that no enrolled site signed")).length).toBe(1);
});

test("a record of another region, of a revoked site, too old, too new or too long-lived is refused", () => {
  using attack = new Attack();
  const now = attack.world.clock.now();
  const other = signRecord(
    { region: "coast", keys: memoryKeys(attack.world.region, EVIL) },
    { stream: "bbs", origin: EVIL, act: { kind: "add", body: 1, to: null }, madeAt: now, expiresAt: now + DAY, nonce: "0".repeat(32) },
  );
  attack.news(JSON.parse(other.wire));
  attack.news(attack.forge({ madeAt: now - 2 * DAY, expiresAt: now - DAY }).json);
  attack.news(attack.forge({ madeAt: now + 2 * DAY, expiresAt: now + 3 * DAY }).json);
  attack.news(attack.forge({ madeAt: now, expiresAt: now + 401 * DAY }).json);
  expect(attack.refused()).toMatchObject({ forged: 1, expired: 1, ahead: 1, malformed: 1 });
  const late = attack.forge({}).json;
  attack.world.region.setState("evil", "revoked");
  attack.world.region.site("a").take({ from: siteIdOf("b"), topic: RECORDS_TOPIC, body: { kind: "news", records: [late] }, sentAt: now });
  expect(attack.refused().forged).toBe(2);
  expect(attack.world.of("a").status().records).toBe(0);
});

test("it removes nothing of others, unless it says that its operator asked, and nothing by a removal that came first", () => {
  using attack = new Attack();
  const added = attack.world.of("b").add("bbs", "honest", { ttlMs: DAY });
  if (!added.ok) throw added.error;
  attack.world.clock.pass(100);
  const removal = (target: RecordId, as: "origin" | "operator", stream = "bbs") =>
    attack.forge({ stream, act: { kind: "remove", target, as } }).json;
  attack.news(removal(added.value, "origin"), removal(added.value, "operator", "mail"));
  expect(attack.world.ids("a", "bbs")).toEqual([added.value]);
  // A removal in advance of a record that b makes later: c learns of the removal first.
  attack.world.region.split(["a", "evil"], ["b"]);
  const later = attack.world.of("b").add("bbs", "later", { ttlMs: DAY });
  if (!later.ok) throw later.error;
  attack.news(removal(later.value, "origin"));
  attack.world.region.join();
  attack.world.clock.pass(HOUR);
  expect(attack.world.ids("a", "bbs")).toEqual([added.value, later.value].sort());
  attack.news(removal(later.value, "operator"));
  expect(attack.world.ids("a", "bbs")).toEqual([added.value]);
  expect(attack.world.lines.some((line) => line.startsWith("a: an operator removed a record of another site") && line.includes(EVIL))).toBe(
    true,
  );
});

test("a flood of records pushes out its own alone, and stays within the bounds", () => {
  using attack = new Attack();
  const kept = attack.world.of("b").add("bbs", "honest", { ttlMs: DAY });
  if (!kept.ok) throw kept.error;
  attack.world.clock.pass(100);
  const body = "x".repeat(8_000);
  // Four megabytes are 520 of these.
  for (let count = 0; count < 1_200; count++) {
    attack.news(attack.forge({ act: { kind: "add", body, to: null } }).json);
    attack.world.clock.pass(90);
  }
  const status = attack.world.of("a").status();
  expect(status.bytes).toBeLessThan(4.1 * 1024 * 1024);
  expect(status.dropped).toBeGreaterThan(100);
  expect(attack.world.ids("a", "bbs")).toContain(kept.value);
  for (let count = 0; count < 200; count++) attack.news(attack.forge({ stream: `s${count}` }).json);
  expect(attack.refused().crowded).toBeGreaterThan(100);
  const before = attack.world.of("a").status().flooded;
  for (let count = 0; count < 2_000; count++) attack.send({ kind: "news", records: [1] });
  expect(attack.world.of("a").status().flooded).toBeGreaterThan(before + 500);
});

test("messages of any other form are counted and have no effect", () => {
  using attack = new Attack();
  const bad: Json[] = [
    ...[null, 1, "hello", [], {}],
    { kind: "hello" },
    { kind: "hello", root: "xyz", isAsking: true },
    { kind: "ask", question: 1, branches: [] },
    { kind: "ask", question: 1, branches: Array.from({ length: 13 }, () => ["", ""]) },
    { kind: "ask", question: 1, branches: [["zz", ""]] },
    { kind: "want", question: 1, ids: ["../../etc/passwd"] },
    { kind: "want", question: 1, ids: Array.from({ length: 101 }, () => "0".repeat(32)) },
    { kind: "news", records: "x" },
    { kind: "news", records: Array.from({ length: 201 }, () => 1) },
    { kind: "__proto__" },
  ];
  for (const body of bad) attack.send(body);
  expect(attack.world.of("a").status().unreadable).toBe(bad.length);
  attack.news(1, "x", null, {}, { stream: "bbs" });
  expect(attack.refused().malformed).toBe(5);
});

/** How many messages the two honest sites send in this time. */
function chatter(attack: Attack, ms: number): number {
  const before = attack.world.region.counts.sent;
  attack.world.clock.pass(ms);
  return attack.world.region.counts.sent - before;
}

test("a site that promises records and never sends them, or sends others, keeps nobody busy", () => {
  using attack = new Attack();
  let round = 0;
  const evil = attack.world.region.site("evil");
  evil.onMessage(RECORDS_TOPIC, ({ from, body }) => {
    const message = body as { kind: string; question: number; branches: [string, string][] };
    const id = () => (++round).toString(16).padStart(32, "0");
    if (message.kind === "ask") {
      const nodes = message.branches.map(([prefix]) => ({
        prefix,
        ids: Array.from({ length: 60 }, id),
        branches: ["0", "1", "f"].map((nibble) => [prefix + nibble, id().slice(-24)]),
      }));
      evil.send(RECORDS_TOPIC, { kind: "answer", question: message.question, nodes: nodes.slice(0, 3) }, from);
    }
    if (message.kind === "want") evil.send(RECORDS_TOPIC, { kind: "batch", question: message.question, records: [], gone: [] }, from);
  });
  const greet = () => attack.send({ kind: "hello", root: (++round).toString(16).padStart(24, "1"), isAsking: false });
  greet();
  for (let minute = 0; minute < 15; minute++) {
    greet();
    attack.world.clock.pass(60_000);
  }
  const added = attack.world.of("a").add("bbs", "honest", { ttlMs: DAY });
  attack.world.clock.pass(100);
  expect(added.ok && attack.world.ids("b", "bbs")).toEqual(added.ok ? [added.value] : []);
  // A question a tenth of a second is the most there can be, and half of the sent go to a site that answers.
  expect(chatter(attack, 60_000)).toBeLessThan(2 * 600 * 2);
});

test("questions beyond the rate are not answered, and an hour of greetings makes no storm", () => {
  using attack = new Attack();
  for (let count = 0; count < 50; count++) attack.world.of("a").add("bbs", count, { ttlMs: DAY });
  attack.world.clock.pass(1_000);
  let answers = 0;
  attack.world.region.site("evil").onMessage(RECORDS_TOPIC, ({ body }) => {
    if (JSON.stringify(body).includes('"answer"')) answers++;
  });
  for (let count = 0; count < 5_000; count++)
    attack.world.region.site("evil").send(RECORDS_TOPIC, { kind: "ask", question: count, branches: [["", ""]] }, siteIdOf("a"));
  attack.world.clock.pass(100);
  expect(answers).toBeGreaterThan(1_000);
  expect(answers).toBeLessThan(1_300);
  const quiet = chatter(attack, 60_000);
  for (let count = 0; count < 600; count++) attack.send({ kind: "hello", root: "", isAsking: true });
  expect(chatter(attack, 54_000)).toBeLessThan(quiet + 60);
});

test("what is sealed to another site cannot be passed on as one's own", () => {
  using attack = new Attack();
  attack.world.region.site("evil").onMessage(RECORDS_TOPIC, ({ body }) => {
    const { records } = body as { records?: { act: { body: Json; to: SiteId } }[] };
    const act = records?.[0]?.act;
    if (act !== undefined)
      attack.world.region
        .site("evil")
        .send(RECORDS_TOPIC, { kind: "news", records: [attack.forge({ stream: "mail", act: { kind: "add", ...act } }).json] });
  });
  const told: string[] = [];
  attack.world.of("b").onRecord("mail", ({ origin, body }) => told.push(`${origin === EVIL ? "evil" : "a"}: ${body}`));
  attack.world.of("a").add("mail", "secret", { ttlMs: DAY, to: siteIdOf("b") });
  attack.world.clock.pass(1_000);
  expect(told).toEqual(["a: secret"]);
  expect(attack.world.of("b").status().kept).toBe(2);
});
