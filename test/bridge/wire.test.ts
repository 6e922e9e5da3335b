/** The bridge by itself, over memory and with a clock of the test: rates, parts, bulk, closing, and where each bound lies. */
import { describe, expect, test } from "bun:test";
import { Bridge, type BridgeEnd, type BridgeOptions, MAX_BULK, MAX_IN_FLIGHT } from "../../src/bridge/bridge.ts";
import { encodeFrame, FrameDecoder, MAX_FRAME, parseFrame } from "../../src/bridge/frame-codec.ts";
import type { ByteStream } from "../../src/bridge/streams.ts";
import { FakeClock } from "../fake-clock.ts";

/** A stream whose other side reads when the test says so. */
class SlowStream implements ByteStream {
  readonly written: Uint8Array[] = [];
  pending = 0;
  closed = 0;
  drained: () => void = () => {};
  give: (bytes: Uint8Array) => void = () => {};
  end: (reason: string) => void = () => {};

  write(bytes: Uint8Array): void {
    this.written.push(bytes);
    this.pending += bytes.length;
  }
  onDrain(listener: () => void): void {
    this.drained = listener;
  }
  start(onBytes: (bytes: Uint8Array) => void, onEnd: (reason: string) => void): void {
    this.give = onBytes;
    this.end = onEnd;
  }
  close(): void {
    this.closed += 1;
  }
  /** The other side reads everything. */
  read(): void {
    this.pending = 0;
    this.drained();
  }
  messages(): unknown[] {
    const decoder = new FrameDecoder();
    for (const bytes of this.written) decoder.push(bytes);
    const found: unknown[] = [];
    for (let body = decoder.next(); body instanceof Uint8Array; body = decoder.next())
      found.push(JSON.parse(new TextDecoder().decode(body)));
    return found;
  }
}

function bridged(options: Partial<BridgeOptions<unknown>> = {}) {
  const clock = new FakeClock();
  const stream = new SlowStream();
  const got: unknown[] = [];
  const ends: BridgeEnd[] = [];
  const bridge = new Bridge<object, unknown>(stream, {
    check: (value) => ({ value }),
    onMessage: (message) => got.push(message),
    onEnd: (end) => ends.push(end),
    framesPerSecond: 1000,
    bytesPerSecond: 1e9,
    maxMessage: 1000,
    clock,
    ...options,
  });
  bridge.start();
  const give = (value: unknown) => stream.give(encodeFrame(JSON.stringify(value)));
  return { bridge, clock, ends, give, got, stream };
}

describe("rates", () => {
  test("frames are counted anew each second, and the last one allowed is taken", () => {
    const { clock, ends, give, got } = bridged({ framesPerSecond: 3 });
    for (let second = 0; second < 3; second++) {
      for (let count = 0; count < 3; count++) give(count);
      clock.pass(1000);
    }
    expect(got).toHaveLength(9);
    for (let count = 0; count < 3; count++) give(count);
    clock.pass(999);
    expect(ends).toEqual([]);
    give("one more");
    expect(ends).toEqual([{ reason: "protocol", detail: "more than 3 frames in a second" }]);
    expect(got).toHaveLength(12);
  });

  test("bytes are counted over frames, anew each second", () => {
    const { clock, ends, give } = bridged({ bytesPerSecond: 10 });
    give("12345678");
    expect(ends).toEqual([]);
    clock.pass(1000);
    give("12345678");
    expect(ends).toEqual([]);
    give(1);
    expect(ends).toEqual([{ reason: "protocol", detail: "more than 10 bytes in a second" }]);
  });
});

describe("messages in parts", () => {
  const part = (id: number, text: string, last: boolean) => ({ t: "part", id, last, text });

  test("are joined by their number, one message at a time", () => {
    const { ends, give, got } = bridged();
    give(part(1, '{"a":', false));
    expect(got).toEqual([]);
    give(part(1, "1}", true));
    give(part(2, '"lost', false));
    give(part(3, "3", true));
    give({ t: "other" });
    expect(got).toEqual([{ a: 1 }, 3, { t: "other" }]);
    expect(ends).toEqual([]);
  });

  test.each([
    ["without its fields", { t: "part", id: 1, last: true }],
    ["with wrong fields", { t: "part", id: "1", last: true, text: "1" }],
    ["with wrong fields", { t: "part", id: 1, last: true, text: 1 }],
    ["no JSON", part(1, "{", true)],
    ["nested deeper", part(1, "[".repeat(101), true)],
    ["too large", part(1, "x".repeat(1001), false)],
  ])("%s end the bridge", (detail, frame) => {
    const { ends, give } = bridged();
    give(frame);
    expect(ends).toEqual([{ reason: "protocol", detail: expect.stringContaining(detail) }]);
  });

  test("are bounded in sum, exactly", () => {
    const { ends, give } = bridged();
    give(part(1, `"${"x".repeat(499)}`, false));
    give(part(1, "x".repeat(500), false));
    expect(ends).toEqual([]);
    give(part(1, '"', true));
    expect(ends).toEqual([{ reason: "protocol", detail: "a message in parts that is too large" }]);
  });

  test("are not taken where none are expected", () => {
    const { ends, give } = bridged({ maxMessage: 0 });
    give(part(1, "1", true));
    expect(ends).toEqual([{ reason: "protocol", detail: "parts are not accepted here" }]);
  });
});

describe("sending", () => {
  test("up to the bytes that may wait, and not one more", () => {
    const { bridge, ends, stream } = bridged();
    const message = { text: "x".repeat(100_000) };
    const size = encodeFrame(JSON.stringify(message)).length;
    stream.pending = MAX_IN_FLIGHT - size;
    bridge.send(message);
    expect(ends).toEqual([]);
    stream.pending = MAX_IN_FLIGHT - size + 1;
    bridge.send(message);
    expect(ends).toEqual([{ reason: "overflow", detail: expect.stringContaining("does not read") }]);
    expect(stream.closed).toBe(1);
    expect(bridge.ended).toBe(true);
    bridge.send(message);
    bridge.sendBulk(message);
    expect(stream.messages()).toEqual([message]);
  });

  test("bulk waits while a quarter is unread, keeps its order, and is counted as pending until it goes", () => {
    const { bridge, ends, stream } = bridged();
    stream.pending = MAX_IN_FLIGHT / 4;
    bridge.sendBulk({ n: 1 });
    bridge.sendBulk({ n: 2 });
    expect(stream.messages()).toEqual([]);
    expect(bridge.pending).toBe(MAX_IN_FLIGHT / 4 + 2 * encodeFrame('{"n":1}').length);
    stream.read();
    expect(stream.messages()).toEqual([{ n: 1 }, { n: 2 }]);
    expect(bridge.pending).toBe(2 * encodeFrame('{"n":1}').length);
    stream.read();
    expect(bridge.pending).toBe(0);
    expect(ends).toEqual([]);
  });

  test("bulk goes no faster than the other side reads", () => {
    const { bridge, stream } = bridged();
    bridge.sendBulk({ text: "x".repeat(2_000_000) });
    const first = stream.written.length;
    expect(stream.pending).toBeGreaterThanOrEqual(MAX_IN_FLIGHT / 4);
    expect(stream.pending).toBeLessThan(MAX_IN_FLIGHT / 2);
    stream.read();
    expect(stream.written.length).toBeGreaterThan(first);
  });

  test("more bulk than may wait ends the bridge", () => {
    const { bridge, ends, stream } = bridged();
    stream.pending = MAX_IN_FLIGHT;
    const text = "x".repeat(MAX_BULK / 4);
    for (let count = 0; count < 3; count++) bridge.sendBulk({ text });
    expect(ends).toEqual([]);
    bridge.sendBulk({ text });
    expect(ends).toEqual([{ reason: "overflow", detail: expect.stringContaining("bytes of bulk are waiting") }]);
    expect(bridge.pending).toBe(MAX_IN_FLIGHT);
  });
});

describe("closing", () => {
  test("at once, and only once", () => {
    const { bridge, ends, stream } = bridged();
    bridge.close();
    bridge.close();
    bridge.violate("too late");
    expect(ends).toEqual([{ reason: "closed", detail: "closed" }]);
    expect(stream.closed).toBe(1);
  });

  test("with time: when all has left, or when the time is over", () => {
    const idle = bridged();
    idle.bridge.close(1000);
    expect(idle.ends).toHaveLength(1);
    const read = bridged();
    read.bridge.send({ n: 1 });
    read.bridge.close(1000);
    read.clock.pass(500);
    expect(read.ends).toEqual([]);
    read.stream.read();
    expect(read.ends).toEqual([{ reason: "closed", detail: "closed" }]);
    expect(read.clock.pending).toBe(0);
    const stuck = bridged();
    stuck.bridge.send({ n: 1 });
    stuck.bridge.close(1000);
    stuck.bridge.close(5000);
    stuck.clock.pass(999);
    expect(stuck.ends).toEqual([]);
    stuck.clock.pass(1);
    expect(stuck.ends).toHaveLength(1);
  });

  test("by the other side, with its reason; nothing is taken afterwards", () => {
    const { ends, give, got, stream } = bridged();
    stream.end("the other side closed");
    give(1);
    expect(ends).toEqual([{ reason: "closed", detail: "the other side closed" }]);
    expect(got).toEqual([]);
  });

  test("what does not fit the conversation, in the owner's words; frames behind it are not taken", () => {
    const { bridge, ends, got, stream } = bridged({ check: (value) => (value === 13 ? "bad luck" : { value }) });
    stream.give(Buffer.concat([encodeFrame("1"), encodeFrame("13"), encodeFrame("2")]));
    expect(got).toEqual([1]);
    bridge.violate("again");
    expect(ends).toEqual([{ reason: "protocol", detail: "bad luck" }]);
  });
});

describe("frames as bytes", () => {
  test("the largest frame fits, one byte more does not", () => {
    const largest = `"${"x".repeat(MAX_FRAME - 2)}"`;
    const decoder = new FrameDecoder();
    decoder.push(encodeFrame(largest));
    expect(decoder.next()).toHaveLength(MAX_FRAME);
    expect(decoder.next()).toBeNull();
    expect(() => encodeFrame(`${largest} `)).toThrow(`${MAX_FRAME + 1} bytes exceeds`);
  });

  test("depth counts brackets of both kinds, not those in texts, and closing ones give it back", () => {
    const parsed = (text: string) => typeof parseFrame(text, 3) !== "string";
    expect(parsed("[[[]]]")).toBe(true);
    expect(parsed("[[[[]]]]")).toBe(false);
    expect(parsed('{"a":[{}]}')).toBe(true);
    expect(parsed('{"a":[{"b":{}}]}')).toBe(false);
    expect(parsed("[[[]],[[]],[[]],{},{},{}]")).toBe(true);
    expect(parsed('["[[[[", "\\"[[[[", "\\\\", [[]]]')).toBe(true);
    expect(parsed('["\\\\", [[[]]]]')).toBe(false);
  });

  test("__proto__ is dropped wherever it stands, however it is written, and nothing else is", () => {
    const shown = (text: string) => JSON.stringify(parseFrame(text));
    expect(shown('{"__proto__":{"a":1},"b":[{"__proto__":1,"c":2}]}')).toBe('{"value":{"b":[{"c":2}]}}');
    expect(shown('{"\\u005f_proto__":1,"b":null}')).toBe('{"value":{"b":null}}');
    expect(shown('{"proto":1}')).toBe('{"value":{"proto":1}}');
    expect(parseFrame("{")).toBe("a frame that is no JSON");
  });
});
