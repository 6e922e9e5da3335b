/**
 * The way to one radio: bytes out, bytes in, and word of the end. Serial, TCP and the simulated mesh are the same to the
 * link above; test/mesh/transport-contract.ts says what each must do.
 */
import type { Clock } from "../../clock.ts";
import type { GatewayError, Result } from "../../errors.ts";
import type { LinkStatus } from "../link-status.ts";

export interface Transport {
  readonly type: LinkStatus["type"];
  /** The device path, host:port, or the count of simulated nodes: for status and log. */
  readonly target: string;
  /**
   * Opens one connection; a transport may be opened again after the last one closed. Fails with `link_down` (no such
   * device, refused, taken by another program), `timeout` (its own deadline, {@link OPEN_DEADLINE_MS}) or `cancelled`
   * (`signal`), never throws, and leaves nothing open behind a failure. `events` are silent until it has resolved.
   */
  open(events: ConnectionEvents, signal?: AbortSignal): Promise<Result<Connection>>;
}

/** Called by the transport, each on a turn of its own, never from inside open, write or close. */
export interface ConnectionEvents {
  /** Bytes as they came, in any split. The array is the receiver's to keep. Never called after `closed`. */
  data(bytes: Uint8Array): void;
  /** Exactly once for an opened connection, whoever ended it. */
  closed(end: ConnectionEnd): void;
}

/**
 * `local`: by close(). `remote`: the other side hung up. `stalled`: a write passed its deadline, so part of a frame may
 * be with the peer and the connection is of no more use. `error`: the operating system said so.
 */
export interface ConnectionEnd {
  readonly by: "local" | "remote" | "stalled" | "error";
  readonly error?: GatewayError;
}

export interface Connection {
  /**
   * Queues bytes, in order, and resolves once all are with the operating system. Never blocks the event loop. The bytes
   * are copied or written before it returns. Fails with `rate_limited` (nothing was taken: the buffer would pass
   * {@link TransportLimits.maxBufferedBytes}), `timeout` (the peer took nothing for too long; the connection ends as `stalled`) or
   * `link_down` (closed before or meanwhile).
   */
  write(bytes: Uint8Array): Promise<Result<null>>;
  /**
   * Tries to get queued bytes out for at most {@link CLOSE_FLUSH_MS}, then closes. Resolves when the descriptor is free
   * and `closed` was called. May be called again, at any time.
   */
  close(): Promise<void>;
}

export interface TransportLimits {
  /** Bytes accepted by write and not yet with the operating system. */
  readonly maxBufferedBytes: number;
  /** A queued write that is not done after this is a stalled peer. */
  readonly writeDeadlineMs: number;
}

export const DEFAULT_TRANSPORT_LIMITS: TransportLimits = { maxBufferedBytes: 64 * 1024, writeDeadlineMs: 10_000 };
export const OPEN_DEADLINE_MS = 10_000;
export const CLOSE_FLUSH_MS = 500;

/** What every transport is made with. */
export interface TransportDeps {
  readonly clock: Clock;
  readonly limits?: Partial<TransportLimits>;
}
