import type { Clock } from "../clock.ts";

export interface MailboxLimits {
  /** Calls of one plugin at a time. */
  readonly inFlight: number;
  /** Calls of one plugin that wait. */
  readonly waiting: number;
  /** Of these, from one sender. */
  readonly waitingPerSender: number;
  /** A call that waited longer is not made. */
  readonly patienceMs: number;
}

const LIMITS: MailboxLimits = { inFlight: 8, waiting: 64, waitingPerSender: 8, patienceMs: 60_000 };

interface Waiting {
  readonly since: number;
  start(): void;
  giveUp(): void;
}

interface Box {
  readonly busy: Set<number>;
  /** By sender, in the order of their turns. */
  readonly queues: Map<number, Waiting[]>;
  waiting: number;
}

/** `overloaded`: it was not run, because too many wait. */
export type Posted<T> = { readonly run: true; readonly value: T } | { readonly run: false };

/**
 * One mailbox a plugin: so many calls at a time, one a sender at a time so that order is kept, senders in turns. A plugin
 * that hangs fills its own mailbox and nobody else's; a sender who floods fills his share of it.
 */
export class Mailboxes {
  readonly #boxes = new Map<string, Box>();
  readonly #limits: MailboxLimits;
  #overflows = 0;

  constructor(
    private readonly clock: Clock,
    limits: Partial<MailboxLimits> = {},
  ) {
    this.#limits = { ...LIMITS, ...limits };
  }

  /** How often a call was not made for want of room. */
  get overflows(): number {
    return this.#overflows;
  }

  depth(plugin: string): { readonly inFlight: number; readonly waiting: number } {
    const box = this.#boxes.get(plugin);
    return { inFlight: box?.busy.size ?? 0, waiting: box?.waiting ?? 0 };
  }

  /** Runs `task` when it is its turn; the first is started before this returns. `task` must end by its own deadline. */
  post<T>(plugin: string, sender: number, task: () => Promise<T>): Promise<Posted<T>> {
    const box = this.#boxes.get(plugin) ?? { busy: new Set(), queues: new Map(), waiting: 0 };
    this.#boxes.set(plugin, box);
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#overflows++;
        resolve({ run: false });
      };
      const start = () => {
        box.busy.add(sender);
        const ended = () => this.#ended(plugin, box, sender);
        task()
          .then((value) => resolve({ run: true, value }), reject)
          .then(ended, ended);
      };
      if (!box.busy.has(sender) && box.busy.size < this.#limits.inFlight) {
        start();
        return;
      }
      const queue = box.queues.get(sender) ?? [];
      if (box.waiting >= this.#limits.waiting || queue.length >= this.#limits.waitingPerSender) {
        giveUp();
        return;
      }
      queue.push({ since: this.clock.monotonic(), start, giveUp });
      box.queues.set(sender, queue);
      box.waiting++;
    });
  }

  #ended(plugin: string, box: Box, sender: number): void {
    box.busy.delete(sender);
    while (box.busy.size < this.#limits.inFlight && this.#startNext(box));
    if (box.busy.size === 0 && box.waiting === 0 && this.#boxes.get(plugin) === box) this.#boxes.delete(plugin);
  }

  #startNext(box: Box): boolean {
    for (const [sender, queue] of box.queues) {
      if (box.busy.has(sender)) continue;
      const next = queue.shift();
      box.queues.delete(sender);
      if (queue.length > 0) box.queues.set(sender, queue); // to the end of the turns
      if (next === undefined) continue;
      box.waiting--;
      if (this.clock.monotonic() - next.since > this.#limits.patienceMs) next.giveUp();
      else next.start();
      return true;
    }
    return false;
  }
}
