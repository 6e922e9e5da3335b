/**
 * A node without a radio: its packets go to a broker and come from there. Towards the gateway's link it behaves as a radio
 * does on its stream API, so that everything above needs to know nothing of brokers.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { Channel, Mesh, Portnums } from "@meshtastic/protobufs";
import type { Clock, Random, Timer } from "../../clock.ts";
import { ok, type Result } from "../../errors.ts";
import { type MeshPacket, tryDecode } from "../codec/protobuf.ts";
import { BROADCAST, formatNodeId, type NodeNumber } from "../ids.ts";
import type { AttachableNode, Attachment, Client } from "../stream-server/attachment.ts";
import { type FromRadioVariant, StreamApi } from "../stream-server/stream-api.ts";
import type { MqttChannel } from "./channel-cipher.ts";
import { DIRECT, fieldsOf, type Opened, open, packetTopic, seal, wrapDirect } from "./envelope.ts";
import { type KeyPair, openDirect, sealDirect } from "./key-pair.ts";

const { PortNum } = Portnums;
const { Routing_Error } = Mesh;
type RoutingError = Mesh.Routing_Error;

export interface MqttNodeOptions {
  readonly number: NodeNumber;
  readonly longName: string;
  readonly shortName: string;
  readonly root: string;
  /** 1 to 8. */
  readonly channels: readonly MqttChannel[];
  readonly keys: KeyPair;
}

export interface MqttNodeDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Gives a message to the broker; false when too many wait there. */
  publish(topic: string, payload: Uint8Array): boolean;
}

export interface MqttNodeCounters {
  published: number;
  received: number;
  /** Not used: no envelope, a channel that is not ours, another key, heard before, too many at once, too large. */
  malformed: number;
  unknown_channel: number;
  undecodable: number;
  repeated: number;
  flooded: number;
}

const CHANNEL_SLOTS = 8;
const IDLE_MS = 15 * 60_000;
const MAX_HOPS = 7;
const DEFAULT_HOPS = 3;
/** Of an envelope: the largest packet has 256 bytes. */
const MAX_BYTES = 1024;
const SEEN_MAX = 2_000;
const PER_SECOND = 200;
/** Texts whose own echo is awaited. */
const AWAITED_MAX = 200;
const QUEUE = 16;
const ANNOUNCE_EVERY_MS = 3 * 3_600_000;
/** Between two announcements that are asked for. */
const ANNOUNCE_PAUSE_MS = 60_000;
/** Public keys of other nodes, and nodes that were asked for theirs. */
const KEYS_MAX = 2_000;
/** As the firmware has it: these tell nothing that a public key must protect, and every device understands them. */
const NOT_DIRECT: ReadonlySet<number> = new Set([PortNum.NODEINFO_APP, PortNum.ROUTING_APP, PortNum.POSITION_APP, PortNum.TRACEROUTE_APP]);
/** "May be passed on to brokers": the sender's consent, which stands in every packet. */
const OK_TO_MQTT = 1;

export class MqttNode implements AttachableNode {
  readonly counters: MqttNodeCounters = {
    published: 0,
    received: 0,
    malformed: 0,
    unknown_channel: 0,
    undecodable: 0,
    repeated: 0,
    flooded: 0,
  };
  readonly #api: StreamApi;
  readonly #seen = new Set<string>();
  /** Packets of ours by id: their echo from the broker is the implicit acknowledgement. */
  readonly #awaited = new Set<number>();
  #second = { at: Number.NEGATIVE_INFINITY, count: 0 };
  #announcedAt = Number.NEGATIVE_INFINITY;
  /** The first key that a node told; another one under its number may be somebody else's. */
  readonly #keys = new Map<NodeNumber, Uint8Array>();
  /** When this node introduced itself to a single other one. */
  readonly #introducedAt = new Map<NodeNumber, number>();
  #timer: Timer | null = null;

  constructor(
    private readonly options: MqttNodeOptions,
    private readonly deps: MqttNodeDeps,
  ) {
    const { clock, random } = deps;
    this.#api = new StreamApi({
      clock,
      random,
      counters: { rubbish: 0, backlogDropped: 0, takenOver: 0 },
      idleMs: IDLE_MS,
      burst: (configId) => this.#burst(configId),
      packet: (packet) => this.#fromClient(packet),
      free: () => QUEUE,
      attached: () => {},
      announce: () => this.#announce(ANNOUNCE_PAUSE_MS),
    });
  }

  /** Introduces itself, now and every three hours. */
  start(): void {
    this.#announce(0);
    this.#timer = this.deps.clock.after(ANNOUNCE_EVERY_MS, () => this.start());
  }

  /** The broker is gone. Idempotent. */
  stop(reason: string): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#api.cutOff(reason);
  }

  attach(client: Client): Result<Attachment> {
    return ok(this.#api.attach(client));
  }

  /** A message of the broker. Anybody may have written it. */
  receive(payload: Uint8Array): void {
    if (payload.length > MAX_BYTES || this.#isFlooded()) {
      this.counters.flooded += 1;
      return;
    }
    const opened = open(payload, this.options.channels, (packet, encrypted) => this.#decrypted(packet, encrypted));
    if (typeof opened === "string") {
      this.counters[opened] += 1;
      return;
    }
    if (opened.packet.from === this.options.number) this.#echoed(opened);
    else if (this.#isNew(opened.packet)) this.#deliver(opened);
    else this.counters.repeated += 1;
  }

  #isFlooded(): boolean {
    const now = this.deps.clock.monotonic();
    if (now - this.#second.at >= 1000) this.#second = { at: now, count: 0 };
    this.#second.count += 1;
    return this.#second.count > PER_SECOND;
  }

  /** The same packet comes once from every gateway that heard it. */
  #isNew({ from, id }: MeshPacket): boolean {
    const key = `${from}/${id}`;
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    const [oldest] = this.#seen;
    if (this.#seen.size > SEEN_MAX && oldest !== undefined) this.#seen.delete(oldest);
    return true;
  }

  /** Only its own envelope says that the broker has it: others repeat what they heard from us. */
  #echoed({ packet, gateway }: Opened): void {
    if (gateway === this.options.number && this.#awaited.delete(packet.id)) this.#report(packet.id, Routing_Error.NONE);
  }

  /** Between the two that a packet names, one of which is this node. */
  #decrypted({ from, to, id }: MeshPacket, encrypted: Uint8Array): Uint8Array | null {
    const { number, keys } = this.options;
    const other = from === number ? to : from;
    if (from !== number && to !== number) return null;
    const known = this.#keys.get(other);
    const shared = known === undefined ? null : keys.sharedWith(known);
    if (shared === null) this.#askForKey(other);
    return shared === null ? null : openDirect(shared, id, from, encrypted);
  }

  #learnKey(from: NodeNumber, data: Mesh.Data): void {
    if (data.portnum !== PortNum.NODEINFO_APP || this.#keys.has(from)) return;
    const user = tryDecode(Mesh.UserSchema, data.payload);
    if (user === null || user.publicKey.length === 0 || this.options.keys.sharedWith(user.publicKey) === null) return;
    remember(this.#keys, from, new Uint8Array(user.publicKey));
  }

  /** By telling our own and asking for theirs; to one node at most once a minute. */
  #askForKey(node: NodeNumber): void {
    this.#introduceTo(node, { wantResponse: true, pauseMs: ANNOUNCE_PAUSE_MS });
  }

  #introduceTo(node: NodeNumber, { wantResponse, pauseMs }: { readonly wantResponse: boolean; readonly pauseMs: number }): void {
    const now = this.deps.clock.monotonic();
    if (now - (this.#introducedAt.get(node) ?? Number.NEGATIVE_INFINITY) < pauseMs) return;
    remember(this.#introducedAt, node, now);
    this.#introduce(node, wantResponse);
  }

  /**
   * Never as encrypted to our key, which above means "surely from this node": on a broker anybody can tell a key for a number
   * that has none yet, and so for an operator's.
   */
  #deliver({ packet, data, channel }: Opened): void {
    const { number } = this.options;
    this.counters.received += 1;
    this.#learnKey(packet.from, data);
    this.#api.deliver(
      create(Mesh.MeshPacketSchema, {
        ...fieldsOf(packet),
        channel,
        hopLimit: Math.min(packet.hopLimit, MAX_HOPS),
        viaMqtt: true,
        rxTime: Math.floor(this.deps.clock.now() / 1000),
        payloadVariant: { case: "decoded", value: data },
      }),
    );
    if (packet.to !== number) return;
    if (data.portnum === PortNum.NODEINFO_APP && data.wantResponse)
      this.#introduceTo(packet.from, { wantResponse: false, pauseMs: ANNOUNCE_PAUSE_MS });
    if (packet.wantAck) this.#acknowledge(packet, channel);
  }

  #acknowledge({ from, id }: MeshPacket, channel: number): void {
    this.#send({
      to: from,
      channel,
      id: this.deps.random.u32(),
      data: routing(id, Routing_Error.NONE),
      wantAck: false,
      hopLimit: DEFAULT_HOPS,
    });
  }

  #fromClient(packet: MeshPacket): void {
    const { payloadVariant, to, channel, wantAck } = packet;
    const { number } = this.options;
    const id = packet.id === 0 ? this.deps.random.u32() : packet.id;
    // To itself a client sends settings for the radio: there is none to set.
    if (payloadVariant.case !== "decoded" || to === number) {
      this.#queued(id);
      return;
    }
    // What came over a broker, or from another node, never goes to a broker from here.
    if (packet.from !== 0 && packet.from !== number) {
      this.#report(id, Routing_Error.NOT_AUTHORIZED);
      return;
    }
    const hopLimit = Math.min(packet.hopLimit === 0 ? DEFAULT_HOPS : packet.hopLimit, MAX_HOPS);
    const refusal = this.#send({ to: to === 0 ? BROADCAST : to, channel, id, data: payloadVariant.value, wantAck, hopLimit });
    this.#queued(id);
    if (refusal !== null) this.#report(id, refusal);
    else if (wantAck || to === BROADCAST) this.#await(id);
  }

  /** What prevents it; null when the broker's client has it. */
  #send(sent: {
    readonly to: NodeNumber;
    readonly channel: number;
    readonly id: number;
    readonly data: Mesh.Data;
    readonly wantAck: boolean;
    readonly hopLimit: number;
  }): RoutingError | null {
    const { number, root, channels } = this.options;
    const channel = channels[sent.channel];
    if (channel === undefined) return Routing_Error.NO_CHANNEL;
    const { to, id, wantAck, hopLimit } = sent;
    const packet = create(Mesh.MeshPacketSchema, { from: number, to, id, wantAck, hopLimit, hopStart: hopLimit });
    const data = create(Mesh.DataSchema, { ...sent.data, bitfield: (sent.data.bitfield ?? 0) | OK_TO_MQTT });
    const direct = this.#sealedDirect(packet, data);
    const topic = packetTopic(root, direct === null ? channel.name : DIRECT, number);
    if (!this.deps.publish(topic, direct ?? seal(packet, data, channel, number))) return Routing_Error.RATE_LIMIT_EXCEEDED;
    this.counters.published += 1;
    return null;
  }

  /** Null: it goes by its channel's key. A receiver whose key is not known is asked for it, for the next time. */
  #sealedDirect(packet: MeshPacket, data: Mesh.Data): Uint8Array | null {
    const { to, from, id } = packet;
    if (to === BROADCAST || NOT_DIRECT.has(data.portnum)) return null;
    const known = this.#keys.get(to);
    const shared = known === undefined ? null : this.options.keys.sharedWith(known);
    if (shared === null) {
      this.#askForKey(to);
      return null;
    }
    // It cannot open the message without our key, which it may have missed: told once, before the first message.
    this.#introduceTo(to, { wantResponse: false, pauseMs: Number.POSITIVE_INFINITY });
    const sealed = { plain: toBinary(Mesh.DataSchema, data), extra: this.deps.random.u32() };
    return wrapDirect(packet, sealDirect(shared, id, from, sealed), this.options.number);
  }

  #await(id: number): void {
    this.#awaited.add(id);
    const [oldest] = this.#awaited;
    if (this.#awaited.size > AWAITED_MAX && oldest !== undefined) this.#awaited.delete(oldest);
  }

  #queued(id: number): void {
    this.#api.reply({ case: "queueStatus", value: { res: 0, free: QUEUE, maxlen: QUEUE, meshPacketId: id } });
  }

  /** As a radio reports what became of a packet of its client. */
  #report(id: number, error: RoutingError): void {
    const { number } = this.options;
    const packet = {
      from: number,
      to: number,
      id: this.deps.random.u32(),
      payloadVariant: { case: "decoded", value: routing(id, error) },
    } as const;
    this.#api.deliver(create(Mesh.MeshPacketSchema, packet));
  }

  #announce(pauseMs: number): void {
    const now = this.deps.clock.monotonic();
    if (now - this.#announcedAt < pauseMs) return;
    this.#announcedAt = now;
    this.#introduce(BROADCAST, false);
  }

  #introduce(to: NodeNumber, wantResponse: boolean): void {
    const payload = toBinary(Mesh.UserSchema, create(Mesh.UserSchema, this.#user()));
    const data = create(Mesh.DataSchema, { portnum: PortNum.NODEINFO_APP, payload, wantResponse });
    this.#send({ to, channel: 0, id: this.deps.random.u32(), data, wantAck: false, hopLimit: DEFAULT_HOPS });
  }

  #user() {
    const { number, longName, shortName, keys } = this.options;
    return { id: formatNodeId(number), longName, shortName, hwModel: Mesh.HardwareModel.PRIVATE_HW, publicKey: keys.publicKey };
  }

  /** No LoRa settings: it has no airtime, and no region's law limits it. */
  #burst(configId: number): FromRadioVariant[] {
    const { number, channels } = this.options;
    const channelAt = (index: number) => {
      const channel = channels[index];
      if (channel === undefined) return create(Channel.ChannelSchema, { index, role: Channel.Channel_Role.DISABLED });
      const role = index === 0 ? Channel.Channel_Role.PRIMARY : Channel.Channel_Role.SECONDARY;
      return create(Channel.ChannelSchema, { index, role, settings: { name: channel.name, psk: channel.key } });
    };
    return [
      { case: "myInfo", value: { myNodeNum: number, minAppVersion: 30200, pioEnv: "mqtt" } },
      { case: "nodeInfo", value: { num: number, user: this.#user(), lastHeard: Math.floor(this.deps.clock.now() / 1000) } },
      { case: "metadata", value: create(Mesh.DeviceMetadataSchema, { firmwareVersion: "none (MQTT)", deviceStateVersion: 24 }) },
      ...Array.from({ length: CHANNEL_SLOTS }, (_, index): FromRadioVariant => ({ case: "channel", value: channelAt(index) })),
      { case: "configCompleteId", value: configId },
    ];
  }
}

function routing(request: number, error: RoutingError): Mesh.Data {
  const payload = toBinary(Mesh.RoutingSchema, create(Mesh.RoutingSchema, { variant: { case: "errorReason", value: error } }));
  return create(Mesh.DataSchema, { portnum: PortNum.ROUTING_APP, requestId: request, payload });
}

/** Sets an entry and drops the oldest above the bound. */
function remember<T>(map: Map<NodeNumber, T>, node: NodeNumber, value: T): void {
  map.delete(node);
  map.set(node, value);
  const [oldest] = map.keys();
  if (map.size > KEYS_MAX && oldest !== undefined) map.delete(oldest);
}
