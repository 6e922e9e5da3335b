/** A pair of terminals that plays a serial port: the gateway opens `path`, the test is at the other end. Linux. */
import { dlopen, FFIType } from "bun:ffi";
import { closeSync, constants, mkdtempSync, openSync, rmSync, symlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setRaw } from "../../src/mesh/transport/termios.ts";

const TIOCSPTLCK = 0x40045431n;
const TIOCGPTN = 0x80045430n;
const FLAGS = constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK | 0o2000000;

function ioctl(descriptor: number, request: bigint, value: Uint32Array): void {
  const { symbols } = dlopen("libc.so.6", { ioctl: { args: [FFIType.i32, FFIType.u64, FFIType.ptr], returns: FFIType.i32 } });
  if (symbols.ioctl(descriptor, request, value) !== 0) throw new Error("no pseudo-terminals here");
}

interface Reader {
  read(): Promise<{ value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

export class Pty {
  /** A name that stays the same over {@link replug}, as that of a USB device does. */
  readonly path: string;
  /** All that was read since it was plugged in. */
  received: Buffer = Buffer.alloc(0);
  /** Called with each piece read. */
  onData: (bytes: Uint8Array) => void = () => {};
  readonly #folder = mkdtempSync(join(tmpdir(), "pty-"));
  #master = -1;
  /** Held open, so that the pair lives on when the gateway closes its side. */
  #keeper = -1;
  #isReading = false;
  #reader: Reader | null = null;

  constructor() {
    this.path = join(this.#folder, "ttyTEST0");
    this.replug();
  }

  /** Plugged out and in again: a new device under the same name. */
  replug(): void {
    this.hangUp();
    this.received = Buffer.alloc(0);
    this.#master = openSync("/dev/ptmx", FLAGS);
    ioctl(this.#master, TIOCSPTLCK, new Uint32Array(1));
    const number = new Uint32Array(1);
    ioctl(this.#master, TIOCGPTN, number);
    const name = `/dev/pts/${number[0]}`;
    this.#keeper = openSync(name, FLAGS);
    if (!setRaw(this.#keeper, 115200)) throw new Error(`cannot set ${name}`);
    rmSync(this.path, { force: true });
    symlinkSync(name, this.path);
    this.#isReading = true;
    void this.#read(Bun.file(this.#master).stream().getReader());
  }

  get isPluggedIn(): boolean {
    return this.#master >= 0;
  }

  async #read(reader: Reader): Promise<void> {
    this.#reader = reader;
    while (this.#isReading && this.#reader === reader) {
      const { value } = await reader.read();
      if (value === undefined) return;
      this.received = Buffer.concat([this.received, value]);
      this.onData(value);
    }
  }

  /** Resolves when all is with the operating system. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let offset = 0; offset < bytes.length; ) {
      try {
        offset += writeSync(this.#master, bytes.subarray(offset, offset + 1024));
      } catch (thrown) {
        if (!(thrown instanceof Error && "code" in thrown && thrown.code === "EAGAIN")) throw thrown;
        await Bun.sleep(1);
      }
    }
  }

  /** Reads no more (but for what is already on its way here). */
  async stall(): Promise<void> {
    this.#isReading = false;
    await this.#reader?.cancel();
  }

  /** Plugged out. Its name goes too: the number behind it may soon be another test's terminal. */
  hangUp(): void {
    rmSync(this.path, { force: true });
    this.#isReading = false;
    void this.#reader?.cancel();
    this.#reader = null;
    for (const descriptor of [this.#master, this.#keeper]) if (descriptor >= 0) closeSync(descriptor);
    this.#master = this.#keeper = -1;
  }

  dispose(): void {
    this.hangUp();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
