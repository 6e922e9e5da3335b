import type { Plugin, RegistrationHandle, TaskOptions, TaskRun } from "zephyrgate";
import { type Broadcast, cronOf, isCron, SLOTS } from "./broadcast.ts";
import type { Config } from "./config.types.ts";
import type { Sender } from "./sender.ts";
import type { Store } from "./store.ts";

/** Gives each scheduled text one of the declared tasks. */
export class Timetable {
  readonly #slots = new Map<string, { readonly slot: number; readonly task: RegistrationHandle }>();

  /** What could not be sent because no radio has been connected yet. */
  readonly #waiting = new Map<string, { readonly broadcast: Broadcast; readonly isLate: boolean }>();

  constructor(
    private readonly plugin: Plugin<Config>,
    private readonly store: Store,
    private readonly sender: Sender,
  ) {}

  /** From the beginning: what was scheduled is taken back. Texts that are sent once and whose time has passed are sent late, or never. */
  async lay(): Promise<void> {
    for (const { task } of this.#slots.values()) task.dispose();
    this.#slots.clear();
    this.#waiting.clear();
    for (const broadcast of await this.store.all()) if (broadcast.isOn) await this.add(broadcast);
  }

  get hasRoom(): boolean {
    return this.#slots.size < SLOTS;
  }

  async add(broadcast: Broadcast): Promise<void> {
    const { name, when } = broadcast;
    if (when.kind === "at" && (await this.#isOver(broadcast, when.at))) return;
    if (when.kind === "cron" && !isCron(when.cron)) {
      this.plugin.log.error("a scheduled text has a pattern that fits no day; remove it", { name, cron: when.cron });
      return;
    }
    const taken = new Set([...this.#slots.values()].map(({ slot }) => slot));
    const slot = Array.from({ length: SLOTS }, (_, at) => at + 1).find((each) => !taken.has(each));
    if (slot === undefined) {
      this.plugin.log.error("there is no room for a scheduled text", { name });
      return;
    }
    const task = this.plugin.registerScheduledTask(`slot_${slot}`, this.#optionsOf(broadcast), (run) => this.#run(broadcast, run));
    this.#slots.set(name, { slot, task });
  }

  remove(name: string): void {
    this.#slots.get(name)?.task.dispose();
    this.#slots.delete(name);
    this.#waiting.delete(name);
  }

  /** The time of the calendar in the zone of the configuration, as `at` is written. */
  get localTime(): string {
    return this.plugin.formatTime(Date.now(), { timeZone: this.plugin.getConfig("time_zone"), style: "iso" }).slice(0, 16);
  }

  async #isOver(broadcast: Broadcast, at: string): Promise<boolean> {
    if (await this.store.isDone(broadcast.name, at)) return true;
    if (at > this.localTime) return false;
    await this.store.done(broadcast, at);
    if (broadcast.catchUp) await this.#send(broadcast, true);
    return true;
  }

  #optionsOf({ when, catchUp }: Broadcast): TaskOptions {
    const timezone = this.plugin.getConfig("time_zone");
    if (when.kind === "every") return { interval: when.minutes * 60, catchUp };
    return when.kind === "cron" ? { cron: when.cron, timezone, catchUp } : { cron: cronOf(when.at), timezone };
  }

  async #run(broadcast: Broadcast, { reason }: TaskRun): Promise<void> {
    const { name, when } = broadcast;
    if (when.kind === "at") {
      // The pattern knows no year.
      if (this.localTime.slice(0, 4) !== when.at.slice(0, 4)) return;
      await this.store.done(broadcast, when.at);
      this.remove(name);
    }
    await this.#send(broadcast, reason === "catch_up");
  }

  /** A link is up: what its radio did not know before is tried once more. */
  async linkUp(): Promise<void> {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { broadcast, isLate } of waiting) await this.#send(broadcast, isLate);
  }

  async #send(broadcast: Broadcast, isLate: boolean): Promise<void> {
    const { name } = broadcast;
    const unsent = await this.sender.send(broadcast, isLate);
    if (unsent === null) return;
    this.plugin.log.warn("a scheduled text was not sent", { name, why: unsent.why });
    if (unsent.mayPass && this.#waiting.size < SLOTS) this.#waiting.set(name, { broadcast, isLate });
  }
}
