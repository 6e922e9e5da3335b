import type { Clock } from "../../clock.ts";
import type { LinkStatus } from "../link-status.ts";
import type { Hold, Priority } from "../outgoing.ts";
import { isDutyCycleSpent } from "./duty-cycle.ts";

/** The `airtime` settings of the `mesh` block: fractions from 0 to 1. */
export interface AirtimeConfig {
  /** Above this channel utilisation low and normal messages wait. */
  readonly channel_utilization_polite: number;
  /** Above this all messages but emergencies wait. */
  readonly channel_utilization_max: number;
  /** Share of an hour that one plugin's messages may be on the air. */
  readonly plugin_share: number;
  /** The same for all texts on one channel, over one link, and over all links. */
  readonly channel_share: number;
  readonly link_share: number;
  readonly total_share: number;
}

const MINUTE_MS = 60_000;
const MINUTES = 60;

/** What a text is charged to. */
export interface Charged {
  /** Null for the gateway's own texts and the operator's. */
  readonly plugin: string | null;
  readonly link: string;
  readonly channel: number;
}

/** Estimated airtime in the last hour, s. Retransmissions and what the radio relays for others are not in it. */
export interface AirtimeReport {
  /** The gateway's own texts and the operator's included. */
  readonly total: number;
  readonly plugins: Readonly<Record<string, number>>;
  /** By `LINK/INDEX`. */
  readonly channels: Readonly<Record<string, number>>;
  readonly links: Readonly<Record<string, number>>;
}

const TOTAL = "total";
const keysOf = ({ plugin, link, channel }: Charged) => ({
  plugin: plugin === null ? null : `plugin ${plugin}`,
  channel: `channel ${link}/${channel}`,
  link: `link ${link}`,
});

/** The airtime that each plugin, channel and link, and all together, used in the last hour, by the minute. */
export class AirtimeLedger {
  readonly #used = new Map<string, Map<number, number>>();

  constructor(
    private readonly clock: Clock,
    private readonly config: AirtimeConfig,
  ) {}

  /** `ageMs`: how long ago it was sent; for messages read back after a restart. */
  add(charged: Charged, airMs: number, ageMs = 0): void {
    const { plugin, channel, link } = keysOf(charged);
    for (const key of [plugin, channel, link, TOTAL]) if (key !== null) this.#charge(key, airMs, ageMs);
  }

  #charge(plugin: string, airMs: number, ageMs: number): void {
    const minute = Math.floor((this.clock.monotonic() - ageMs) / MINUTE_MS);
    const minutes = this.#used.get(plugin) ?? new Map<number, number>();
    this.#used.set(plugin, minutes);
    minutes.set(minute, (minutes.get(minute) ?? 0) + airMs);
  }

  /** Airtime of a plugin in the last hour, ms. */
  used(plugin: string): number {
    return this.#usedBy(`plugin ${plugin}`);
  }

  /** What was used in the last hour, s. */
  report(): AirtimeReport {
    const seconds = (key: string) => this.#usedBy(key) / 1000;
    const of = (kind: string) => {
      const keys = [...this.#used.keys()].filter((key) => key.startsWith(`${kind} `));
      return Object.fromEntries(keys.map((key) => [key.slice(kind.length + 1), seconds(key)] as const).filter(([, used]) => used > 0));
    };
    return { total: seconds(TOTAL), plugins: of("plugin"), channels: of("channel"), links: of("link") };
  }

  #usedBy(plugin: string): number {
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
  holds(priority: Priority, charged: Charged, status: LinkStatus): Hold | null {
    if (priority === "emergency") return null;
    const limit = priority === "high" ? this.config.channel_utilization_max : this.config.channel_utilization_polite;
    if ((status.channelUtilization ?? 0) > limit) return "channel_busy";
    const { plugin, channel, link } = keysOf(charged);
    if (isDutyCycleSpent(status, this.#usedBy(link) / (MINUTES * MINUTE_MS))) return "duty_cycle";
    const { plugin_share, channel_share, link_share, total_share } = this.config;
    const isSpent = (key: string, share: number) => share < 1 && this.#usedBy(key) >= share * MINUTES * MINUTE_MS;
    if (plugin !== null && isSpent(plugin, plugin_share)) return "plugin_share";
    if (isSpent(channel, channel_share)) return "channel_share";
    if (isSpent(link, link_share)) return "link_share";
    return isSpent(TOTAL, total_share) ? "total_share" : null;
  }
}
