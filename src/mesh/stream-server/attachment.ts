import type { Result } from "../../errors.ts";

/** A node to which clients attach: the simulated one, or the gateway in the radio's place. */
export interface AttachableNode {
  /** Fails when the node takes no client now. */
  attach(client: Client): Result<Attachment>;
}

/** One client of a node, as the node sees it. */
export interface Client {
  /** Bytes to the client. Called from inside Attachment.receive too: a transport defers them. */
  bytes(bytes: Uint8Array): void;
  /** The node closes the connection. Called at most once, and not after Attachment.close. */
  hangUp(reason: string): void;
}

/** The node, as an attached client sees it. */
export interface Attachment {
  /** Bytes from the client, in any split. Returns false when the radio is silent and takes nothing: try again on `ready`. */
  receive(bytes: Uint8Array): boolean;
  /** The client closes the connection. Idempotent. */
  close(): void;
  /** `run` is called once, when bytes are taken again. */
  ready(run: () => void): void;
}
