/** The C calls that a serial port needs and Bun does not offer. Linux, x64 and arm64 (the numbers are the same). */
import { dlopen, FFIType } from "bun:ffi";
import { GatewayError } from "../../errors.ts";

const TCGETS = 0x5401n;
const TCSETS = 0x5402n;
/** These allow any speed; not every driver and kernel has them. */
const TCGETS2 = 0x802c542an;
const TCSETS2 = 0x402c542bn;
const TCFLSH = 0x540bn;
const TCIOFLUSH = 2;

const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;

/** Eight bits, receiver on, modem lines ignored. HUPCL is left out: dropping DTR at close resets many boards. */
const CFLAG = 0o60 | 0o200 | 0o4000;
const CBAUD = 0o10017;
const BOTHER = 0o10000;
const CLASSIC_SPEEDS: Readonly<Record<number, number>> = {
  9600: 0o15,
  19200: 0o16,
  38400: 0o17,
  57600: 0o10001,
  115200: 0o10002,
  230400: 0o10003,
  460800: 0o10004,
  921600: 0o10007,
};

/** struct termios2: c_iflag, c_oflag, c_cflag, c_lflag (u32 each), c_line (u8), c_cc[19], c_ispeed, c_ospeed. */
const WORDS = 11;
const CFLAG_WORD = 2;
const CC_OFFSET = 17;
const VTIME = 5;
const VMIN = 6;

/** glibc first, then musl under both architectures' names. */
const LIBRARIES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];
const SYMBOLS = {
  ioctl: { args: [FFIType.i32, FFIType.u64, FFIType.ptr], returns: FFIType.i32 },
  flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
} as const;

function load() {
  let cause: unknown;
  for (const library of LIBRARIES) {
    try {
      return dlopen(library, SYMBOLS).symbols;
    } catch (thrown) {
      cause = thrown;
    }
  }
  throw new GatewayError("unavailable", "serial ports need Linux with glibc or musl", { hint: "use an interface of type tcp", cause });
}

let loaded: ReturnType<typeof load> | null = null;
function libc(): ReturnType<typeof load> {
  loaded ??= load();
  return loaded;
}

/** True when this process now holds the port exclusively; false when another one does. */
export function lock(descriptor: number): boolean {
  return libc().flock(descriptor, LOCK_EX | LOCK_NB) === 0;
}

/** Needed before close: Bun keeps a second descriptor of a file that it streams, which would keep the lock. */
export function unlock(descriptor: number): void {
  libc().flock(descriptor, LOCK_UN);
}

/** Discards bytes that were received and not read, or written and not sent. */
export function discard(descriptor: number): void {
  libc().ioctl(descriptor, TCFLSH, TCIOFLUSH as never);
}

/** Raw mode, 8N1, no flow control. False: it is no terminal, or cannot do this speed. */
export function setRaw(descriptor: number, baudRate: number): boolean {
  return setRaw2(descriptor, baudRate) || setRawClassic(descriptor, baudRate);
}

function setRaw2(descriptor: number, baudRate: number): boolean {
  const termios = new Uint32Array(WORDS);
  if (libc().ioctl(descriptor, TCGETS2, termios) !== 0) return false;
  fill(termios, BOTHER);
  termios[WORDS - 2] = baudRate;
  termios[WORDS - 1] = baudRate;
  return libc().ioctl(descriptor, TCSETS2, termios) === 0;
}

/** {@link setRaw} for drivers and kernels without a free choice of speed. */
export function setRawClassic(descriptor: number, baudRate: number): boolean {
  const speed = CLASSIC_SPEEDS[baudRate];
  const termios = new Uint32Array(WORDS);
  if (speed === undefined || libc().ioctl(descriptor, TCGETS, termios) !== 0) return false;
  fill(termios, speed);
  return libc().ioctl(descriptor, TCSETS, termios) === 0;
}

/** The speed that the system reports, or null. */
export function getSpeed(descriptor: number): number | null {
  const termios = new Uint32Array(WORDS);
  if (libc().ioctl(descriptor, TCGETS2, termios) === 0) return termios[WORDS - 1] ?? null;
  return getSpeedClassic(descriptor);
}

/** {@link getSpeed} for drivers and kernels without a free choice of speed. */
export function getSpeedClassic(descriptor: number): number | null {
  const termios = new Uint32Array(WORDS);
  if (libc().ioctl(descriptor, TCGETS, termios) !== 0) return null;
  const bits = (termios[CFLAG_WORD] ?? 0) & CBAUD;
  const known = Object.entries(CLASSIC_SPEEDS).find(([, speed]) => speed === bits);
  return known === undefined ? null : Number(known[0]);
}

function fill(termios: Uint32Array, speedBits: number): void {
  termios.fill(0, 0, 4);
  termios[CFLAG_WORD] = CFLAG | speedBits;
  const bytes = new Uint8Array(termios.buffer);
  bytes.fill(0, CC_OFFSET, CC_OFFSET + 19);
  // At least one byte for each read: with zero, an empty port would look like a hangup.
  bytes[CC_OFFSET + VMIN] = 1;
  bytes[CC_OFFSET + VTIME] = 0;
}
