/** Whoever opens closes. */
export interface Subscription {
  /** Ends it; a second call does nothing. */
  dispose(): void;
}

type Closer = () => void | Promise<void>;

/** What was opened in order is closed in reverse, each once; a closer that fails is reported and the rest still run. */
export class Lifetime {
  readonly #closers: { what: string; close: Closer }[] = [];

  constructor(private readonly onFault: (what: string, thrown: unknown) => void) {}

  add(what: string, close: Closer): void {
    this.#closers.push({ what, close });
  }

  async close(): Promise<void> {
    for (let entry = this.#closers.pop(); entry !== undefined; entry = this.#closers.pop()) {
      try {
        await entry.close();
      } catch (thrown) {
        this.onFault(entry.what, thrown);
      }
    }
  }
}
