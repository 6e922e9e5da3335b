/** The table of system calls against the kernel's own headers, and what the C library answers. */

import { read } from "bun:ffi";
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { CALLS, cString, ERRNO, libc, pointerArray } from "../../src/linux/libc.ts";

const X64 = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h";
/** arm64 has the kernel's generic table. */
const GENERIC = "/usr/include/asm-generic/unistd.h";
const ERRNO_FILES = ["/usr/include/asm-generic/errno-base.h", "/usr/include/asm-generic/errno.h"];
const HEADERS = [X64, GENERIC, ...ERRNO_FILES].every((path) => existsSync(path));
if (!HEADERS) console.warn("the kernel's headers are not installed (Debian: linux-libc-dev): the table of system calls is not compared");

function defined(path: string, name: RegExp): Map<string, number> {
  const found = readFileSync(path, "utf8").matchAll(new RegExp(`^#define\\s+(?:${name.source})(\\w+)\\s+(\\d+)\\b`, "gm"));
  return new Map([...found].map(([, word = "", number]) => [word, Number(number)]));
}

describe.skipIf(!HEADERS)("the kernel's headers say the same", () => {
  const x64 = HEADERS ? defined(X64, /__NR_/) : new Map<string, number>();
  const arm64 = HEADERS ? defined(GENERIC, /__NR_|__NR3264_/) : new Map<string, number>();
  for (const [name, numbers] of Object.entries(CALLS)) {
    test(name, () => expect<(number | undefined)[]>([...numbers]).toEqual([x64.get(name), arm64.get(name)]));
  }
  for (const [name, number] of Object.entries(ERRNO)) {
    test(name, () => {
      const named = new Map(ERRNO_FILES.flatMap((path) => [...defined(path, /(?=E)/)]));
      expect<number | undefined>(number).toBe(named.get(name));
    });
  }
});

describe("calls", () => {
  test("a call that fails says why, and one that goes well has no error", () => {
    expect(libc().call("close", -1)).toEqual({ value: -1, errno: 9 });
    expect(libc().call("openat", -100, cString("/there/is/no/such/file"), 0, 0)).toEqual({ value: -1, errno: ERRNO.ENOENT });
    expect(libc().call("getppid")).toEqual({ value: process.ppid, errno: 0 });
    expect(libc().raw(CALLS.getppid[process.arch === "x64" ? 0 : 1]).value).toBe(process.ppid);
  });

  test("is opened once and knows its architecture", () => {
    expect(libc()).toBe(libc());
    expect<string>(libc().architecture).toBe(process.arch);
  });

  test("up to six arguments arrive in their order", () => {
    // mmap of one page, private and anonymous, without access: a wrong order is refused.
    const { value, errno } = libc().call("mmap", 0, 4096, 0, 0x22, -1, 0);
    expect([errno, value > 0]).toEqual([0, true]);
  });

  test("a C string ends with a zero byte", () => {
    expect([...cString("aé")]).toEqual([0x61, 0xc3, 0xa9, 0]);
  });

  test("an array of pointers names each string and ends with NULL", () => {
    const strings = [cString("first"), cString("second")];
    const array = new BigUint64Array(pointerArray(strings).buffer);
    expect(array).toHaveLength(3);
    expect(array[2]).toBe(0n);
    const letters = [0, 1].map((index) => String.fromCharCode(read.u8(Number(array[index]) as Parameters<typeof read.u8>[0], 0)));
    expect(letters).toEqual(["f", "s"]);
    expect(strings).toHaveLength(2);
  });
});
