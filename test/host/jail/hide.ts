/**
 * Runs a program, and all that it starts, on a kernel that lacks something: a filter of our own refuses the call.
 * `bun hide.ts landlock,namespaces PROGRAM ARGUMENT...`
 */
import { ALLOW, AUDIT_ARCH, BPF, encodeFilter, errnoAction, type Instruction } from "../../../src/host/jail/filter.ts";
import { CALLS, cString, libc, type Numbers, pointerArray } from "../../../src/linux/libc.ts";

interface Hidden {
  readonly numbers: Numbers;
  readonly errno: number;
  /** Allowed all the same when this argument is null. */
  readonly unlessNull?: number;
  /** Refused only with this first argument. */
  readonly first?: number;
}

const HIDDEN: Readonly<Record<string, Hidden | readonly Hidden[]>> = {
  /** A kernel that was built without it, as that of Raspberry Pi OS. */
  landlock: { numbers: CALLS.landlock_create_ruleset, errno: 38 },
  /** A container, or a system on which ordinary users may make no namespaces. */
  namespaces: { numbers: [272, 97], errno: 1 },
  /** A kernel without the filter of system calls. */
  seccomp: { numbers: CALLS.seccomp, errno: 38 },
  /** Limits can be read, but not set. */
  limits: { numbers: CALLS.prlimit64, errno: 1, unlessNull: 2 },
  capabilities: { numbers: CALLS.capset, errno: 1 },
  /** Nor can execve be made to take them away, by the bounding set (24) or root's having no special power (28). */
  privileges: [
    { numbers: CALLS.capset, errno: 1 },
    { numbers: CALLS.prctl, errno: 1, first: 24 },
    { numbers: CALLS.prctl, errno: 1, first: 28 },
  ],
};

const [what = "", program = "", ...rest] = process.argv.slice(2);
const kernel = libc();
const column = kernel.architecture === "x64" ? 0 : 1;
const step = (code: number, k: number, jt = 0, jf = 0): Instruction => ({ code, jt, jf, k });
const refused = what.split(",").flatMap((name) => {
  const hidden = HIDDEN[name];
  if (hidden === undefined) throw new Error(`"${name}" cannot be hidden`);
  return [hidden].flat().flatMap(refusal);
});

function refusal(hidden: Hidden): Instruction[] {
  const refuse = step(BPF.RETURN, errnoAction(hidden.errno));
  if (hidden.first !== undefined) {
    const argument = [step(BPF.LOAD, 16), step(BPF.EQUAL, hidden.first, 0, 1)];
    return [step(BPF.EQUAL, hidden.numbers[column], 0, 4), ...argument, refuse, step(BPF.LOAD, 0)];
  }
  if (hidden.unlessNull === undefined) return [step(BPF.EQUAL, hidden.numbers[column], 0, 1), refuse];
  const argument = [step(BPF.LOAD, 16 + 8 * hidden.unlessNull), step(BPF.EQUAL, 0, 1, 0)];
  return [step(BPF.EQUAL, hidden.numbers[column], 0, 4), ...argument, refuse, step(BPF.RETURN, ALLOW)];
}
const foreign = refused.length + 1;
const filter = [
  step(BPF.LOAD, 4),
  step(BPF.EQUAL, AUDIT_ARCH[kernel.architecture], 0, foreign),
  step(BPF.LOAD, 0),
  ...refused,
  step(BPF.RETURN, ALLOW),
];
const code = encodeFilter(filter);
const header = new BigUint64Array([BigInt(filter.length), new BigUint64Array(pointerArray([code]).buffer)[0] ?? 0n]);
kernel.call("prctl", 38, 1, 0, 0, 0);
kernel.call("seccomp", 1, 0, new Uint8Array(header.buffer));
const argv = [program, ...rest].map(cString);
const environment = Object.entries(process.env).map(([name, value]) => cString(`${name}=${value}`));
const failed = kernel.call("execve", argv[0] ?? cString(""), pointerArray(argv), pointerArray(environment));
throw new Error(`${program} could not be started (errno ${failed.errno})`);
