import type { Clock, Timer } from "../../../clock.ts";
import { fail, ok, type Result } from "../../../errors.ts";
import type { Logger } from "../../../log/logger.ts";
import type { DeferredWrite } from "../../../storage/core.ts";
import type { OutMessage } from "../message/message.ts";
import type { OutboxStore } from "./store.ts";

export interface JournalDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Milliseconds between commits, except the first after a pause and those of emergencies. */
  readonly intervalMs: number;
  soon(run: () => void): void;
  /** Something was committed: parts may leave now. */
  stored(): void;
  /** It could not be stored and is not to be sent. */
  lost(message: OutMessage): void;
}

/**
 * Brings changed messages into their rows, many with one commit. Packet ids have their commit before they are used; what
 * happened to a part may be up to a second old, for after a crash it is sent again under the same id.
 */
export class Journal {
  /** New, or with a new packet id: written with the next commit. */
  readonly #urgent = new Set<OutMessage>();
  /** Otherwise changed: a second later most have come to rest, and are written once. */
  readonly #changed = new Set<OutMessage>();
  readonly #waiting = new Map<OutMessage, (stored: Result<null>) => void>();
  readonly #writers: { readonly urgent: DeferredWrite; readonly changed: DeferredWrite };
  #due = false;
  #timer: Timer | null = null;
  #committedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly store: OutboxStore,
    private readonly deps: JournalDeps,
  ) {
    const save = (messages: Set<OutMessage>) => {
      for (const message of messages) store.save(message);
    };
    this.#writers = {
      urgent: { write: () => save(this.#urgent), written: () => this.#stored() },
      changed: { patient: true, write: () => save(this.#changed), written: () => this.#changed.clear() },
    };
  }

  get isDirty(): boolean {
    return this.#urgent.size > 0 || this.#changed.size > 0;
  }

  /** It changed: written after a second, or with the next commit if bytes wait for that. */
  touch(message: OutMessage): void {
    if (this.#urgent.has(message)) return;
    const isUrgent = !message.idsStored;
    if (isUrgent) this.#changed.delete(message);
    (isUrgent ? this.#urgent : this.#changed).add(message);
    this.store.database.later(isUrgent ? this.#writers.urgent : this.#writers.changed);
  }

  /** A new message; resolves when it is committed, or will never be. */
  add(message: OutMessage): Promise<Result<null>> {
    return new Promise((resolve) => {
      this.#waiting.set(message, resolve);
      this.touch(message);
    });
  }

  /** Commits at the end of this turn, or when the interval since the last commit is over. */
  commitSoon(): void {
    if (this.#due) return;
    this.#due = true;
    const wait = this.#committedAt + this.deps.intervalMs - this.deps.clock.monotonic();
    if (wait <= 0) this.deps.soon(() => this.#commitDue());
    else this.#timer = this.deps.clock.after(wait, () => this.#commitDue());
  }

  /** Commits what bytes wait for; `full`: it is on the disk on return. A failure is logged, and what was new is given up or sent from memory. */
  commit(level: "normal" | "full"): void {
    const { database } = this.store;
    try {
      if (level === "full") database.withFull(() => undefined);
      else database.write(() => undefined);
    } catch (thrown) {
      this.deps.log.error("the outbox could not be stored", { error: thrown, messages: this.#urgent.size });
      this.#failed();
    }
  }

  /** Brings every change into its row now. */
  settle(): void {
    if (this.#urgent.size > 0) this.commit("normal");
    if (this.#changed.size > 0) this.store.database.flush();
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#due = false;
    this.settle();
  }

  #stored(): void {
    for (const message of this.#urgent) {
      message.stored = true;
      message.idsStored = true;
      this.#waiting.get(message)?.(ok(null));
      this.#waiting.delete(message);
    }
    this.#urgent.clear();
    this.#committedAt = this.deps.clock.monotonic();
    this.deps.stored();
  }

  #commitDue(): void {
    this.#timer = null;
    if (!this.#due) return;
    this.#due = false;
    if (this.#urgent.size > 0) this.commit("normal");
  }

  #failed(): void {
    for (const [message, resolve] of [...this.#waiting]) {
      this.#waiting.delete(message);
      if (message.request.priority === "emergency") {
        // Nothing holds up an emergency: it goes from memory, and into its row when the disk is well again.
        message.idsStored = true;
        resolve(ok(null));
        continue;
      }
      this.deps.lost(message);
      this.#urgent.delete(message);
      resolve(
        fail("unavailable", "the message could not be stored and will not be sent", {
          hint: "see the gateway's log: the disk may be full",
        }),
      );
    }
    this.deps.stored();
  }
}
