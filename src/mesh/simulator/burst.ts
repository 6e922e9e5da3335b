import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { Channel, Config, Mesh, ModuleConfig } from "@meshtastic/protobufs";
import type { FromRadioVariant } from "../stream-server/stream-api.ts";
import type { MqttModuleOptions } from "./mqtt-module.ts";
import type { SimulatedNode } from "./nodes.ts";
import { metricsOf, positionOf, publicKey, userOf } from "./nodes.ts";

/** Requests everything but the other nodes. */
export const WITHOUT_NODES = 69420;
/** Requests only the nodes. */
export const NODES_ONLY = 69421;

const CHANNEL_COUNT = 8;
const FILES = ["config", "module", "channels", "device", "nodes", "uiconfig"].map((name) => `/prefs/${name}.proto`);
export const CONFIGS = [
  "device",
  "position",
  "power",
  "network",
  "display",
  "lora",
  "bluetooth",
  "security",
  "sessionkey",
  "deviceUi",
] as const;
export const MODULES = [
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
  /** Fake secrets: a client must never log or store them. */
  readonly privateKey: Uint8Array;
  readonly password: string;
  /** False: the node sends nothing. */
  readonly hasRegion: boolean;
  readonly limitsDutyCycle: boolean;
  /** Null: its MQTT module is off. */
  readonly mqtt: MqttModuleOptions | null;
}

/** Firmware 2.8 and later, whose burst has messages that the published protobufs do not know. */
export function isRecentFirmware(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 2 || (major === 2 && minor >= 8);
}

/** The answer to `want_config_id`, in the firmware's order, with the closing config_complete_id. */
export function configBurst(facts: BurstFacts, configId: number): FromRadioVariant[] {
  const others = configId === WITHOUT_NODES ? [] : facts.others.map((node) => nodeInfo(facts, node));
  const complete: FromRadioVariant = { case: "configCompleteId", value: configId };
  if (configId === NODES_ONLY) return [nodeInfo(facts, facts.own), ...others, complete];
  const isRecent = isRecentFirmware(facts.firmware);
  return [
    { case: "myInfo", value: { myNodeNum: facts.own.number, rebootCount: facts.reboots, minAppVersion: 30200, pioEnv: "simulated" } },
    ...(isRecent ? [{ case: "deviceuiConfig" as const, value: { version: 1, screenBrightness: 128 } }] : []),
    nodeInfo(facts, facts.own),
    { case: "metadata", value: metadataOf(facts) },
    ...(isRecent ? [REGION_PRESETS] : []),
    ...Array.from({ length: CHANNEL_COUNT }, (_, index): FromRadioVariant => ({ case: "channel", value: channelSettings(facts, index) })),
    ...CONFIGS.map((name): FromRadioVariant => ({ case: "config", value: configOf(facts, name) })),
    ...MODULES.map((name): FromRadioVariant => ({ case: "moduleConfig", value: moduleConfigOf(facts, name) })),
    ...(isRecent ? NEW_MODULES.map(newModule) : []),
    ...others,
    ...FILES.slice(0, isRecent ? FILES.length : 1).map(
      (fileName): FromRadioVariant => ({ case: "fileInfo", value: { fileName, sizeBytes: 512 } }),
    ),
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
      ...(node.hasPosition ? { position: positionOf(node, facts.timeS) } : {}),
      deviceMetrics: metricsOf(node, facts.uptimeS),
      lastHeard: facts.timeS,
      ...(isOwn ? {} : { snr: node.snr, hopsAway: node.hops }),
    },
  };
}

/** A message under a field number that the published protobufs do not have. */
function unknownField(no: number, content: readonly number[]) {
  return [{ no, wireType: WireType.LengthDelimited, data: Uint8Array.from([content.length, ...content]) }];
}

/** Field 19 of FromRadio: region presets. It decodes to a message without a known variant. */
export const REGION_PRESETS = { case: undefined, $unknown: unknownField(19, [8, 1, 16, 3]) } as const;
const NEW_MODULES = [17, 18, 19];

function newModule(no: number): FromRadioVariant {
  const value = create(ModuleConfig.ModuleConfigSchema);
  value.$unknown = unknownField(no, [8, 1]);
  return { case: "moduleConfig", value };
}

export function metadataOf(facts: BurstFacts) {
  return create(Mesh.DeviceMetadataSchema, {
    firmwareVersion: facts.firmware,
    deviceStateVersion: 24,
    hwModel: Mesh.HardwareModel.PORTDUINO,
    hasPKC: true,
  });
}

/** A channel as the node stores it; disabled where the mesh has none. */
export function channelSettings(facts: BurstFacts, index: number) {
  const name = facts.channels[index];
  if (name === undefined) return create(Channel.ChannelSchema, { index, role: Channel.Channel_Role.DISABLED });
  const role = index === 0 ? Channel.Channel_Role.PRIMARY : Channel.Channel_Role.SECONDARY;
  const passing = { uplinkEnabled: facts.mqtt !== null, downlinkEnabled: facts.mqtt !== null };
  return create(Channel.ChannelSchema, { index, role, settings: { name, psk: Uint8Array.of(index + 1), ...passing } });
}

/** One section of the node's configuration, its secrets included. */
export function configOf(facts: BurstFacts, name: (typeof CONFIGS)[number]): Config.Config {
  return create(Config.ConfigSchema, { payloadVariant: configValue(facts, name) });
}

type ConfigValue = NonNullable<MessageInitShape<typeof Config.ConfigSchema>["payloadVariant"]>;

function configValue(facts: BurstFacts, name: (typeof CONFIGS)[number]): ConfigValue {
  if (name === "lora") {
    const { LONG_FAST } = Config.Config_LoRaConfig_ModemPreset;
    const { EU_868, UNSET } = Config.Config_LoRaConfig_RegionCode;
    const region = facts.hasRegion ? EU_868 : UNSET;
    return {
      case: "lora",
      value: { usePreset: true, modemPreset: LONG_FAST, region, hopLimit: 3, txEnabled: true, overrideDutyCycle: !facts.limitsDutyCycle },
    };
  }
  if (name === "security") {
    const keys = { publicKey: publicKey(facts.own.number), privateKey: facts.privateKey, adminKey: [facts.privateKey] };
    return { case: "security", value: { ...keys, serialEnabled: true } };
  }
  if (name === "network") return { case: "network", value: { wifiSsid: "simulated", wifiPsk: facts.password } };
  return { case: name, value: {} };
}

/** The configuration of one module, its secrets included. */
export function moduleConfigOf(facts: BurstFacts, name: (typeof MODULES)[number]): ModuleConfig.ModuleConfig {
  const { mqtt } = facts;
  const proxied = mqtt === null ? {} : { enabled: true, proxyToClientEnabled: true, encryptionEnabled: true, root: mqtt.root };
  const payloadVariant =
    name === "mqtt"
      ? { case: name, value: { address: "mqtt.example.org", username: "node", password: facts.password, ...proxied } }
      : { case: name, value: {} };
  return create(ModuleConfig.ModuleConfigSchema, { payloadVariant });
}
