import { expect, test } from "bun:test";
import { atOnce, inPieces, type Steps } from "../../src/storage/steps.ts";

function* counting(to: number, done: number[]): Steps<string> {
  for (let at = 1; at <= to; at++) {
    done.push(at);
    yield;
  }
  return `counted to ${to}`;
}

test("at once: all steps run before anything else, and the value is that of the whole", () => {
  const done: number[] = [];
  expect(atOnce(counting(3, done))).toBe("counted to 3");
  expect(done).toEqual([1, 2, 3]);
  expect(atOnce(counting(0, done))).toBe("counted to 0");
});

test("in pieces: between two steps the process does what else waits", async () => {
  const done: number[] = [];
  const other: number[] = [];
  const meanwhile = () => {
    other.push(done.length);
    if (other.length < 3) setImmediate(meanwhile);
  };
  setImmediate(meanwhile);
  expect(await inPieces(counting(3, done))).toBe("counted to 3");
  expect(done).toEqual([1, 2, 3]);
  expect(other).toEqual([1, 2, 3]);
});

test("in pieces: an error of a step rejects", async () => {
  const failing = function* (): Steps<never> {
    yield;
    throw new RangeError("at the second step");
  };
  await expect(inPieces(failing())).rejects.toThrow("at the second step");
  expect(() => atOnce(failing())).toThrow("at the second step");
});
