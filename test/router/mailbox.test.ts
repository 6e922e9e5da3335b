import { expect, test } from "bun:test";
import fc from "fast-check";
import { Mailboxes } from "../../src/router/mailbox.ts";
import { FakeClock, settle } from "../fake-clock.ts";

test("a sender who floods gets his share; others take turns with him", async () => {
  const boxes = new Mailboxes(new FakeClock(), { inFlight: 1 });
  const order: string[] = [];
  const post = (sender: number, name: string) =>
    boxes.post("p", sender, async () => {
      await settle();
      order.push(name);
    });
  const posted = [post(1, "a1"), post(1, "a2"), post(1, "a3"), post(2, "b1"), post(3, "c1"), post(2, "b2")];
  await Promise.all(posted);
  expect(order).toEqual(["a1", "a2", "b1", "c1", "a3", "b2"]);
  expect(boxes.depth("p")).toEqual({ inFlight: 0, waiting: 0 });
});

test("one sender's share of the waiting room is bounded, and who waits too long is not served", async () => {
  const clock = new FakeClock();
  const boxes = new Mailboxes(clock);
  let release = () => {};
  const first = boxes.post("p", 1, () => new Promise<void>((resolve) => (release = resolve)));
  const others = Array.from({ length: 10 }, () => boxes.post("p", 1, async () => 1));
  expect(boxes.depth("p").waiting).toBe(8);
  clock.pass(61_000);
  release();
  await first;
  expect((await Promise.all(others)).filter((each) => each.run)).toEqual([]);
  expect(boxes.overflows).toBe(10);
});

test("whatever is posted, bounds and order hold, and all end", async () => {
  const task = fc.record({ plugin: fc.constantFrom("p", "q"), sender: fc.integer({ min: 1, max: 12 }), fails: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(task, { maxLength: 120 }), async (tasks) => {
      const boxes = new Mailboxes(new FakeClock());
      const running = new Map<string, number>();
      const done: string[] = [];
      const results = tasks.map(({ plugin, sender, fails }, i) =>
        boxes
          .post(plugin, sender, async () => {
            const key = `${plugin}/${sender}`;
            running.set(key, (running.get(key) ?? 0) + 1);
            expect(running.get(key)).toBe(1);
            expect(boxes.depth(plugin).inFlight).toBeLessThanOrEqual(8);
            expect(boxes.depth(plugin).waiting).toBeLessThanOrEqual(64);
            await Promise.resolve();
            running.set(key, 0);
            done.push(`${key}/${String(i).padStart(3, "0")}`);
            if (fails) throw new TypeError("thrown");
          })
          .catch(() => null),
      );
      await Promise.all(results);
      for (const key of running.keys()) {
        const own = done.filter((each) => each.startsWith(`${key}/`));
        expect(own).toEqual([...own].sort());
      }
      expect(done.length + boxes.overflows).toBe(tasks.length);
    }),
    { numRuns: 100 },
  );
}, 120_000);

test("a call that waited a minute is made, one that waited longer is not", async () => {
  for (const [waitedMs, isRun] of [
    [60_000, true],
    [60_001, false],
  ] as const) {
    const clock = new FakeClock();
    const boxes = new Mailboxes(clock);
    const first = Promise.withResolvers<void>();
    const posted = [boxes.post("p", 1, () => first.promise), boxes.post("p", 1, async () => undefined)];
    clock.pass(waitedMs);
    first.resolve();
    expect((await Promise.all(posted)).map(({ run }) => run)).toEqual([true, isRun]);
  }
});

test("a task that throws before it is a promise ends its turn, and the next one runs", async () => {
  const boxes = new Mailboxes(new FakeClock(), { inFlight: 1 });
  const broken = (): Promise<void> => {
    throw new TypeError("broken");
  };
  const results = await Promise.allSettled([boxes.post("p", 1, broken), boxes.post("p", 2, broken), boxes.post("p", 3, async () => 7)]);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
  expect(boxes.depth("p")).toEqual({ inFlight: 0, waiting: 0 });
});
