/** Values that take turns: the one that was served goes behind all others. */
export class Turns<K, V> {
  readonly #values = new Map<K, V>();

  get size(): number {
    return this.#values.size;
  }

  get(key: K): V | undefined {
    return this.#values.get(key);
  }

  /** A new value takes the last place in the round. */
  getOrAdd(key: K, make: () => V): V {
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.#values.set(key, made);
    return made;
  }

  delete(key: K): void {
    this.#values.delete(key);
  }

  /** Asks the values in order until one serves something; that one goes to the end of the round. */
  pick<T>(serve: (value: V) => T | null): T | null {
    for (const [key, value] of this.#values) {
      const served = serve(value);
      if (served === null) continue;
      this.#values.delete(key);
      this.#values.set(key, value);
      return served;
    }
    return null;
  }

  [Symbol.iterator](): Iterator<V> {
    return this.#values.values();
  }
}
