/** `dev` as a child process that a test talks with, and the inspector's protocol. */
import { FROM_SOURCE } from "../gateway/harness.ts";

const DEADLINE_MS = 60_000;

export class DevSession {
  output = "";
  #from = 0;
  readonly child;
  readonly #collected: Promise<unknown>;

  constructor(dir: string, args: readonly string[], env: Readonly<Record<string, string>> = {}, program: readonly string[] = FROM_SOURCE) {
    this.child = Bun.spawn([...program, "dev", ...args], {
      cwd: dir,
      env: { PATH: process.env.PATH ?? "", HOME: dir, TMPDIR: dir, ...env },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.#collected = Promise.all([this.#collect(this.child.stdout), this.#collect(this.child.stderr)]);
  }

  async type(line: string): Promise<void> {
    this.child.stdin.write(`${line}\n`);
    await this.child.stdin.flush();
  }

  /** Waits for it in what was shown since the last time; what the first group, or the whole, matched. */
  async sees(what: RegExp): Promise<string> {
    const end = performance.now() + DEADLINE_MS;
    while (performance.now() < end) {
      const found = what.exec(this.output.slice(this.#from));
      if (found !== null) {
        this.#from += found.index + found[0].length;
        return found[1] ?? found[0];
      }
      await Bun.sleep(20);
    }
    throw new Error(`not seen: ${what}\n${this.output}`);
  }

  /** By `quit`; its exit code. */
  async quit(): Promise<number> {
    await this.type("quit");
    const code = await this.child.exited;
    await this.#collected;
    return code;
  }

  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.exited;
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) this.output += decoder.decode(chunk, { stream: true });
  }
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly [key: string]: unknown };
  readonly result?: { readonly [key: string]: unknown };
  readonly error?: unknown;
}

/** A debugger, as VS Code and Chrome are. */
export class DebuggerClient {
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, (message: Message) => void>();
  readonly #events: Message[] = [];
  #next = 1;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(String(data)) as Message;
      if (message.id === undefined) this.#events.push(message);
      else this.#answers.get(message.id)?.(message);
    };
  }

  static async connect(url: string): Promise<DebuggerClient> {
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    return new DebuggerClient(socket);
  }

  async send(method: string, params: object = {}): Promise<{ readonly [key: string]: unknown }> {
    const id = this.#next++;
    const answered = new Promise<Message>((resolve) => this.#answers.set(id, resolve));
    this.#socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await answered;
    if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result ?? {};
  }

  /** The next event of this name, from those that came since the last one. */
  async event(method: string): Promise<{ readonly [key: string]: unknown }> {
    const end = performance.now() + DEADLINE_MS;
    while (performance.now() < end) {
      const at = this.#events.findIndex((each) => each.method === method);
      const [found] = at < 0 ? [] : this.#events.splice(0, at + 1).slice(-1);
      if (found !== undefined) return found.params ?? {};
      await Bun.sleep(10);
    }
    throw new Error(`no ${method}`);
  }

  close(): void {
    this.#socket.close();
  }
}
