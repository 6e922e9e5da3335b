import type { Clock } from "../../clock.ts";
import type { LinkStatus } from "../link-status.ts";
import type { Priority } from "../outgoing.ts";

/** The `airtime` settings of the `mesh` block: fractions from 0 to 1. */
export interface AirtimeConfig {
  /** Above this channel utilisation low and normal messages wait. */
  readonly channel_utilization_polite: number;
  /** Above this all messages but emergencies wait. */
  readonly channel_utilization_max: number;
  /** Share of an hour that one plugin's messages may be on the air. */
  readonly plugin_share: number;
}

const MINUTE_MS = 60_000;
const MINUTES = 60;

/** The airtime that each plugin used in the last hour, by the minute. */
export class AirtimeLedger {
  readonly #used = new Map<string, Map<number, number>>();

  constructor(
    private readonly clock: Clock,
    private readonly config: AirtimeConfig,
  ) {}

  /** `ageMs`: how long ago it was sent; for messages read back after a restart. */
  add(plugin: string, airMs: number, ageMs = 0): void {
    const minute = Math.floor((this.clock.monotonic() - ageMs) / MINUTE_MS);
    const minutes = this.#used.get(plugin) ?? new Map<number, number>();
    this.#used.set(plugin, minutes);
    minutes.set(minute, (minutes.get(minute) ?? 0) + airMs);
  }

  /** Airtime of a plugin in the last hour, ms. */
  used(plugin: string): number {
    const oldest = Math.floor(this.clock.monotonic() / MINUTE_MS) - MINUTES;
    const minutes = this.#used.get(plugin);
    if (minutes === undefined) return 0;
    let sum = 0;
    for (const [minute, airMs] of minutes) {
      if (minute <= oldest) minutes.delete(minute);
      else sum += airMs;
    }
    if (minutes.size === 0) this.#used.delete(plugin);
    return sum;
  }

  /** Why a message must wait now; null when it may be sent. */
  holds(priority: Priority, plugin: string | null, status: LinkStatus): "channel_busy" | "plugin_share" | null {
    if (priority === "emergency") return null;
    const limit = priority === "high" ? this.config.channel_utilization_max : this.config.channel_utilization_polite;
    if ((status.channelUtilization ?? 0) > limit) return "channel_busy";
    if (plugin !== null && this.used(plugin) >= this.config.plugin_share * MINUTES * MINUTE_MS) return "plugin_share";
    return null;
  }
}
