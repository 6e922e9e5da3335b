import type { Socket } from "bun";
import { fail, ok, type Result } from "../../errors.ts";
import type { Logger } from "../../log/logger.ts";
import type { AttachableNode, Attachment } from "./attachment.ts";

/** A client is disconnected when this many bytes wait for it. */
const MAX_PENDING = 256 * 1024;
/** How many bytes a client may send while the node takes nothing, before it is disconnected. */
const MAX_HELD = 64 * 1024;

/**
 * How clients of the stream API begin: with a frame (94 C3), or with the bytes that wake a radio (C3, or 94). A web page in
 * the operator's browser can make requests to this port and put frames into their bodies; none of its bytes may count.
 */
const FIRST_BYTES: ReadonlySet<number | undefined> = new Set([0x94, 0xc3]);

/** How long a client has to close its own side after the node closed the connection, s. */
const LINGER_S = 5;

export interface StreamServer {
  readonly port: number;
  /** Closes the port and every connection. Idempotent. */
  stop(): void;
}

export interface ServeOptions {
  /** 0 chooses a free one. */
  readonly port: number;
  /** Loopback when absent: the stream API has no password. */
  readonly host?: string;
  readonly log?: Logger;
}

/** Serves a node's stream API on a TCP port. The node decides how many clients it takes. Fails with `unavailable`. */
export function serveStream(node: AttachableNode, options: ServeOptions): Result<StreamServer> {
  const open = new Set<SocketClient>();
  const hostname = options.host ?? "127.0.0.1";
  try {
    const listener = Bun.listen<SocketClient>({
      hostname,
      port: options.port,
      socket: {
        open(socket) {
          const client = new SocketClient(socket, options.log);
          socket.data = client;
          open.add(client);
          const attached = node.attach(client);
          if (attached.ok) client.attachment = attached.value;
          else client.hangUp(attached.error.message);
        },
        data: (socket, bytes) => socket.data.receive(new Uint8Array(bytes)),
        drain: (socket) => socket.data.flush(),
        close(socket) {
          open.delete(socket.data);
          socket.data.attachment?.close();
        },
        timeout: (socket) => void socket.terminate(),
        error: (socket, error) => socket.data.hangUp(error.message),
      },
    });
    const stop = () => {
      listener.stop(true);
      for (const client of open) client.hangUp("the server stops");
    };
    return ok({ port: listener.port, stop });
  } catch (thrown) {
    const where = `${hostname}:${options.port}`;
    const hint = "the port may be in use: choose another one, or 0 for a free one";
    return fail("unavailable", "the stream API cannot listen", { where, hint, cause: thrown });
  }
}

/** One TCP connection to the node. Buffers what the socket does not take yet. */
class SocketClient {
  attachment: Attachment | null = null;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #isOver = false;
  #hasBegun = false;

  constructor(
    private readonly socket: Socket<SocketClient>,
    private readonly log: Logger | undefined,
  ) {}

  bytes(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pending.length === 1) queueMicrotask(() => this.flush());
    if (this.#pendingBytes > MAX_PENDING) this.#drop("it reads too slowly");
  }

  /** Sends what the node wrote last, then closes. */
  hangUp(reason: string): void {
    if (this.#isOver) return;
    this.flush();
    this.#isOver = true;
    this.log?.info("a connection of a client was closed", { reason });
    this.socket.end();
    this.socket.timeout(LINGER_S);
  }

  receive(bytes: Uint8Array): void {
    if (this.#isOver) return;
    if (!this.#hasBegun && !FIRST_BYTES.has(bytes[0])) {
      this.#drop("it does not begin as a Meshtastic program does");
      return;
    }
    this.#hasBegun = true;
    if (this.#heldBytes === 0 && this.attachment?.receive(bytes) !== false) return;
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > MAX_HELD) this.#drop("it sends while the node is silent");
    else if (this.#held.length === 1) this.attachment?.ready(() => this.#release());
  }

  flush(): void {
    if (this.#isOver || this.#pendingBytes === 0) return;
    const bytes = new Uint8Array(Buffer.concat(this.#pending));
    const written = Math.max(this.socket.write(bytes), 0);
    const rest = bytes.subarray(written);
    this.#pending = rest.length === 0 ? [] : [rest];
    this.#pendingBytes = rest.length;
  }

  #release(): void {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const bytes of held) this.receive(bytes);
  }

  #drop(reason: string): void {
    this.#isOver = true;
    this.log?.warn("a client was disconnected", { reason });
    this.attachment?.close();
    this.socket.terminate();
  }
}
