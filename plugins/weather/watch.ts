import { cutText, PermissionDenied, type Plugin, PluginError, type RegistrationHandle, type SendOptions } from "zephyrgate";
import type { Answers } from "./answers.ts";
import type { Config } from "./config.types.ts";
import { defaultPlace } from "./places.ts";
import { wordsOf } from "./words.ts";

/** A warning is sent once, and forgotten when it can no longer come back. */
const REMEMBER_S = 7 * 24 * 3600;
/** Warnings of one look; the rest come with the next. */
const PER_LOOK = 5;

/** Sends new warnings for the default place to the channels and nodes of the configuration: none by default. */
export class Watch {
  #task: RegistrationHandle | null = null;

  constructor(
    private readonly plugin: Plugin<Config>,
    private readonly answers: Answers,
  ) {}

  /** Runs where there is somebody to tell, and a place. */
  follow(): void {
    this.#task?.dispose();
    this.#task = null;
    const { channels, nodes, every_minutes } = this.plugin.getConfig("watch");
    const hasPlace = this.plugin.getConfig("place") !== undefined || this.plugin.getConfig("latitude") !== undefined;
    if (channels.length + nodes.length === 0 || !hasPlace) return;
    this.#task = this.plugin.registerScheduledTask("watch", { interval: every_minutes * 60 }, () => this.#look());
  }

  async #look(): Promise<void> {
    const where = await defaultPlace(this.plugin);
    if (where === null || "say" in where) return;
    const found = await this.answers.warningsAt(where.place);
    if (!found.ok || found.value.isStale) {
      this.plugin.log.info("warnings could not be looked up", { why: found.ok ? "stale" : found.why });
      return;
    }
    let count = 0;
    for (const { id, severity, headline, replaces } of found.value.value) {
      if (!this.plugin.getConfig("watch").severities.some((each) => each === severity)) continue;
      if (await this.#wasSaid(id, replaces)) continue;
      if (++count > PER_LOOK) return;
      // What reached nobody's queue, because no radio has been connected yet, is told by the next look.
      if (await this.#tell(cutText(wordsOf(this.plugin)("push", { headline }))))
        await this.plugin.storeData(keyOf(id), true, { ttl: REMEMBER_S });
    }
  }

  /** An update of a warning that was sent is no news. */
  async #wasSaid(id: string, replaces: readonly string[]): Promise<boolean> {
    for (const each of [id, ...replaces]) {
      if (!(await this.plugin.retrieveData(keyOf(each), false))) continue;
      await this.plugin.storeData(keyOf(id), true, { ttl: REMEMBER_S });
      return true;
    }
    return false;
  }

  /** One that cannot be reached keeps no other from being told. False: it is queued for nobody. */
  async #tell(text: string): Promise<boolean> {
    let queued = 0;
    const { channels, nodes } = this.plugin.getConfig("watch");
    const to: SendOptions[] = [
      ...channels.map((channel) => ({ destination: "broadcast", channel })),
      ...nodes.map((destination) => ({ destination })),
    ];
    for (const options of to) {
      try {
        await this.plugin.sendMessage(text, { ...options, priority: "high" });
        queued++;
      } catch (error) {
        if (!(error instanceof PluginError || error instanceof PermissionDenied)) throw error;
        this.plugin.log.warn("a warning could not be sent", { to: options.channel ?? options.destination, error });
      }
    }
    return queued > 0;
  }
}

const keyOf = (id: string) => `said.${id.slice(-200)}`;
