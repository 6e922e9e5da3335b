/** The far end of one connection to the gateway's node, from the node's side. */
export interface Client {
  /** Bytes to the client. Called from inside Attachment.receive too: a transport defers them. */
  bytes(bytes: Uint8Array): void;
  /** The node hangs up. Called at most once, and not after Attachment.close. */
  hangUp(reason: string): void;
}

/** The client's handle on the node. */
export interface Attachment {
  /** Bytes from the client, in any split. Returns false when nothing is taken now (a silent radio): try again on `ready`. */
  receive(bytes: Uint8Array): boolean;
  /** The client hangs up. Idempotent. */
  close(): void;
  /** `run` is called once, when bytes are taken again. */
  ready(run: () => void): void;
}
