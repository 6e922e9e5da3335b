/** Limits of a real process: a child that sleeps while its limits are read and set. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { ERRNO, libc } from "../../src/linux/libc.ts";
import { getLimit, RLIMIT, refusal, setSoftLimit, writeLimit } from "../../src/linux/rlimits.ts";

let child: Bun.Subprocess;

beforeAll(() => {
  child = Bun.spawn(["sleep", "60"]);
});
afterAll(async () => {
  child.kill();
  await child.exited;
});

/** What the kernel itself says about the child's limits: [soft, hard] as words. */
function told(name: string): string[] {
  const line = readFileSync(`/proc/${child.pid}/limits`, "utf8")
    .split("\n")
    .find((each) => each.startsWith(name));
  return line?.slice(name.length).trim().split(/\s+/).slice(0, 2) ?? [];
}

const NAMES = {
  FSIZE: "Max file size",
  DATA: "Max data size",
  CORE: "Max core file size",
  NOFILE: "Max open files",
  MEMLOCK: "Max locked memory",
  MSGQUEUE: "Max msgqueue size",
  NICE: "Max nice priority",
  RTPRIO: "Max realtime priority",
} as const satisfies Record<keyof typeof RLIMIT, string>;

for (const [name, words] of Object.entries(NAMES)) {
  test(`${name} is the kernel's "${words}"`, () => {
    const limit = getLimit(libc(), child.pid, RLIMIT[name as keyof typeof RLIMIT]);
    const word = (value: bigint | undefined) => (value === 0xffff_ffff_ffff_ffffn ? "unlimited" : String(value));
    expect([word(limit?.soft), word(limit?.hard)]).toEqual(told(words));
  });
}

test("both limits are set; a soft limit above the hard one becomes the hard one", () => {
  expect(writeLimit(libc(), child.pid, RLIMIT.NOFILE, { soft: 32n, hard: 64n })).toBeNull();
  expect(told(NAMES.NOFILE)).toEqual(["32", "64"]);
  expect(setSoftLimit(libc(), child.pid, RLIMIT.NOFILE, 48n)).toBeNull();
  expect(told(NAMES.NOFILE)).toEqual(["48", "64"]);
  expect(setSoftLimit(libc(), child.pid, RLIMIT.NOFILE, 1000n)).toBeNull();
  expect(told(NAMES.NOFILE)).toEqual(["64", "64"]);
});

test("a process that is gone has no limits, and the refusal says which and why", () => {
  const gone = 2 ** 22 + 1; // Above the greatest process number.
  expect(getLimit(libc(), gone, RLIMIT.CORE)).toBeNull();
  expect(setSoftLimit(libc(), gone, RLIMIT.CORE, 0n)).toBe("limit 4 cannot be read");
  expect(writeLimit(libc(), gone, RLIMIT.CORE, { soft: 0n, hard: 0n })).toBe(`limit 4 was refused (errno ${ERRNO.ESRCH})`);
  expect(refusal("a call", { value: 3, errno: 0 })).toBeNull();
});
