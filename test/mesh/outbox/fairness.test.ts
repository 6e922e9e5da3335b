/** The air is shared: what one plugin or asker queues keeps no other waiting for long. Texts leave 2.5 s apart. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { WAITING_PER_PLUGIN_MAX } from "../../../src/mesh/outbox/admission.ts";
import type { OutboxRequest } from "../../../src/mesh/outgoing.ts";
import { type Bench, bench, text } from "../outbox-support.ts";

const plugin = (name: string) => ({ kind: "plugin", plugin: name }) as const;
const NO_LIMITS = {
  channel_utilization_polite: 1,
  channel_utilization_max: 1,
  plugin_share: 1,
  channel_share: 1,
  link_share: 1,
  total_share: 1,
};

let b: Bench;
beforeEach(() => {
  b = bench({ config: { text_spacing_s: 2.5, retry_unheard: false, airtime: NO_LIMITS } });
  b.outbox.start();
});
afterEach(() => b.close());

const queue = (change: Partial<OutboxRequest>) => b.outbox.enqueue(text(change)).ok;
/** The place of a text in the order of sending, from 0. */
const place = (part: string) => b.radio.texts.findIndex((each) => each.includes(part));

test("a hundred high texts of one plugin keep an answer waiting for a few texts alone", async () => {
  const taken = Array.from({ length: 100 }, (_, at) => queue({ text: `high ${at}`, priority: "high", sender: plugin("greedy") }));
  expect(taken.filter(Boolean)).toHaveLength(WAITING_PER_PLUGIN_MAX.high);
  queue({ text: "help page", sender: { kind: "gateway" }, asker: 7 });
  await b.clock.advance(60_000);
  expect(place("help page")).toBe(WAITING_PER_PLUGIN_MAX.high);
});

test("a one-line answer goes between the parts of a long one", async () => {
  queue({ text: "long ".repeat(200), sender: plugin("a"), asker: 7 });
  await b.clock.advance(100);
  queue({ text: "short", sender: plugin("a"), asker: 8 });
  await b.clock.advance(60_000);
  expect(b.radio.texts).toHaveLength(6);
  expect(place("short")).toBeLessThanOrEqual(2);
});

test("a thousand questions of invented nodes do not keep a known asker waiting", async () => {
  for (let at = 0; at < 1_000; at++) queue({ text: `to a stranger ${at}`, sender: plugin("a"), asker: "strangers" });
  expect(queue({ text: "honest", sender: plugin("a"), asker: 7 })).toBe(true);
  await b.clock.advance(30_000);
  expect(place("honest")).toBeLessThanOrEqual(2);
});

test("a plugin's own texts and its answers take different turns, and two plugins answer one asker in turns", async () => {
  for (let at = 0; at < 10; at++) queue({ text: `bulletin ${at}`, sender: plugin("a") });
  for (let at = 0; at < 3; at++) queue({ text: `a says ${at}`, sender: plugin("a"), asker: 7 });
  queue({ text: "b says", sender: plugin("b"), asker: 7 });
  await b.clock.advance(60_000);
  expect(place("a says 0")).toBeLessThanOrEqual(1);
  expect(place("b says")).toBeLessThanOrEqual(3);
  expect(b.radio.texts).toHaveLength(14);
});
