import { Plugin, type RegistrationHandle } from "zephyrgate";
import type { Config } from "./config.types.ts";
import { alertsNow, weatherNow } from "./handlers/weather.ts";
import { checkAlerts } from "./tasks/check_alerts.ts";

export default class WeatherAlert extends Plugin<Config> {
  #checks: RegistrationHandle | null = null;

  override initialize() {
    this.registerCommand("weather", () => weatherNow(this), { help: "The weather now" });
    this.registerCommand("alerts", () => alertsNow(this), { help: "Weather alerts in force" });
    this.#schedule();
  }

  /** The other values are read where they are used, so only the task has to follow. */
  override onConfigChanged(changedKeys: string[]) {
    if (changedKeys.includes("check_minutes")) this.#schedule();
  }

  #schedule() {
    this.#checks?.dispose();
    const interval = this.getConfig("check_minutes") * 60;
    this.#checks = this.registerScheduledTask("check_alerts", { interval }, () => checkAlerts(this));
  }
}
