import { statSync } from "node:fs";
import { SerialPortStream } from "@serialport/stream";
import type { Clock } from "../../clock.ts";
import { asGatewayError, fail, GatewayError, ok, type Result } from "../../errors.ts";
import {
  CLOSE_FLUSH_MS,
  type Connection,
  type ConnectionEnd,
  type ConnectionEvents,
  DEFAULT_TRANSPORT_LIMITS,
  type Transport,
  type TransportDeps,
  type TransportLimits,
} from "./port.ts";
import { serialBinding } from "./serial-binding.ts";
import { WriteQueue } from "./write-queue.ts";

type Port = SerialPortStream<typeof serialBinding>;

/** A radio on a serial port or USB. Opening does not block, so it needs no deadline. */
export class SerialTransport implements Transport {
  readonly type = "serial";
  readonly target: string;
  readonly #limits: TransportLimits;

  constructor(
    device: string,
    private readonly baudRate: number,
    private readonly deps: TransportDeps,
  ) {
    this.target = device;
    this.#limits = { ...DEFAULT_TRANSPORT_LIMITS, ...deps.limits };
  }

  /** A device that was plugged out and in again has the same path and another inode. */
  device(): string | null {
    try {
      const { ino, rdev } = statSync(this.target);
      return `${ino}/${rdev}`;
    } catch {
      return null;
    }
  }

  async open(events: ConnectionEvents, signal?: AbortSignal): Promise<Result<Connection>> {
    if (signal?.aborted) return fail("cancelled", "cancelled before it was opened", { where: this.target });
    const port: Port = new SerialPortStream({
      binding: serialBinding,
      path: this.target,
      baudRate: this.baudRate,
      autoOpen: false,
    });
    const failure = await new Promise<Error | null>((resolve) => port.open(resolve));
    if (failure !== null) return { ok: false, error: asGatewayError(failure, "link_down") };
    return ok(new SerialConnection(port, this.deps.clock, this.#limits, events));
  }
}

class SerialConnection implements Connection {
  #why: ConnectionEnd | null = null;
  #isGone = false;
  #closing: Promise<void> | null = null;
  readonly #gone = Promise.withResolvers<void>();
  readonly #queue: WriteQueue;

  constructor(
    private readonly port: Port,
    clock: Clock,
    limits: TransportLimits,
    private readonly events: ConnectionEvents,
  ) {
    this.#queue = new WriteQueue({
      clock,
      limits,
      where: port.path,
      send: (bytes, done) => void port.write(bytes, (error) => done(error ? this.#down(error.message, error) : undefined)),
      onStalled: (error) => {
        this.#why ??= { by: "stalled", error };
        this.#closePort();
      },
    });
    port.on("data", (bytes: Buffer) => {
      if (!this.#isGone) events.data(new Uint8Array(bytes));
    });
    // The stream reports a failed write both here and to the write; the port cannot be used after either.
    port.on("error", (error: Error) => {
      this.#why ??= { by: "error", error: this.#down(error.message, error) };
      this.#closePort();
    });
    port.on("close", () => this.#closed());
  }

  write(bytes: Uint8Array): Promise<Result<null>> {
    return this.#queue.push(bytes);
  }

  close(): Promise<void> {
    this.#closing ??= this.#queue.flushed(CLOSE_FLUSH_MS).then(() => {
      this.#why ??= { by: "local" };
      this.#closePort();
      return this.#gone.promise;
    });
    return this.#closing;
  }

  #closePort(): void {
    if (this.port.isOpen) this.port.close();
  }

  /** Called by the port when its descriptor is closed, and again by the stream when an error destroyed it. */
  #closed(): void {
    if (this.#isGone || this.port.port?.isOpen) return;
    this.#isGone = true;
    this.#queue.end(this.#down("the port is closed"));
    queueMicrotask(() => {
      this.events.closed(this.#why ?? { by: "remote" });
      this.#gone.resolve();
    });
  }

  #down(message: string, cause?: unknown): GatewayError {
    return new GatewayError("link_down", message, { where: this.port.path, cause });
  }
}
