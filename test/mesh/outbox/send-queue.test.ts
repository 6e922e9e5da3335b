import { expect, test } from "bun:test";
import type { OutMessage } from "../../../src/mesh/outbox/message/message.ts";
import { SendQueue } from "../../../src/mesh/outbox/send-queue.ts";
import { message } from "./outbox-message.ts";

const plugin = (name: string) => ({ kind: "plugin", plugin: name }) as const;

/** Every message in the order of service. */
function drain(queue: SendQueue): string[] {
  const texts: string[] = [];
  for (let picked = next(queue); picked !== null; picked = next(queue)) {
    texts.push(picked.request.text);
    queue.remove(picked);
  }
  return texts;
}

function next(queue: SendQueue): OutMessage | null {
  return queue.pick((each) => each)?.message ?? null;
}

test("higher priorities go first, and a sender's own messages keep their order", () => {
  const queue = new SendQueue();
  for (const priority of ["low", "normal", "high", "emergency", "normal"] as const) queue.add(message({ priority, text: priority }));
  expect(queue.size).toBe(5);
  expect(drain(queue)).toEqual(["emergency", "high", "normal", "normal", "low"]);
  expect(queue.size).toBe(0);
});

test("senders of one priority are served round robin", () => {
  const queue = new SendQueue();
  for (const text of ["a1", "a2", "a3"]) queue.add(message({ text, sender: plugin("a") }));
  for (const text of ["b1", "b2"]) queue.add(message({ text, sender: plugin("b") }));
  queue.add(message({ text: "o1", sender: { kind: "operator" } }));
  expect(drain(queue)).toEqual(["a1", "b1", "o1", "a2", "b2", "a3"]);
});

test("a message that nobody accepts does not keep the others back, and stays", () => {
  const queue = new SendQueue();
  const [held, free] = [message({ text: "held" }), message({ text: "free" })];
  queue.add(held);
  queue.add(free);
  expect(queue.pick((each) => (each === held ? null : each.request.text))).toEqual({ message: free, accepted: "free" });
  expect(queue.pick(() => null)).toBeNull();
  expect([...queue]).toEqual([held, free]);
});

/** The texts of `count` turns. A part is a turn, so a message is served once for each of its parts. */
function turns(queue: SendQueue, count: number): string[] {
  return Array.from({ length: count }, () => next(queue)?.request.text ?? "");
}

test("a turn is one part: a short text does not wait for all parts of a long one", () => {
  const queue = new SendQueue();
  queue.add(message({ text: "long", sender: plugin("a"), asker: 1 }));
  queue.add(message({ text: "short", sender: plugin("a"), asker: 2 }));
  expect(turns(queue, 4)).toEqual(["long", "short", "long", "short"]);
});

test("askers take turns, whoever answers them, and plugins within one asker's turns", () => {
  const queue = new SendQueue();
  for (let at = 1; at <= 100; at++) queue.add(message({ text: `flood${at}`, sender: plugin("a"), asker: "strangers" }));
  for (const name of ["a", "b"]) for (const at of [1, 2]) queue.add(message({ text: `${name}${at}`, sender: plugin(name), asker: 7 }));
  queue.add(message({ text: "help", sender: { kind: "gateway" }, asker: 8 }));
  queue.add(message({ text: "own", sender: plugin("a") }));
  expect(drain(queue).slice(0, 9)).toEqual(["flood1", "a1", "help", "own", "flood2", "b1", "flood3", "a2", "flood4"]);
});

test("messages are counted by sender and priority, each once", () => {
  const queue = new SendQueue();
  const [normal, high] = [message({ sender: plugin("a") }), message({ sender: plugin("a"), priority: "high" })];
  queue.add(normal);
  queue.add(high);
  queue.add(normal);
  expect([queue.size, queue.countOf("plugin:a", "normal"), queue.countOf("plugin:a", "high"), queue.countOf("plugin:b", "normal")]).toEqual(
    [2, 1, 1, 0],
  );
  queue.remove(normal);
  queue.remove(normal);
  expect([queue.size, queue.countOf("plugin:a", "normal"), queue.countOf("plugin:a", "high")]).toEqual([1, 0, 1]);
  queue.remove(high);
  expect([queue.size, queue.countOf("plugin:a", "high")]).toEqual([0, 0]);
});
