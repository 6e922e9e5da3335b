import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Channel, Config, Mesh, ModuleConfig } from "@meshtastic/protobufs";
import type { SimulatedNode } from "./nodes.ts";
import { metricsOf, positionOf, publicKey, userOf } from "./nodes.ts";

export type FromRadioVariant = NonNullable<MessageInitShape<typeof Mesh.FromRadioSchema>["payloadVariant"]>;

/** Requests everything but the other nodes. */
export const WITHOUT_NODES = 69420;
/** Requests only the nodes. */
export const NODES_ONLY = 69421;

const CHANNEL_COUNT = 8;
const CONFIGS = ["device", "position", "power", "network", "display", "lora", "bluetooth", "security", "sessionkey", "deviceUi"] as const;
const MODULES = [
  "mqtt",
  "serial",
  "externalNotification",
  "storeForward",
  "rangeTest",
  "telemetry",
  "cannedMessage",
  "audio",
  "remoteHardware",
  "neighborInfo",
  "ambientLighting",
  "detectionSensor",
  "paxcounter",
  "statusmessage",
] as const;

/** What the node reports about itself. */
export interface BurstFacts {
  readonly own: SimulatedNode;
  readonly others: readonly SimulatedNode[];
  readonly channels: readonly string[];
  readonly firmware: string;
  /** s since 1970; 0 while the node's clock is unset. */
  readonly timeS: number;
  readonly uptimeS: number;
  readonly reboots: number;
  /** A fake secret: a client must never log or store it. */
  readonly privateKey: Uint8Array;
}

/** The answer to `want_config_id`, in the firmware's order, with the closing config_complete_id. */
export function configBurst(facts: BurstFacts, configId: number): FromRadioVariant[] {
  const others = configId === WITHOUT_NODES ? [] : facts.others.map((node) => nodeInfo(facts, node));
  const complete: FromRadioVariant = { case: "configCompleteId", value: configId };
  if (configId === NODES_ONLY) return [nodeInfo(facts, facts.own), ...others, complete];
  return [
    { case: "myInfo", value: { myNodeNum: facts.own.number, rebootCount: facts.reboots, minAppVersion: 30200, pioEnv: "simulated" } },
    nodeInfo(facts, facts.own),
    {
      case: "metadata",
      value: { firmwareVersion: facts.firmware, deviceStateVersion: 24, hwModel: Mesh.HardwareModel.PORTDUINO, hasPKC: true },
    },
    ...Array.from({ length: CHANNEL_COUNT }, (_, index) => channel(facts, index)),
    ...CONFIGS.map((name) => config(facts, name)),
    ...MODULES.map(moduleConfig),
    ...others,
    { case: "fileInfo", value: { fileName: "/prefs/config.proto", sizeBytes: 512 } },
    complete,
  ];
}

export function nodeInfo(facts: Pick<BurstFacts, "own" | "timeS" | "uptimeS">, node: SimulatedNode): FromRadioVariant {
  const isOwn = node.number === facts.own.number;
  return {
    case: "nodeInfo",
    value: {
      num: node.number,
      user: userOf(node),
      position: positionOf(node, facts.timeS),
      deviceMetrics: metricsOf(node, facts.uptimeS),
      lastHeard: facts.timeS,
      ...(isOwn ? {} : { snr: node.snr, hopsAway: node.hops }),
    },
  };
}

function channel(facts: BurstFacts, index: number): FromRadioVariant {
  const name = facts.channels[index];
  if (name === undefined) return { case: "channel", value: { index, role: Channel.Channel_Role.DISABLED } };
  const role = index === 0 ? Channel.Channel_Role.PRIMARY : Channel.Channel_Role.SECONDARY;
  return { case: "channel", value: { index, role, settings: { name, psk: Uint8Array.of(index + 1) } } };
}

function config(facts: BurstFacts, name: (typeof CONFIGS)[number]): FromRadioVariant {
  const value = configValue(facts, name);
  return { case: "config", value: create(Config.ConfigSchema, { payloadVariant: value }) };
}

function configValue(
  facts: BurstFacts,
  name: (typeof CONFIGS)[number],
): NonNullable<MessageInitShape<typeof Config.ConfigSchema>["payloadVariant"]> {
  if (name === "lora") {
    const { LONG_FAST } = Config.Config_LoRaConfig_ModemPreset;
    const { EU_868 } = Config.Config_LoRaConfig_RegionCode;
    return { case: "lora", value: { usePreset: true, modemPreset: LONG_FAST, region: EU_868, hopLimit: 3, txEnabled: true } };
  }
  if (name === "security") {
    return { case: "security", value: { publicKey: publicKey(facts.own.number), privateKey: facts.privateKey, serialEnabled: true } };
  }
  return { case: name, value: {} };
}

function moduleConfig(name: (typeof MODULES)[number]): FromRadioVariant {
  return { case: "moduleConfig", value: create(ModuleConfig.ModuleConfigSchema, { payloadVariant: { case: name, value: {} } }) };
}
