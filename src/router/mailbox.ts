import type { Clock } from "../clock.ts";

export interface MailboxLimits {
  /** Concurrent calls of one plugin. */
  readonly inFlight: number;
  /** Waiting calls of one plugin. */
  readonly waiting: number;
  /** Waiting calls of one plugin about one sender's messages. */
  readonly waitingPerSender: number;
  /** Waiting calls of one plugin about strangers' messages, all together: their numbers can be invented. */
  readonly waitingStrangers: number;
  /** A call that waited longer than this is not made, ms. */
  readonly patienceMs: number;
}

const LIMITS: MailboxLimits = { inFlight: 8, waiting: 64, waitingPerSender: 8, waitingStrangers: 32, patienceMs: 60_000 };

interface Waiting {
  readonly since: number;
  readonly isStranger: boolean;
  start(): void;
  giveUp(): void;
}

interface Box {
  readonly busy: Set<number>;
  /** By sender, in the order in which senders are served. */
  readonly queues: Map<number, Waiting[]>;
  waiting: number;
  strangers: number;
}

/** `run` false: the task was not run, because too many wait or it waited too long. */
export type Posted<T> = { readonly run: true; readonly value: T } | { readonly run: false };

/**
 * One mailbox for each plugin. Calls are bounded in number; one sender has one call at a time, so that order is kept, and
 * senders are served round robin. A plugin that hangs fills only its own mailbox, and a flooding sender only its share.
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

  /** How many calls were not made. */
  get overflows(): number {
    return this.#overflows;
  }

  depth(plugin: string): { readonly inFlight: number; readonly waiting: number } {
    const box = this.#boxes.get(plugin);
    return { inFlight: box?.busy.size ?? 0, waiting: box?.waiting ?? 0 };
  }

  /** Runs `task` when the limits allow; if they do now, it is started before this returns. `task` must end by its own deadline. */
  post<T>(plugin: string, sender: number, task: () => Promise<T>, isStranger = false): Promise<Posted<T>> {
    const box = this.#boxes.get(plugin) ?? { busy: new Set(), queues: new Map(), waiting: 0, strangers: 0 };
    this.#boxes.set(plugin, box);
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#overflows++;
        resolve({ run: false });
      };
      const start = () => {
        box.busy.add(sender);
        Promise.try(task)
          .then((value) => resolve({ run: true, value }), reject)
          .then(() => this.#ended(plugin, box, sender))
          .catch(reject);
      };
      if (!box.busy.has(sender) && box.busy.size < this.#limits.inFlight) {
        start();
        return;
      }
      const queue = box.queues.get(sender) ?? [];
      const { waiting, waitingPerSender, waitingStrangers } = this.#limits;
      if (box.waiting >= waiting || queue.length >= waitingPerSender || (isStranger && box.strangers >= waitingStrangers)) {
        giveUp();
        return;
      }
      queue.push({ since: this.clock.monotonic(), isStranger, start, giveUp });
      box.queues.set(sender, queue);
      box.waiting++;
      if (isStranger) box.strangers++;
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
      if (queue.length > 0) box.queues.set(sender, queue); // to the end of the round
      if (next === undefined) continue;
      box.waiting--;
      if (next.isStranger) box.strangers--;
      if (this.clock.monotonic() - next.since > this.#limits.patienceMs) next.giveUp();
      else next.start();
      return true;
    }
    return false;
  }
}
