/**
 * The byte connection to one radio. Serial, TCP and the simulated mesh look the same to the link;
 * test/mesh/transport-contract.ts checks what each must do.
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
   * device, refused, used by another program), `timeout` (its own deadline, {@link OPEN_DEADLINE_MS}) or `cancelled`
   * (`signal`), never throws, and leaves nothing open behind a failure. `events` are silent until it has resolved.
   */
  open(events: ConnectionEvents, signal?: AbortSignal): Promise<Result<Connection>>;
  /** Names the device behind `target`; null while there is none. Absent: it has no device that may go away. */
  device?(): string | null;
}

/** Called by the transport, never from inside open, write or close. */
export interface ConnectionEvents {
  /** Received bytes, split anywhere. The receiver may keep the array. Never called after `closed`. */
  data(bytes: Uint8Array): void;
  /** Called exactly once for an opened connection, whichever side ended it. */
  closed(end: ConnectionEnd): void;
}

/**
 * `local`: by close(). `remote`: the other side closed it. `stalled`: a write passed its deadline, so the peer may have part
 * of a frame and the connection cannot be used any longer. `error`: the operating system reported an error.
 */
export interface ConnectionEnd {
  readonly by: "local" | "remote" | "stalled" | "error";
  readonly error?: GatewayError;
}

export interface Connection {
  /**
   * Queues bytes, in order, and resolves once the operating system has all of them. Never blocks the event loop. The bytes
   * are copied or written before it returns. Fails with `rate_limited` (nothing was queued: the buffer would pass
   * {@link TransportLimits.maxBufferedBytes}), `timeout` (the peer took nothing for too long; the connection ends as `stalled`) or
   * `link_down` (closed before or meanwhile).
   */
  write(bytes: Uint8Array): Promise<Result<null>>;
  /**
   * Waits for queued bytes for at most {@link CLOSE_FLUSH_MS}, then closes. Resolves when the descriptor is free and
   * `closed` was called. Idempotent.
   */
  close(): Promise<void>;
}

export interface TransportLimits {
  /** Bytes that write accepted and the operating system does not have yet. */
  readonly maxBufferedBytes: number;
  /** A queued write that takes longer means that the peer has stalled. */
  readonly writeDeadlineMs: number;
}

export const DEFAULT_TRANSPORT_LIMITS: TransportLimits = { maxBufferedBytes: 64 * 1024, writeDeadlineMs: 10_000 };
export const OPEN_DEADLINE_MS = 10_000;
export const CLOSE_FLUSH_MS = 500;

export interface TransportDeps {
  readonly clock: Clock;
  readonly limits?: Partial<TransportLimits>;
}
