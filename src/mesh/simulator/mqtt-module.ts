import { create, toBinary } from "@bufbuild/protobuf";
import { Mesh, Portnums } from "@meshtastic/protobufs";
import { BROADCAST, type NodeNumber, type PacketId } from "../ids.ts";
import type { MqttChannel } from "../mqtt/channel-cipher.ts";
import { readChannelKey } from "../mqtt/channel-cipher.ts";
import { open, packetTopic, seal } from "../mqtt/envelope.ts";
import type { FromRadioVariant } from "../stream-server/stream-api.ts";
import type { Addressed, DataInit } from "./air.ts";

/** The node's MQTT module is on and uses its client's network; every channel has uplink and downlink on. */
export interface MqttModuleOptions {
  readonly root: string;
}

export interface MqttModuleDeps {
  readonly own: NodeNumber;
  /** Names by index; "" is named after the preset. */
  readonly channels: readonly string[];
  reply(variant: FromRadioVariant): void;
  /** A packet of another node, which the own node hears and sends on. */
  arrived(address: Addressed, data: Mesh.Data): void;
  /** The broker has this packet of the own node. */
  acknowledged(data: DataInit): void;
}

const HOPS = 3;

/** What the firmware's MQTT module does where the client is its way to the broker. */
export class MqttModule {
  readonly #channels: readonly MqttChannel[];

  constructor(
    private readonly options: MqttModuleOptions,
    private readonly deps: MqttModuleDeps,
  ) {
    this.#channels = deps.channels.map((name, index) => ({ name: name || "LongFast", key: keyOf(index) }));
  }

  /** A packet on the air, or one of the client's. What came by MQTT does not go back. Direct messages are nobody's business. */
  publish(address: Addressed, data: DataInit): void {
    const { from, to, id, channel: index, viaMqtt } = address;
    const channel = this.#channels[index];
    if (channel === undefined || to !== BROADCAST || id === 0 || viaMqtt === true) return;
    const packet = create(Mesh.MeshPacketSchema, { from, to, id, hopLimit: HOPS, hopStart: HOPS });
    const payload = seal(packet, create(Mesh.DataSchema, data), channel, this.deps.own);
    const topic = packetTopic(this.options.root, channel.name, this.deps.own);
    this.deps.reply({ case: "mqttClientProxyMessage", value: { topic, payloadVariant: { case: "data", value: payload } } });
  }

  /** A message of the broker, which the client passed on. */
  receive({ payloadVariant }: Mesh.MqttClientProxyMessage): void {
    if (payloadVariant.case !== "data") return;
    const opened = open(payloadVariant.value, this.#channels);
    if (typeof opened === "string") return;
    const { packet, data, channel, gateway } = opened;
    const { from, to, id } = packet;
    const { own } = this.deps;
    if (gateway === own && from === own) this.deps.acknowledged(acknowledgement(id));
    if (gateway !== own && from !== own) this.deps.arrived({ from, to, channel, id, viaMqtt: true }, data);
  }
}

/** The firmware's one-byte keys. */
function keyOf(index: number): Uint8Array {
  const key = readChannelKey(Buffer.from([index + 1]).toString("base64"));
  return key.ok ? key.value : new Uint8Array();
}

function acknowledgement(requestId: PacketId): DataInit {
  const { NONE } = Mesh.Routing_Error;
  const payload = toBinary(Mesh.RoutingSchema, create(Mesh.RoutingSchema, { variant: { case: "errorReason", value: NONE } }));
  return { portnum: Portnums.PortNum.ROUTING_APP, requestId, payload };
}
