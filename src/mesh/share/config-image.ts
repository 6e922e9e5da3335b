import { create } from "@bufbuild/protobuf";
import { Mesh, Portnums, Telemetry } from "@meshtastic/protobufs";
import { encodeFromRadio, type FromRadio, type MeshPacket, tryDecode } from "../codec/protobuf.ts";
import { BROADCAST, type NodeNumber } from "../ids.ts";
import { withoutSecrets } from "./secrets.ts";

/** Requests everything but the other nodes. */
const WITHOUT_NODES = 69_420;
/** Requests only the nodes. */
const NODES_ONLY = 69_421;
/** Frames of one burst without its nodes; far more than any firmware sends. */
const MAX_FRAMES = 200;
const MAX_NODES = 1_500;

type NodeInfo = Mesh.NodeInfo;

/** One burst as the radio sent it. */
interface Burst {
  readonly ownNode: NodeNumber;
  /** What comes before the other nodes, in the radio's order; the own NodeInfo is its second or third frame. */
  readonly head: FromRadio[];
  /** What comes after them. */
  readonly tail: FromRadio[];
  readonly nodes: Map<NodeNumber, NodeInfo>;
}

/** The radio's configuration, from which the gateway answers its clients in the radio's place. */
export class ConfigImage {
  #current: Burst | null = null;
  #draft: Burst | null = null;

  /** With `secrets` the clients get the configuration as the radio sent it. */
  constructor(private readonly secrets: boolean) {}

  get ownNode(): NodeNumber | null {
    return this.#current?.ownNode ?? null;
  }

  /**
   * Learns from a frame of the radio. `complete`: a burst has ended; `changed`: and its configuration is another than before, so
   * that clients must read it again.
   */
  learn(frame: FromRadio): "complete" | "changed" | null {
    const { payloadVariant: variant } = frame;
    if (variant.case === "myInfo") this.#draft = { ownNode: variant.value.myNodeNum, head: [], tail: [], nodes: new Map() };
    if (variant.case === "packet" || variant.case === "queueStatus" || variant.case === "logRecord") return null;
    if (variant.case === "configCompleteId") return this.#commit();
    const burst = this.#draft;
    if (burst !== null) this.#collect(burst, frame);
    else if (variant.case === "nodeInfo") this.#setNode(variant.value);
    return null;
  }

  /** Learns from a packet what a real node would have stored about its sender. */
  hear(packet: MeshPacket): void {
    const data = packet.payloadVariant.case === "decoded" ? packet.payloadVariant.value : null;
    if (data === null || packet.from === 0 || packet.from === BROADCAST || this.#current === null) return;
    const known = this.#current.nodes.get(packet.from);
    const news = newsOf(data);
    if (known === undefined && news === null) return;
    const heard = { lastHeard: packet.rxTime || (known?.lastHeard ?? 0), snr: packet.rxSnr || (known?.snr ?? 0) };
    this.#setNode(create(Mesh.NodeInfoSchema, { ...(known ?? { num: packet.from }), ...news, ...heard }));
  }

  /** The answer to `want_config_id`, or null before the radio's first burst. */
  answer(nonce: number): FromRadio[] | null {
    const burst = this.#current;
    if (burst === null) return null;
    const own = this.#nodeFrames(burst, (number) => number === burst.ownNode);
    const others = nonce === WITHOUT_NODES ? [] : this.#nodeFrames(burst, (number) => number !== burst.ownNode);
    const complete = frameOf({ case: "configCompleteId", value: nonce });
    if (nonce === NODES_ONLY) return [...own, ...others, complete];
    const head = burst.head.flatMap((frame) => (frame.payloadVariant.case === "nodeInfo" ? own : [frame]));
    return [...head, ...others, ...burst.tail, complete];
  }

  #collect(burst: Burst, frame: FromRadio): void {
    const { payloadVariant: variant } = frame;
    if (variant.case === "nodeInfo") {
      if (burst.nodes.size < MAX_NODES) burst.nodes.set(variant.value.num, variant.value);
      if (variant.value.num === burst.ownNode) burst.head.push(frame); // marks its place
      return;
    }
    if (burst.head.length + burst.tail.length >= MAX_FRAMES) return;
    const open = this.secrets ? frame : withoutSecrets(frame);
    if (open === null) return;
    if (variant.case === "fileInfo") burst.tail.push(open);
    else if (variant.case !== "rebooted") burst.head.push(open);
  }

  #commit(): "complete" | "changed" | null {
    const draft = this.#draft;
    this.#draft = null;
    if (draft === null) return null;
    const isChange = this.#current !== null && fingerprint(this.#current) !== fingerprint(draft);
    this.#current = draft;
    return isChange ? "changed" : "complete";
  }

  #setNode(node: NodeInfo): void {
    const nodes = this.#current?.nodes;
    if (nodes === undefined || (!nodes.has(node.num) && nodes.size >= MAX_NODES)) return;
    nodes.set(node.num, node);
  }

  #nodeFrames({ nodes }: Burst, which: (number: NodeNumber) => boolean): FromRadio[] {
    return [...nodes.values()].filter(({ num }) => which(num)).map((value) => frameOf({ case: "nodeInfo", value }));
  }
}

function frameOf(payloadVariant: FromRadio["payloadVariant"]): FromRadio {
  return create(Mesh.FromRadioSchema, { payloadVariant });
}

function newsOf(data: Mesh.Data): Partial<Pick<NodeInfo, "user" | "position" | "deviceMetrics">> | null {
  switch (data.portnum) {
    case Portnums.PortNum.NODEINFO_APP: {
      const user = tryDecode(Mesh.UserSchema, data.payload);
      return user === null ? null : { user };
    }
    case Portnums.PortNum.POSITION_APP: {
      const position = tryDecode(Mesh.PositionSchema, data.payload);
      return position?.latitudeI === undefined ? null : { position };
    }
    case Portnums.PortNum.TELEMETRY_APP: {
      const variant = tryDecode(Telemetry.TelemetrySchema, data.payload)?.variant;
      return variant?.case === "deviceMetrics" ? { deviceMetrics: variant.value } : null;
    }
    default:
      return null;
  }
}

/** Equal for two bursts between which a client has nothing to read again. */
function fingerprint({ ownNode, head }: Burst): string {
  const hash = new Bun.CryptoHasher("sha256").update(String(ownNode));
  for (const frame of head) {
    const { case: kind } = frame.payloadVariant;
    if (kind === "channel" || kind === "config" || kind === "moduleConfig") hash.update(encodeFromRadio(frame));
  }
  return hash.digest("hex");
}
