import { expect, test } from "bun:test";
import fc from "fast-check";
import { Bridge, type BridgeEnd } from "../../src/bridge/bridge.ts";
import { encodeFrame, FrameDecoder, MAX_FRAME, parseFrame } from "../../src/bridge/frame-codec.ts";
import { checkFromHost, type FromHost } from "../../src/bridge/frames.ts";
import { memoryStreams } from "../../src/bridge/memory-streams.ts";
import { type ByteStream, fdStream } from "../../src/bridge/streams.ts";
import { systemClock } from "../../src/clock.ts";
import { HostSession } from "../../src/sandbox/session.ts";
import { spec, watcher } from "../sandbox/support.ts";

const anything = { check: (value: unknown) => ({ value }), framesPerSecond: 1e9, bytesPerSecond: 1e12, maxMessage: 64e6 };

test("property: frames survive any splitting of the bytes", () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue(), { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (values, cuts) => {
      const bytes = Buffer.concat(values.map((value) => encodeFrame(JSON.stringify(value))));
      const decoder = new FrameDecoder();
      const seen: unknown[] = [];
      for (let at = 0, cut = 0; at < bytes.length; cut++) {
        const size = cuts[cut % cuts.length] ?? 1;
        decoder.push(bytes.subarray(at, at + size));
        at += size;
        for (let frame = decoder.next(); frame !== null; frame = decoder.next()) {
          if (typeof frame === "string") throw new TypeError(frame);
          seen.push(JSON.parse(new TextDecoder().decode(frame)));
        }
      }
      expect(JSON.stringify(seen)).toBe(JSON.stringify(values));
    }),
    { numRuns: 200 },
  );
});

test("property: no rubbish makes the decoder, parser or schema throw, and no __proto__ comes through", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.string(), (bytes, text) => {
      const decoder = new FrameDecoder();
      decoder.push(bytes);
      decoder.next();
      const parsed = parseFrame(text);
      if (typeof parsed !== "string") checkFromHost(parsed.value);
    }),
    { numRuns: 300 },
  );
  const parsed = parseFrame('{"a":{"__proto__":{"x":1},"\\u005f_proto__":{"x":1}}}');
  expect(JSON.stringify(parsed)).toBe('{"value":{"a":{}}}');
  expect(parseFrame("[".repeat(1000))).toContain("nested deeper");
});

function pair(options: Partial<ConstructorParameters<typeof Bridge>[1]> = {}) {
  const [near, far] = memoryStreams();
  const ends: BridgeEnd[] = [];
  const got: unknown[] = [];
  const bridge = new Bridge<object, unknown>(near, {
    ...anything,
    onMessage: (m) => got.push(m),
    onEnd: (end) => ends.push(end),
    ...options,
  });
  bridge.start();
  return { bridge, far, got, ends };
}

const raw = (length: number, body = "") => {
  const bytes = Buffer.alloc(4 + body.length);
  bytes.writeUInt32LE(length, 0);
  bytes.write(body, 4);
  return bytes;
};

test("rubbish, oversize, zero length, depth and floods end the bridge as protocol violations", async () => {
  const cases: [string, Uint8Array][] = [
    ["no JSON", raw(3, "abc")],
    ["bytes", raw(MAX_FRAME + 1)],
    ["0 bytes", raw(0)],
    ["deeper", encodeFrame("[".repeat(200) + "]".repeat(200))],
  ];
  for (const [detail, bytes] of cases) {
    const { far, ends } = pair();
    far.start(
      () => {},
      () => {},
    );
    far.write(bytes);
    await Bun.sleep(0);
    expect(ends).toEqual([{ reason: "protocol", detail: expect.stringContaining(detail) }]);
  }
  const flood = pair({ framesPerSecond: 10 });
  for (let count = 0; count < 11; count++) flood.far.write(encodeFrame("1"));
  await Bun.sleep(0);
  expect(flood.ends[0]?.reason).toBe("protocol");
  expect(flood.got.length).toBe(10);
});

test("a side that does not read is an overflow at 1 MB, bulk waits its turn and arrives whole", async () => {
  const { bridge, ends } = pair();
  const piece = "x".repeat(100_000);
  for (let count = 0; count < 20; count++) bridge.send({ piece });
  expect(ends[0]?.reason).toBe("overflow");

  const bulk = pair();
  const big = { text: 'ä\ud83d\ude00\\"\u0001'.repeat(400_000) };
  bulk.bridge.sendBulk(big);
  expect(bulk.ends).toEqual([]);
  const got: unknown[] = [];
  const reader = new Bridge<object, unknown>(bulk.far, { ...anything, onMessage: (m) => got.push(m), onEnd: () => {} });
  reader.start();
  for (let count = 0; count < 10_000 && got.length === 0; count++) await Bun.sleep(5);
  expect(got).toEqual([big]);
  expect(() => bulk.bridge.send({ text: "x".repeat(MAX_FRAME) })).toThrow("exceeds");
});

function hostileHost(): { session: HostSession; far: ByteStream; ends: BridgeEnd[]; say: (frame: unknown) => void } {
  const [near, far] = memoryStreams();
  const ends: BridgeEnd[] = [];
  const session = new HostSession({ stream: near, clock: systemClock, onEnd: (end) => ends.push(end) });
  session.start();
  far.start(
    () => {},
    () => {},
  );
  return { session, far, ends, say: (frame) => far.write(encodeFrame(JSON.stringify(frame))) };
}

test("a taken-over host's frames: unknown types, realms, calls, tasks and doubled requests end it", async () => {
  const error = { name: "E", message: "m" };
  const frames: unknown[] = [
    { t: "nonsense" },
    { t: "log", realm: 1, level: "loud", message: "", fields: {} },
    { t: "log", realm: 9, level: "info", message: "", fields: {} },
    { t: "opened", realm: 0, error: null },
    { t: "result", realm: 1, call: 5, outcome: { ok: true, value: 1, cpuMs: 0 } },
    { t: "result", realm: 1, call: 1, outcome: { ok: true, value: 1, cpuMs: -1 } },
    { t: "done", task: 7, outcome: { ok: false, error } },
    { t: "fault", realm: 1, error: { ...error, message: "x".repeat(30_000) } },
    { t: "part", id: 1, last: true, text: "{}" },
    [1, 2],
    null,
  ];
  for (const frame of frames) {
    const { session, say, ends } = hostileHost();
    const opened = session.open(spec("x"), watcher().events);
    say({ t: "opened", realm: 1, error: null });
    expect((await opened).ok).toBe(true);
    say(frame);
    await Bun.sleep(0);
    expect({ frame, reason: ends[0]?.reason }).toEqual({ frame, reason: "protocol" });
  }
});

test("a taken-over host cannot flood the log", async () => {
  const { session, say, ends } = hostileHost();
  const seen = watcher();
  const opened = session.open(spec("x"), seen.events);
  say({ t: "opened", realm: 1, error: null });
  await opened;
  for (let count = 0; count < 1500; count++) say({ t: "log", realm: 1, level: "info", message: "", fields: {} });
  await Bun.sleep(0);
  expect(ends[0]?.reason).toBe("protocol");
  expect(seen.logs.length).toBeLessThanOrEqual(1000);
});

test("when the host ends, calls, opens and tasks settle and realms are told", async () => {
  const { session, say, far } = hostileHost();
  const seen = watcher();
  const opened = session.open(spec("x"), seen.events);
  say({ t: "opened", realm: 1, error: null });
  const realm = await opened;
  if (!realm.ok) throw realm.error;
  const call = realm.value.call({ kind: "health" }, [], 10_000);
  const waiting = [session.open(spec("y"), watcher().events), session.validateConfig({}, {}), session.backupDatabase("a", "b")];
  far.close();
  expect(await call.outcome).toMatchObject({ ok: false, cause: "gone" });
  for (const result of await Promise.all(waiting)) expect(result.ok).toBe(false);
  expect(seen.gone).toEqual([{ reason: "host", detail: expect.any(String) }]);
  expect((await session.open(spec("z"), watcher().events)).ok).toBe(false);
});

test("over the descriptors of a child process", async () => {
  const code = `const { fdStream } = await import(${JSON.stringify(`${import.meta.dir}/../../src/bridge/streams.ts`)});
    const s = fdStream(3, 3); s.start((b) => s.write(b.slice()), () => process.exit(0));`;
  const child = Bun.spawn({ cmd: [process.execPath, "-e", code], stdio: ["ignore", "ignore", "inherit", "pipe"] });
  const fd = Number(child.stdio[3]);
  const got: FromHost[] = [];
  const ends: BridgeEnd[] = [];
  const bridge = new Bridge<object, FromHost>(fdStream(fd, fd), {
    ...anything,
    check: checkFromHost,
    onMessage: (m) => got.push(m),
    onEnd: (e) => ends.push(e),
  });
  bridge.start();
  const message = { t: "log", realm: 1, level: "info", message: "y".repeat(15_000), fields: {} };
  for (let count = 0; count < 60; count++) bridge.send(message);
  for (let count = 0; count < 10_000 && got.length < 60; count++) await Bun.sleep(5);
  expect(got.length).toBe(60);
  child.kill("SIGKILL");
  await child.exited;
  for (let count = 0; count < 10_000 && ends.length === 0; count++) await Bun.sleep(5);
  expect(ends[0]?.reason).toBe("closed");
});
