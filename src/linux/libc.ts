/**
 * This room runs on both sides of the trust wall: the gateway makes pipes and limits with it, the plugin host its jail. It may touch
 * the kernel, by system calls, and nothing else; it decides nothing and holds no state. Linux only. System calls are made by
 * number through the C library's `syscall`: no other program and no compiled code of ours is needed.
 */
import { dlopen, FFIType, ptr, read } from "bun:ffi";
import { GatewayError } from "../errors.ts";

export type Architecture = "x64" | "arm64";

/** Where the kernel's numbers of a call stand: [x64, arm64]. */
export type Numbers = readonly [x64: number, arm64: number];

/** Calls that the jail and the gateway make themselves. Numbers of the kernel's unistd tables. */
export const CALLS = {
  adjtimex: [159, 171],
  capget: [125, 90],
  capset: [126, 91],
  chdir: [80, 49],
  connect: [42, 203],
  close: [3, 57],
  execve: [59, 221],
  flock: [73, 32],
  fcntl: [72, 25],
  ftruncate: [77, 46],
  getppid: [110, 173],
  kill: [62, 129],
  landlock_add_rule: [445, 445],
  landlock_create_ruleset: [444, 444],
  landlock_restrict_self: [446, 446],
  memfd_create: [319, 279],
  mmap: [9, 222],
  mount: [165, 40],
  mount_setattr: [442, 442],
  move_mount: [429, 429],
  open_tree: [428, 428],
  openat: [257, 56],
  pipe2: [293, 59],
  pivot_root: [155, 41],
  prctl: [157, 167],
  prlimit64: [302, 261],
  renameat2: [316, 276],
  rt_sigaction: [13, 134],
  seccomp: [317, 277],
  sendto: [44, 206],
  setsid: [112, 157],
  socket: [41, 198],
  umask: [95, 166],
  umount2: [166, 39],
  write: [1, 64],
} as const satisfies Record<string, Numbers>;

export type CallName = keyof typeof CALLS;

/** `errno` is 0 when the call went well; `value` is then its result. */
export interface CallResult {
  readonly value: number;
  readonly errno: number;
}

export type CallArgument = number | bigint | Uint8Array;

export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EACCES: 13,
  EINVAL: 22,
  ENOTTY: 25,
  EROFS: 30,
  ENOSYS: 38,
  ENETUNREACH: 101,
} as const;

export interface Libc {
  readonly architecture: Architecture;
  /** Byte arrays are passed as pointers. Flags of the pointed-to memory are the caller's business. */
  call(name: CallName, ...args: readonly CallArgument[]): CallResult;
  /** The same by number, for the tests of the jail. */
  raw(number: number, ...args: readonly CallArgument[]): CallResult;
}

const LIBRARIES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

let opened: Libc | null = null;

/** The architecture's name as the tables use it, or null where the jail has no table. */
export function architecture(): Architecture | null {
  return process.arch === "x64" || process.arch === "arm64" ? process.arch : null;
}

/** Throws GatewayError `jail_unavailable` elsewhere than on Linux x64 and arm64. */
export function libc(): Libc {
  if (opened !== null) return opened;
  const arch = architecture();
  if (process.platform !== "linux" || arch === null) {
    throw new GatewayError("jail_unavailable", `There is no jail for ${process.platform} on ${process.arch}`);
  }
  const { syscall, __errno_location } = open();
  const column = arch === "x64" ? 0 : 1;
  const raw = (number: number, ...args: readonly CallArgument[]): CallResult => {
    const [a, b, c, d, e, f] = args.map(register);
    const value = Number(syscall(number, a ?? 0, b ?? 0, c ?? 0, d ?? 0, e ?? 0, f ?? 0));
    if (value !== -1) return { value, errno: 0 };
    const at = __errno_location();
    return { value, errno: at === null ? ERRNO.EINVAL : read.i32(at, 0) };
  };
  opened = { architecture: arch, raw, call: (name, ...args) => raw(CALLS[name][column], ...args) };
  return opened;
}

function register(argument: CallArgument): number | bigint {
  return argument instanceof Uint8Array ? ptr(argument) : argument;
}

function open() {
  const word = FFIType.i64;
  let last: unknown;
  for (const name of LIBRARIES) {
    try {
      return dlopen(name, {
        syscall: { args: [word, word, word, word, word, word, word], returns: FFIType.i64_fast },
        __errno_location: { args: [], returns: FFIType.ptr },
      }).symbols;
    } catch (thrown) {
      last = thrown; // The next name may be this system's.
    }
  }
  throw new GatewayError("jail_unavailable", "The C library cannot be opened", { cause: last, where: LIBRARIES.join(", ") });
}

/** A C string. */
export function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

/** A NULL-terminated array of pointers to C strings; the strings must outlive its use. */
export function pointerArray(strings: readonly Uint8Array[]): Uint8Array {
  const pointers = new BigUint64Array(strings.length + 1);
  strings.forEach((string, index) => {
    pointers[index] = BigInt(ptr(string));
  });
  return new Uint8Array(pointers.buffer);
}
