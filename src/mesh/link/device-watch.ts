import type { Clock, Timer } from "../../clock.ts";
import type { Transport } from "../transport/port.ts";

/** A device that went away is found within this time of its return. */
const WATCH_MS = 500;

export interface DeviceWatchHooks {
  /** A device is there that was not, or another one: it may be opened. */
  came(): void;
  went(): void;
}

/** Watches the device of a link that is down. There is no event for its return that every system has, so it looks. */
export class DeviceWatch {
  #timer: Timer | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly transport: Transport,
    private readonly hooks: DeviceWatchHooks,
  ) {}

  get isRunning(): boolean {
    return this.#timer !== null;
  }

  /** Null: it is gone. Undefined: this transport has no device that may go away. */
  device(): string | null | undefined {
    return this.transport.device?.();
  }

  /** `known`: the device as it was when the link went down. The watch ends with {@link DeviceWatchHooks.came}. */
  start(known: string | null): void {
    this.stop();
    this.#timer = this.clock.after(WATCH_MS, () => {
      this.#timer = null;
      const device = this.device() ?? null;
      if (device !== null && device !== known) {
        this.hooks.came();
        return;
      }
      if (device === null && known !== null) this.hooks.went();
      this.start(device);
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
