/** How much a realm may send in a second. More is refused or counted, and never passed on. */
import type { Clock, Timer } from "../../clock.ts";
import { isRecord } from "./output.ts";

const LINES_PER_SECOND = 100;
const FAULTS_PER_SECOND = 20;
const REQUESTS_PER_SECOND = 2000;
const REQUESTS_IN_FLIGHT = 256;
/** All that initialize() registers may be on its way at once: 200 of each of seven kinds, beside other requests. */
const REGISTRATIONS_IN_FLIGHT = 1792;
const REGISTRATIONS_PER_KIND = 200;

export interface Refusal {
  readonly message: string;
  readonly code: "rate_limited" | "quota_exceeded";
  /** The first refusal of a second counts against the plugin. */
  readonly strike: boolean;
}

interface Window {
  since: number;
  lines: number;
  faults: number;
  requests: number;
  struck: boolean;
}

export class Limits {
  readonly #registrations = new Map<number, string>();
  #window: Window = { since: 0, lines: 0, faults: 0, requests: 0, struck: false };
  #report: Timer | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly say: (level: "warn", message: string) => void,
  ) {
    this.#window.since = clock.monotonic();
  }

  takeLine(): boolean {
    const window = this.#now();
    window.lines += 1;
    if (window.lines > LINES_PER_SECOND) this.#reportLater();
    return window.lines <= LINES_PER_SECOND;
  }

  takeFault(): boolean {
    const window = this.#now();
    window.faults += 1;
    if (window.faults > FAULTS_PER_SECOND) this.#reportLater();
    return window.faults <= FAULTS_PER_SECOND;
  }

  /** Why a request is not passed on, or null. Counts registrations. */
  refuse(operation: string, args: unknown, inFlight: number): Refusal | null {
    const window = this.#now();
    window.requests += 1;
    const most = operation === "register" || operation === "dispose" ? REGISTRATIONS_IN_FLIGHT : REQUESTS_IN_FLIGHT;
    if (window.requests > REQUESTS_PER_SECOND || inFlight >= most) {
      const strike = !window.struck;
      window.struck = true;
      const message = inFlight >= most ? `${most} requests wait for their answer` : `more than ${REQUESTS_PER_SECOND} requests in a second`;
      return { message, code: "rate_limited", strike };
    }
    return isRecord(args) ? this.#register(operation, args) : null;
  }

  close(): void {
    this.#report?.cancel();
  }

  #register(operation: string, args: { readonly [key: string]: unknown }): Refusal | null {
    if (operation === "dispose" && typeof args.registration === "number") this.#registrations.delete(args.registration);
    if (operation !== "register" || typeof args.id !== "number" || typeof args.kind !== "string") return null;
    let same = 0;
    for (const kind of this.#registrations.values()) if (kind === args.kind) same += 1;
    if (same >= REGISTRATIONS_PER_KIND) {
      return { message: `a plugin has at most ${REGISTRATIONS_PER_KIND} registrations of a kind`, code: "quota_exceeded", strike: false };
    }
    this.#registrations.set(args.id, args.kind);
    return null;
  }

  #now(): Window {
    const now = this.clock.monotonic();
    if (now - this.#window.since >= 1000) {
      this.#flush();
      this.#window = { since: now, lines: 0, faults: 0, requests: 0, struck: false };
    }
    return this.#window;
  }

  #reportLater(): void {
    this.#report ??= this.clock.after(1000, () => this.#now());
  }

  #flush(): void {
    this.#report?.cancel();
    this.#report = null;
    const lines = this.#window.lines - LINES_PER_SECOND;
    const faults = this.#window.faults - FAULTS_PER_SECOND;
    if (lines > 0) this.say("warn", `${lines} more log lines in a second were dropped`);
    if (faults > 0) this.say("warn", `${faults} more errors in a second were dropped`);
  }
}
