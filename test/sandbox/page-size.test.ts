/** Pages have 4 KB here, 16 KB on a Raspberry Pi 5: no limit may be counted in pages. */
import { expect, test } from "bun:test";
import { SRC, sources } from "../architecture/rooms.ts";

test("no source file counts memory in pages", async () => {
  const counting = /\/statm\b|\/proc\/[^`"']*\/stat\b.*(?:rss|vsize)|getpagesize/i;
  const files = await sources();
  expect(files.size).toBeGreaterThan(100);
  expect([...files].filter(([, text]) => counting.test(text)).map(([file]) => `${SRC}/${file}`)).toEqual([]);
  expect(counting.test("/proc/1/statm")).toBe(true);
});

test("the resident memory of a process is read in kilobytes, and is that of the process", async () => {
  const status = await Bun.file("/proc/self/status").text();
  const resident = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
  const known = process.memoryUsage().rss;
  expect(resident).toBeGreaterThan(known / 3);
  expect(resident).toBeLessThan(known * 3);
});
