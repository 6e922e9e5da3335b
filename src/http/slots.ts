/** Bounds how many requests run at the same time, for one plugin and for all, and how many wait. First come, first served. */
export class Slots {
  readonly #running = new Map<string, number>();
  #total = 0;
  #waiting: { plugin: string; grant: () => void }[] = [];

  constructor(private readonly limits: { readonly perPlugin: number; readonly total: number; readonly waitingPerPlugin: number }) {}

  /** Resolves to the release function in turn; to `full` if too many wait, to `aborted` if the signal aborts. */
  acquire(plugin: string, signal: AbortSignal): Promise<(() => void) | "full" | "aborted"> {
    if (signal.aborted) return Promise.resolve("aborted");
    if (this.#free(plugin)) return Promise.resolve(this.#take(plugin));
    if (this.#waiting.filter((waiter) => waiter.plugin === plugin).length >= this.limits.waitingPerPlugin) return Promise.resolve("full");
    return new Promise((resolve) => {
      const abort = () => {
        this.#waiting = this.#waiting.filter((other) => other !== waiter);
        resolve("aborted");
      };
      const waiter = {
        plugin,
        grant: () => {
          signal.removeEventListener("abort", abort);
          resolve(this.#take(plugin));
        },
      };
      this.#waiting.push(waiter);
      signal.addEventListener("abort", abort, { once: true });
    });
  }

  get running(): number {
    return this.#total;
  }

  #free(plugin: string): boolean {
    return this.#total < this.limits.total && (this.#running.get(plugin) ?? 0) < this.limits.perPlugin;
  }

  #take(plugin: string): () => void {
    this.#running.set(plugin, (this.#running.get(plugin) ?? 0) + 1);
    this.#total++;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const left = (this.#running.get(plugin) ?? 1) - 1;
      if (left === 0) this.#running.delete(plugin);
      else this.#running.set(plugin, left);
      this.#total--;
      this.#next();
    };
  }

  #next(): void {
    const waiter = this.#waiting.find(({ plugin }) => this.#free(plugin));
    if (waiter === undefined) return;
    this.#waiting = this.#waiting.filter((other) => other !== waiter);
    waiter.grant();
  }
}
