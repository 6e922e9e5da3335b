/**
 * Reads a FromRadio frame into the gateway's terms. The configuration burst holds private keys and channel keys: only the
 * fields named here leave this file, and no key is among them.
 */
import { Channel as ChannelProto, Config } from "@meshtastic/protobufs";
import type { NodeNumber } from "../ids.ts";
import type { Channel } from "../link-status.ts";
import type { QueueReport } from "../radio.ts";
import { cleanName } from "./names.ts";
import { type Airtime, type NodeFacts, readAirtime, readNodeInfo } from "./node-facts.ts";
import type { FromRadio, MeshPacket } from "./protobuf.ts";

export type RadioEvent =
  | { readonly kind: "my_info"; readonly ownNode: NodeNumber }
  | { readonly kind: "node"; readonly facts: NodeFacts; readonly airtime?: Airtime }
  | { readonly kind: "channel"; readonly channel: Channel }
  | { readonly kind: "firmware"; readonly version: string }
  | { readonly kind: "lora"; readonly modemPreset: string; readonly hopLimit: number }
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
      const { usePreset, modemPreset, hopLimit } = section.value;
      const preset = usePreset ? (Config.Config_LoRaConfig_ModemPreset[modemPreset] ?? `PRESET_${modemPreset}`) : "CUSTOM";
      return { kind: "lora", modemPreset: preset, hopLimit };
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
