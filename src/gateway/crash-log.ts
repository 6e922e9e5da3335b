import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../clock.ts";

const WINDOW_MS = 5 * 60_000;
const LIMIT = 3;

/**
 * Records starts that were not followed by an orderly stop. Three of them in five minutes mean that something, probably
 * a plugin, crashes the gateway: it then starts with the bundled plugins only.
 */
export class CrashLog {
  readonly #path: string;
  #starts: number[];
  #begun = false;

  constructor(
    private readonly dataDir: string,
    private readonly clock: Clock,
  ) {
    this.#path = join(dataDir, "starts.json");
    this.#starts = this.#read();
  }

  tooMany(): boolean {
    return this.#starts.filter((at) => this.clock.now() - at < WINDOW_MS).length >= LIMIT;
  }

  begin(): void {
    this.#begun = true;
    this.#starts = [...this.#starts, this.clock.now()].slice(-10);
    this.#write();
  }

  /** After an orderly stop. */
  end(): void {
    rmSync(this.#path, { force: true });
  }

  /** The gateway refused to start: its own start, if it was recorded, is no crash. Earlier crashes stay. */
  takeBack(): void {
    if (!this.#begun) return;
    this.#begun = false;
    this.#starts = this.#starts.slice(0, -1);
    if (this.#starts.length === 0) this.end();
    else this.#write();
  }

  #write(): void {
    mkdirSync(this.dataDir, { recursive: true, mode: 0o700 });
    writeFileSync(this.#path, JSON.stringify(this.#starts));
  }

  #read(): number[] {
    try {
      const read: unknown = JSON.parse(readFileSync(this.#path, "utf8"));
      return Array.isArray(read) ? read.filter((at): at is number => typeof at === "number" && at <= this.clock.now()) : [];
    } catch {
      // No file: the last stop was orderly. A damaged file is ignored, so that it cannot prevent a start.
      return [];
    }
  }
}
