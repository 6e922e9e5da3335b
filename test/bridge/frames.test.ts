import { describe, expect, test } from "bun:test";
import { Bridge, type BridgeEnd } from "../../src/bridge/bridge.ts";
import { encodeFrame, FrameDecoder, MAX_FRAME, parseFrame } from "../../src/bridge/frame-codec.ts";
import { checkFromHost } from "../../src/bridge/frames.ts";
import { memoryStreams } from "../../src/bridge/memory-streams.ts";
import { fdStream } from "../../src/bridge/streams.ts";
import { FakeClock } from "../fake-clock.ts";

const LIMITS = { framesPerSecond: 3, bytesPerSecond: 100, maxMessage: 20 };
const settled = () => Bun.sleep(0);

function pair(limits: Partial<typeof LIMITS> = {}) {
  const [near, far] = memoryStreams();
  const ends: BridgeEnd[] = [];
  const got: unknown[] = [];
  const clock = new FakeClock();
  const bridge = new Bridge<object, unknown>(near, {
    ...LIMITS,
    ...limits,
    clock,
    check: (value) => ({ value }),
    onMessage: (message) => got.push(message),
    onEnd: (end) => ends.push(end),
  });
  bridge.start();
  return { bridge, near, far, got, ends, clock, say: (frame: unknown) => far.write(encodeFrame(JSON.stringify(frame))) };
}

describe("a frame", () => {
  test("may have as many neighbours as it likes, but only so many levels", () => {
    const wide = `[${Array.from({ length: 1000 }, () => '{"a":[]}').join(",")}]`;
    expect(parseFrame(wide, 3)).toEqual({ value: JSON.parse(wide) });
    expect(parseFrame("[[[]]]", 3)).toEqual({ value: [[[]]] });
    expect(parseFrame("[[[[]]]]", 3)).toBe("JSON that is nested deeper than 3");
    expect(parseFrame('["[[[[","\\"[[[[{{{{"]', 1)).toEqual({ value: ["[[[[", '"[[[[{{{{'] });
    expect(parseFrame('{"a":1', 3)).toBe("a frame that is no JSON");
  });

  test("is at most as large as the limit, to the byte", () => {
    const largest = encodeFrame("x".repeat(MAX_FRAME));
    const decoder = new FrameDecoder();
    decoder.push(largest);
    expect(decoder.next()).toHaveLength(MAX_FRAME);
    expect(decoder.next()).toBeNull();
    expect(() => encodeFrame("x".repeat(MAX_FRAME + 1))).toThrow("exceeds");
  });

  test("that does not fit its schema is refused with the place", () => {
    expect(checkFromHost({ t: "opened", realm: "one", error: null })).toBe("a frame that does not fit the schema at realm");
    expect(checkFromHost(null)).toStartWith("a frame that does not fit the schema");
  });
});

describe("the rate of frames", () => {
  test("is counted in windows of a second", async () => {
    const { say, clock, got, ends } = pair();
    for (let second = 0; second < 3; second++) {
      for (let n = 0; n < 3; n++) say(n);
      await settled();
      clock.pass(1000);
    }
    expect([got.length, ends]).toEqual([9, []]);
    for (let n = 0; n < 3; n++) say(n);
    await settled();
    clock.pass(999);
    say(3);
    await settled();
    expect(ends).toEqual([{ reason: "protocol", detail: "more than 3 frames in a second" }]);
    expect(got).toHaveLength(12);
  });

  test("also bounds the bytes", async () => {
    const { say, ends, got } = pair();
    say("x".repeat(98));
    await settled();
    expect([got.length, ends]).toEqual([1, []]);
    say(1);
    await settled();
    expect(ends).toEqual([{ reason: "protocol", detail: "more than 100 bytes in a second" }]);
  });
});

describe("a message in parts", () => {
  const part = (text: unknown, last: unknown, id: unknown = 1) => ({ t: "part", id, last, text });
  const wide = { framesPerSecond: 100, bytesPerSecond: 1e6 };

  test("is put together by its number, up to its size", async () => {
    const { say, got, ends } = pair(wide);
    for (const frame of [
      part("[1,", false),
      part('"a"]', true),
      part("[", false, 2),
      part("[2]", true, 3),
      part(`"${"x".repeat(18)}"`, true, 4),
    ])
      say(frame);
    await settled();
    expect(ends).toEqual([]);
    expect(got).toEqual([[1, "a"], [2], "x".repeat(18)]);
  });

  test.each<[string, unknown, Partial<typeof LIMITS>]>([
    ["a message in parts that is too large", part("x".repeat(21), false), {}],
    ["parts are not accepted here", part("1", true), { maxMessage: 0 }],
    ["a part without its fields", { t: "part", id: 1, text: "" }, {}],
    ["a part with wrong fields", part(1, true), {}],
    ["a part with wrong fields", part("1", true, "one"), {}],
    ["a frame that is no JSON", part("[", true), {}],
  ])("%s: %j", async (detail, frame, limits) => {
    const { say, ends, got } = pair({ ...wide, ...limits });
    say(frame);
    await settled();
    expect(ends).toEqual([{ reason: "protocol", detail }]);
    expect(got).toEqual([]);
  });
});

describe("the end of a bridge", () => {
  test("is told once, closes the stream, and nothing is delivered after it", async () => {
    const { bridge, far, say, got, ends } = pair();
    const reasons: string[] = [];
    far.start(
      () => {},
      (reason) => void reasons.push(reason),
    );
    say(1);
    bridge.violate("a frame out of order");
    bridge.violate("again");
    say(2);
    await settled();
    expect(ends).toEqual([{ reason: "protocol", detail: "a frame out of order" }]);
    expect(reasons).toEqual(["the other side closed"]);
    expect(got).toEqual([]);
  });

  test("either end of a stream in memory learns who closed it, once", async () => {
    const [near, far] = memoryStreams();
    const seen: string[] = [];
    near.start(
      () => {},
      (reason) => void seen.push(`near: ${reason}`),
    );
    far.start(
      () => {},
      (reason) => void seen.push(`far: ${reason}`),
    );
    near.close();
    far.close();
    near.write(new Uint8Array(3));
    await settled();
    expect(seen).toEqual(["near: closed", "far: the other side closed"]);
    expect(near.pending).toBe(0);
  });
});

test("bytes in memory wait until the other end starts, and then the writer learns that they are gone", async () => {
  const [near, far] = memoryStreams();
  let drained = 0;
  near.onDrain(() => void drained++);
  near.write(new Uint8Array([1, 2]));
  near.write(new Uint8Array([3]));
  await settled();
  expect([near.pending, drained]).toEqual([3, 0]);
  const got: number[] = [];
  far.start(
    (bytes) => void got.push(...bytes),
    () => {},
  );
  await settled();
  expect([near.pending, drained, got]).toEqual([0, 1, [1, 2, 3]]);
});

test("a descriptor that cannot be written or read ends its stream with the reason, and takes no more", async () => {
  const ends: string[] = [];
  const stream = fdStream(9999, 9999);
  stream.start(
    () => {},
    (reason) => void ends.push(reason),
  );
  stream.write(new Uint8Array(5));
  for (let n = 0; n < 400 && ends.length === 0; n++) await Bun.sleep(5);
  expect(ends).toHaveLength(1);
  expect(ends[0]).toMatch(/^(?:writing|reading) failed: /);
  stream.write(new Uint8Array(5));
  stream.close();
  expect(ends).toHaveLength(1);
});
