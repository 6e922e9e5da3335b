/** How much of one plugin's room others may take: calls that wait there, by who caused them. */

interface Line {
  all: number;
  readonly by: Map<string, number>;
}

/** A realm takes 64 calls: what plugins send one another must leave room for the mesh, and one sender room for the others. */
export class AdmissionLimit {
  readonly #limit = new Map<string, Line>();

  constructor(
    private readonly maxAll: number,
    private readonly maxEach: number,
  ) {}

  /** False: there is no room. What was taken is given back by {@link leave}. */
  enter(target: string, from: string): boolean {
    const line = this.#limit.get(target) ?? { all: 0, by: new Map() };
    const own = line.by.get(from) ?? 0;
    if (line.all >= this.maxAll || own >= this.maxEach) return false;
    line.all += 1;
    line.by.set(from, own + 1);
    this.#limit.set(target, line);
    return true;
  }

  leave(target: string, from: string): void {
    const line = this.#limit.get(target);
    const own = line?.by.get(from) ?? 0;
    if (line === undefined || own === 0) return;
    line.all -= 1;
    if (own === 1) line.by.delete(from);
    else line.by.set(from, own - 1);
    if (line.all === 0) this.#limit.delete(target);
  }
}
