/**
 * Runs `start` for each name after all of its needs have been through, a few at a time; names without an order between
 * them go side by side, so that fifty start quickly and one that hangs holds up few. `order` has needs before those who need.
 */
export async function startInOrder(
  order: readonly string[],
  needsOf: (name: string) => readonly string[],
  start: (name: string) => Promise<void>,
  atOnce: number,
): Promise<void> {
  const done = new Map<string, Promise<void>>();
  const slots = new Slots(atOnce);
  for (const name of order) {
    const before = needsOf(name).map((need) => done.get(need));
    done.set(
      name,
      Promise.all(before).then(() => slots.run(() => start(name))),
    );
  }
  await Promise.all(done.values());
}

class Slots {
  readonly #queue: (() => void)[] = [];

  constructor(private free: number) {}

  async run(work: () => Promise<void>): Promise<void> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.#queue.push(resolve));
    try {
      await work();
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.free += 1;
      else next();
    }
  }
}
