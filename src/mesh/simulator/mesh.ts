import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Admin, Mesh, Portnums, Telemetry } from "@meshtastic/protobufs";
import type { Timer } from "../../clock.ts";
import { fail, ok, type Result } from "../../errors.ts";
import type { Subscription } from "../../lifetime.ts";
import { type MeshPacket, tryDecode } from "../codec/protobuf.ts";
import { BROADCAST, type ChannelIndex, formatNodeId, type NodeNumber, type PacketId, packetId } from "../ids.ts";
import { EMOJI_FLAG } from "../message.ts";
import type { Attachment, Client } from "./attachment.ts";
import type { BurstFacts } from "./burst.ts";
import type { Fault } from "./faults.ts";
import { Faults } from "./faults.ts";
import type { SimulatedNode } from "./nodes.ts";
import { defaultNode, metricsOf, positionOf, publicKey, userOf } from "./nodes.ts";
import type { MeshCounters, SimulatedMeshOptions } from "./options.ts";
import { StreamApi } from "./stream-api.ts";
import type { HeardText, SayRequest } from "./texts.ts";
import { Transmitter } from "./transmitter.ts";

const DEFAULTS = { latencyMs: 30, textSpacingMs: 2000, retransmitMs: 21_000, idleMs: 15 * 60_000, rebootMs: 2000, hopLimit: 3 } as const;
/** Bytes that one packet carries on a channel. */
const LARGEST_TEXT = 232;
const MAX_NODES = 250;

interface Addressed {
  readonly from: NodeNumber;
  readonly to: NodeNumber;
  readonly channel: ChannelIndex;
  readonly id: PacketId;
}

/**
 * An in-process mesh: one node to which a client attaches with the real stream protocol, and others that exchange packets
 * with it. Time and randomness come from the options, so a fake clock replays it exactly. The node has one client: the
 * last to attach wins.
 */
export class SimulatedMesh {
  readonly counters: MeshCounters = {
    accepted: 0,
    tooSoon: 0,
    repeated: 0,
    refused: 0,
    rubbish: 0,
    backlogDropped: 0,
    takenOver: 0,
  };
  readonly own: SimulatedNode;
  readonly #nodes = new Map<NodeNumber, SimulatedNode>();
  readonly #timers = new Set<Timer>();
  readonly #listeners = new Set<(text: HeardText) => void>();
  readonly #channels: readonly string[];
  readonly #privateKey: Uint8Array;
  readonly #faults: Faults;
  readonly #transmitter: Transmitter;
  readonly #streamApi: StreamApi;
  readonly #startedAt: number;
  /** The wall clock that a client set, minus the monotonic clock, ms; null while unset. */
  #clockOffset: number | null = null;
  #reboots = 0;
  #upAgainAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: SimulatedMeshOptions) {
    const { clock, random, nodes } = options;
    this.own = defaultNode(options.ownNumber ?? 1, { longName: "Gateway", shortName: "GW", batteryLevel: 101 });
    const wanted = typeof nodes === "number" ? Array.from({ length: Math.min(nodes, MAX_NODES) }, (_, i) => ({ number: i + 2 })) : nodes;
    for (const node of wanted) if (node.number !== this.own.number) this.#nodes.set(node.number, defaultNode(node.number, node));
    this.#channels = options.channels ?? ["", "Local"];
    this.#privateKey = random.bytes(32);
    this.#startedAt = clock.monotonic();
    this.#faults = new Faults(random, options.latencyMs ?? DEFAULTS.latencyMs);
    this.#transmitter = new Transmitter({
      clock,
      faults: this.#faults,
      counters: this.counters,
      own: this.own.number,
      textSpacingMs: options.textSpacingMs ?? DEFAULTS.textSpacingMs,
      retransmitMs: options.retransmitMs ?? DEFAULTS.retransmitMs,
      channelCount: this.#channels.length,
      node: (number) => this.#nodes.get(number),
      others: () => [...this.#nodes.values()],
      later: (ms, run) => this.#later(ms, run),
      reply: (variant) => this.#streamApi.reply(variant),
      deliver: (packet) => this.#streamApi.deliver(packet),
      packetId: () => this.#packetId(),
      heard: (text) => {
        for (const listener of [...this.#listeners]) listener(text);
      },
    });
    this.#streamApi = new StreamApi({
      clock,
      random,
      counters: this.counters,
      idleMs: options.idleMs ?? DEFAULTS.idleMs,
      facts: () => this.#facts(),
      packet: (packet) => this.#fromClient(packet),
    });
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
    const id = this.#packetId();
    this.#transmit(
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

  /** Lets a listed node broadcast its NodeInfo, position or telemetry. Fails with `not_found`. */
  announce(from: NodeNumber, what: "node_info" | "position" | "telemetry"): Result<PacketId> {
    const node = this.#nodes.get(from);
    if (node === undefined) return fail("not_found", `no simulated node ${formatNodeId(from)}`);
    const id = this.#packetId();
    this.#transmit({ from, to: BROADCAST, channel: 0, id }, this.#announcement(node, what));
    return ok(id);
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
      case "resume":
        this.#upAgainAt = Number.NEGATIVE_INFINITY;
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
    this.#clockOffset = null;
    this.#transmitter.forget();
    this.#streamApi.forget();
    this.#streamApi.silent = false;
    this.#streamApi.cutOff("reboot");
  }

  #fromClient(packet: MeshPacket): void {
    if (packet.payloadVariant.case !== "decoded") return;
    const data = packet.payloadVariant.value;
    if (data.portnum === Portnums.PortNum.TEXT_MESSAGE_APP) {
      this.#transmitter.send(packet, data);
      return;
    }
    if (data.portnum === Portnums.PortNum.ADMIN_APP && packet.to === this.own.number) this.#admin(data.payload);
    this.#streamApi.reply({ case: "queueStatus", value: { res: 0, free: 16, maxlen: 16, meshPacketId: packet.id } });
  }

  #admin(payload: Uint8Array): void {
    const payloadVariant = tryDecode(Admin.AdminMessageSchema, payload)?.payloadVariant;
    if (payloadVariant === undefined) {
      this.counters.rubbish += payload.length;
      return;
    }
    if (payloadVariant.case === "setTimeOnly") this.#clockOffset = payloadVariant.value * 1000 - this.options.clock.monotonic();
    if (payloadVariant.case === "rebootSeconds")
      this.#later(Math.max(payloadVariant.value, 0) * 1000, () => this.#reboot(DEFAULTS.rebootMs));
  }

  #transmit({ from, to, channel, id }: Addressed, data: MessageInitShape<typeof Mesh.DataSchema>): void {
    if (to !== this.own.number && to !== BROADCAST) return;
    if (this.#faults.isLost()) return;
    const node = this.#nodes.get(from);
    const isSecret = to === this.own.number && node?.hasKey === true;
    const hops = node?.hops ?? 0;
    const packet = create(Mesh.MeshPacketSchema, {
      from,
      to,
      id,
      channel: isSecret ? 0 : channel,
      rxTime: this.#timeS(),
      rxSnr: node?.snr ?? 1,
      rxRssi: node?.rssi ?? -100,
      hopStart: DEFAULTS.hopLimit,
      hopLimit: Math.max(DEFAULTS.hopLimit - hops, 0),
      payloadVariant: { case: "decoded", value: data },
      ...(isSecret ? { pkiEncrypted: true, publicKey: publicKey(from) } : {}),
    });
    const copies = this.#faults.consume("duplicate") === null ? 1 : 2;
    this.#later(this.#faults.latencyMs, () => {
      for (let i = 0; i < copies; i++) this.#streamApi.deliver(packet);
    });
  }

  #announcement(node: SimulatedNode, what: "node_info" | "position" | "telemetry"): MessageInitShape<typeof Mesh.DataSchema> {
    switch (what) {
      case "node_info":
        return { portnum: Portnums.PortNum.NODEINFO_APP, payload: toBinary(Mesh.UserSchema, userOf(node)) };
      case "position":
        return { portnum: Portnums.PortNum.POSITION_APP, payload: toBinary(Mesh.PositionSchema, positionOf(node, this.#timeS())) };
      case "telemetry": {
        const variant = { case: "deviceMetrics" as const, value: metricsOf(node, this.#uptimeS()) };
        const message = create(Telemetry.TelemetrySchema, { time: this.#timeS(), variant });
        return { portnum: Portnums.PortNum.TELEMETRY_APP, payload: toBinary(Telemetry.TelemetrySchema, message) };
      }
    }
  }

  #facts(): BurstFacts {
    return {
      own: this.own,
      others: this.nodes,
      channels: this.#channels,
      firmware: this.options.firmware ?? "2.7.15.simulated",
      timeS: this.#timeS(),
      uptimeS: this.#uptimeS(),
      reboots: this.#reboots,
      privateKey: this.#privateKey,
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
