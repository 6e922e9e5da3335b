import type { Clock, Timer } from "../../../clock.ts";
import { fail, ok, type Result } from "../../../errors.ts";
import { markHop } from "../../../hops.ts";
import type { Logger } from "../../../log/logger.ts";
import type { DeferredWrite } from "../../../storage/core.ts";
import type { OutMessage } from "../message/message.ts";
import type { OutboxStore } from "./store.ts";

export interface JournalDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Milliseconds between commits. Emergencies, and the first message after a pause, are committed at once. */
  readonly intervalMs: number;
  soon(run: () => void): void;
  /** Packet ids were committed: parts may be sent now. */
  stored(): void;
  /** The change of a message that was urgent is committed, or the disk is full: others may be told. */
  told(message: OutMessage): void;
  /** A message could not be stored and must not be sent. */
  lost(message: OutMessage): void;
}

/**
 * Writes changed messages to their rows, many with one commit. Packet ids are committed before they are used. The state of
 * a part may be stored a second late: after a crash it is sent again under the same id, which does no harm.
 */
export class Journal {
  /** New, with a new packet id, or with something that others are told once it is stored. Written with the next commit. */
  readonly #urgent = new Set<OutMessage>();
  /** Changed in another way. Written a second later, when most have stopped changing. */
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

  /** Notes a change: it is written after a second, or with the next commit if a new packet id waits for that. */
  touch(message: OutMessage): void {
    if (this.#urgent.has(message)) return;
    const isUrgent = !message.idsStored || message.untold.length > 0;
    if (isUrgent) this.#changed.delete(message);
    (isUrgent ? this.#urgent : this.#changed).add(message);
    this.store.database.later(isUrgent ? this.#writers.urgent : this.#writers.changed);
  }

  /** Adds a new message. Resolves when it is committed, or can no longer be. */
  add(message: OutMessage): Promise<Result<null>> {
    return new Promise((resolve) => {
      this.#waiting.set(message, resolve);
      this.touch(message);
    });
  }

  /** Commits after the current work, or when the interval since the last commit is over. */
  commitSoon(): void {
    if (this.#due) return;
    this.#due = true;
    const wait = this.#committedAt + this.deps.intervalMs - this.deps.clock.monotonic();
    if (wait <= 0) this.deps.soon(() => this.#commitDue());
    else this.#timer = this.deps.clock.after(wait, () => this.#commitDue());
  }

  /**
   * Commits new packet ids; with `full` they are on the disk on return. A failure is logged: new messages are given up, and
   * messages that were stored before are sent from memory.
   */
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

  /** Writes every change now. */
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
    markHop("stored");
    for (const message of this.#urgent) {
      message.stored = true;
      message.idsStored = true;
      this.#waiting.get(message)?.(ok(null));
      this.#waiting.delete(message);
    }
    const stored = [...this.#urgent];
    this.#urgent.clear();
    for (const message of stored) this.deps.told(message);
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
    for (const message of this.#urgent) this.deps.told(message);
    this.deps.stored();
  }
}
