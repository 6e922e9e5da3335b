/** Byte streams over memory and over pipes, and the shared page. */
import { describe, expect, test } from "bun:test";
import { closeSync, readSync, writeSync } from "node:fs";
import { memoryStreams } from "../../src/bridge/memory-streams.ts";
import { createPage, mapPage, pageOver } from "../../src/bridge/shared-page.ts";
import { fdStream } from "../../src/bridge/streams.ts";
import { GatewayError } from "../../src/errors.ts";
import { realmNumber } from "../../src/ids.ts";
import { libc } from "../../src/linux/libc.ts";
import { FakeClock } from "../fake-clock.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (written: string) => new TextEncoder().encode(written);

describe("in memory", () => {
  test("bytes wait for the other end to start, arrive in order, and drain once", async () => {
    const [near, far] = memoryStreams();
    let drained = 0;
    near.onDrain(() => drained++);
    near.write(bytes("one"));
    near.write(bytes("two"));
    expect(near.pending).toBe(6);
    await Bun.sleep(0);
    expect(drained).toBe(0);
    const got: string[] = [];
    far.start(
      (piece) => got.push(text(piece)),
      () => {},
    );
    expect(got).toEqual([]);
    await Bun.sleep(0);
    expect(got).toEqual(["one", "two"]);
    expect([near.pending, drained]).toEqual([0, 1]);
    near.write(bytes("three"));
    await Bun.sleep(0);
    expect(got).toHaveLength(3);
  });

  test("closing tells each end who closed, once, and nothing arrives afterwards", async () => {
    const [near, far] = memoryStreams();
    const told: string[] = [];
    const got: string[] = [];
    near.start(
      () => {},
      (reason) => told.push(`near: ${reason}`),
    );
    far.start(
      (piece) => got.push(text(piece)),
      (reason) => told.push(`far: ${reason}`),
    );
    near.close();
    far.close();
    near.write(bytes("late"));
    await Bun.sleep(0);
    expect(told).toEqual(["near: closed", "far: the other side closed"]);
    expect([got, near.pending]).toEqual([[], 0]);
  });
});

describe.if(process.platform === "linux")("over pipes", () => {
  function pipe(): { read: number; write: number } {
    const ends = new Int32Array(2);
    const made = libc().call("pipe2", new Uint8Array(ends.buffer), 0x800 | 0x80000);
    if (made.errno !== 0) throw new GatewayError("unavailable", `pipe2: errno ${made.errno}`);
    return { read: ends[0] ?? -1, write: ends[1] ?? -1 };
  }

  test("what a full pipe does not take waits, is tried again, and arrives whole and in order", async () => {
    const clock = new FakeClock();
    const [out, back] = [pipe(), pipe()];
    const stream = fdStream(back.read, out.write, { clock });
    let drained = 0;
    stream.onDrain(() => drained++);
    const sent = Buffer.alloc(300_000, "abcdefghijklmnopqrstuvwxyz0");
    for (let at = 0; at < sent.length; at += 50_000) stream.write(sent.subarray(at, at + 50_000));
    expect(stream.pending).toBeGreaterThan(0);
    expect(stream.pending).toBeLessThan(sent.length);
    drained = 0;
    const got: Buffer[] = [];
    const buffer = Buffer.alloc(65_536);
    for (let size = 0; size < sent.length; ) {
      const count = readSync(out.read, buffer, 0, buffer.length, null);
      got.push(Buffer.from(buffer.subarray(0, count)));
      size += count;
      clock.pass(1);
    }
    expect(Buffer.concat(got).equals(sent)).toBe(true);
    expect([stream.pending, drained, clock.pending]).toEqual([0, 1, 0]);
    stream.close();
    for (const fd of [out.read, back.write]) closeSync(fd);
  });

  test("what is put off leaves in one go", () => {
    const [out, back] = [pipe(), pipe()];
    const later: (() => void)[] = [];
    const stream = fdStream(back.read, out.write, { soon: (flush) => later.push(flush) });
    stream.write(bytes(""));
    stream.write(bytes("one"));
    stream.write(bytes("two"));
    expect([later.length, stream.pending]).toEqual([1, 6]);
    later[0]?.();
    const buffer = Buffer.alloc(100);
    expect(text(buffer.subarray(0, readSync(out.read, buffer, 0, 100, null)))).toBe("onetwo");
    expect(stream.pending).toBe(0);
    stream.close();
    for (const fd of [out.read, back.write]) closeSync(fd);
  });

  test("a reader that went away, and a writer that did, end it once with their reason", async () => {
    const [out, back] = [pipe(), pipe()];
    const ends: string[] = [];
    const stream = fdStream(back.read, out.write);
    const over = Promise.withResolvers<void>();
    const got: string[] = [];
    stream.start(
      (piece) => got.push(text(piece)),
      (reason) => {
        ends.push(reason);
        over.resolve();
      },
    );
    writeSync(back.write, "hello");
    closeSync(back.write);
    await over.promise;
    expect([got, ends]).toEqual([["hello"], ["the other side closed"]]);
    stream.write(bytes("late"));
    expect(stream.pending).toBe(0);
    stream.close();
    expect(ends).toHaveLength(1);
    closeSync(out.read);

    const [there, unread] = [pipe(), pipe()];
    closeSync(there.read);
    const broken: string[] = [];
    const other = fdStream(unread.read, there.write);
    other.start(
      () => {},
      (reason) => broken.push(reason),
    );
    other.write(bytes("nobody reads"));
    expect(broken).toEqual(["writing failed: EPIPE"]);
    closeSync(unread.write);
  });

  test("closing tells its owner so", () => {
    const [out, back] = [pipe(), pipe()];
    const stream = fdStream(back.read, out.write);
    const ends: string[] = [];
    stream.start(
      () => {},
      (reason) => ends.push(reason),
    );
    stream.close();
    stream.close();
    expect(ends).toEqual(["closed"]);
    for (const fd of [out.read, back.write]) closeSync(fd);
  });
});

describe("the shared page", () => {
  test("names the realm between enter and leave; each sign of life changes the beats", () => {
    const words = new Uint32Array(2);
    const page = pageOver(words);
    page.enter(realmNumber(7));
    expect([...words]).toEqual([7, 1]);
    page.beat();
    page.leave();
    expect([...words]).toEqual([0, 3]);
  });

  test.if(process.platform === "linux")("is one memory for both sides, and can neither grow nor shrink", () => {
    const shared = createPage();
    const host = mapPage(shared.fd);
    expect(shared.read()).toEqual({ realm: null, beats: 0 });
    host.enter(realmNumber(3));
    expect(shared.read()).toEqual({ realm: realmNumber(3), beats: 1 });
    host.leave();
    expect(shared.read()).toEqual({ realm: null, beats: 2 });
    for (const size of [0, 8192]) expect(libc().call("ftruncate", shared.fd, size).errno).toBe(1);
    shared.close();
    host.beat();
    expect(shared.read()).toEqual({ realm: null, beats: 2 });
    // The number may be somebody else's by now: closing again must not close theirs.
    const other = createPage();
    shared.close();
    expect(other.read()).toEqual({ realm: null, beats: 0 });
    other.close();
  });
});
