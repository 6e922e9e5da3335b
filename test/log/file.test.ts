import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LogFile } from "../../src/log/file.ts";
import { FakeClock } from "../fake-clock.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "log-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function make(keep = 2, maxMb = 0.001) {
  const clock = new FakeClock();
  const troubles: string[] = [];
  const path = join(folder, "logs", "gateway.log");
  return { clock, troubles, path, file: new LogFile({ path, maxMb, keep }, clock, (message) => void troubles.push(message)) };
}

describe("the log file", () => {
  test("is written in batches and rotated by size, keeping so many", () => {
    const { file, path, clock } = make();
    for (let i = 0; i < 12; i++) {
      file.write(`${i} ${"x".repeat(400)}`);
      clock.pass(200);
    }
    file.stop();
    file.stop();
    expect(readFileSync(path, "utf8")).toStartWith("10 ");
    expect(readFileSync(`${path}.1`, "utf8")).toStartWith("8 ");
    expect(readFileSync(`${path}.2`, "utf8")).toStartWith("6 ");
    expect(existsSync(`${path}.3`)).toBe(false);
    expect(file.dropped).toBe(0);
  });

  test("keep 0 starts over", () => {
    const { file, path, clock } = make(0);
    for (let i = 0; i < 5; i++) {
      file.write(`${i} ${"x".repeat(400)}`);
      clock.pass(200);
    }
    file.stop();
    expect(readFileSync(path, "utf8")).toStartWith("4 ");
    expect(existsSync(`${path}.1`)).toBe(false);
  });

  test("is opened again when it was moved or removed", () => {
    const { file, path } = make(2, 1);
    file.write("one");
    file.flush();
    renameSync(path, `${path}.old`);
    file.write("two");
    file.flush();
    rmSync(path);
    file.write("three");
    file.stop();
    expect(readFileSync(`${path}.old`, "utf8")).toBe("one\n");
    expect(readFileSync(path, "utf8")).toBe("three\n");
    expect(statSync(path).mode & 0o007).toBe(0);
  });

  test("a path that cannot be written costs lines, said once, and comes back", () => {
    const { file, path, clock, troubles } = make(2, 1);
    writeFileSync(join(folder, "logs"), "a file where the folder should be");
    file.write("lost");
    clock.pass(200);
    file.write("waits for the next try");
    clock.pass(200);
    expect(troubles).toHaveLength(1);
    expect(file.dropped).toBe(1);
    clock.pass(5000);
    expect(file.dropped).toBe(2);
    expect(troubles).toHaveLength(1);
    rmSync(join(folder, "logs"));
    mkdirSync(join(folder, "logs"));
    file.write("back");
    clock.pass(5000);
    clock.pass(5000);
    file.stop();
    expect(readFileSync(path, "utf8")).toBe("back\n");
  });

  test("a second failure after a good write is reported too", () => {
    const again = make(2, 1);
    for (let time = 1; time <= 2; time++) {
      mkdirSync(`${again.path}`, { recursive: true });
      again.file.write("lost");
      again.clock.pass(6000);
      expect(again.troubles).toHaveLength(time);
      rmSync(again.path, { recursive: true });
      again.file.write("good");
      again.clock.pass(6000);
      expect(readFileSync(again.path, "utf8")).toBe("good\n");
      rmSync(again.path);
    }
  });

  test("one line larger than the file may be goes into a new file, and nothing is rotated before it", () => {
    const { file, path } = make(1);
    file.write("x".repeat(5000));
    file.stop();
    expect(existsSync(`${path}.1`)).toBe(false);
    expect(statSync(path).size).toBe(5001);
    expect(statSync(path).mode & 0o777).toBe(0o640);
  });

  test("the size of what an earlier run wrote counts, up to the last byte", () => {
    const { file, path } = make(1);
    mkdirSync(join(folder, "logs"));
    writeFileSync(path, "y".repeat(1000));
    file.write("x".repeat(47));
    file.flush();
    expect(existsSync(`${path}.1`)).toBe(false);
    file.write("");
    file.stop();
    expect(readFileSync(`${path}.1`, "utf8")).toHaveLength(1048);
    expect(readFileSync(path, "utf8")).toBe("\n");
  });

  test("what waits is at most a megabyte, and a flush makes room again", () => {
    const { file, path } = make(0, 10);
    for (let i = 0; i < 2; i++) file.write("x".repeat(524_287));
    file.write("");
    expect(file.dropped).toBe(1);
    file.flush();
    file.write("again");
    file.stop();
    expect(file.dropped).toBe(1);
    expect(readFileSync(path, "utf8")).toEndWith("x\nagain\n");
  });

  test("a flush with nothing to write makes no file, and a write after the stop is dropped", () => {
    const { file, path } = make();
    file.flush();
    file.stop();
    file.write("late");
    file.flush();
    expect(existsSync(path)).toBe(false);
    expect(file.dropped).toBe(1);
  });

  test("a full disk is survived", () => {
    const clock = new FakeClock();
    const troubles: string[] = [];
    const file = new LogFile({ path: "/dev/full", maxMb: 1, keep: 0 }, clock, (message) => void troubles.push(message));
    file.write("x");
    clock.pass(200);
    for (let i = 0; i < 3000; i++) file.write("y".repeat(1000));
    file.stop();
    expect(troubles[0]).toContain("ENOSPC");
    expect(file.dropped).toBe(3001);
  });
});
