/**
 * A binding for `@serialport/stream` with Bun's own functions: the usual native addon aborts the process under Bun and
 * could not be embedded in a compiled binary.
 */
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { GatewayError } from "../../errors.ts";
import { discard, getSpeed, lock, setRaw, unlock } from "./termios.ts";

/** How long to wait before writing to a full port again; there is no event for "has room again". */
const RETRY_FIRST_MS = 1;
const RETRY_MAX_MS = 32;
const O_CLOEXEC = 0o2000000;

interface Reader {
  read(): Promise<{ value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/** The stream's options that are used: a radio's port is always 8N1 without flow control, and opened exclusively. */
export interface SerialOptions {
  readonly path: string;
  readonly baudRate: number;
}

/** In the shape of `BindingInterface` of `@serialport/bindings-interface`, whose types cannot be resolved under its export map. */
export const serialBinding = {
  open: async (options: SerialOptions): Promise<SerialPort> => new SerialPort(options),
  /** Not used: discover.ts lists ports, with more details than this interface has. */
  list: async (): Promise<{ path: string }[]> => [],
};

/** The interface expects errors with `canceled` when close() interrupts a call. */
class Canceled extends GatewayError {
  readonly canceled = true;
  constructor(path: string) {
    super("cancelled", "the port was closed", { where: path });
  }
}

class SerialPort {
  isOpen = true;
  readonly #descriptor: number;
  readonly #reader: Reader;
  /** Read from the port and not yet asked for. */
  #spare: Uint8Array = new Uint8Array();
  #wake: (() => void) | null = null;

  constructor(readonly openOptions: SerialOptions) {
    this.#descriptor = openDevice(openOptions.path, openOptions.baudRate);
    this.#reader = Bun.file(this.#descriptor).stream().getReader();
  }

  async read(buffer: Buffer, offset: number, length: number): Promise<{ buffer: Buffer; bytesRead: number }> {
    if (this.#spare.length === 0) {
      const { value } = await this.#reader.read();
      if (!this.isOpen) throw new Canceled(this.openOptions.path);
      // The stream ends when the device is unplugged.
      if (value === undefined) throw hangup(this.openOptions.path);
      this.#spare = value;
    }
    const bytesRead = Math.min(length, this.#spare.length);
    buffer.set(this.#spare.subarray(0, bytesRead), offset);
    this.#spare = this.#spare.subarray(bytesRead);
    return { buffer, bytesRead };
  }

  async write(buffer: Buffer): Promise<void> {
    let pause = RETRY_FIRST_MS;
    for (let offset = 0; offset < buffer.length; ) {
      if (!this.isOpen) throw new Canceled(this.openOptions.path);
      const written = this.#writeSome(buffer.subarray(offset));
      offset += written;
      if (written > 0) pause = RETRY_FIRST_MS;
      else await this.#pause(pause);
      pause = Math.min(pause * 2, RETRY_MAX_MS);
    }
  }

  #writeSome(bytes: Uint8Array): number {
    try {
      return writeSync(this.#descriptor, bytes);
    } catch (thrown) {
      if (codeOf(thrown) === "EAGAIN") return 0;
      throw hangup(this.openOptions.path, thrown);
    }
  }

  /** Cut short by close(). */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async close(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#wake?.();
    unlock(this.#descriptor);
    await this.#reader.cancel();
    closeSync(this.#descriptor);
  }

  async update(options: { baudRate: number }): Promise<void> {
    if (!setRaw(this.#descriptor, options.baudRate)) throw badSpeed(this.openOptions.path, options.baudRate);
  }

  async getBaudRate(): Promise<{ baudRate: number }> {
    return { baudRate: getSpeed(this.#descriptor) ?? this.openOptions.baudRate };
  }

  async flush(): Promise<void> {
    discard(this.#descriptor);
  }

  // The modem lines are left alone: radios use them for reset and boot, and the system raises them at open.
  async set(): Promise<void> {}

  async get(): Promise<{ cts: boolean; dsr: boolean; dcd: boolean }> {
    return { cts: false, dsr: false, dcd: false };
  }

  // Writes resolve when the system has the bytes; the transport sets their deadline.
  async drain(): Promise<void> {}
}

function openDevice(path: string, baudRate: number): number {
  const descriptor = openPath(path);
  try {
    if (!lock(descriptor)) {
      throw new GatewayError("link_down", "another program uses this port", {
        where: path,
        hint: `find it with "fuser ${path}" and close it, or take another port`,
      });
    }
    if (!setRaw(descriptor, baudRate)) throw badSpeed(path, baudRate);
    return descriptor;
  } catch (thrown) {
    unlock(descriptor);
    closeSync(descriptor);
    throw thrown;
  }
}

function openPath(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOCTTY | O_CLOEXEC);
  } catch (thrown) {
    const code = codeOf(thrown);
    const [message, hint] = OPEN_ERRORS[code] ?? [`cannot open the port (${code})`, "check the device and its cable"];
    throw new GatewayError("link_down", message, { where: path, hint, cause: thrown });
  }
}

const OPEN_ERRORS: Readonly<Record<string, readonly [message: string, hint: string]>> = {
  ENOENT: ["there is no such device", "plug the radio in, or correct `device`; `zephyrgate doctor` lists the ports"],
  ENXIO: ["there is no such device", "plug the radio in, or correct `device`; `zephyrgate doctor` lists the ports"],
  ENODEV: ["there is no such device", "plug the radio in, or correct `device`; `zephyrgate doctor` lists the ports"],
  EACCES: ["no permission to open this port", 'add the user to the group that owns it, most often "dialout"'],
  EPERM: ["no permission to open this port", 'add the user to the group that owns it, most often "dialout"'],
  EBUSY: ["another program uses this port", "close that program, or take another port"],
  EISDIR: ["this is a folder, not a serial port", "correct `device`"],
};

function badSpeed(path: string, baudRate: number): GatewayError {
  const hint = "is it a serial port at all? A radio's speed is 115200";
  return new GatewayError("link_down", `cannot be set to ${baudRate} baud`, { where: path, hint });
}

function hangup(path: string, cause?: unknown): GatewayError {
  return new GatewayError("link_down", "the device is gone", { where: path, hint: "check the radio's cable and power", cause });
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && "code" in thrown ? String(thrown.code) : "unknown";
}
