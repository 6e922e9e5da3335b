import type { Clock } from "../../../src/clock.ts";
import { fail, ok, type Result } from "../../../src/errors.ts";
import { BROADCAST } from "../../../src/mesh/ids.ts";
import type { LinkStatus } from "../../../src/mesh/link-status.ts";
import type { OutgoingText, QueueReport, Radio, RoutingReport } from "../../../src/mesh/radio.ts";
import { LINK } from "../../api/fake-control.ts";
import { OWN } from "../outbox-support.ts";

/** The firmware drops a text that comes sooner after the one before. */
const TEXT_LIMIT_MS = 2_000;
/** A frozen radio's link is given up within this time. */
const DETECTED_MS = 50_000;

interface OnAir {
  readonly packetId: number;
  readonly text: string;
  readonly at: number;
}

/** How likely each trouble is, for one text. */
export interface Odds {
  readonly full: number;
  readonly reportLost: number;
  readonly unreachable: number;
  readonly ackLost: number;
  readonly lateAck: number;
  readonly noKey: number;
}

export const ODDS: Odds = { full: 0.04, reportLost: 0.03, unreachable: 0.05, ackLost: 0.08, lateAck: 0.1, noKey: 0.02 };

/**
 * A radio as the firmware behaves, with faults: it drops texts that come too soon while it says that it took them, ignores ids
 * that it knows, forgets them and its queue at a reboot, freezes with a full pipe, loses reports and acks.
 */
export class FaultyRadio {
  readonly name = "base";
  /** What other nodes heard, each id once: the mesh ignores repetitions. */
  readonly air: OnAir[] = [];
  /** Texts that arrived at their destination. */
  readonly arrived = new Set<string>();
  readonly #aired = new Set<number>();
  readonly #known = new Set<number>();
  #pipe: (() => void)[] = [];
  #frozen = false;
  #epoch = 0;
  #lastTextAt = Number.NEGATIVE_INFINITY;
  #state: LinkStatus["state"] = "up";
  /** The gateway's process that is attached now. */
  #process: Process | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly chance: () => number,
    private readonly odds: Odds = ODDS,
  ) {}

  /** The radio as a new process of the gateway sees it; one that was there before hears nothing any more. */
  attach(): Radio {
    this.#process = new Process(this);
    return this.#process;
  }

  status(): LinkStatus {
    return { ...LINK, name: this.name, state: this.#state, ownNode: OWN };
  }

  write(text: OutgoingText): Result<null> {
    if (this.#state !== "up") return fail("link_down", "down");
    this.#deliver(() => this.#receive(text));
    return ok(null);
  }

  probe(): void {
    if (this.#state === "up") this.#deliver(() => this.#report(0, 0));
  }

  /** Frozen with an open connection. What is in the pipe is taken when it wakes, or gone with it. */
  freeze(ms: number, losesPipe: boolean): void {
    if (this.#frozen) return;
    this.#frozen = true;
    const epoch = this.#epoch;
    const connection = this.#pipe;
    if (ms > DETECTED_MS) this.clock.after(DETECTED_MS, () => this.#move("waiting"));
    this.clock.after(ms, () => {
      this.#frozen = false;
      if (losesPipe || epoch !== this.#epoch) connection.length = 0;
      if (losesPipe) {
        this.reboot(3_000); // it was without power
        return;
      }
      for (const step of this.#pipe.splice(0)) step();
      this.clock.after(3_000, () => this.#move("up"));
    });
  }

  reboot(ms: number): void {
    this.#epoch++;
    this.#known.clear();
    this.#pipe = [];
    this.#move("waiting");
    this.clock.after(ms, () => this.#move("up"));
  }

  /** The connection alone is lost. */
  cut(ms: number): void {
    this.#pipe = [];
    this.#move("waiting");
    this.clock.after(ms, () => this.#move("up"));
  }

  /** Something that the gateway must not believe. */
  lie(): void {
    const some = this.air.at(-1)?.packetId ?? 1;
    this.#route(some, [5, 9, 38][Math.floor(this.chance() * 3)] ?? 5, 0x99);
    this.#route(Math.floor(this.chance() * 2 ** 32), 39, OWN);
    this.#report(Math.floor(this.chance() * 2 ** 32), 32);
  }

  #move(state: LinkStatus["state"]): void {
    if (state === "up" && this.#frozen) return;
    if (state === this.#state) return;
    this.#state = state;
    this.#process?.tellState(this.status());
  }

  #deliver(step: () => void): void {
    if (this.#frozen) this.#pipe.push(step);
    else this.clock.after(20, step);
  }

  #receive(text: OutgoingText): void {
    if (this.#state !== "up" && !this.#frozen) return;
    const now = this.clock.monotonic();
    if (now - this.#lastTextAt < TEXT_LIMIT_MS) {
      this.#report(text.packetId, 0);
      this.#route(text.packetId, 38, OWN);
      return;
    }
    if (this.#known.has(text.packetId)) return;
    this.#lastTextAt = now;
    this.#known.add(text.packetId);
    if (this.chance() < this.odds.full) {
      this.#report(text.packetId, 32);
      return;
    }
    if (text.to !== BROADCAST && this.chance() < this.odds.noKey) {
      this.#report(text.packetId, 39);
      return;
    }
    if (this.chance() >= this.odds.reportLost) this.#report(text.packetId, 0);
    const epoch = this.#epoch;
    this.clock.after(500 + this.chance() * 1_500, () => {
      if (epoch === this.#epoch) this.#transmit(text);
    });
  }

  #transmit(text: OutgoingText): void {
    if (this.chance() < 0.7) this.#report(text.packetId, 0);
    if (!this.#aired.has(text.packetId)) this.air.push({ packetId: text.packetId, text: text.text, at: this.clock.monotonic() });
    this.#aired.add(text.packetId);
    if (text.to !== BROADCAST) this.#direct(text);
  }

  #direct(text: OutgoingText): void {
    const isReached = this.chance() >= this.odds.unreachable;
    if (isReached) this.arrived.add(text.text);
    if (!text.wantAck) return;
    if (this.chance() < 0.3) this.clock.after(800, () => this.#route(text.packetId, 0, OWN));
    if (!isReached || this.chance() < this.odds.ackLost) this.clock.after(21_000, () => this.#route(text.packetId, 5, OWN));
    else
      this.clock.after(this.chance() < this.odds.lateAck ? this.chance() * 600_000 : 2_000, () => this.#route(text.packetId, 0, text.to));
  }

  #report(packetId: number, res: number): void {
    if (this.#state === "up") this.#process?.tellQueue({ link: this.name, packetId, res, free: 10, maxlen: 16 });
  }

  #route(packetId: number, errorReason: number, from: number): void {
    if (this.#state === "up") this.#process?.tellRouting({ link: this.name, packetId, errorReason, from });
  }
}

class Process implements Radio {
  readonly name = "base";
  readonly #states = new Set<(status: LinkStatus) => void>();
  readonly #queues = new Set<(report: QueueReport) => void>();
  readonly #routings = new Set<(report: RoutingReport) => void>();

  constructor(private readonly radio: FaultyRadio) {}

  status = () => this.radio.status();
  sendText = async (text: OutgoingText) => this.radio.write(text);
  probe = () => this.radio.probe();
  onMessage = () => ({ dispose: () => {} });
  onState = (listener: (status: LinkStatus) => void) => subscribe(this.#states, listener);
  onQueue = (listener: (report: QueueReport) => void) => subscribe(this.#queues, listener);
  onRouting = (listener: (report: RoutingReport) => void) => subscribe(this.#routings, listener);
  start(): void {}
  async stop(): Promise<void> {}

  tellState(status: LinkStatus): void {
    for (const listener of this.#states) listener(status);
  }
  tellQueue(report: QueueReport): void {
    for (const listener of this.#queues) listener(report);
  }
  tellRouting(report: RoutingReport): void {
    for (const listener of this.#routings) listener(report);
  }
}

function subscribe<T>(listeners: Set<T>, listener: T) {
  listeners.add(listener);
  return { dispose: () => void listeners.delete(listener) };
}
