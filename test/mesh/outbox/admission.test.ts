import { describe, expect, test } from "bun:test";
import { BROADCAST } from "../../../src/mesh/ids.ts";
import {
  createMessage,
  EMERGENCY_ROOM,
  refusal,
  remainingMs,
  WAITING_MAX,
  WAITING_PER_PLUGIN_MAX,
  WAITING_STRANGERS_MAX,
} from "../../../src/mesh/outbox/admission.ts";
import { SendQueue } from "../../../src/mesh/outbox/send-queue.ts";
import type { OutboxRequest } from "../../../src/mesh/outgoing.ts";
import { FakeClock } from "../../fake-clock.ts";
import { text } from "../outbox-support.ts";
import { message } from "./outbox-message.ts";

const MINUTE_MS = 60_000;
const NOW = Date.UTC(2025, 0);
const judge = (change: Partial<OutboxRequest>, queue = new SendQueue()) => refusal(text(change), queue, ["base", "hill"])?.code ?? null;

function filled(count: number, sender: (at: number) => OutboxRequest["sender"]): SendQueue {
  const queue = new SendQueue();
  for (let at = 0; at < count; at++) queue.add(message({ sender: sender(at) }));
  return queue;
}

describe("refusals", () => {
  test.each([
    [{ text: " \n" }, "invalid_argument"],
    [{ to: 0 }, "invalid_argument"],
    [{ to: 1 }, null],
    [{ to: BROADCAST }, null],
    [{ to: BROADCAST + 1 }, "invalid_argument"],
    [{ to: 1.5 }, "invalid_argument"],
    [{ channel: -1 }, "invalid_argument"],
    [{ channel: 7 }, null],
    [{ channel: 8 }, "invalid_argument"],
    [{ channel: 0.5 }, "invalid_argument"],
    [{ link: "hill" }, null],
    [{ link: "valley" }, "not_found"],
  ] as const)("%p is %p", (change, code) => {
    expect(judge(change)).toBe(code);
  });

  test("an unknown interface is answered with those that exist", () => {
    expect(refusal(text({ link: "valley" }), new SendQueue(), ["base", "hill"])?.summary()).toContain("the interfaces are: base, hill");
  });

  test("the queue is bounded, with room for emergencies", () => {
    const sender = (at: number) => ({ kind: "plugin", plugin: `p${at % 50}` }) as const;
    expect(judge({}, filled(WAITING_MAX - 1, sender))).toBeNull();
    expect(judge({}, filled(WAITING_MAX, sender))).toBe("unavailable");
    expect(judge({ priority: "emergency" }, filled(WAITING_MAX + EMERGENCY_ROOM - 1, sender))).toBeNull();
    expect(judge({ priority: "emergency" }, filled(WAITING_MAX + EMERGENCY_ROOM, sender))).toBe("unavailable");
  });

  test("a plugin has few high texts waiting, because they go before everybody's answers", () => {
    const queue = new SendQueue();
    const weather = { kind: "plugin", plugin: "weather" } as const;
    for (let at = 0; at < WAITING_PER_PLUGIN_MAX.high; at++) {
      expect(judge({ sender: weather, priority: "high" }, queue)).toBeNull();
      queue.add(message({ sender: weather, priority: "high" }));
    }
    expect(judge({ sender: weather, priority: "high" }, queue)).toBe("rate_limited");
    expect(judge({ sender: weather, priority: "normal" }, queue)).toBeNull();
    expect(WAITING_PER_PLUGIN_MAX.high).toBeLessThanOrEqual(10);
  });

  test("a plugin's answers to strangers have less room than the plugin, so that a known asker's is still taken", () => {
    const weather = { kind: "plugin", plugin: "weather" } as const;
    const queue = new SendQueue();
    for (let at = 0; at < WAITING_STRANGERS_MAX; at++) {
      expect(judge({ asker: "strangers", sender: weather }, queue)).toBeNull();
      queue.add(message({ asker: "strangers", sender: weather }));
    }
    expect(judge({ asker: "strangers", sender: weather }, queue)).toBe("rate_limited");
    for (const change of [{ asker: 7 }, {}, { asker: "strangers", priority: "emergency" }] as const)
      expect(judge({ sender: weather, ...change }, queue)).toBeNull();
    expect(judge({ asker: "strangers", sender: { kind: "plugin", plugin: "other" } }, queue)).toBeNull();
    const [first] = queue;
    if (first !== undefined) queue.remove(first);
    expect(judge({ asker: "strangers", sender: weather }, queue)).toBeNull();
    expect(WAITING_STRANGERS_MAX).toBeLessThan(WAITING_PER_PLUGIN_MAX.normal);
  });

  test("one plugin has its share of the queue, except for emergencies; the operator has no such limit", () => {
    const weather = { kind: "plugin", plugin: "weather" } as const;
    expect(
      judge(
        { sender: weather },
        filled(WAITING_PER_PLUGIN_MAX.normal - 1, () => weather),
      ),
    ).toBeNull();
    const full = filled(WAITING_PER_PLUGIN_MAX.normal, () => weather);
    expect(judge({ sender: weather }, full)).toBe("rate_limited");
    expect(judge({ sender: weather, priority: "emergency" }, full)).toBeNull();
    expect(judge({ sender: { kind: "plugin", plugin: "other" } }, full)).toBeNull();
    expect(judge({ sender: weather, priority: "high" }, full)).toBeNull();
    expect(
      judge(
        { sender: { kind: "operator" } },
        filled(WAITING_PER_PLUGIN_MAX.normal, () => ({ kind: "operator" })),
      ),
    ).toBeNull();
  });
});

describe("a new message", () => {
  test("each part has a packet id of its own, also when the source of ids repeats itself", () => {
    const ids = [7, 7, 8, 9, 10, 11];
    const made = createMessage(
      { id: "m_1", request: text({ text: "word ".repeat(60) }), routes: [] },
      new FakeClock(),
      () => ids.shift() ?? 0,
    );
    expect(made.texts.length).toBeGreaterThan(1);
    expect(made.packetIds).toEqual([7, 8, 9, 10].slice(0, made.texts.length));
  });

  test("a text far too long is cut before it is split, and never within a character", () => {
    const made = message({ text: `${"x".repeat(1_999)}😀${"y".repeat(100)}` });
    expect(made.request.text.length).toBe(2_000);
    expect(made.request.text.isWellFormed()).toBe(true);
  });

  test.each([
    ["low", 15],
    ["normal", 15],
    ["high", 60],
    ["emergency", 24 * 60],
  ] as const)("%s has %i minutes", (priority, minutes) => {
    const clock = new FakeClock();
    const made = message({ priority }, clock);
    expect(made.deadline - clock.monotonic()).toBe(minutes * MINUTE_MS);
    const queued = { ...made, queuedAt: NOW };
    expect(remainingMs(queued, NOW + MINUTE_MS)).toBe((minutes - 1) * MINUTE_MS);
    expect(remainingMs(queued, NOW + minutes * MINUTE_MS + 1)).toBe(0);
  });

  test("an age by a clock that was never set, or was set back, counts as none", () => {
    const full = 15 * MINUTE_MS;
    expect(remainingMs({ ...message(), queuedAt: 5_000 }, NOW)).toBe(full);
    expect(remainingMs({ ...message(), queuedAt: NOW }, 5_000)).toBe(full);
    expect(remainingMs({ ...message(), queuedAt: NOW }, NOW - MINUTE_MS)).toBe(full);
  });
});
