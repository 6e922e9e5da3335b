/** Wall "seccomp": the allow-list as a classic BPF program that the kernel runs before every system call. */
import type { Architecture, Numbers } from "../../linux/libc.ts";

/** All conditions of a rule must hold. Arguments count from 0; the kernel reads the low 32 bits of each named here. */
export type Condition =
  | { readonly argument: number; readonly oneOf: readonly number[] }
  /** None of these bits. */
  | { readonly argument: number; readonly without: number }
  /** A null pointer, all 64 bits. */
  | { readonly argument: number; readonly isNull: true }
  /** The process's own id. */
  | { readonly argument: number; readonly isSelf: true };

export interface Rule {
  readonly name: string;
  /** null: the architecture has no such call. */
  readonly numbers: Numbers | readonly [x64: number, arm64: null];
  /** Which code needs the call, and why it is harmless. */
  readonly why: string;
  readonly when?: readonly Condition[];
  /** Instead of allowing: the errno that makes callers fall back. */
  readonly refuseWith?: number;
}

export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

export const AUDIT_ARCH: Record<Architecture, number> = { x64: 0xc000_003e, arm64: 0xc000_00b7 };
export const ALLOW = 0x7fff_0000;
export const KILL_PROCESS = 0x8000_0000;
export const errnoAction = (errno: number) => 0x0005_0000 | errno;
const REFUSE = errnoAction(1);

/** Offsets in struct seccomp_data; both architectures are little endian. */
const NUMBER_AT = 0;
const ARCH_AT = 4;
const argumentAt = (argument: number) => 16 + 8 * argument;
/** Numbers from here on are the x32 calls, under the same architecture id as x64. */
const X32_BIT = 0x4000_0000;

export const BPF = { LOAD: 0x20, EQUAL: 0x15, AT_LEAST: 0x35, ANY_BIT: 0x45, RETURN: 0x06 } as const;

const load = (at: number): Instruction => ({ code: BPF.LOAD, jt: 0, jf: 0, k: at });
const jump = (code: number, k: number, jt: number, jf: number): Instruction => ({ code, jt, jf, k: k >>> 0 });
const result = (action: number): Instruction => ({ code: BPF.RETURN, jt: 0, jf: 0, k: action });

/** Everything that no rule allows gets EPERM, so that a refusal is an error and not a crash; a foreign architecture kills. */
export function buildFilter(rules: readonly Rule[], architecture: Architecture, self: number): Instruction[] {
  const program = [load(ARCH_AT), jump(BPF.EQUAL, AUDIT_ARCH[architecture], 1, 0), result(KILL_PROCESS), load(NUMBER_AT)];
  if (architecture === "x64") program.push(jump(BPF.AT_LEAST, X32_BIT, 0, 1), result(REFUSE));
  for (const rule of rules) {
    const number = rule.numbers[architecture === "x64" ? 0 : 1];
    if (number === null) continue;
    const body = (rule.when ?? []).flatMap((condition) => test(condition, self));
    body.push(result(rule.refuseWith === undefined ? ALLOW : errnoAction(rule.refuseWith)));
    program.push(jump(BPF.EQUAL, number, 0, body.length), ...body);
  }
  program.push(result(REFUSE));
  return program;
}

/** Goes on behind itself when the condition holds, and refuses otherwise. */
function test(condition: Condition, self: number): Instruction[] {
  const at = argumentAt(condition.argument);
  if ("without" in condition) return [load(at), jump(BPF.ANY_BIT, condition.without, 0, 1), result(REFUSE)];
  if ("isNull" in condition) return [at, at + 4].flatMap((half) => equals(half, [0]));
  return equals(at, "isSelf" in condition ? [self] : condition.oneOf);
}

function equals(at: number, values: readonly number[]): Instruction[] {
  return [load(at), ...values.map((value, index) => jump(BPF.EQUAL, value, values.length - index, 0)), result(REFUSE)];
}

/** The program as the kernel takes it: struct sock_filter[]. */
export function encodeFilter(program: readonly Instruction[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(program.length * 8));
  program.forEach(({ code, jt, jf, k }, index) => {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, jt);
    view.setUint8(index * 8 + 3, jf);
    view.setUint32(index * 8 + 4, k, true);
  });
  return new Uint8Array(view.buffer);
}
