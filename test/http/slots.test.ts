import { expect, test } from "bun:test";
import { Slots } from "../../src/http/slots.ts";

const LIMITS = { perPlugin: 2, total: 3, waitingPerPlugin: 1 };
const signal = () => new AbortController().signal;
/** What an acquisition has come to by now. */
const now = (acquired: Promise<unknown>) => Promise.race([acquired, Bun.sleep(0).then(() => "waits")]);

async function take(slots: Slots, plugin: string): Promise<() => void> {
  const release = await now(slots.acquire(plugin, signal()));
  if (typeof release !== "function") throw new TypeError(`no slot: ${String(release)}`);
  return release as () => void;
}

test("so many run for one plugin and for all; the next one waits for its turn, one more is refused", async () => {
  const slots = new Slots(LIMITS);
  const first = await take(slots, "a");
  await take(slots, "a");
  const second = slots.acquire("a", signal());
  expect(await now(second)).toBe("waits");
  expect(await now(slots.acquire("a", signal()))).toBe("full");
  const other = await take(slots, "b");
  expect(slots.running).toBe(3);
  const third = slots.acquire("b", signal());
  expect(await now(third)).toBe("waits");
  first();
  expect(await now(second)).toBeFunction();
  expect(await now(third)).toBe("waits");
  expect(slots.running).toBe(3);
  other();
  expect(await now(third)).toBeFunction();
});

test("a release counts once", async () => {
  const slots = new Slots(LIMITS);
  const release = await take(slots, "a");
  await take(slots, "a");
  release();
  release();
  expect(slots.running).toBe(1);
  await take(slots, "a");
  expect(await now(slots.acquire("a", signal()))).toBe("waits");
});

test("who gave up waiting takes no turn, and who was aborted before gets none", async () => {
  const slots = new Slots({ perPlugin: 1, total: 1, waitingPerPlugin: 2 });
  const release = await take(slots, "a");
  const stop = new AbortController();
  const gaveUp = slots.acquire("a", stop.signal);
  const patient = slots.acquire("a", signal());
  stop.abort();
  expect(await gaveUp).toBe("aborted");
  expect(await slots.acquire("b", AbortSignal.abort())).toBe("aborted");
  release();
  expect(await now(patient)).toBeFunction();
  expect(slots.running).toBe(1);
});
