/** Which messages of one sender were taken: each at most once, in any order within the window, whatever the clocks say. */
const WINDOW = 1024;

export class ReplayWindow {
  readonly #seen = new Set<number>();
  #boot: number;
  #highest: number;
  /** Up to this number nothing is taken. */
  #floor: number;

  /** Continues after `number` of start `boot`: what came before it was taken, or is lost. */
  constructor(boot = 0, number = 0) {
    this.#boot = boot;
    this.#highest = number;
    this.#floor = number;
  }

  get boot(): number {
    return this.#boot;
  }

  get highest(): number {
    return this.#highest;
  }

  /** Whether it is new; it is then taken. */
  take(boot: number, number: number): boolean {
    if (boot < this.#boot) return false;
    if (boot > this.#boot) this.#begin(boot);
    if (number <= this.#floor || this.#seen.has(number)) return false;
    this.#seen.add(number);
    this.#highest = Math.max(this.#highest, number);
    if (this.#seen.size > WINDOW) this.#narrow();
    return true;
  }

  #begin(boot: number): void {
    this.#boot = boot;
    this.#highest = 0;
    this.#floor = 0;
    this.#seen.clear();
  }

  /** Forgets the older half, from which on nothing is taken any longer. */
  #narrow(): void {
    const numbers = [...this.#seen].sort((a, b) => a - b);
    this.#floor = numbers[numbers.length >> 1] ?? this.#floor;
    for (const number of numbers) if (number <= this.#floor) this.#seen.delete(number);
  }
}
