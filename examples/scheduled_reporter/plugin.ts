import { Plugin, type TaskRun } from "zephyrgate";
import { countNodes } from "./tasks/count.ts";
import { report } from "./tasks/report.ts";

export default class ScheduledReporter extends Plugin {
  override initialize() {
    this.registerCommand("report", () => report(this), { help: "The report now" });
    // By the clock on the wall of the place it is for, summer time included. After a night without power it comes late
    // rather than not at all.
    this.registerScheduledTask(
      "morning_report",
      { cron: this.getConfig("report_cron", "0 7 * * *"), timezone: this.getConfig("timezone", "UTC"), catchUp: true },
      this.morning,
    );
    // By a stopwatch: every hour from the start on, however often the clock on the wall is set.
    this.registerScheduledTask("count", { interval: 3600 }, () => countNodes(this));
    this.registerScheduledTask("net_reminder", { cron: "45 19 * * WED", timezone: "Europe/Zurich" }, this.remind);
  }

  async morning({ reason }: TaskRun) {
    const late = reason === "catch_up" ? "(late) " : "";
    await this.#broadcast(`${late}${await report(this)}`);
  }

  async remind() {
    await this.#broadcast("The weekly net begins in 15 minutes");
  }

  async #broadcast(text: string) {
    await this.sendMessage(text, { destination: "broadcast", channel: this.getConfig("channel", 0), priority: "low" });
  }
}
