import { BROADCAST } from "../ids.ts";
import type { MessageStatus, OutboxRequest } from "../outgoing.ts";

/** How far a text got. `reached`: its destination acknowledged it, or, on a channel, it went on the air. */
export type Reach = "pending" | "reached" | "failed";

/** One text that must arrive, and the ways to send it, in the order of trying. */
export interface UrgentText {
  readonly ways: Iterator<OutboxRequest>;
  /** Of the messages by which it was sent so far, one for each way. */
  readonly ids: string[];
  reach: Reach;
  /** Called when `reach` changes. An acknowledgement that comes after `failed` still changes it. */
  readonly changed: () => void;
}

/** Texts whose fate is followed at most; the oldest are no longer followed. */
const FOLLOWED_MAX = 1_000;

/**
 * Sends texts that must arrive. Where the outbox refuses one way or reports that it failed, the next is tried, until one
 * arrives or none is left.
 */
export class UrgentTexts {
  /** By the outbox's id. An earlier way stays, because it may be acknowledged late. */
  readonly #followed = new Map<string, UrgentText>();

  /** `send` queues a text and gives its id; null when it could not be queued. */
  constructor(private readonly send: (request: OutboxRequest) => string | null) {}

  /** Starts with the first way that can be queued; without any the text has failed. */
  start(text: UrgentText): void {
    if (!this.#tryNext(text)) this.#move(text, "failed");
  }

  /**
   * Goes on with a text of the last run, whose `ids` are those of its messages, `statuses` what became of them, and `ways` what is
   * left to try.
   */
  resume(text: UrgentText, statuses: readonly Pick<MessageStatus, "id" | "state" | "to">[]): void {
    for (const id of text.ids) this.#followed.set(id, text);
    for (const status of statuses) this.report(status);
  }

  /** The outbox reports about one of its messages. */
  report({ id, state, to }: Pick<MessageStatus, "id" | "state" | "to">): void {
    const text = this.#followed.get(id);
    if (text === undefined || text.reach === "reached") return;
    const isReached = state === "delivered" || (to === BROADCAST && (state === "sent" || state === "relayed"));
    if (isReached) this.#move(text, "reached");
    else if (state === "failed" && text.reach === "pending" && !this.#tryNext(text)) this.#move(text, "failed");
  }

  #tryNext(text: UrgentText): boolean {
    for (let way = text.ways.next(); way.done !== true; way = text.ways.next()) {
      const id = this.send(way.value);
      if (id === null) continue;
      text.ids.push(id);
      this.#followed.set(id, text);
      for (const oldest of this.#followed.keys()) {
        if (this.#followed.size <= FOLLOWED_MAX) break;
        this.#followed.delete(oldest);
      }
      return true;
    }
    return false;
  }

  #move(text: UrgentText, reach: Reach): void {
    if (text.reach === reach) return;
    text.reach = reach;
    text.changed();
  }
}
