/** What else waits comes first. */
export function pause(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** Long work in pieces: a file of strangers must not hold up what else the process does. */
export class Pauses {
  #done = 0;

  /** After so many units of work something else comes first. */
  constructor(private readonly after: number) {}

  /** Resolves when the next piece may begin. */
  async spend(units: number): Promise<void> {
    this.#done += units;
    if (this.#done < this.after) return;
    this.#done = 0;
    await pause();
  }
}
