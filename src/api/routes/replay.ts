/** The last events as they were sent, for clients that come back. */
export interface SentEvent {
  readonly seq: number;
  readonly name: string;
  /** Counted until the text is asked for, of events of the mesh, which are small and many: most texts are never made. */
  readonly expected?: number;
  /** As it is sent: a text has a size that is known, a parsed value may need fifty times as much. */
  readonly text: string;
  /** As those get it who learn positions roughly; the same text where it holds none. */
  readonly rounded: string;
}

export interface ReplayLimits {
  readonly events: number;
  /** Of all texts together. */
  readonly characters: number;
}

/** Together less than what may wait for one client, so that a replay never counts as reading too slowly. */
export const REPLAY_LIMITS: ReplayLimits = { events: 256, characters: 128 * 1024 };
export const PLUGIN_REPLAY_LIMITS: ReplayLimits = { events: 128, characters: 96 * 1024 };

/** What plugins announce displaces only what plugins announced, never the gateway's own events. */
export class Replay {
  readonly #own = new Ring(REPLAY_LIMITS);
  readonly #plugins = new Ring(PLUGIN_REPLAY_LIMITS);

  add(event: SentEvent): void {
    (event.name === "plugin_event" ? this.#plugins : this.#own).add(event);
  }

  /** Oldest first. */
  list(): SentEvent[] {
    return [...this.#own.list(), ...this.#plugins.list()].sort((a, b) => a.seq - b.seq);
  }

  /** Characters that are kept. */
  get characters(): number {
    return this.#own.characters + this.#plugins.characters;
  }
}

class Ring {
  readonly kept: SentEvent[] = [];
  characters = 0;

  constructor(private readonly limits: ReplayLimits) {}

  /** The newest whose texts keep to the limit. */
  list(): SentEvent[] {
    let characters = 0;
    const first = this.kept.findLastIndex(({ text }) => {
      characters += text.length;
      return characters > this.limits.characters;
    });
    return this.kept.slice(first + 1);
  }

  add(event: SentEvent): void {
    this.kept.push(event);
    this.characters += sizeOf(event);
    while (this.kept.length > this.limits.events || this.characters > this.limits.characters) {
      const oldest = this.kept.shift();
      if (oldest === undefined) return;
      this.characters -= sizeOf(oldest);
    }
  }
}

function sizeOf(event: SentEvent): number {
  return event.expected ?? event.text.length;
}
