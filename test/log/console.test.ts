import { describe, expect, test } from "bun:test";
import { streamConsole } from "../../src/log/console.ts";

const LIMIT = 1_048_576;

function fakeStream(isTTY?: boolean) {
  const written: string[] = [];
  let onError: (thrown: unknown) => void = () => {};
  const stream = {
    isTTY,
    writableLength: 0,
    write: (text: string) => written.push(text),
    on: (_event: "error", listener: (thrown: unknown) => void) => {
      onError = listener;
    },
  };
  return { stream, written, breaks: () => onError(new Error("EPIPE")) };
}

describe("the log on a process stream", () => {
  test.each([
    [true, {}, true],
    [true, { NO_COLOR: "" }, true],
    [true, { NO_COLOR: "1" }, false],
    [false, {}, false],
    [undefined, {}, false],
  ])("isTTY %p with %p: coloured %p", (isTTY, env, coloured) => {
    expect(streamConsole(fakeStream(isTTY).stream, env).colour).toBe(coloured);
  });

  test("lines of ten milliseconds go out in one write, by themselves", async () => {
    const { stream, written } = fakeStream();
    const output = streamConsole(stream, {});
    output.write("one\n");
    output.write("two\n");
    expect(written).toEqual([]);
    await Bun.sleep(200);
    expect(written).toEqual(["one\ntwo\n"]);
    output.write("three\n");
    output.flush();
    output.flush();
    expect(written).toEqual(["one\ntwo\n", "three\n"]);
  });

  test("what is more than a megabyte behind is dropped and counted, also when the stream holds it", () => {
    const { stream, written } = fakeStream();
    const output = streamConsole(stream, {});
    output.write("x".repeat(LIMIT));
    output.write("at the limit");
    expect(output.dropped()).toBe(0);
    output.write("past it");
    output.write("past it");
    expect(output.dropped()).toBe(2);
    output.flush();
    expect(written).toEqual([`${"x".repeat(LIMIT)}at the limit`]);
    stream.writableLength = LIMIT + 1;
    output.write("the stream is full");
    output.flush();
    expect(output.dropped()).toBe(3);
    expect(written).toHaveLength(1);
  });

  test("a reader that went away costs lines, not the process", () => {
    const { stream, written, breaks } = fakeStream();
    const output = streamConsole(stream, {});
    output.write("waits");
    breaks();
    output.flush();
    output.write("late");
    output.flush();
    expect(written).toEqual([]);
    expect(output.dropped()).toBe(1);
  });
});
