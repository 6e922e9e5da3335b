import { expect, test } from "bun:test";
import { fail, ok } from "../../../src/errors.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import { LinkSender } from "../../../src/mesh/outbox/link-sender.ts";
import { FakeClock, settle } from "../../fake-clock.ts";
import { FakeRadio } from "../outbox-support.ts";

/** A sender with `count` texts to send; `times` says when each was given to the radio, `done` how each went. */
function fixture({ count = 100, spacingMs = 2_500, quietMs = 0 } = {}) {
  const clock = new FakeClock();
  const radio = new FakeRadio(clock);
  const done: boolean[] = [];
  let left = count;
  const sender = new LinkSender(
    radio,
    {
      clock,
      log: silentLogger,
      spacingMs: () => spacingMs,
      next: () => {
        if (left === 0) return null;
        left--;
        const text = { packetId: count - left, to: 2, channel: 0, text: "hello", wantAck: false, priority: "normal" } as const;
        return { text, isRepeat: false, done: (written) => done.push(written) < 0, unreported: () => {} };
      },
    },
    quietMs,
  );
  return { clock, radio, sender, done, times: () => radio.sent.map(({ at }) => at) };
}

test("texts keep the spacing, and the first waits as long as was asked", async () => {
  const { clock, sender, times, done } = fixture({ count: 3, quietMs: 400 });
  sender.pump();
  await clock.advance(20_000);
  expect(times()).toEqual([400, 2_900, 5_400]);
  expect(done).toEqual([true, true, true]);
});

test("without spacing, at most 32 writes run at once", async () => {
  const { clock, radio, sender } = fixture({ count: 40, spacingMs: 0 });
  radio.write = () => null;
  sender.pump();
  expect(radio.sent).toHaveLength(32);
  await clock.advance(1_000);
  expect(radio.sent).toHaveLength(32);
});

test("failed writes are retried with a pause that doubles up to 30 s, and one success or a new link starts it again", async () => {
  const { clock, radio, sender, done } = fixture();
  const tried: number[] = [];
  let works = false;
  radio.write = () => {
    tried.push(clock.monotonic());
    return works ? ok(null) : fail("link_down", "no");
  };
  const pauses = () =>
    tried
      .splice(0)
      .map((at, i, all) => at - (all[i - 1] ?? at))
      .slice(1);
  sender.pump();
  await clock.advance(130_000);
  expect(pauses()).toEqual([2_500, 2_500, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  expect(done).toEqual(done.map(() => false));
  works = true;
  await clock.advance(30_000);
  works = false;
  tried.length = 0;
  await clock.advance(9_000);
  expect(pauses().slice(0, 2)).toEqual([2_500, 2_500]);
  await clock.advance(120_000);
  tried.length = 0;
  sender.changed(radio.status());
  await clock.advance(40_000);
  expect(pauses().slice(0, 3)).toEqual([2_500, 2_500, 4_000]);
});

test("a write without an answer is given up after 15 s", async () => {
  const { clock, radio, sender, done } = fixture({ count: 1 });
  radio.write = () => null;
  sender.pump();
  await clock.advance(14_999);
  expect(done).toEqual([]);
  await clock.advance(1);
  expect(done).toEqual([false]);
});

test("a radio that throws counts as a failed write", async () => {
  const { clock, radio, sender, done } = fixture({ count: 1 });
  radio.sendText = () => Promise.reject(new TypeError("broken"));
  sender.pump();
  await clock.advance(0);
  expect(done).toEqual([false]);
});

test("nothing is sent while the link is down, while it is held, or after a stop", async () => {
  const { clock, radio, sender, times } = fixture();
  radio.state = "waiting";
  sender.changed(radio.status());
  await clock.advance(10_000);
  expect(times()).toEqual([]);
  radio.state = "up";
  sender.hold(5_000);
  sender.hold(1_000);
  sender.changed(radio.status());
  await clock.advance(5_000);
  expect(times()).toEqual([15_000]);
  await sender.stop();
  expect(clock.pending).toBe(0);
  sender.pump();
  await clock.advance(60_000);
  expect(times()).toEqual([15_000]);
});

test("stop waits for the current write, and only for that", async () => {
  const { clock, radio, sender } = fixture();
  radio.write = () => null;
  sender.pump();
  let stopped = false;
  const stopping = sender.stop().then(() => {
    stopped = true;
  });
  await settle();
  expect(stopped).toBe(false);
  await clock.advance(15_000);
  await stopping;
  await sender.stop();
  expect(clock.pending).toBe(0);
});

test("the link's status is asked for at most once a second, and taken from a change at once", async () => {
  const { clock, radio, sender } = fixture({ count: 0 });
  expect(sender.isUp).toBe(true);
  radio.state = "waiting";
  await clock.advance(999);
  expect(sender.isUp).toBe(true);
  await clock.advance(1);
  expect(sender.isUp).toBe(false);
  radio.state = "up";
  sender.changed(radio.status());
  expect(sender.isUp).toBe(true);
});
