/** A realm's engine that runs in the debugger's process: what it is given is sent there, and its host functions are called from there. */
import { writeSync } from "node:fs";
import type { EngineOrder, Entry, Ran, RealmEngine } from "../../host/engine/realm-engine.ts";
import { OPS } from "../../sdk/boundary/ops.ts";

/** What comes from the process. */
export type Wire =
  | readonly ["ready"]
  | readonly ["host", realm: number, operation: number, text: string]
  | readonly ["ran", realm: number, problem: string | null];

export interface EngineLink {
  send(line: readonly unknown[]): void;
  /** The process waits for it. */
  answer(value: unknown): void;
  forget(): void;
}

/** Beside the operations of a realm: the time of the host. */
const CLOCK = -1;

export class InspectedEngine implements RealmEngine {
  readonly hasJobs = false;
  /** Opening it is the first thing that it is given. */
  #waits = 1;
  #dead: string | null = null;

  constructor(
    private readonly number: number,
    private readonly order: EngineOrder,
    private readonly link: EngineLink,
  ) {}

  get dead(): string | null {
    return this.#dead;
  }

  get isBusy(): boolean {
    return this.#waits > 0 && this.#dead === null;
  }

  call(entry: Entry, text: string): Ran {
    return this.#give(["call", this.number, entry, text]);
  }

  /** From the author's own files: the bundle was only checked. */
  load(): Ran {
    return this.#give(["load", this.number]);
  }

  runJobs(): Ran {
    return { ok: true, text: "0" };
  }

  hasRoom(): boolean {
    return true;
  }

  heapBytes(): number {
    return 0;
  }

  close(): void {
    this.link.forget();
  }

  /** The process is gone. */
  end(why: string): void {
    this.#dead = why;
    this.order.rested();
  }

  take(wire: Exclude<Wire, readonly ["ready"]>): void {
    if (wire[0] === "host") {
      const [, , operation, text] = wire;
      this.link.answer(this.#host(operation, text));
      return;
    }
    if (wire[2] !== null) this.order.host(OPS.fault, wire[2]);
    this.#waits -= 1;
    if (this.#waits === 0) this.order.rested();
  }

  #host(operation: number, text: string): unknown {
    if (operation === CLOCK) return String(this.order.now?.() ?? Date.now());
    const answer = this.order.host(operation, text);
    return answer instanceof Uint8Array ? { bytes: Buffer.from(answer).toString("base64") } : (answer ?? null);
  }

  #give(line: readonly unknown[]): Ran {
    if (this.#dead !== null) return { ok: false, kind: "dead", text: this.#dead };
    this.#waits += 1;
    this.link.send(line);
    return { ok: true, text: null };
  }
}

const PAUSE = new Int32Array(new SharedArrayBuffer(4));

/** Writes all of a text to a pipe, which the other side is reading. */
export function writeAll(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (thrown) {
      const code = thrown instanceof Error && "code" in thrown ? thrown.code : "";
      if (code === "EPIPE") return; // The process is gone, and its end says so.
      if (code !== "EAGAIN") throw thrown;
      Atomics.wait(PAUSE, 0, 0, 1);
    }
  }
}
