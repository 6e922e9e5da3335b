import { expect, test } from "bun:test";
import { startInOrder } from "../../src/plugins/startup/start-order.ts";
import { settle } from "../fake-clock.ts";

/** Starts that end when the test says so. */
function starts() {
  const begun: string[] = [];
  const ends = new Map<string, PromiseWithResolvers<void>>();
  const start = (name: string) => {
    begun.push(name);
    const end = Promise.withResolvers<void>();
    ends.set(name, end);
    return end.promise;
  };
  const end = async (name: string, thrown?: unknown) => {
    const { resolve, reject } = ends.get(name) ?? Promise.withResolvers<void>();
    if (thrown === undefined) resolve();
    else reject(thrown);
    await settle();
  };
  return { begun, start, end };
}

test("each starts after all of its needs, those without an order side by side", async () => {
  const { begun, start, end } = starts();
  const needs: Record<string, string[]> = { c: ["a", "b"], d: ["c"] };
  const all = startInOrder(["a", "b", "x", "c", "d"], (name) => needs[name] ?? ["missing"], start, 8);
  await settle();
  expect(begun).toEqual(["a", "b", "x"]);
  await end("a");
  expect(begun).toEqual(["a", "b", "x"]);
  await end("b");
  expect(begun).toEqual(["a", "b", "x", "c"]);
  await end("c");
  await end("x");
  let isDone = false;
  const done = all.then(() => {
    isDone = true;
  });
  await settle();
  expect(isDone).toBe(false);
  await end("d");
  await done;
  expect(begun).toEqual(["a", "b", "x", "c", "d"]);
});

test("no more at once than it is told, also after one that fails", async () => {
  const { begun, start, end } = starts();
  const all = startInOrder(["a", "b", "c", "d", "e"], () => [], start, 2);
  const failed = all.then(
    () => "done",
    (thrown: unknown) => thrown,
  );
  await settle();
  expect(begun).toEqual(["a", "b"]);
  await end("a", "broken");
  expect(begun).toEqual(["a", "b", "c"]);
  await end("c");
  expect(begun).toEqual(["a", "b", "c", "d"]);
  await end("b");
  await end("d");
  await end("e");
  expect(begun).toEqual(["a", "b", "c", "d", "e"]);
  expect(await failed).toBe("broken");
});

test("a slot that was given back is used again", async () => {
  const { begun, start, end } = starts();
  const needs: Record<string, string[]> = { b: ["a"], c: ["a"] };
  const all = startInOrder(["a", "b", "c"], (name) => needs[name] ?? [], start, 1);
  await settle();
  await end("a");
  expect(begun).toEqual(["a", "b"]);
  await end("b");
  expect(begun).toEqual(["a", "b", "c"]);
  await end("c");
  await all;
});
