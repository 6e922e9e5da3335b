/** A plugin host on a kernel that knows no Landlock: a filter of our own says so before stage one. */
import { runHostProcess } from "../../../src/host/entry.ts";
import { ALLOW, AUDIT_ARCH, BPF, encodeFilter, errnoAction, type Instruction } from "../../../src/host/jail/filter.ts";
import { CALLS, libc, pointerArray } from "../../../src/linux/libc.ts";

const [verb = "", argument = ""] = process.argv.slice(2);
if (verb === "__host") {
  const kernel = libc();
  const step = (code: number, k: number, jt = 0, jf = 0): Instruction => ({ code, jt, jf, k });
  const program = [
    step(BPF.LOAD, 4),
    step(BPF.EQUAL, AUDIT_ARCH[kernel.architecture], 0, 3),
    step(BPF.LOAD, 0),
    step(BPF.EQUAL, CALLS.landlock_create_ruleset[0], 0, 1),
    step(BPF.RETURN, errnoAction(38)),
    step(BPF.RETURN, ALLOW),
  ];
  const code = encodeFilter(program);
  const header = new BigUint64Array([BigInt(program.length), new BigUint64Array(pointerArray([code]).buffer)[0] ?? 0n]);
  kernel.call("prctl", 38, 1, 0, 0, 0);
  kernel.call("seccomp", 1, 0, new Uint8Array(header.buffer));
}
await runHostProcess(verb, argument, async () => () => process.exit(0));
