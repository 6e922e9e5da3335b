import { create, toBinary } from "@bufbuild/protobuf";
import { Admin, Mesh, Portnums } from "@meshtastic/protobufs";
import type { Timer } from "../../clock.ts";
import { fail, ok, type Result } from "../../errors.ts";
import type { Subscription } from "../../lifetime.ts";
import { type MeshPacket, tryDecode } from "../codec/protobuf.ts";
import { BROADCAST, formatNodeId, type NodeNumber, type PacketId, packetId } from "../ids.ts";
import { EMOJI_FLAG } from "../message.ts";
import type { Attachment, Client } from "../stream-server/attachment.ts";
import { StreamApi } from "../stream-server/stream-api.ts";
import { answerAdmin } from "./admin.ts";
import { type Addressed, type AirMember, type DataInit, SimulatedAir } from "./air.ts";
import { type Announcement, type AnswerFacts, announcement, answerOf } from "./answers.ts";
import { type BurstFacts, configBurst, isRecentFirmware } from "./burst.ts";
import type { Fault } from "./faults.ts";
import { Faults } from "./faults.ts";
import { MqttModule, type MqttModuleOptions } from "./mqtt-module.ts";
import type { SimulatedNode } from "./nodes.ts";
import { defaultNode, userOf } from "./nodes.ts";
import type { MeshCounters, SimulatedMeshOptions } from "./options.ts";
import { Reception } from "./reception.ts";
import type { HeardText, SayRequest } from "./texts.ts";
import { Transmitter } from "./transmitter.ts";

const DEFAULTS = { latencyMs: 30, textSpacingMs: 2000, retransmitMs: 21_000, idleMs: 15 * 60_000, rebootMs: 2000, hopLimit: 3 } as const;
/** Bytes that one packet carries on a channel. */
const LARGEST_TEXT = 232;
const MAX_NODES = 1_000;
const DEFAULT_FIRMWARE = "2.8.0.simulated";
/** After a change of its owner the node restarts by itself. */
const OWNER_REBOOT_MS = 7_000;
/** However often a client asks for its NodeInfo. */
const ANNOUNCE_EVERY_MS = 60_000;
const TIME_KEPT_MS = 12 * 3_600_000;

/**
 * An in-process mesh: one node to which a client attaches with the real stream protocol, and others that exchange packets
 * with it. Time and randomness come from the options, so a fake clock replays it exactly. The node has one client: the
 * last to attach wins.
 */
export class SimulatedMesh implements AirMember {
  readonly counters: MeshCounters = {
    accepted: 0,
    tooSoon: 0,
    repeated: 0,
    refused: 0,
    rubbish: 0,
    backlogDropped: 0,
    withoutKey: 0,
    takenOver: 0,
  };
  #own: SimulatedNode;
  readonly #air: SimulatedAir;
  readonly #firmware: string;
  readonly #password: string;
  readonly #nodes = new Map<NodeNumber, SimulatedNode>();
  readonly #timers = new Set<Timer>();
  readonly #listeners = new Set<(text: HeardText) => void>();
  readonly #channels: readonly string[];
  readonly #privateKey: Uint8Array;
  readonly #faults: Faults;
  readonly #transmitter: Transmitter;
  readonly #reception: Reception;
  readonly #streamApi: StreamApi;
  readonly #mqtt: MqttModule | null;
  readonly #startedAt: number;
  /** The wall clock that a client set, minus the monotonic clock, ms; null while unset. */
  #clockOffset: number | null = null;
  #timeSetAt: number | null = null;
  #announcedAt = Number.NEGATIVE_INFINITY;
  #reboots = 0;
  #upAgainAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: SimulatedMeshOptions) {
    const { clock, random, nodes } = options;
    this.#air = options.air ?? new SimulatedAir();
    this.#firmware = options.firmware ?? DEFAULT_FIRMWARE;
    this.#own = defaultNode(options.ownNumber ?? 1, { longName: "Gateway", shortName: "GW", batteryLevel: 101 });
    const wanted = typeof nodes === "number" ? Array.from({ length: Math.min(nodes, MAX_NODES) }, (_, i) => ({ number: i + 2 })) : nodes;
    for (const node of wanted) if (node.number !== this.own.number) this.#nodes.set(node.number, defaultNode(node.number, node));
    this.#channels = options.channels ?? ["", "Local"];
    this.#privateKey = random.bytes(32);
    this.#password = `secret-${Buffer.from(this.#privateKey.subarray(0, 6)).toString("hex")}`;
    this.#startedAt = clock.monotonic();
    this.#faults = new Faults(random, options.latencyMs ?? DEFAULTS.latencyMs);
    this.#transmitter = this.#makeTransmitter();
    this.#streamApi = this.#makeStreamApi();
    this.#reception = this.#makeReception();
    this.#mqtt = options.mqtt === undefined ? null : this.#makeMqtt(options.mqtt);
    this.#air.join(this);
  }

  #makeMqtt(options: MqttModuleOptions): MqttModule {
    const own = this.own.number;
    return new MqttModule(options, {
      own,
      channels: this.#channels,
      reply: (variant) => this.#streamApi.reply(variant),
      arrived: (address, data) => this.#air.carry(address, data),
      acknowledged: (data) => this.#reception.take({ from: own, to: own, channel: 0, id: this.#packetId() }, data),
    });
  }

  #makeTransmitter(): Transmitter {
    const { clock } = this.options;
    return new Transmitter({
      clock,
      faults: this.#faults,
      counters: this.counters,
      own: this.own.number,
      textSpacingMs: this.options.textSpacingMs ?? DEFAULTS.textSpacingMs,
      retransmitMs: this.options.retransmitMs ?? DEFAULTS.retransmitMs,
      channelCount: this.#channels.length,
      isRecent: isRecentFirmware(this.#firmware),
      airtimeMs: this.options.airtimeMs ?? 0,
      dutyCycle: this.options.dutyCycle ?? 1,
      node: (number) => this.#nodes.get(number),
      others: () => [...this.#nodes.values(), ...this.#air.neighboursOf(this)],
      arrived: (packet, data, id, receivers) => this.#arrived(packet, data, id, receivers),
      later: (ms, run) => this.#later(ms, run),
      reply: (variant) => this.#streamApi.reply(variant),
      deliver: (packet) => this.#streamApi.deliver(packet),
      packetId: () => this.#packetId(),
      heard: (text) => {
        for (const listener of [...this.#listeners]) listener(text);
      },
    });
  }

  #makeStreamApi(): StreamApi {
    const { clock, random } = this.options;
    return new StreamApi({
      clock,
      random,
      counters: this.counters,
      idleMs: this.options.idleMs ?? DEFAULTS.idleMs,
      burst: (configId) => configBurst(this.#facts(), configId),
      packet: (packet) => this.#fromClient(packet),
      free: () => this.#transmitter.queue.free,
      attached: () => this.#transmitter.newConnection(),
      announce: () => this.#announceOwn(),
      fromBroker: (message) => this.#mqtt?.receive(message),
    });
  }

  #makeReception(): Reception {
    return new Reception({
      faults: this.#faults,
      counters: this.counters,
      own: this.own.number,
      nodes: this.#nodes,
      hopLimit: DEFAULTS.hopLimit,
      isRecent: isRecentFirmware(this.#firmware),
      timeS: () => this.#timeS(),
      later: (ms, run) => this.#later(ms, run),
      deliver: (packet) => this.#streamApi.deliver(packet),
    });
  }

  /** The node to which a client attaches. */
  get own(): SimulatedNode {
    return this.#own;
  }

  /** All nodes but the gateway's own, in the order given. */
  get nodes(): readonly SimulatedNode[] {
    return [...this.#nodes.values()];
  }

  /** Connects a client to the gateway's node; fails with `link_down` while the node restarts. */
  attach(client: Client): Result<Attachment> {
    if (this.options.clock.monotonic() < this.#upAgainAt) return fail("link_down", "the simulated node is restarting");
    return ok(this.#streamApi.attach(client));
  }

  /** Sends a text from a node to the gateway's; the value is the packet id. Fails with `invalid_argument` or `too_large`. */
  say(request: SayRequest): Result<PacketId> {
    const { from, text, channel } = request;
    const to = request.to ?? (channel === undefined ? this.own.number : BROADCAST);
    const isNode = Number.isInteger(from) && from > 0 && from < BROADCAST;
    if (!isNode || from === this.own.number) {
      const hint = `use one of ${this.nodes.map((node) => formatNodeId(node.number)).join(", ")}, or the number of a node that is not listed`;
      return fail("invalid_argument", `no simulated node can send as ${formatNodeId(from)}`, { hint });
    }
    if (channel !== undefined && this.#channels[channel] === undefined) {
      const hint = `channels 0 to ${this.#channels.length - 1} exist`;
      return fail("invalid_argument", `the simulated mesh has no channel ${channel}`, { hint });
    }
    const payload = new TextEncoder().encode(text);
    if (payload.length > LARGEST_TEXT) {
      return fail("too_large", `the text has ${payload.length} bytes`, { hint: `a packet carries ${LARGEST_TEXT}` });
    }
    const id = request.packetId ?? this.#packetId();
    this.#air.carry(
      { from, to, channel: channel ?? 0, id },
      {
        portnum: Portnums.PortNum.TEXT_MESSAGE_APP,
        payload,
        ...(request.replyId === undefined ? {} : { replyId: request.replyId }),
        ...(request.isReaction ? { emoji: EMOJI_FLAG } : {}),
      },
    );
    return ok(id);
  }

  /** Lets a listed node broadcast something about itself. Fails with `not_found`. */
  announce(from: NodeNumber, what: Announcement): Result<PacketId> {
    const node = this.#nodes.get(from);
    if (node === undefined) return fail("not_found", `no simulated node ${formatNodeId(from)}`);
    const id = this.#packetId();
    this.#air.carry({ from, to: BROADCAST, channel: 0, id }, announcement(node, what, this.#answerFacts()));
    return ok(id);
  }

  /** Lets the own node hear a packet of a recording again, under its id; loss and latency are those of now. */
  rehear({ from, to, channel, id, payloadVariant }: MeshPacket): void {
    if (payloadVariant.case === "decoded") this.#air.carry({ from, to, channel, id }, payloadVariant.value);
  }

  /** Adds or changes a node. Clients see it with its next announcement or in the next configuration burst. */
  setNode(node: Partial<SimulatedNode> & { readonly number: NodeNumber }): void {
    this.#nodes.set(node.number, { ...(this.#nodes.get(node.number) ?? defaultNode(node.number)), ...node });
  }

  /** Called for each text of the gateway that at least one node received. */
  onHeard(listener: (text: HeardText) => void): Subscription {
    this.#listeners.add(listener);
    return { dispose: () => void this.#listeners.delete(listener) };
  }

  fail(fault: Fault): void {
    if (this.#faults.set(fault)) return;
    switch (fault.kind) {
      case "reboot":
        this.#reboot(fault.ms ?? DEFAULTS.rebootMs);
        return;
      case "silence":
        this.#streamApi.silent = true;
        if (fault.ms !== undefined) this.#later(fault.ms, () => this.#wake());
        return;
      case "busy":
        this.#transmitter.queue.busy(fault.ms);
        return;
      case "region_unset":
        this.#transmitter.isRegionUnset = fault.unset ?? true;
        return;
      case "resume":
        this.#upAgainAt = Number.NEGATIVE_INFINITY;
        this.#transmitter.isRegionUnset = false;
        this.#transmitter.queue.busy(0);
        this.#wake();
        return;
      case "disconnect":
        this.#streamApi.cutOff("cut off");
        return;
      case "rubbish":
        this.#streamApi.rubbish(fault.bytes);
        return;
      default:
        return;
    }
  }

  /** Disconnects the client and cancels every timer. Idempotent. */
  stop(): void {
    this.#air.leave(this);
    this.#streamApi.cutOff("the simulated mesh stops");
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#listeners.clear();
  }

  #wake(): void {
    this.#streamApi.silent = false;
  }

  #reboot(ms: number): void {
    this.#upAgainAt = this.options.clock.monotonic() + ms;
    this.#reboots++;
    this.#clockOffset = this.#timeSetAt = null;
    this.#transmitter.forget();
    this.#streamApi.forget();
    this.#streamApi.silent = false;
    this.#streamApi.cutOff("reboot");
  }

  #fromClient(packet: MeshPacket): void {
    if (packet.payloadVariant.case !== "decoded") return;
    const data = packet.payloadVariant.value;
    if (data.portnum !== Portnums.PortNum.ADMIN_APP || packet.to !== this.own.number) {
      this.#transmitter.send(packet, data);
      this.#mqtt?.publish({ from: this.own.number, to: packet.to, channel: packet.channel, id: packet.id }, data);
      return;
    }
    const { free } = this.#transmitter.queue;
    this.#streamApi.reply({ case: "queueStatus", value: { res: 0, free, maxlen: 16, meshPacketId: packet.id } });
    this.#admin(packet, data.payload);
  }

  #admin(packet: MeshPacket, payload: Uint8Array): void {
    const request = tryDecode(Admin.AdminMessageSchema, payload)?.payloadVariant;
    if (request === undefined) {
      this.counters.rubbish += payload.length;
      return;
    }
    if (request.case === "setTimeOnly") this.#setTime(request.value);
    if (request.case === "rebootSeconds") this.#later(Math.max(request.value, 0) * 1000, () => this.#reboot(DEFAULTS.rebootMs));
    if (request.case === "setOwner") {
      const { longName, shortName } = request.value;
      this.#own = { ...this.#own, longName: longName || this.#own.longName, shortName: shortName || this.#own.shortName };
      this.#later(OWNER_REBOOT_MS, () => this.#reboot(DEFAULTS.rebootMs));
    }
    const answer = answerAdmin(request, this.#facts());
    if (answer === null) return;
    const own = this.own.number;
    const data = { portnum: Portnums.PortNum.ADMIN_APP, requestId: packet.id, payload: toBinary(Admin.AdminMessageSchema, answer) };
    this.#reception.take({ from: own, to: own, channel: 0, id: this.#packetId() }, data);
  }

  /** As the firmware does, which takes a second setting of the same kind only after twelve hours. */
  #setTime(timeS: number): void {
    const now = this.options.clock.monotonic();
    if (this.#timeSetAt !== null && now - this.#timeSetAt < TIME_KEPT_MS) return;
    this.#timeSetAt = now;
    this.#clockOffset = timeS * 1000 - now;
  }

  /** A packet of the client has reached these nodes. */
  #arrived(packet: MeshPacket, data: Mesh.Data, id: PacketId, receivers: readonly SimulatedNode[]): void {
    const numbers = new Set(receivers.map(({ number }) => number));
    const address = { from: this.own.number, to: packet.to, channel: packet.channel, id };
    if (this.#air.neighboursOf(this).some(({ number }) => numbers.has(number))) this.#air.carry(address, data, this);
    if (data.portnum === Portnums.PortNum.NODEINFO_APP) this.#introduced(receivers);
    if (!data.wantResponse || packet.to === BROADCAST) return;
    for (const receiver of receivers) {
      const node = this.#nodes.get(receiver.number);
      const answer = node === undefined ? null : answerOf(node, data, this.#answerFacts());
      if (answer === null) continue;
      const back = { from: receiver.number, to: this.own.number, channel: packet.channel, id: this.#packetId() };
      this.#later(2 * this.#faults.latencyMs, () => this.hear(back, { ...answer, requestId: id }));
    }
  }

  /** These nodes have the own node's key from now on. */
  #introduced(receivers: readonly SimulatedNode[]): void {
    for (const { number } of receivers) if (this.#nodes.get(number)?.knowsGateway === false) this.setNode({ number, knowsGateway: true });
  }

  #announceOwn(): void {
    const now = this.options.clock.monotonic();
    if (now - this.#announcedAt < ANNOUNCE_EVERY_MS) return;
    this.#announcedAt = now;
    const payload = toBinary(Mesh.UserSchema, userOf(this.own));
    const data = create(Mesh.DataSchema, { portnum: Portnums.PortNum.NODEINFO_APP, payload });
    const packet = create(Mesh.MeshPacketSchema, { from: this.own.number, to: BROADCAST, id: this.#packetId(), hopLimit: 3 });
    this.#transmitter.send(packet, data);
  }

  /** A transmission of another node, or of another gateway on the same air. */
  hear(address: Addressed, data: DataInit): void {
    this.#reception.hear(address, data);
    this.#mqtt?.publish(address, data);
  }

  #answerFacts(): AnswerFacts {
    return { timeS: this.#timeS(), uptimeS: this.#uptimeS(), path: (node) => this.#reception.path(node) };
  }

  #facts(): BurstFacts {
    return {
      own: this.own,
      others: this.nodes,
      channels: this.#channels,
      firmware: this.#firmware,
      hasRegion: !this.#transmitter.isRegionUnset,
      limitsDutyCycle: (this.options.dutyCycle ?? 1) < 1,
      password: this.#password,
      timeS: this.#timeS(),
      uptimeS: this.#uptimeS(),
      reboots: this.#reboots,
      privateKey: this.#privateKey,
      mqtt: this.options.mqtt ?? null,
    };
  }

  #timeS(): number {
    return this.#clockOffset === null ? 0 : Math.floor((this.options.clock.monotonic() + this.#clockOffset) / 1000);
  }

  #uptimeS(): number {
    return Math.floor((this.options.clock.monotonic() - this.#startedAt) / 1000);
  }

  #packetId(): PacketId {
    return packetId(this.options.random.u32()) || 1;
  }

  #later(ms: number, run: () => void): void {
    if (ms <= 0) {
      run();
      return;
    }
    const timer = this.options.clock.after(ms, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
  }
}
