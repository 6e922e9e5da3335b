import type { Clock } from "../../clock.ts";
import { dutyCycleOf } from "../airtime/duty-cycle.ts";
import type { LoraFacts, RadioEvent } from "../codec/from-radio.ts";
import type { Airtime } from "../codec/node-facts.ts";
import type { NodeNumber } from "../ids.ts";
import type { Channel, LinkStatus } from "../link-status.ts";

/** The firmware's default when the setting is 0, and its maximum. */
const DEFAULT_HOP_LIMIT = 3;
const MAX_HOP_LIMIT = 7;
/** A radio tells its client about the channel's use once a minute. What is older than two such intervals says nothing about now. */
const AIRTIME_MAX_AGE_MS = 2 * 60_000;

type RadioStatus = Pick<
  LinkStatus,
  "ownNode" | "channels" | "firmware" | "modemPreset" | "modem" | "region" | "dutyCycle" | "channelUtilization" | "airUtilTx"
>;

/** What a radio has reported about itself. Kept while the link is down, and overwritten by newer reports. */
export class RadioFacts {
  ownNode: NodeNumber | null = null;
  hopLimit = DEFAULT_HOP_LIMIT;
  #firmware: string | null = null;
  #lora: LoraFacts | null = null;
  #airtime: Airtime = {};
  #airtimeAt = 0;
  readonly #channels = new Map<number, Channel>();

  constructor(private readonly clock: Pick<Clock, "monotonic">) {}

  learn(event: RadioEvent): void {
    switch (event.kind) {
      case "my_info":
        this.ownNode = event.ownNode;
        break;
      case "channel":
        if (event.channel.index >= 0 && event.channel.index < 8) this.#channels.set(event.channel.index, event.channel);
        break;
      case "firmware":
        this.#firmware = event.version;
        break;
      case "lora":
        this.#lora = event.lora;
        this.hopLimit = event.lora.hopLimit === 0 ? DEFAULT_HOP_LIMIT : Math.min(event.lora.hopLimit, MAX_HOP_LIMIT);
        break;
      case "node":
        this.learnAirtime(event.airtime);
        break;
      default:
        break;
    }
  }

  learnAirtime(airtime: Airtime | undefined): void {
    if (airtime === undefined || Object.keys(airtime).length === 0) return;
    this.#airtime = { ...this.#freshAirtime(), ...airtime };
    this.#airtimeAt = this.clock.monotonic();
  }

  status(): RadioStatus {
    return {
      channels: [...this.#channels.values()].sort((a, b) => a.index - b.index).map((channel) => this.#named(channel)),
      ...(this.ownNode === null ? {} : { ownNode: this.ownNode }),
      ...(this.#firmware === null ? {} : { firmware: this.#firmware }),
      ...this.#loraStatus(),
      ...this.#freshAirtime(),
    };
  }

  #loraStatus(): Pick<RadioStatus, "modemPreset" | "modem" | "region" | "dutyCycle"> {
    if (this.#lora === null) return {};
    const { modemPreset, modem, region, overridesDutyCycle } = this.#lora;
    const dutyCycle = overridesDutyCycle ? undefined : dutyCycleOf(region);
    return { modemPreset, region, ...(modem === undefined ? {} : { modem }), ...(dutyCycle === undefined ? {} : { dutyCycle }) };
  }

  #freshAirtime(): Airtime {
    return this.clock.monotonic() - this.#airtimeAt > AIRTIME_MAX_AGE_MS ? {} : this.#airtime;
  }

  /** A primary channel without a name is named after the modem preset, as in the apps. */
  #named(channel: Channel): Channel {
    if (channel.name !== "" || channel.role !== "primary" || this.#lora === null) return channel;
    return { ...channel, name: presetName(this.#lora.modemPreset) };
  }
}

/** `LONG_FAST` as the apps show it: `LongFast`. */
export function presetName(preset: string): string {
  if (preset === "LONG_MODERATE") return "LongMod";
  return preset
    .split("_")
    .map((word) => word.slice(0, 1) + word.slice(1).toLowerCase())
    .join("");
}
