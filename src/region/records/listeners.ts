import type { Subscription } from "../../lifetime.ts";
import type { Logger } from "../../log/logger.ts";
import type { RegionRecord } from "../ports.ts";

type Handler = (record: RegionRecord, what: "added" | "removed") => void;

/** Who is told about the records of a stream. A handler that throws is reported, and the others still run. */
export class Listeners {
  readonly #handlers = new Map<string, Set<Handler>>();

  constructor(private readonly log: Logger) {}

  add(stream: string, handler: Handler): Subscription {
    const set = this.#handlers.get(stream) ?? new Set();
    this.#handlers.set(stream, set);
    set.add(handler);
    const dispose = () => {
      set.delete(handler);
      if (set.size === 0 && this.#handlers.get(stream) === set) this.#handlers.delete(stream);
    };
    return { dispose };
  }

  has(stream: string): boolean {
    return this.#handlers.has(stream);
  }

  tell(record: RegionRecord, what: "added" | "removed"): void {
    for (const handler of [...(this.#handlers.get(record.stream) ?? [])]) {
      try {
        handler(record, what);
      } catch (error) {
        this.log.error("a handler of the region's records failed", { error, stream: record.stream });
      }
    }
  }
}
