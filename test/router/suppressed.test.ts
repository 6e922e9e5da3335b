/** Each answer that is not sent says why, for the operator who looks. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { BOB, RouterBench } from "./router-support.ts";

let b: RouterBench;
beforeEach(() => {
  b = new RouterBench();
});
afterEach(() => b.close());

test("a plugin that may not send, one that fails, a command that nobody has, and too many", async () => {
  b.command("mute", "one", () => "an answer");
  const bang = () => Promise.reject(new TypeError("secret detail"));
  b.command("broken", "two", bang);
  b.mute.add("mute");
  await b.say("one");
  expect(b.suppressed.splice(0)).toEqual(["mute: refused"]);
  await b.onChannel("!two");
  expect(b.suppressed.splice(0)).toEqual(["broken: failed"]);
  await b.say("nothing", { from: BOB });
  expect(b.suppressed.splice(0)).toEqual([]);
  await b.say("nothing", { from: BOB });
  expect(b.suppressed.splice(0)).toEqual(["gateway: unknown_command"]);
});

test("what is too old", async () => {
  b.command("greeter", "hello", () => "Hello");
  await b.say("hello", { receivedAt: b.clock.now(), rxTime: Math.floor(b.clock.now() / 1000) - 3600, isBacklog: true });
  expect(b.suppressed).toEqual(["gateway: stale"]);
});
