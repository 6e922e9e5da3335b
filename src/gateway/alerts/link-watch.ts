import type { Clock, Timer } from "../../clock.ts";
import type { CoreBus } from "../../events/core.ts";
import type { Logger } from "../../log/logger.ts";
import type { LinkStatus } from "../../mesh/link-status.ts";

export interface LinkWatchDeps {
  readonly clock: Clock;
  readonly bus: CoreBus;
  readonly log: Logger;
  links(): readonly Pick<LinkStatus, "name" | "state" | "reason">[];
  /** Seconds without the link after which an alert is raised; 0: never. */
  downAfterS(): number;
}

/** Raises an alert for each radio link that has been down for long, and clears it when the link is up. */
export class LinkWatch {
  /** By the link's name, from when it went down until it is up. */
  readonly #down = new Map<string, Timer>();
  #subscription: { dispose(): void } | null = null;

  constructor(private readonly deps: LinkWatchDeps) {}

  start(): void {
    this.#subscription = this.deps.bus.on("link_state", (link) => this.#see(link));
    for (const link of this.deps.links()) this.#see(link);
  }

  stop(): void {
    this.#subscription?.dispose();
    for (const timer of this.#down.values()) timer.cancel();
    this.#down.clear();
  }

  #see({ name, state }: Pick<LinkStatus, "name" | "state">): void {
    const waiting = this.#down.get(name);
    if (state === "up") {
      waiting?.cancel();
      if (this.#down.delete(name)) this.deps.bus.emit("alert_cleared", { code: "link_down", link: name });
      return;
    }
    const seconds = this.deps.downAfterS();
    if (waiting !== undefined || seconds === 0) return;
    this.#down.set(
      name,
      this.deps.clock.after(seconds * 1000, () => this.#raise(name, seconds)),
    );
  }

  #raise(link: string, seconds: number): void {
    // Without the advice in brackets, which the status has: this goes on the air.
    const reason = this.deps
      .links()
      .find(({ name }) => name === link)
      ?.reason?.split(" (", 1)[0];
    const message = `no radio link ${link} for ${duration(seconds)}${reason === undefined ? "" : `: ${reason}`}`;
    this.deps.log.error(message);
    this.deps.bus.emit("alert", { code: "link_down", message, link });
  }
}

function duration(seconds: number): string {
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
