import { expect, test } from "bun:test";
import type { OutMessage } from "../../../src/mesh/outbox/message/message.ts";
import { SendQueue } from "../../../src/mesh/outbox/send-queue.ts";
import type { Priority } from "../../../src/mesh/outgoing.ts";
import { message } from "./outbox-message.ts";

const plugin = (name: string) => ({ kind: "plugin", plugin: name }) as const;
const none = () => undefined;

/** Every message in the order of service. */
function drain(queue: SendQueue): string[] {
  const texts: string[] = [];
  for (let picked = next(queue); picked !== null; picked = next(queue)) {
    texts.push(picked.request.text);
    queue.remove(picked);
  }
  return texts;
}

function next(queue: SendQueue, current: (priority: Priority) => OutMessage | undefined = none): OutMessage | null {
  return queue.pick(current, (each) => each)?.message ?? null;
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
  expect(queue.pick(none, (each) => (each === held ? null : each.request.text))).toEqual({ message: free, accepted: "free" });
  expect(queue.pick(none, () => null)).toBeNull();
  expect([...queue]).toEqual([held, free]);
});

test("a message being sent comes before others of its priority, not before a higher one", () => {
  const queue = new SendQueue();
  const [first, begun, urgent] = [message({ text: "first" }), message({ text: "begun" }), message({ priority: "high", text: "urgent" })];
  for (const each of [first, begun]) queue.add(each);
  const current = (priority: Priority) => (priority === "normal" ? begun : undefined);
  expect(next(queue, current)).toBe(begun);
  expect(queue.pick(current, (each) => (each === begun ? null : each))?.message).toBe(first);
  queue.add(urgent);
  expect(next(queue, current)).toBe(urgent);
});

test("messages are counted by sender over all priorities, each once", () => {
  const queue = new SendQueue();
  const [normal, high] = [message({ sender: plugin("a") }), message({ sender: plugin("a"), priority: "high" })];
  queue.add(normal);
  queue.add(high);
  queue.add(normal);
  expect([queue.size, queue.countOf("plugin:a"), queue.countOf("plugin:b")]).toEqual([2, 2, 0]);
  queue.remove(normal);
  queue.remove(normal);
  expect([queue.size, queue.countOf("plugin:a")]).toEqual([1, 1]);
  queue.remove(high);
  expect([queue.size, queue.countOf("plugin:a")]).toEqual([0, 0]);
});
