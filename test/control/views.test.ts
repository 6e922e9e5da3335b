import { describe, expect, test } from "bun:test";
import type { AlertView } from "../../src/api/contract/views.ts";
import { EventBus } from "../../src/bus.ts";
import { type AlertDeps, Alerts } from "../../src/control/alerts.ts";
import { iso, taskView } from "../../src/control/views.ts";
import type { CoreEvents } from "../../src/events/core.ts";
import { handleNumber } from "../../src/ids.ts";

function alerts(more: Partial<AlertDeps> = {}) {
  const bus = new EventBus<CoreEvents>(() => {});
  let time = 0;
  let ids = 0;
  const notes: string[] = [];
  const kept = new Alerts({
    bus,
    now: () => time++,
    newId: () => `a${ids++}`,
    audit: (event, detail) => void notes.push(`${event} ${detail}`),
    ...more,
  });
  return { bus, kept, notes, codes: () => kept.list().map(({ code, plugin }) => (plugin === undefined ? code : `${code} ${plugin}`)) };
}

describe("alerts", () => {
  test("of one matter are announced once when raised and once when over, however often they are raised", () => {
    const { bus, codes } = alerts();
    const changes: string[] = [];
    bus.on("alert_changed", ({ change, code, plugin, link }) => void changes.push([change, code, plugin, link].filter(Boolean).join(" ")));
    for (let i = 0; i < 5; i++) for (const link of ["a", "b"]) bus.emit("alert", { code: "link_down", message: "m", link });
    for (const more of [{}, { plugin: "p" }]) bus.emit("alert", { code: "safe_mode", message: "m", ...more });
    expect(changes).toEqual(["raised link_down a", "raised link_down b", "raised safe_mode", "raised safe_mode p"]);
    changes.length = 0;
    bus.emit("alert_cleared", { code: "link_down", link: "a" });
    bus.emit("alert_cleared", { code: "safe_mode", plugin: null });
    bus.emit("alert_cleared", { code: "safe_mode", plugin: null });
    expect(changes).toEqual(["cleared link_down a", "cleared safe_mode"]);
    expect(codes()).toEqual(["safe_mode p", "link_down"]);
  });

  test("each code and plugin is there once, the newest first, with its time", () => {
    const { bus, kept, codes } = alerts();
    bus.emit("alert", { code: "a", message: "one" });
    bus.emit("alert", { code: "a", message: "two", plugin: "p" });
    bus.emit("alert", { code: "b", message: "three", plugin: "p" });
    bus.emit("alert", { code: "a", message: "four" });
    expect(codes()).toEqual(["a", "b p", "a p"]);
    expect(kept.list()[0]).toEqual({ id: "a0", time: iso(0), code: "a", message: "four", times: 2, acknowledged_at: null });
  });

  test("go on after a restart: what was acknowledged stays so while its cause lasts, a cry for help stays on the list", () => {
    const rows = new Map<string, AlertView>();
    const store = {
      load: () => [...rows.values()],
      save: (alert: AlertView) => void rows.set(alert.id, alert),
      remove: (ids: readonly string[]) => {
        for (const id of ids) rows.delete(id);
      },
    };
    const first = alerts({ store });
    for (const code of ["disk_low", "link_down", "emergency"]) first.bus.emit("alert", { code, message: code });
    first.bus.emit("alert", { code: "emergency", message: "another" });
    for (const { id, code, message } of first.kept.list())
      if (code === "disk_low" || message === "another") first.kept.acknowledge(id, { via: "api", address: "::1" });
    let ids = 0;
    const next = alerts({ store, newId: () => `b${ids++}` });
    const changes: string[] = [];
    next.bus.on("alert_changed", ({ change, code }) => void changes.push(`${change} ${code}`));
    const listed = () => next.kept.list().map(({ message, acknowledged_at }) => `${message} ${acknowledged_at === null ? "open" : "seen"}`);
    expect(listed().sort()).toEqual(["another seen", "emergency open"]);
    for (const code of ["disk_low", "link_down"]) next.bus.emit("alert", { code, message: code });
    expect(listed()).toEqual(["link_down open", "disk_low seen", ...listed().slice(2)]);
    expect(changes).toEqual(["raised link_down"]);
    // Over, and there again: that is news.
    next.bus.emit("alert_cleared", { code: "disk_low" });
    next.bus.emit("alert", { code: "disk_low", message: "disk_low" });
    expect(changes).toEqual(["raised link_down", "cleared disk_low", "raised disk_low"]);
    next.bus.emit("alert_cleared", { code: "link_down" });
    const third = alerts({ store });
    third.kept.forgetBefore();
    expect([...rows.values()].map(({ code }) => code)).toEqual(["emergency", "emergency"]);
    third.bus.emit("alert", { code: "disk_low", message: "disk_low" });
    expect(third.kept.list()[0]).toMatchObject({ code: "disk_low", times: 1, acknowledged_at: null });
    // A disk that takes nothing keeps no alert back.
    const full = alerts({
      store: {
        ...store,
        save: () => {
          throw new RangeError("full");
        },
      },
    });
    full.bus.emit("alert", { code: "disk_full", message: "full" });
    expect(full.codes()[0]).toBe("disk_full");
  });

  test("those of a plugin go when it starts again", () => {
    const { bus, codes } = alerts();
    for (const plugin of ["p", "q"]) bus.emit("alert", { code: "a", message: "m", plugin });
    bus.emit("alert", { code: "a", message: "m" });
    bus.emit("plugin_started", { plugin: "p" });
    expect(codes()).toEqual(["a", "a q"]);
  });

  test("the newest hundred are kept; acknowledged ones make room first, and what nobody saw is counted", () => {
    const { bus, kept, codes } = alerts();
    for (let i = 0; i < 100; i++) bus.emit("alert", { code: `c${i}`, message: "m" });
    kept.acknowledge("a50", { via: "api", address: "::1" });
    bus.emit("alert", { code: "c100", message: "m" });
    expect([codes().length, codes().includes("c50"), codes().includes("c0"), kept.counts().dropped]).toEqual([100, false, true, 0]);
    bus.emit("alert", { code: "c101", message: "m" });
    expect([codes().length, codes().includes("c0"), kept.counts().dropped]).toEqual([100, false, 1]);
  });

  test("an acknowledged one is audited once, raised again it is a new one, cleared it is gone", () => {
    const { bus, kept, notes, codes } = alerts();
    bus.emit("alert", { code: "disk_full", message: "full" });
    const actor = { via: "api", address: "192.0.2.1" } as const;
    expect(kept.acknowledge("a0", actor)).toMatchObject({ ok: true, value: { id: "a0", acknowledged_at: expect.any(String) } });
    kept.acknowledge("a0", actor);
    expect(notes).toEqual(["alert_acknowledged disk_full: full (api 192.0.2.1)"]);
    bus.emit("alert", { code: "disk_full", message: "full" });
    expect(kept.list()).toMatchObject([{ id: "a1", times: 1, acknowledged_at: null }]);
    expect(kept.acknowledge("a0", actor)).toMatchObject({ ok: false, error: { code: "not_found" } });
    bus.emit("alert_cleared", { code: "disk_full" });
    expect(codes()).toEqual([]);
    expect(kept.counts().raised.get("disk_full")).toBe(2);
  });

  test("two cries for help are two alerts", () => {
    const { bus, codes } = alerts();
    for (const message of ["SOS from A", "SOS from B", "SOS from A"]) bus.emit("alert", { code: "emergency", message });
    expect(codes()).toEqual(["emergency", "emergency"]);
  });
});

test("an acknowledgement at another site is that of every open text of the case, is stored, and is audited once", () => {
  const saved: string[] = [];
  const store = { load: () => [], save: ({ id, acknowledged_by: by }: AlertView) => void saved.push(`${id} ${by}`), remove() {} };
  const { bus, kept, notes } = alerts({ store });
  const cry = (message: string, about: string) => bus.emit("alert", { code: "emergency", message, case: about });
  cry("help", "c1");
  cry("still here", "c1");
  cry("me too", "c2");
  saved.length = 0;
  bus.emit("emergency_acknowledged", { case: "c1", by: "Ann" });
  bus.emit("emergency_acknowledged", { case: "c3", by: "Ann", site: "south" });
  expect([notes, saved]).toEqual([[], []]);
  bus.emit("emergency_acknowledged", { case: "c1", by: "Ann", site: "south" });
  bus.emit("emergency_acknowledged", { case: "c1", by: "Bob", site: "south" });
  expect(kept.list().map(({ message, acknowledged_by: by }) => [message, by])).toEqual([
    ["me too", undefined],
    ["still here", "Ann at south"],
    ["help", "Ann at south"],
  ]);
  expect([notes, saved]).toEqual([["alert_acknowledged emergency: still here (Ann at south)"], ["a1 Ann at south", "a0 Ann at south"]]);
});

test("one's own acknowledgement of a cry for help is told to the other sites; a list that cannot be stored is still there", () => {
  const failing = {
    load: () => [],
    save() {
      throw new RangeError("the disk is full");
    },
    remove() {},
  };
  const { bus, kept, notes } = alerts({ store: failing });
  const told: unknown[] = [];
  bus.on("emergency_acknowledged", (event) => void told.push(event));
  bus.emit("alert", { code: "emergency", message: "m".repeat(2_000), case: "c1" });
  const actor = { via: "api", address: "127.0.0.1", token: "api-token" } as const;
  expect(kept.list()[0]?.message).toHaveLength(1_000);
  expect(kept.acknowledge("nobody", actor)).toMatchObject({ ok: false, error: { message: "there is no such alert" } });
  const done = kept.acknowledge("a0", actor);
  expect(done).toMatchObject({ ok: true, value: { id: "a0" } });
  expect(kept.acknowledge("a0", actor)).toEqual(done);
  expect(told).toEqual([{ case: "c1", by: expect.stringContaining("api") }]);
  expect(notes).toEqual([expect.stringMatching(/^alert_acknowledged emergency: m{200} \(/)]);
});

test("a task's times are RFC 3339, and null where it has none", () => {
  const task = {
    handle: handleNumber(1),
    plugin: "p",
    name: "t",
    intervalS: 5,
    cron: null,
    timezone: null,
    lastRun: 0,
    nextRun: null,
    runCount: 1,
    errorCount: 2,
    missed: 3,
    skipped: 4,
    isRunning: true,
    isPaused: false,
    lastError: null,
  };
  expect(taskView(task)).toMatchObject({
    interval_s: 5,
    last_run: "1970-01-01T00:00:00.000Z",
    next_run: null,
    runs: 1,
    failures: 2,
    missed: 3,
    skipped: 4,
    running: true,
    paused: false,
  });
});
