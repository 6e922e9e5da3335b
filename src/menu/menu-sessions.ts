import type { Clock } from "../clock.ts";
import type { NodeNumber } from "../mesh/ids.ts";
import type { MenuPlace } from "./items.ts";

/** Where a node is in the menus. */
export interface MenuSession {
  /** From the main menu down; the last one is shown. Never empty. */
  readonly stack: MenuPlace[];
  page: number;
  usedAt: number;
  /** Words in a row that chose nothing. */
  wrong: number;
}

/** One menu session for each node. It ends when idle; the least recently used are dropped to make room. */
export class MenuSessions {
  readonly #sessions = new Map<NodeNumber, MenuSession>();
  readonly counters = { opened: 0, closed: 0, expired: 0, evicted: 0 };

  constructor(
    private readonly clock: Clock,
    /** Read at each use. */
    private readonly limits: { readonly idleS: number },
    private readonly max: number,
  ) {}

  /** The node's open session. */
  get(node: NodeNumber): MenuSession | undefined {
    this.#expire();
    return this.#sessions.get(node);
  }

  /** The session was used now, if it is still open. */
  used(node: NodeNumber): void {
    const session = this.#sessions.get(node);
    if (session === undefined) return;
    session.usedAt = this.clock.monotonic();
    session.wrong = 0;
    this.#sessions.delete(node);
    this.#sessions.set(node, session);
  }

  open(node: NodeNumber, place: MenuPlace): MenuSession {
    this.#expire();
    this.#sessions.delete(node);
    const session: MenuSession = { stack: [place], page: 0, usedAt: this.clock.monotonic(), wrong: 0 };
    this.#sessions.set(node, session);
    this.counters.opened++;
    for (const oldest of this.#sessions.keys()) {
      if (this.#sessions.size <= this.max) break;
      this.#sessions.delete(oldest);
      this.counters.evicted++;
    }
    return session;
  }

  close(node: NodeNumber): void {
    if (this.#sessions.delete(node)) this.counters.closed++;
  }

  get size(): number {
    this.#expire();
    return this.#sessions.size;
  }

  /** The map is in order of use, so idle sessions come first. */
  #expire(): void {
    const now = this.clock.monotonic();
    for (const [node, session] of this.#sessions) {
      if (now - session.usedAt < this.limits.idleS * 1000) break;
      this.#sessions.delete(node);
      this.counters.expired++;
    }
  }
}
