/** The topics of version 1 of the JSON tree: `ROOT/json/1/…`. A change that breaks a reader gets a new number. */
import { formatNodeId, type NodeNumber, parseNodeId } from "../mesh/ids.ts";

export class Topics {
  /** Texts for the mesh: the only one that is read, beside the kept nodes. Whoever may write it may send. */
  readonly send: string;
  /** What became of each of them. */
  readonly results: string;
  readonly received: string;
  readonly sent: string;
  /** Kept by the broker: whether the gateway is there. */
  readonly status: string;
  /** Reads back what the broker has kept about nodes. */
  readonly anyNode: string;
  /** The root where only letters, digits and `_` may be. */
  readonly slug: string;

  constructor(
    readonly root: string,
    private readonly discoveryPrefix: string,
  ) {
    const tree = `${root}/json/1`;
    this.send = `${tree}/send`;
    this.results = `${tree}/send/result`;
    this.received = `${tree}/received`;
    this.sent = `${tree}/sent`;
    this.status = `${tree}/status`;
    this.anyNode = `${tree}/nodes/+`;
    this.slug = root.replaceAll("/", "_");
  }

  /** Kept by the broker: what is known about a node. */
  node(number: NodeNumber): string {
    return `${this.root}/json/1/nodes/${formatNodeId(number)}`;
  }

  /** The node of such a topic; null for any other topic. */
  nodeOf(topic: string): NodeNumber | null {
    const prefix = `${this.root}/json/1/nodes/`;
    const number = topic.startsWith(prefix) ? parseNodeId(topic.slice(prefix.length)) : null;
    return number !== null && this.node(number) === topic ? number : null;
  }

  /** Kept by the broker: what Home Assistant makes of the node. */
  discovery(number: NodeNumber): string {
    return `${this.discoveryPrefix}/device/${this.objectId(number)}/config`;
  }

  /** Names a node within Home Assistant; gateways on one broker have roots of their own. */
  objectId(number: NodeNumber): string {
    return `${this.slug}_${formatNodeId(number).slice(1)}`;
  }
}
