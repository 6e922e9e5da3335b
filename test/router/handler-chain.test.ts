import { expect, test } from "bun:test";
import { askInOrder, type HandlerAnswer, PATIENCE_MS } from "../../src/router/handler-chain.ts";
import { FakeClock, settle } from "../fake-clock.ts";

/** Handlers `a`, `b`, ... that answer when the test says so. */
function fixture(count: number) {
  const clock = new FakeClock();
  const asked: string[] = [];
  const answers = new Map<string, (text: string | null, failed?: boolean) => void>();
  const asks = Array.from({ length: count }, (_, at) => () => {
    const name = String.fromCharCode(97 + at);
    asked.push(name);
    return new Promise<HandlerAnswer>((resolve) => {
      answers.set(name, (text, failed = false) => resolve({ plugin: name, name, failed: failed ? "threw" : null, text }));
    });
  });
  let result: readonly string[] | null = null;
  const done = askInOrder(clock, asks).then((all) => {
    result = all.map(({ name, text, failed }) => `${name}:${failed !== null ? "failed" : (text ?? "silent")}`);
  });
  const answer = async (name: string, text: string | null, failed?: boolean) => {
    answers.get(name)?.(text, failed);
    await settle();
  };
  return { clock, asked, answer, done, result: () => result };
}

test("the first is asked at once, the next when it is silent or has failed, and none after a reply", async () => {
  const { asked, answer, result, clock } = fixture(4);
  expect(asked).toEqual(["a"]);
  await answer("a", null);
  expect(asked).toEqual(["a", "b"]);
  await answer("b", null, true);
  expect(asked).toEqual(["a", "b", "c"]);
  expect(result()).toBeNull();
  await answer("c", "hello");
  expect(result()).toEqual(["a:silent", "b:failed", "c:hello"]);
  expect(asked).toHaveLength(3);
  expect(clock.pending).toBe(0);
});

test("when nobody replies, all answers come in order", async () => {
  const { answer, result } = fixture(2);
  await answer("a", null);
  await answer("b", null);
  expect(result()).toEqual(["a:silent", "b:silent"]);
});

test("nobody to ask is no answer", async () => {
  expect(await askInOrder(new FakeClock(), [])).toEqual([]);
});

test("a slow handler delays the next by the patience alone, and the first reply counts", async () => {
  const { clock, asked, answer, result } = fixture(3);
  await clock.advance(PATIENCE_MS - 1);
  expect(asked).toEqual(["a"]);
  await clock.advance(1);
  expect(asked).toEqual(["a", "b"]);
  await answer("b", "quick");
  expect(result()).toEqual(["b:quick"]);
  await answer("a", "late");
  expect(result()).toEqual(["b:quick"]);
  expect(asked).toHaveLength(2);
});

test("a slow handler's silence does not ask a handler twice, and its reply still counts", async () => {
  const { clock, asked, answer, result } = fixture(3);
  await clock.advance(PATIENCE_MS);
  await answer("a", null);
  expect(asked).toEqual(["a", "b"]);
  await answer("b", null);
  expect(asked).toEqual(["a", "b", "c"]);
  await clock.advance(10 * PATIENCE_MS);
  expect(result()).toBeNull();
  await answer("c", null);
  expect(result()).toEqual(["a:silent", "b:silent", "c:silent"]);
});

test("the last handler has no patience to run out of", async () => {
  const { clock, answer, result } = fixture(1);
  expect(clock.pending).toBe(0);
  await answer("a", "hello");
  expect(result()).toEqual(["a:hello"]);
});

test("a handler that rejects rejects the whole, once", async () => {
  const clock = new FakeClock();
  const broken = askInOrder(clock, [() => Promise.reject(new TypeError("broken")), () => Promise.reject(new TypeError("never asked"))]);
  expect(await broken.catch((error: unknown) => String(error))).toBe("TypeError: broken");
  expect(clock.pending).toBe(0);
});
