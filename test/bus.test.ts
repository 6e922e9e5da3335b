import { expect, test } from "bun:test";
import { EventBus } from "../src/bus.ts";

interface Events {
  readonly said: string;
  readonly counted: number;
}

function bus() {
  const faults: [string, unknown][] = [];
  const made = new EventBus<Events>((event, thrown) => void faults.push([event, thrown]));
  return { bus: made, faults };
}

test("each listener of an event hears it once, in the order in which they came", () => {
  const heard: string[] = [];
  const { bus: made } = bus();
  made.on("said", (text) => heard.push(`a ${text}`));
  made.on("said", (text) => heard.push(`b ${text}`));
  made.on("counted", (number) => heard.push(`c ${number}`));
  made.emit("said", "hello");
  expect(heard).toEqual(["a hello", "b hello"]);
  expect(made.size).toBe(3);
});

test("one that throws is reported, and the others still hear", () => {
  const { bus: made, faults } = bus();
  const heard: string[] = [];
  made.on("said", () => {
    throw new Error("broken");
  });
  made.on("said", (text) => heard.push(text));
  made.emit("said", "on");
  expect([heard, faults.length, faults[0]?.[0], String(faults[0]?.[1])]).toEqual([["on"], 1, "said", "Error: broken"]);
});

test("one that is disposed of hears no more; one that disposes of another in the middle changes the next announcement, not this one", () => {
  const { bus: made } = bus();
  const heard: string[] = [];
  made.on("said", () => second.dispose());
  const second = made.on("said", (text) => heard.push(text));
  made.emit("said", "first");
  made.emit("said", "second");
  expect(heard).toEqual(["first"]);
  expect(made.size).toBe(1);
  second.dispose();
  expect(made.size).toBe(1);
});
