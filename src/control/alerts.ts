import type { CoreBus } from "../events/core.ts";
import { iso } from "./views.ts";

const KEPT = 20;
const MAX_MESSAGE = 1000;

export interface AlertView {
  readonly time: string;
  readonly code: string;
  readonly message: string;
  readonly plugin?: string | undefined;
}

/** Problems that need the operator: each code and plugin once, newest first. */
export class Alerts {
  #alerts: AlertView[] = [];

  constructor(bus: CoreBus, now: () => number) {
    bus.on("alert", ({ code, message, plugin }) => {
      const others = this.#alerts.filter((alert) => alert.code !== code || alert.plugin !== plugin);
      this.#alerts = [
        { time: iso(now()), code, message: message.slice(0, MAX_MESSAGE), ...(plugin === undefined ? {} : { plugin }) },
        ...others,
      ].slice(0, KEPT);
    });
    bus.on("alert_cleared", ({ code }) => {
      this.#alerts = this.#alerts.filter((alert) => alert.code !== code);
    });
    bus.on("plugin_started", ({ plugin }) => {
      this.#alerts = this.#alerts.filter((alert) => alert.plugin !== plugin);
    });
  }

  list(): readonly AlertView[] {
    return this.#alerts;
  }
}
