import type { Socket } from "bun";
import type { Clock } from "../../clock.ts";
import { asGatewayError, fail, GatewayError, ok, type Result } from "../../errors.ts";
import {
  CLOSE_FLUSH_MS,
  type Connection,
  type ConnectionEnd,
  type ConnectionEvents,
  DEFAULT_TRANSPORT_LIMITS,
  OPEN_DEADLINE_MS,
  type Transport,
  type TransportDeps,
  type TransportLimits,
} from "./port.ts";
import { WriteQueue } from "./write-queue.ts";

/** A radio with Wi-Fi or Ethernet, or a simulated one that is served on a port. */
export class TcpTransport implements Transport {
  readonly type = "tcp";
  readonly target: string;
  readonly #limits: TransportLimits;

  constructor(
    private readonly host: string,
    private readonly port: number,
    private readonly deps: TransportDeps,
  ) {
    this.target = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
    this.#limits = { ...DEFAULT_TRANSPORT_LIMITS, ...deps.limits };
  }

  async open(events: ConnectionEvents, signal?: AbortSignal): Promise<Result<Connection>> {
    if (signal?.aborted) return fail("cancelled", "cancelled before it was opened", { where: this.target });
    const connection = new TcpConnection(this.deps.clock, this.#limits, this.target, events);
    const connecting = Bun.connect({ hostname: this.host, port: this.port, socket: connection.handlers });
    const { promise: givenUp, resolve: giveUp } = Promise.withResolvers<Result<never>>();
    const onAbort = () => giveUp(fail("cancelled", "cancelled while it was opened", { where: this.target }));
    signal?.addEventListener("abort", onAbort, { once: true });
    const timer = this.deps.clock.after(OPEN_DEADLINE_MS, () => {
      giveUp(fail("timeout", `no answer within ${OPEN_DEADLINE_MS / 1000} s`, { where: this.target, hint: "check address and network" }));
    });
    try {
      const outcome = await Promise.race([connecting, givenUp]);
      if (!("ok" in outcome)) return ok(connection.opened(outcome));
      // The caller no longer waits: a late connection is closed, a late failure ignored.
      connecting.then(
        (socket) => socket.terminate(),
        () => {},
      );
      return outcome;
    } catch (thrown) {
      return fail("link_down", `cannot connect: ${inWords(thrown)}`, {
        where: this.target,
        hint: "check that the node is on, its network is enabled, and host and port are right",
        cause: thrown,
      });
    } finally {
      timer.cancel();
      signal?.removeEventListener("abort", onAbort);
    }
  }
}

class TcpConnection implements Connection {
  #socket: Socket<undefined> | null = null;
  /** What the system has not yet taken of the current write. */
  #rest: { bytes: Uint8Array; done: (error?: GatewayError) => void } | null = null;
  #why: ConnectionEnd | null = null;
  #closing: Promise<void> | null = null;
  readonly #gone = Promise.withResolvers<void>();
  readonly #queue: WriteQueue;

  constructor(
    private readonly clock: Clock,
    limits: TransportLimits,
    private readonly target: string,
    private readonly events: ConnectionEvents,
  ) {
    this.#queue = new WriteQueue({
      clock,
      limits,
      where: target,
      send: (bytes, done) => {
        this.#rest = { bytes, done };
        // In a microtask, so that writes of the same turn leave in one packet.
        queueMicrotask(() => this.#flush());
      },
      onStalled: (error) => {
        this.#why ??= { by: "stalled", error };
        this.#socket?.terminate();
      },
    });
  }

  readonly handlers = {
    data: (_socket: Socket<undefined>, bytes: Uint8Array) => this.events.data(bytes),
    drain: () => this.#flush(),
    end: (socket: Socket<undefined>) => void socket.end(),
    error: (_socket: Socket<undefined>, error: Error) => {
      this.#why ??= { by: "error", error: this.#down(error.message, error) };
    },
    close: () => this.#closed(),
    // Bun.connect rejects as well; this only keeps it from being reported twice.
    connectError: () => {},
  };

  opened(socket: Socket<undefined>): this {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 30_000);
    return this;
  }

  write(bytes: Uint8Array): Promise<Result<null>> {
    return this.#queue.push(bytes);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#queue.flushed(CLOSE_FLUSH_MS);
    this.#why ??= { by: "local" };
    this.#socket?.end();
    // A peer that does not close its side must not keep the descriptor.
    const timer = this.clock.after(CLOSE_FLUSH_MS, () => this.#socket?.terminate());
    await this.#gone.promise;
    timer.cancel();
  }

  #flush(): void {
    const rest = this.#rest;
    if (rest === null || this.#socket === null) return;
    const written = this.#socket.write(rest.bytes);
    if (written < 0) return;
    rest.bytes = rest.bytes.subarray(written);
    if (rest.bytes.length > 0) return;
    this.#rest = null;
    rest.done();
  }

  #closed(): void {
    // Also comes for a connection that never opened.
    if (this.#socket === null) return;
    this.#queue.end(this.#down("the connection is closed"));
    queueMicrotask(() => {
      this.events.closed(this.#why ?? { by: "remote" });
      this.#gone.resolve();
    });
  }

  #down(message: string, cause?: unknown): GatewayError {
    return new GatewayError("link_down", message, { where: this.target, cause });
  }
}

function inWords(thrown: unknown): string {
  const { message, cause } = asGatewayError(thrown);
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "ECONNREFUSED") return "nobody listens there";
  return code === "ENOTFOUND" || code === "EAI_AGAIN" ? "the host's name is not known" : message;
}
