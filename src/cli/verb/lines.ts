import type { Io } from "./verb.ts";

const MAX_LINE = 65_536;

/** Reads standard input line by line, for verbs that ask several questions. */
export class Lines {
  readonly #source: AsyncIterator<Uint8Array | string>;
  readonly #decoder = new TextDecoder();
  #rest = "";
  #ended = false;

  constructor(io: Pick<Io, "stdin">) {
    this.#source = io.stdin[Symbol.asyncIterator]();
  }

  /** The next line without its line break; null at the end. A line of more than 64 KB is cut. */
  async next(): Promise<string | null> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return line.replace(/\r$/, "");
      }
      if (this.#ended || this.#rest.length > MAX_LINE) {
        const last = this.#rest;
        this.#rest = "";
        return last === "" ? null : last;
      }
      const { done, value } = await this.#source.next();
      if (done === true) this.#ended = true;
      else this.#rest += typeof value === "string" ? value : this.#decoder.decode(value, { stream: true });
    }
  }
}
