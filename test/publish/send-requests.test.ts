/** Texts that arrive at a broker for the mesh: whoever wrote them, they are checked, bounded, and each is answered. */
import { describe, expect, test } from "bun:test";
import { fail, ok, type Result } from "../../src/errors.ts";
import type { Json } from "../../src/json.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { type SendRequest, type SendRequestDeps, SendRequests } from "../../src/publish/send-requests.ts";
import { FakeClock, settle } from "../fake-clock.ts";

function world(over: Partial<SendRequestDeps> = {}) {
  const clock = new FakeClock();
  const sent: SendRequest[] = [];
  const answers: Json[] = [];
  const counts: Record<string, number> = {};
  const warnings: string[] = [];
  const requests = new SendRequests({
    clock,
    log: { ...silentLogger, warn: (message: string) => void warnings.push(message) } as typeof silentLogger,
    rate: { count: 6, periodS: 60, text: "6/min" },
    channels: null,
    direct: false,
    channelNames: (channel) =>
      channel === 0 ? ["LongFast"] : channel === 1 ? ["Local", "Private"] : typeof channel === "string" ? [channel] : [],
    send: async (request): Promise<Result<{ id: string }>> => {
      sent.push(request);
      return ok({ id: `m_${sent.length}` });
    },
    answer: (result) => void answers.push(result),
    count: (outcome) => {
      counts[outcome] = (counts[outcome] ?? 0) + 1;
    },
    ...over,
  });
  const take = (text: string, isRetained = false) => requests.take(new TextEncoder().encode(text), isRetained);
  return { clock, sent, answers, counts, warnings, take };
}

const error = (code: string, message: string) => ({ error: expect.objectContaining({ code, message: expect.stringContaining(message) }) });

describe("what is refused, with one line each", () => {
  test.each([
    ["nothing", "", "invalid_argument", "is not JSON"],
    ["no JSON", "hello", "invalid_argument", "is not JSON"],
    ["half of it", '{"text": "x"', "invalid_argument", "is not JSON"],
    ["a list", "[]", "unprocessable", "the request is not an object"],
    ["text alone", '"hello"', "unprocessable", "the request is not an object"],
    ["null", "null", "unprocessable", "the request is not an object"],
    ["no text", "{}", "unprocessable", '"text" is'],
    ["an empty text", '{"text": ""}', "unprocessable", '"text" is empty'],
    ["a number for a text", '{"text": 5}', "unprocessable", '"text" is not text'],
    ["a long text", JSON.stringify({ text: "x".repeat(1001) }), "unprocessable", '"text" is longer than 1000 characters'],
    ["an unknown key", '{"text": "x", "txt": 1}', "unprocessable", '"txt" is'],
    ["a key of the prototype", '{"text": "x", "constructor": {}}', "unprocessable", '"constructor" is'],
    ["a channel that cannot be", '{"text": "x", "channel": 9}', "unprocessable", '"channel" is neither'],
    ["the priority of emergencies", '{"text": "x", "priority": "emergency"}', "unprocessable", '"priority" is not low, normal or high'],
    ["deep nesting", `${"[".repeat(5000)}`, "too_large", "larger than"],
    ["many values", `{"text": [${"1,".repeat(100)}1]}`, "too_large", "holds more than 32 values"],
    ["much of it", "x".repeat(9000), "too_large", "larger than 8192 bytes"],
    ["bytes that are no text", "\u0000\uffff{", "invalid_argument", "is not JSON"],
    ["a direct message", '{"text": "x", "destination": "!00000002"}', "permission_denied", "direct messages are not allowed here"],
    ["a direct message to a name", '{"text": "x", "destination": "Ridge"}', "permission_denied", "direct messages are not allowed here"],
  ])("%s", async (_, request, code, message) => {
    const { take, answers, sent, counts } = world();
    await take(request);
    expect(answers).toEqual([error(code, message)]);
    expect(sent).toEqual([]);
    expect(counts).toEqual({ [code]: 1 });
  });

  test("one that the broker had kept: it would be sent at every connection", async () => {
    const { take, answers, sent } = world();
    await take('{"text": "again and again"}', true);
    expect(answers).toEqual([error("invalid_argument", "was kept by the broker")]);
    expect(sent).toEqual([]);
  });

  test("channels that are not listed, by name, index, or an index that may mean another", async () => {
    const { take, answers, sent } = world({ channels: ["LongFast", "Local"] });
    await take('{"text": "a"}');
    await take('{"text": "b", "channel": "Local"}');
    await take('{"text": "c", "channel": 1}');
    await take('{"text": "d", "channel": "Private"}');
    await take('{"text": "e", "channel": 7}');
    expect(sent.map(({ text }) => text)).toEqual(["a", "b"]);
    expect(answers.slice(2)).toEqual(Array.from({ length: 3 }, () => error("permission_denied", "is not allowed here")));
  });
});

describe("what passes", () => {
  test("goes the way of the API's texts, and is answered with its id and the name that it brought", async () => {
    const { take, answers, sent } = world({ direct: true });
    await take('{"text": "to one", "destination": "!00000002", "priority": "low", "ref": "r1"}');
    expect(sent).toEqual([{ text: "to one", destination: "!00000002", priority: "low" }]);
    expect(answers).toEqual([{ ref: "r1", id: "m_1" }]);
  });

  test("a request that comes twice under one name is sent once, also while the first is under way", async () => {
    const { take, answers, sent } = world();
    await Promise.all([take('{"text": "x", "ref": "r"}'), take('{"text": "x", "ref": "r"}')]);
    await take('{"text": "x", "ref": "r"}');
    expect(sent).toHaveLength(1);
    expect(answers).toEqual(Array.from({ length: 3 }, () => ({ ref: "r", id: "m_1" })));
  });

  test("a refused request may be tried again under its name", async () => {
    let isUp = false;
    const { take, answers } = world({ send: async () => (isUp ? ok({ id: "m_9" }) : fail("link_down", "no link")) });
    await take('{"text": "x", "ref": "r"}');
    await settle();
    isUp = true;
    await take('{"text": "x", "ref": "r"}');
    expect(answers).toEqual([
      { ref: "r", ...error("link_down", "no link") },
      { ref: "r", id: "m_9" },
    ]);
  });
});

test("a flood: the rate passes, all are answered and counted, and the log has one line a minute", async () => {
  const { clock, take, sent, answers, counts, warnings } = world();
  for (let n = 0; n < 100; n++) await take(`{"text": "n ${n}"}`);
  expect(sent).toHaveLength(6);
  expect(answers).toHaveLength(100);
  expect(counts).toEqual({ sent: 6, rate_limited: 94 });
  expect(warnings).toHaveLength(1);
  clock.pass(61_000);
  for (let n = 0; n < 10; n++) await take(`{"text": "n ${n}"}`);
  expect(sent).toHaveLength(12);
  expect(warnings).toHaveLength(2);
});

test("requests that do not end: twenty are under way at once", async () => {
  const { take, answers } = world({ send: () => new Promise(() => undefined), rate: { count: 1000, periodS: 1, text: "1000/s" } });
  for (let n = 0; n < 25; n++) void take(`{"text": "n ${n}"}`);
  await settle();
  expect(answers).toEqual(Array.from({ length: 5 }, () => error("rate_limited", "")));
});
