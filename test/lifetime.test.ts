import { expect, test } from "bun:test";
import { Lifetime } from "../src/lifetime.ts";

test("what was opened in order is closed in reverse, each once, one after another", async () => {
  const closed: string[] = [];
  const lifetime = new Lifetime(() => {});
  lifetime.add("first", () => void closed.push("first"));
  lifetime.add("second", async () => {
    await Promise.resolve();
    closed.push("second");
  });
  await lifetime.close();
  await lifetime.close();
  expect(closed).toEqual(["second", "first"]);
});

test("a closer that fails is named, and the rest still run", async () => {
  const [closed, faults]: [string[], string[]] = [[], []];
  const lifetime = new Lifetime((what, thrown) => void faults.push(`${what}: ${thrown}`));
  lifetime.add("first", () => void closed.push("first"));
  lifetime.add("second", () => {
    throw new Error("stuck");
  });
  lifetime.add("third", () => Promise.reject(new Error("late")));
  await lifetime.close();
  expect([closed, faults]).toEqual([["first"], ["third: Error: late", "second: Error: stuck"]]);
});
