import { GatewayError } from "../../errors.ts";
import { formatNodeId, packetId } from "../../mesh/ids.ts";
import type { SimulatedMesh } from "../../mesh/simulator/mesh.ts";
import type { SimulatedNode } from "../../mesh/simulator/nodes.ts";
import type { HeardText } from "../../mesh/simulator/texts.ts";

/** A node of the virtual mesh. Everything but the name has a default. */
export type NodeOptions = Partial<Omit<SimulatedNode, "number" | "longName">> & { readonly name: string };

/** Where a text goes: to the gateway itself when no channel is given. */
export interface SayOptions {
  /** Channel index: every node hears the text. */
  readonly channel?: number;
  /** Packet id of the message it answers. */
  readonly replyTo?: number;
  /** A reaction to `replyTo`. */
  readonly isReaction?: boolean;
  /** The packet's id, where several gateways of a test are to hear the same packet; else it is chosen at random. */
  readonly packetId?: number;
}

export interface NodeDeps {
  mesh(): SimulatedMesh;
  quiet(): Promise<void>;
  /** The message of the error when a text gets no answer, with what the gateway knows about it. */
  explain(what: string): string;
}

/** A person on the mesh with a radio. */
export class TestNode {
  /** `!%08x`. */
  readonly id: string;
  readonly #heard: HeardText[] = [];
  #packetId = 0;

  constructor(
    readonly name: string,
    /** Node number. */
    readonly number: number,
    private readonly deps: NodeDeps,
  ) {
    this.id = formatNodeId(number);
  }

  /** Texts of the gateway that reached this node, direct or on a channel, oldest first. */
  get heard(): readonly string[] {
    return this.#heard.map((text) => text.text);
  }

  /** The same with packet id, channel, reply id and time. */
  get packets(): readonly HeardText[] {
    return this.#heard;
  }

  /** Packet id of the last text that this node sent. */
  get lastPacketId(): number {
    return this.#packetId;
  }

  /**
   * Sends a text and waits until the mesh is quiet; resolves to the texts that this node received meanwhile. The text is a
   * direct message to the gateway unless a channel is given. A long answer comes in parts, each as one text.
   * @example expect(await alice.says("hello")).toEqual(["Hello Alice!"]);
   * @example await alice.says("!hello", { channel: 0 });
   */
  async says(text: string, options: SayOptions = {}): Promise<string[]> {
    const before = this.#heard.length;
    this.sends(text, options);
    await this.deps.quiet();
    return this.heard.slice(before);
  }

  /**
   * As {@link says}, for exactly one answer: its parts are joined by a line break. Throws when there is no answer; the error
   * says what the gateway knows about it.
   * @example expect(await alice.asks("ping")).toStartWith("pong");
   */
  async asks(text: string, options: SayOptions = {}): Promise<string> {
    const answers = await this.says(text, options);
    if (answers.length > 0) return answers.join("\n");
    throw new GatewayError("not_found", this.deps.explain(`${this.name} said ${JSON.stringify(text)} and nobody answered.`));
  }

  /** Sends a text without waiting for what follows. */
  sends(text: string, { channel, replyTo, isReaction, packetId: id }: SayOptions = {}): void {
    const said = this.deps.mesh().say({
      from: this.number,
      text,
      ...(channel === undefined ? {} : { channel }),
      ...(replyTo === undefined ? {} : { replyId: replyTo }),
      ...(isReaction === undefined ? {} : { isReaction }),
      ...(id === undefined ? {} : { packetId: packetId(id) }),
    });
    if (!said.ok) throw said.error;
    this.#packetId = said.value;
  }

  /** Broadcasts the node's position; the given values replace the present ones. */
  async moves(place: Partial<Pick<SimulatedNode, "latitude" | "longitude" | "altitude">> = {}): Promise<void> {
    await this.#announce("position", { ...place, hasPosition: true });
  }

  /** Broadcasts the node's telemetry. */
  async reports(values: Partial<Pick<SimulatedNode, "batteryLevel">> = {}): Promise<void> {
    await this.#announce("telemetry", values);
  }

  /** Broadcasts what its sensors measure: degrees Celsius, percent, hPa. */
  async measures(values: SimulatedNode["environment"] = {}): Promise<void> {
    await this.#announce("environment", { environment: values });
  }

  /** Broadcasts the node's names. */
  async introduces(): Promise<void> {
    await this.#announce("node_info", {});
  }

  /** Puts the node out of range: it hears and acknowledges nothing until {@link comesBack}. */
  leaves(): void {
    this.change({ online: false });
  }

  comesBack(): void {
    this.change({ online: true });
  }

  /** Sets signal, hops, battery and so on from now on. */
  change(values: Partial<Omit<SimulatedNode, "number">>): void {
    this.deps.mesh().setNode({ ...values, number: this.number });
  }

  /** For the kit: hands over a text that the gateway transmitted. */
  take(text: HeardText): void {
    if (text.heardBy.includes(this.number)) this.#heard.push(text);
  }

  async #announce(what: "node_info" | "position" | "telemetry" | "environment", values: Partial<SimulatedNode>): Promise<void> {
    this.change(values);
    const said = this.deps.mesh().announce(this.number, what);
    if (!said.ok) throw said.error;
    await this.deps.quiet();
  }
}
