/**
 * Reads a FromRadio frame into the gateway's terms. The configuration burst holds private keys and channel keys: only the
 * fields named here leave this file, and no key is among them.
 */
import { Channel as ChannelProto, Config } from "@meshtastic/protobufs";
import type { NodeNumber } from "../ids.ts";
import type { Channel, Modem } from "../link-status.ts";
import type { QueueReport } from "../radio.ts";
import { cleanName } from "./names.ts";
import { type Airtime, type NodeFacts, readAirtime, readNodeInfo } from "./node-facts.ts";
import type { FromRadio, MeshPacket } from "./protobuf.ts";

/** The radio's LoRa settings. */
export interface LoraFacts {
  /** `CUSTOM` with settings of its own. */
  readonly modemPreset: string;
  /** Settings of its own, where they make sense. */
  readonly modem?: Modem;
  /** `UNSET` in a new radio. */
  readonly region: string;
  readonly overridesDutyCycle: boolean;
  readonly hopLimit: number;
}

export type RadioEvent =
  | { readonly kind: "my_info"; readonly ownNode: NodeNumber }
  | { readonly kind: "node"; readonly facts: NodeFacts; readonly airtime?: Airtime }
  | { readonly kind: "channel"; readonly channel: Channel }
  | { readonly kind: "firmware"; readonly version: string }
  | { readonly kind: "lora"; readonly lora: LoraFacts }
  | { readonly kind: "config_complete"; readonly nonce: number }
  | { readonly kind: "rebooted" }
  | { readonly kind: "queue"; readonly report: QueueReport }
  | { readonly kind: "packet"; readonly packet: MeshPacket }
  /** Known, and not used here. */
  | { readonly kind: "other" }
  /** A message of a later firmware. */
  | { readonly kind: "unknown" };

const OTHER: RadioEvent = { kind: "other" };

export function readFromRadio(frame: FromRadio, link: string, ownNode: NodeNumber | null): RadioEvent {
  const { payloadVariant: variant } = frame;
  switch (variant.case) {
    case "packet":
      return { kind: "packet", packet: variant.value };
    case "myInfo":
      return { kind: "my_info", ownNode: variant.value.myNodeNum };
    case "nodeInfo": {
      const facts = readNodeInfo(variant.value, link, ownNode);
      const { deviceMetrics } = variant.value;
      return { kind: "node", facts, ...(facts.isOwn && deviceMetrics !== undefined ? { airtime: readAirtime(deviceMetrics) } : {}) };
    }
    case "channel": {
      const { index, settings, role } = variant.value;
      const word = ROLES[role] ?? "disabled";
      return { kind: "channel", channel: { index, name: cleanName(settings?.name ?? ""), role: word } };
    }
    case "metadata":
      return { kind: "firmware", version: variant.value.firmwareVersion };
    case "config": {
      const section = variant.value.payloadVariant;
      if (section.case !== "lora") return OTHER;
      return { kind: "lora", lora: readLora(section.value) };
    }
    case "configCompleteId":
      return { kind: "config_complete", nonce: variant.value };
    case "rebooted":
      return { kind: "rebooted" };
    case "queueStatus": {
      const { meshPacketId: packetId, res, free, maxlen } = variant.value;
      return { kind: "queue", report: { link, packetId, res, free, maxlen } };
    }
    case undefined:
      return { kind: "unknown" };
    default:
      return OTHER;
  }
}

const ROLES: Partial<Record<number, Channel["role"]>> = {
  [ChannelProto.Channel_Role.PRIMARY]: "primary",
  [ChannelProto.Channel_Role.SECONDARY]: "secondary",
};

/** The whole numbers that stand for bandwidths which are none, kHz. */
const BANDWIDTHS: Partial<Record<number, number>> = { 31: 31.25, 62: 62.5, 200: 203.125, 400: 406.25, 800: 812.5, 1600: 1625 };

function readLora(lora: Config.Config_LoRaConfig): LoraFacts {
  const { usePreset, modemPreset, hopLimit, overrideDutyCycle } = lora;
  const region = Config.Config_LoRaConfig_RegionCode[lora.region] ?? `REGION_${lora.region}`;
  const common = { region, overridesDutyCycle: overrideDutyCycle, hopLimit };
  if (usePreset) return { modemPreset: Config.Config_LoRaConfig_ModemPreset[modemPreset] ?? `PRESET_${modemPreset}`, ...common };
  const modem = readModem(lora);
  return { modemPreset: "CUSTOM", ...(modem === null ? {} : { modem }), ...common };
}

function readModem({ spreadFactor, bandwidth, codingRate }: Config.Config_LoRaConfig): Modem | null {
  if (spreadFactor < 5 || spreadFactor > 12 || bandwidth < 1 || bandwidth > 2_000) return null;
  const rate = codingRate >= 5 && codingRate <= 8 ? codingRate : 5;
  return { spreadingFactor: spreadFactor, bandwidth: BANDWIDTHS[bandwidth] ?? bandwidth, codingRate: rate };
}
