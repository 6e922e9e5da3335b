import type { Clock, Timer } from "../clock.ts";
import { asGatewayError, fail, ok, type Result } from "../errors.ts";
import { inBackground } from "../log/background.ts";
import type { Logger } from "../log/logger.ts";
import { readTls, stampOf, type Tls, type TlsFiles } from "./access/tls.ts";

/** How often the files of the certificate are looked at. */
const LOOK_EVERY_MS = 30_000;
const WARN_BEFORE_MS = 7 * 24 * 3_600_000;

type Server = ReturnType<typeof Bun.serve>;

export interface ListenerDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** What is wrong with the certificate; null: nothing. */
  onTrouble(trouble: string | null): void;
  /** Opens the server, with TLS where there is a certificate. Throws what Bun.serve throws. */
  open(port: number, tls: Tls | null): Server;
}

/** The listening server, and its change to a new certificate while it runs. Connections that are open go on with the old one. */
export class Listener {
  #server: Server | null = null;
  /** The one before, whose connections may still be open. */
  #before: Server | null = null;
  #stamp = "";
  #until = 0;
  #timer: Timer | null = null;
  #trouble: string | null = null;

  constructor(
    private readonly files: TlsFiles | null,
    private readonly deps: ListenerDeps,
  ) {}

  /** Fails when the certificate is wrong; throws what Bun.serve throws. Returns the port. */
  start(port: number): Result<number> {
    const { files } = this;
    const tls = files === null ? ok(null) : readTls(files);
    if (!tls.ok) return tls;
    if (files !== null) this.#stamp = stampOf(files);
    this.#server = this.deps.open(port, tls.value);
    if (tls.value !== null) {
      this.#until = tls.value.until;
      this.#judge();
      this.#wait();
    }
    return ok(this.#server.port ?? port);
  }

  /** Reads the certificate again. With `isAsked` it is said that nothing changed. */
  reload(isAsked = false): void {
    const { files, deps } = this;
    if (files === null || this.#server === null) return;
    const stamp = stampOf(files);
    if (stamp === this.#stamp && !isAsked) {
      this.#judge();
      return;
    }
    const tls = readTls(files);
    this.#stamp = stamp;
    const changed = tls.ok ? this.#change(tls.value) : tls;
    if (changed.ok) {
      deps.log.info("the certificate was read again", { valid_until: new Date(this.#until).toISOString() });
      this.#judge();
    } else this.#tell(`${changed.error.summary()}; the certificate before is still used`);
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    const servers = [this.#server, this.#before];
    this.#server = null;
    this.#before = null;
    await Promise.all(servers.map((server) => server?.stop(true)));
  }

  /** The port is free for a moment only between two statements, in which nothing else of this process runs. */
  #change(tls: Tls): Result<null> {
    const old = this.#server;
    const port = old?.port;
    if (old === null || port === undefined) return ok(null);
    for (const [server, force] of [
      [this.#before, true],
      [old, false],
    ] as const) {
      if (server !== null) inBackground(this.deps.log, "closing the server with the old certificate", server.stop(force));
    }
    this.#before = old;
    try {
      this.#server = this.deps.open(port, tls);
      this.#until = tls.until;
      return ok(null);
    } catch (cause) {
      return fail("conflict", `the port cannot be opened again: ${asGatewayError(cause).message}`, { cause, hint: "restart the gateway" });
    }
  }

  #wait(): void {
    this.#timer = this.deps.clock.after(LOOK_EVERY_MS, () => {
      this.reload();
      this.#wait();
    });
  }

  #judge(): void {
    const left = this.#until - this.deps.clock.now();
    if (left > WARN_BEFORE_MS) this.#tell(null);
    else if (left < 0) this.#tell("the certificate of api.tls has expired: replace its files, they are read again by themselves");
    else this.#tell(`the certificate of api.tls ends on ${new Date(this.#until).toISOString().slice(0, 10)}: replace its files`);
  }

  #tell(trouble: string | null): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    if (trouble !== null) this.deps.log.error(trouble);
    this.deps.onTrouble(trouble);
  }
}
