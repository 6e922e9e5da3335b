import { Database } from "bun:sqlite";
import { beforeEach, describe, expect, test } from "bun:test";
import { systemRandom } from "../../src/clock.ts";
import type { Json } from "../../src/json.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { Broker } from "../../src/permissions/broker.ts";
import type { Ask, PermissionName } from "../../src/permissions/grammar/types.ts";
import { GrantStore, grantsSchema } from "../../src/permissions/grants.ts";
import { StoredApprovals } from "../../src/plugins/approval/approvals.ts";
import type { Candidate } from "../../src/plugins/plugin/candidate.ts";
import { CoreDatabase } from "../../src/storage/core.ts";
import { FakeClock } from "../fake-clock.ts";
import { manifestOf } from "./support.ts";

const OPERATOR = "operator";
const secret: Ask = { permission: "secrets", secret: "key" };

let broker: Broker;
let database: CoreDatabase;
let approvals: StoredApprovals;
let notes: string[];
let changed: string[];
let deny: readonly never[];
let limits: Record<string, number>;
let belongings: string[];

beforeEach(() => {
  const clock = new FakeClock();
  [notes, changed, deny, limits, belongings] = [[], [], [], {}, []];
  broker = new Broker({ clock, random: systemRandom, audit: { record: () => undefined }, onForgery: () => undefined });
  const sqlite = new Database(":memory:", { strict: true });
  for (const sql of grantsSchema.versions) sqlite.run(sql);
  database = new CoreDatabase(sqlite, ":memory:", { clock, log: silentLogger });
  approvals = new StoredApprovals({
    store: new GrantStore(database, clock),
    broker,
    policy: () => ({ allowAll: false, enabled: null, deny }),
    limitsAbove: () => limits,
    candidate: () => null,
    belongings: () => belongings,
    audit: (plugin, event, detail) => void notes.push(`${plugin} ${event} ${detail}`),
    changed: (plugin) => void changed.push(plugin),
  });
});

const holds = (permission: PermissionName) => approvals.capabilitySet("mine")?.tokens[permission] !== undefined;

function candidate(permissions: readonly Json[], more: Partial<Candidate> = {}): Candidate {
  return { name: "mine", manifest: manifestOf({ permissions: [...permissions] }), bundled: false, path: "/p/mine", ...more };
}

describe("approval", () => {
  test("waits until the operator accepted, and again when it asks for more", () => {
    const first = candidate(["secrets"]);
    expect(approvals.judge(first)).toEqual({
      state: "awaiting",
      reason: "asks for secrets; accept it with: zephyrgate plugin enable mine",
      added: ["secrets"],
      removed: [],
    });
    expect(approvals.accept(first, OPERATOR).ok).toBe(true);
    expect(approvals.judge(first)).toEqual({ state: "accepted" });
    const second = candidate(["send_messages"]);
    expect(approvals.judge(second)).toMatchObject({ state: "awaiting", added: ["send_messages"] });
    expect(approvals.judge(candidate(["secrets"], { path: "/elsewhere/mine" }))).toMatchObject({ state: "awaiting" });
    expect(notes).toEqual([`mine accept operator accepted ${approvals.hash(first)}`]);
  });

  test("limits above the defaults are part of what is accepted", () => {
    const asks = candidate(["secrets"]);
    const before = approvals.hash(asks);
    approvals.accept(asks, OPERATOR);
    limits = { memory_mb: 64 };
    expect(approvals.hash(asks)).not.toBe(before);
    expect(approvals.judge(asks)).toMatchObject({ state: "awaiting", added: [{ limits: { memory_mb: 64 } }] });
  });

  test("a name belongs to the place that was accepted: another place waits, and cannot be accepted", () => {
    const mine = candidate(["secrets"]);
    approvals.accept(mine, OPERATOR);
    approvals.open(mine, "c1");
    belongings = ["its data", "2 secrets"];
    const other = candidate([], { path: "/elsewhere/mine" });
    const waits = approvals.judge(other);
    expect(waits).toMatchObject({
      state: "awaiting",
      reason: expect.stringMatching(
        /^the name mine belongs to \/p\/mine since .*; \/elsewhere\/mine would inherit its permissions, its data, 2 secrets; .* plugin adopt mine \/elsewhere\/mine$/,
      ),
    });
    const refused = approvals.accept(other, OPERATOR);
    expect(refused.ok ? "accepted" : refused.error.code).toBe("conflict");
    expect(() => approvals.open(other, "c2")).toThrow("belongs to /p/mine");
    expect(approvals.judge(mine)).toEqual({ state: "accepted" });
  });

  test("an adopted place has the grants of the place before, and no more", () => {
    approvals.accept(candidate(["secrets"]), OPERATOR);
    const moved = candidate(["secrets"], { path: "/elsewhere/mine" });
    approvals.adopt(moved, OPERATOR);
    expect(approvals.judge(moved)).toEqual({ state: "accepted" });
    expect(approvals.judge(candidate(["secrets", "send_messages"], { path: "/elsewhere/mine" }))).toMatchObject({
      added: ["send_messages"],
    });
    expect(approvals.judge(candidate(["secrets"]))).toMatchObject({ state: "awaiting" });
    expect(notes.at(-1)).toBe("mine adopt operator moved it from /p/mine to /elsewhere/mine");
  });

  test("a name that owns nothing is free; data alone keeps it", () => {
    const mine = candidate(["secrets"]);
    approvals.accept(mine, OPERATOR);
    approvals.forget(mine, true);
    const other = candidate(["secrets"], { path: "/elsewhere/mine" });
    belongings = ["its data"];
    expect(approvals.heldElsewhere(other)).toMatchObject({ path: "/p/mine", inherits: ["its data"] });
    belongings = [];
    expect(approvals.heldElsewhere(other)).toBeNull();
    belongings = ["its data"];
    approvals.forget(mine, false);
    expect(approvals.heldElsewhere(other)).toBeNull();
  });

  test("a removed plugin is forgotten", () => {
    const asks = candidate(["secrets"]);
    approvals.accept(asks, OPERATOR);
    approvals.forget(asks, true);
    expect(approvals.judge(asks)).toMatchObject({ state: "awaiting" });
  });
});

describe("capability sets", () => {
  test("open and closed ones are counted, and a closed one's tokens are dead", () => {
    const asks = candidate(["secrets"]);
    approvals.accept(asks, OPERATOR);
    const [old, next] = [approvals.open(asks, "c1"), approvals.open(asks, "c2")];
    expect([approvals.size, broker.size]).toEqual([2, 2]);
    expect(approvals.capabilitySet("mine")).toBe(next);
    next.close();
    next.close();
    expect(approvals.capabilitySet("mine")).toBe(old);
    expect(next.checkOwn(secret, "c").allowed).toBe(false);
    old.close();
    expect([approvals.size, broker.size, approvals.capabilitySet("mine")]).toEqual([0, 0, null]);
    expect(holds("secrets")).toBe(false);
  });

  test("what is loaded goes to the audit log, other code under the same permissions too", () => {
    const asks = candidate(["secrets"]);
    approvals.accept(asks, OPERATOR);
    approvals.open(asks, "c1").close();
    approvals.open(asks, "c2").close();
    expect(notes.slice(1)).toEqual([
      "mine load version 1.0.0, code c1",
      "mine code_changed under unchanged permissions: c1 -> c2",
      "mine load version 1.0.0, code c2",
    ]);
  });
});

describe("the view", () => {
  test("mints no token and opens no capability set", () => {
    const asks = candidate(["secrets", { http_requests: { hosts: ["a.org"] } }]);
    approvals.accept(asks, OPERATOR);
    const before = broker.size;
    const stopped = approvals.view(asks);
    expect([broker.size, approvals.size]).toEqual([before, 0]);
    expect(stopped).toMatchObject({ granted: [{ http_requests: { hosts: ["a.org"] } }, "secrets"], denied: [], heldBack: [] });
    expect(stopped.hash).toBe(approvals.hash(asks));
    expect(stopped.acceptedHash).toBe(stopped.hash);
    approvals.open(asks, "c1");
    expect(approvals.view(asks)).toEqual(stopped);
  });

  test("shows what was held back, taken away, and asked for at run time", () => {
    const asks = candidate(["secrets", "send_messages"]);
    expect(approvals.view(asks)).toMatchObject({ granted: [], heldBack: ["send_messages", "secrets"], acceptedHash: null });
    approvals.accept(asks, OPERATOR);
    approvals.open(asks, "c1");
    expect(approvals.override(asks, { effect: "deny", entry: "secrets", who: OPERATOR }).ok).toBe(true);
    expect(approvals.request("mine", "schedule_tasks")).toEqual({ ok: true, value: "prompt" });
    expect(approvals.view(asks)).toMatchObject({
      granted: ["send_messages"],
      denied: ["secrets"],
      heldBack: ["schedule_tasks"],
    });
  });
});

describe("later decisions", () => {
  test("a denial of what is not requested is shown until a later decision covers it", () => {
    const mine = candidate(["secrets"]);
    approvals.accept(mine, OPERATOR);
    const say = (effect: "deny" | "revoke", entry: Json) => approvals.override(mine, { effect, entry, who: OPERATOR });
    say("deny", "send_messages");
    expect(approvals.view(mine)).toMatchObject({ granted: ["secrets"], denied: ["send_messages"], heldBack: [] });
    const open = approvals.open(mine, "c1");
    expect(approvals.view(mine).denied).toEqual(["send_messages"]);
    open.close();
    // Requested by the next version, and denied all the same.
    const next = candidate(["secrets", "send_messages"]);
    approvals.accept(next, OPERATOR);
    expect(approvals.view(next).denied).toContain("send_messages");
    say("revoke", "send_messages");
    expect(approvals.view(mine).denied).toEqual([]);
  });

  test("hold from the next call on, in every open capability set", () => {
    const asks = candidate(["secrets"]);
    approvals.accept(asks, OPERATOR);
    const sets = [approvals.open(asks, "c1"), approvals.open(asks, "c1")];
    const allowed = () => sets.map((set) => set.checkOwn(secret, "c").allowed);
    expect(allowed()).toEqual([true, true]);
    approvals.override(asks, { effect: "revoke", entry: "secrets", who: OPERATOR });
    expect(allowed()).toEqual([false, false]);
    expect(holds("secrets")).toBe(false);
    approvals.override(asks, { effect: "grant", entry: "secrets", who: OPERATOR });
    expect(allowed()).toEqual([true, true]);
    expect(changed).toEqual(["mine", "mine"]);
    expect(notes).toContain("mine revoke operator: secrets");
  });

  test("a grant of what was never asked for is refused; without an entry all permissions are meant", () => {
    const asks = candidate(["secrets", "schedule_tasks"]);
    approvals.accept(asks, OPERATOR);
    approvals.open(asks, "c1");
    expect(approvals.override(asks, { effect: "grant", entry: "send_messages", who: OPERATOR })).toMatchObject({
      ok: false,
      error: { code: "not_found" },
    });
    expect(approvals.override(asks, { effect: "grant", entry: "no_such", who: OPERATOR })).toMatchObject({
      ok: false,
      error: { code: "invalid_argument" },
    });
    expect(approvals.override(asks, { effect: "revoke", entry: undefined, who: OPERATOR }).ok).toBe(true);
    expect([holds("secrets"), holds("schedule_tasks")]).toEqual([false, false]);
  });

  test("a plugin that is not running asks for nothing", () => {
    expect(approvals.request("mine", "secrets")).toMatchObject({ ok: false, error: { code: "conflict" } });
    expect(approvals.revoke("mine", "nonsense")).toMatchObject({ ok: false, error: { code: "invalid_argument" } });
  });

  test("go through the core database's writer", () => {
    const asks = candidate(["secrets"]);
    const commits = () => database.stats().commits;
    const changes: [string, () => unknown][] = [
      ["accept", () => approvals.accept(asks, OPERATOR)],
      ["open", () => approvals.open(asks, "c1")],
      ["deny", () => approvals.override(asks, { effect: "deny", entry: "secrets", who: OPERATOR })],
      ["grant", () => approvals.override(asks, { effect: "grant", entry: "secrets", who: OPERATOR })],
      ["forget", () => approvals.forget(asks, true)],
    ];
    for (const [what, change] of changes) {
      const before = commits();
      change();
      expect([what, commits() - before]).toEqual([what, 1]);
    }
  });
});
