/**
 * All that goes into a realm, as lines of JSON: its events, what the host answers at once, and each reading of the clock; and what
 * comes out, to compare a replay with. The lines leave in pieces. It ends by itself when they grow too large.
 *
 * `["event", ms, event]`, `["load", ms]`: given to the realm. `["service", [name, args], answer]`, `["ask", operation, value,
 * answer]`: answered at once. `["out", operation, value]`: told by the realm. `["clock", [[ms, count], ...]]`: what Date read
 * since the last of these. `["failed", call, error]`: how a call ended that did not end well. `["end", reason]`.
 */
import type { CallNumber } from "../../ids.ts";
import { OPS } from "../../sdk/boundary/ops.ts";
import type { WireError } from "../../sdk/boundary/wire.ts";

/** Characters of one recording. */
export const MAX_RECORDING = 8 * 1024 * 1024;
/** Characters of one piece: with everything escaped it still fits a frame. */
const PIECE = 32 * 1024;
/** Readings of the clock that are kept between two events; a loop that waits for the time makes many. */
const MAX_READINGS = 10_000;

export class RealmRecorder {
  #waiting: string[] = [];
  #size = 0;
  #ended = false;
  #readings: [ms: number, count: number][] = [];

  /** `send` takes a piece; false: not now. */
  constructor(private readonly send: (piece: string) => boolean) {}

  /** `text` is the event's JSON; null loads the module. */
  event(ms: number, text: string | null): void {
    this.#clock();
    this.#line(text === null ? `["load",${ms}]` : `["event",${ms},${text}]`);
  }

  /** The realm called its host. `text` is JSON from the realm, which has been read before. */
  called(operation: number, text: string, answer: string | Uint8Array | undefined): void {
    if (operation === OPS.service) this.#line(`["service",${text},${typeof answer === "string" ? answer : "null"}]`);
    else if (operation === OPS.timer || operation === OPS.pause)
      this.#line(`["ask",${operation},${text},${JSON.stringify(typeof answer === "string" ? answer : null)}]`);
    // Bytes from base64 are the same each time.
    else if (operation !== OPS.bytes) this.#line(`["out",${operation},${text}]`);
  }

  failed(call: CallNumber, error: WireError): void {
    this.#line(`["failed",${call},${JSON.stringify(error)}]`);
  }

  /** Date was read. */
  read(ms: number): void {
    const last = this.#readings.at(-1);
    if (last?.[0] === ms) last[1] += 1;
    else if (this.#readings.length < MAX_READINGS) this.#readings.push([ms, 1]);
  }

  end(reason: string): void {
    if (this.#ended) return;
    this.#clock();
    this.#add(`["end",${JSON.stringify(reason)}]\n`);
    this.#ended = true;
    this.flush();
  }

  /** Sends what waits, as long as it is taken. */
  flush(): void {
    // Whoever takes the recording now gets the readings of the last event, too.
    this.#clock();
    if (this.#waiting.length === 0) return;
    let text = this.#waiting.join("");
    while (text !== "" && this.send(text.slice(0, PIECE))) text = text.slice(PIECE);
    this.#waiting = text === "" ? [] : [text];
  }

  #clock(): void {
    if (this.#readings.length === 0) return;
    const readings = this.#readings;
    this.#readings = [];
    this.#line(`["clock",${JSON.stringify(readings)}]`);
  }

  #line(line: string): void {
    if (this.#ended) return;
    if (this.#size + line.length > MAX_RECORDING) {
      this.end(`the recording is full: ${MAX_RECORDING / 2 ** 20} MB`);
      return;
    }
    this.#add(`${line}\n`);
  }

  #add(line: string): void {
    if (this.#ended) return;
    this.#size += line.length;
    this.#waiting.push(line);
  }
}
