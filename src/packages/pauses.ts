/** Lets the other work of the event loop run. */
export function pause(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** Splits long work into pieces, so that a large file from a stranger does not block the process. */
export class Pauses {
  #done = 0;

  /** Units of work between two pauses. */
  constructor(private readonly after: number) {}

  /** Resolves when the next piece may begin. */
  async spend(units: number): Promise<void> {
    this.#done += units;
    if (this.#done < this.after) return;
    this.#done = 0;
    await pause();
  }
}
