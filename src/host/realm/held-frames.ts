/** What a realm says in a step in which it stored data: it leaves the host once the data are committed, and not as it was meant when they are not. */
import type { RequestNumber } from "../../ids.ts";
import type { WireError } from "../../sdk/boundary/wire.ts";
import type { RealmFrame } from "./frame.ts";

export interface HeldFramesDeps {
  send(frame: RealmFrame): void;
  /** A request that is not sent. */
  refuse(request: RequestNumber, error: WireError): void;
}

export class HeldFrames {
  readonly #held: RealmFrame[] = [];

  constructor(private readonly deps: HeldFramesDeps) {}

  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  hold(frame: RealmFrame): void {
    this.#held.push(frame);
  }

  release(): void {
    for (const frame of this.#held.splice(0)) this.deps.send(frame);
  }

  /** Nothing was stored: no request is made and no result is good. True when a result said so. */
  fail(error: WireError): boolean {
    let isTold = false;
    for (const frame of this.#held.splice(0)) {
      if (frame.t === "request") this.deps.refuse(frame.request, error);
      else if (frame.t === "result") {
        isTold = true;
        this.deps.send({ ...frame, outcome: { ok: false, cause: "threw", error, cpuMs: frame.outcome.cpuMs } });
      } else if (frame.t === "opened") {
        isTold = true;
        this.deps.send({ ...frame, error: frame.error ?? error });
      } else this.deps.send(frame);
    }
    return isTold;
  }
}
