import { expect, test } from "bun:test";
import { PLUGIN_REPLAY_LIMITS, REPLAY_LIMITS, Replay } from "../../src/api/routes/replay.ts";

test("what is kept is bounded in number and characters, and stays in order", () => {
  const replay = new Replay();
  for (let seq = 1; seq <= 1000; seq++) replay.add({ seq, name: seq % 2 === 0 ? "plugin_event" : "alert", text: `${seq}`, rounded: "" });
  const kept = replay.list();
  expect(kept.length).toBe(REPLAY_LIMITS.events + PLUGIN_REPLAY_LIMITS.events);
  expect(kept.map(({ seq }) => seq)).toEqual(kept.map(({ seq }) => seq).sort((a, b) => a - b));
  for (let seq = 1001; seq <= 1300; seq++)
    replay.add({ seq, name: seq % 2 === 0 ? "plugin_event" : "alert", text: "x".repeat(50_000), rounded: "" });
  expect(replay.characters).toBeLessThanOrEqual(REPLAY_LIMITS.characters + PLUGIN_REPLAY_LIMITS.characters);
  expect(replay.list().length).toBeGreaterThan(1);
});

test("events of plugins displace no event of the gateway, and one that is too large is not kept", () => {
  const replay = new Replay();
  replay.add({ seq: 1, name: "alert", text: "the operator must see this", rounded: "" });
  for (let seq = 2; seq < 2000; seq++) replay.add({ seq, name: "plugin_event", text: "y".repeat(1000), rounded: "" });
  replay.add({ seq: 2000, name: "plugin_event", text: "z".repeat(PLUGIN_REPLAY_LIMITS.characters + 1), rounded: "" });
  expect(replay.list()).toEqual([{ seq: 1, name: "alert", text: "the operator must see this", rounded: "" }]);
});

test("an event of the mesh is counted as expected, its text is made when it is asked for, and a long replay is still no longer than its limit", () => {
  const replay = new Replay();
  let made = 0;
  const add = (seq: number) =>
    replay.add({
      seq,
      name: "message_status",
      expected: 10,
      get text() {
        made += 1;
        return "x".repeat(1_000);
      },
      rounded: "",
    });
  for (let seq = 1; seq <= 1_000; seq++) add(seq);
  expect([made, replay.characters]).toEqual([0, REPLAY_LIMITS.events * 10]);
  const kept = replay.list();
  expect(kept.length).toBe(Math.floor(REPLAY_LIMITS.characters / 1_000));
  expect(kept.at(-1)?.seq).toBe(1_000);
});
