import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { ALLOW, AUDIT_ARCH, BPF, buildFilter, errnoAction, type Instruction, KILL_PROCESS, type Rule } from "../../src/host/jail/filter.ts";
import { ALLOWED } from "../../src/host/jail/table.ts";
import { type Architecture, CALLS } from "../../src/linux/libc.ts";

const SELF = 4711;
const EPERM = errnoAction(1);
const ENOSYS = errnoAction(38);
const architectures = ["x64", "arm64"] as const;

/** struct seccomp_data, then the program as the kernel runs it. */
function run(program: readonly Instruction[], arch: number, number: number, args: readonly (number | bigint)[]): number {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, number, true);
  data.setUint32(4, arch, true);
  args.forEach((arg, index) => {
    data.setBigUint64(16 + 8 * index, BigInt.asUintN(64, BigInt(arg)), true);
  });
  let accumulator = 0;
  for (let at = 0; at < program.length; at++) {
    const { code, jt, jf, k } = program[at] as Instruction;
    if (code === BPF.RETURN) return k;
    if (code === BPF.LOAD) accumulator = data.getUint32(k, true);
    else if (code === BPF.EQUAL) at += accumulator === k ? jt : jf;
    else if (code === BPF.AT_LEAST) at += accumulator >= k ? jt : jf;
    else if (code === BPF.ANY_BIT) at += (accumulator & k) !== 0 ? jt : jf;
    else throw new Error(`instruction ${code}`);
  }
  throw new Error("the program ran past its end");
}

const numberOf = (rule: Rule, arch: Architecture) => rule.numbers[arch === "x64" ? 0 : 1];

function rule(name: string): Rule {
  const found = ALLOWED.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no rule ${name}`);
  return found;
}

/** Arguments that meet all conditions of a rule. */
function fitting(one: Rule): bigint[] {
  const args = [0n, 0n, 0n, 0n, 0n, 0n];
  for (const condition of one.when ?? []) {
    if ("oneOf" in condition) args[condition.argument] = BigInt(condition.oneOf[0] ?? 0);
    if ("isSelf" in condition) args[condition.argument] = BigInt(SELF);
  }
  return args;
}

describe.each([...architectures])("the filter on %s", (arch) => {
  const program = buildFilter(ALLOWED, arch, SELF);
  const judge = (number: number, ...args: (number | bigint)[]) => run(program, AUDIT_ARCH[arch], number, args);
  const call = (name: string, ...args: (number | bigint)[]) => {
    const number = numberOf(rule(name), arch);
    if (number === null) throw new Error(`no ${name} on ${arch}`);
    return judge(number, ...args);
  };
  const present = ALLOWED.filter((one) => numberOf(one, arch) !== null);

  test("fits the kernel", () => {
    expect(program.length).toBeLessThan(4096);
    for (const { jt, jf } of program) expect(Math.max(jt, jf)).toBeLessThan(256);
  });

  test.each(present.map((one) => [one.name, one] as const))("%s", (_name, one) => {
    const number = numberOf(one, arch) ?? -1;
    expect(judge(number, ...fitting(one))).toBe(one.refuseWith === undefined ? ALLOW : errnoAction(one.refuseWith));
    for (const condition of one.when ?? []) {
      const args = fitting(one);
      args[condition.argument] = 0x7abc_def1n;
      expect(judge(number, ...args)).toBe(EPERM);
    }
    expect(one.why).not.toBe("");
  });

  test.each([
    ["a thread as glibc makes it", () => call("clone", 0x3d0f00), ALLOW],
    ["a thread as musl makes it", () => call("clone", 0x7d0f00), ALLOW],
    ["a process", () => call("clone", 17), EPERM],
    ["a process that shares memory", () => call("clone", 0x4111), EPERM],
    ["a thread in a user namespace", () => call("clone", 0x1000_0000 | 0x3d0f00), EPERM],
    ["clone3 falls back to clone", () => call("clone3"), ENOSYS],
    ["a signal to itself", () => call("tgkill", SELF, SELF + 1, 10), ALLOW],
    ["a signal to itself, high half set (the kernel ignores it)", () => call("tgkill", BigInt(SELF) | (1n << 40n), 1, 10), ALLOW],
    ["a signal to another", () => call("tgkill", SELF + 1, SELF + 1, 9), EPERM],
    ["own limits read", () => call("prlimit64", 0, 3, 0, 0x1000), ALLOW],
    ["own limits set", () => call("prlimit64", 0, 3, 0x1000, 0), EPERM],
    ["own limits set, pointer above 4 GB", () => call("prlimit64", 0, 3, 1n << 32n, 0), EPERM],
    ["another's limits", () => call("prlimit64", SELF + 1, 3, 0, 0x1000), EPERM],
    ["F_SETLK", () => call("fcntl", 3, 6, 0), ALLOW],
    ["F_SETOWN", () => call("fcntl", 3, 8, 1), EPERM],
    ["F_SETSIG", () => call("fcntl", 3, 10, 9), EPERM],
    ["F_ADD_SEALS", () => call("fcntl", 5, 1033, 1), EPERM],
    ["TIOCSTI", () => call("ioctl", 0, 0x5412, 0), EPERM],
    ["FIOASYNC", () => call("ioctl", 0, 0x5452, 0), EPERM],
    ["PR_SET_PDEATHSIG", () => call("prctl", 1, 0), EPERM],
    ["PR_SET_DUMPABLE", () => call("prctl", 4, 1), EPERM],
    ["PR_SET_NAME", () => call("prctl", 15, 0), ALLOW],
  ])("%s", (_name, decide, expected) => {
    expect(decide()).toBe(expected);
  });

  test.each([
    "execve",
    "kill",
    "seccomp",
    "capset",
    "setsid",
    "socket",
    "connect",
    "memfd_create",
    "pipe2",
    "landlock_restrict_self",
    "umask",
  ] as const)("%s is refused", (name) => {
    expect(judge(CALLS[name][arch === "x64" ? 0 : 1])).toBe(EPERM);
  });

  test("every other number is refused, on this and on a foreign architecture", () => {
    const known = new Set(present.map((one) => numberOf(one, arch)));
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xffff_ffff }),
        fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { maxLength: 6 }),
        (number, args) => {
          expect(run(program, 0x4000_0003, number, args)).toBe(KILL_PROCESS);
          if (!known.has(number)) expect(judge(number, ...args)).toBe(EPERM);
        },
      ),
    );
    for (let number = 0; number < 600; number++) if (!known.has(number)) expect(judge(number)).toBe(EPERM);
  });

  test("x32 numbers are refused", () => {
    for (const one of present) expect(judge((numberOf(one, arch) ?? 0) + 0x4000_0000, ...fitting(one))).toBe(EPERM);
  });

  test("no name and no number stands twice", () => {
    expect(new Set(present.map((one) => one.name)).size).toBe(present.length);
    expect(new Set(present.map((one) => numberOf(one, arch))).size).toBe(present.length);
  });
});

/** Where the kernel's headers are installed, they say whether the numbers are right. */
const headers = {
  x64: "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
  arm64: "/usr/include/asm-generic/unistd.h",
};

describe.each([...architectures])("the numbers of %s", (arch) => {
  test.if(existsSync(headers[arch]))("are the kernel's", () => {
    const text = readFileSync(headers[arch], "utf8");
    const table = new Map(
      [...text.matchAll(/#define __NR(?:3264)?_(\w+)\s+(\d+)/g)].map(([, name = "", number]) => [name, Number(number)]),
    );
    // The shared table names some after their 64-bit form.
    const alias: Record<string, string> = arch === "arm64" ? { newfstatat: "fstatat" } : {};
    const own = Object.entries(CALLS).map(([name, numbers]) => [name, numbers[arch === "x64" ? 0 : 1]] as const);
    const allowed = ALLOWED.map((one) => [one.name, numberOf(one, arch)] as const);
    for (const [name, number] of [...own, ...allowed]) {
      expect([name, table.get(alias[name] ?? name) ?? null]).toEqual([name, number]);
    }
  });
});
