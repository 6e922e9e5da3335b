import type { GatewayTexts } from "../../texts/texts.ts";
import { BROADCAST, formatNodeId, type NodeNumber } from "../ids.ts";
import type { TextMessage } from "../message.ts";
import type { MeshNode } from "../node.ts";
import type { OutboxRequest } from "../outgoing.ts";
import type { AlertChannel, AlertTarget } from "./alert.ts";
import type { UrgentText, UrgentTexts } from "./urgent-texts.ts";

export interface OperatorAlertsDeps {
  readonly texts: UrgentTexts;
  readonly say: GatewayTexts;
  operators(): readonly NodeNumber[];
  /** The channels of `alerts.channels`. */
  channels(): readonly AlertChannel[];
  /** Names of the links that are up. */
  links(): readonly string[];
  node(number: NodeNumber): MeshNode | null;
}

/** Whose call it is. */
export type Caller = Pick<TextMessage, "from" | "correlationId">;

/** Alerts to this gateway's own operators, and on its alert channels. */
export class OperatorAlerts {
  constructor(private readonly deps: OperatorAlertsDeps) {}

  /** Sends the alert to everybody who is to know. `changed` is called, never before this returned, when one arrived or failed. */
  start(caller: Caller, contentFor: (place: AlertTarget["place"]) => string, changed: () => void): AlertTarget[] {
    let isStarted = false;
    const target = (name: string, place: AlertTarget["place"]): AlertTarget => {
      const ways = this.waysFor(caller, place, contentFor(place));
      const urgent: UrgentText = { ways, ids: [], reach: "pending", changed: () => (isStarted ? changed() : undefined) };
      this.deps.texts.start(urgent);
      return { name, place, text: urgent };
    };
    const operators = this.deps.operators().filter((operator) => operator !== caller.from);
    const { say } = this.deps;
    const targets = [
      ...operators.map((node) => target(this.#nameOf(node), { kind: "operator", node })),
      ...this.deps.channels().map((channel) => target(say("sos_channel", { name: channel.name }), { kind: "channel", channel })),
    ];
    isStarted = true;
    return targets;
  }

  /** The ways to a target of this gateway, in the order of trying; none to another site. */
  waysFor(caller: Caller, place: AlertTarget["place"], content: string): Generator<OutboxRequest> {
    if (place.kind === "operator") return this.#waysTo(caller, place.node, content);
    return place.kind === "channel" ? this.#waysToChannel(caller, place.channel, content) : noWays();
  }

  /** As the outbox chooses, which knows where the operator was heard; then by each other link, and on the alert channels. */
  *#waysTo(caller: Caller, to: NodeNumber, text: string): Generator<OutboxRequest> {
    const request = urgentRequest(caller, to, text);
    yield request;
    const known = this.deps.node(to)?.link;
    const places = this.deps.channels().flatMap(({ route }) => route);
    for (const link of this.deps.links()) {
      if (link !== known) yield { ...request, link };
      for (const place of places) if (place.link === link) yield { ...request, link, channel: place.index };
    }
  }

  *#waysToChannel(caller: Caller, { route }: AlertChannel, text: string): Generator<OutboxRequest> {
    yield { ...urgentRequest(caller, BROADCAST, text), routes: [route], wantAck: false };
  }

  #nameOf(number: NodeNumber): string {
    const node = this.deps.node(number);
    return node?.longName || node?.shortName || formatNodeId(number);
  }
}

export function urgentRequest({ from: asker, correlationId }: Caller, to: NodeNumber, text: string): OutboxRequest {
  return { text, to, priority: "emergency", wantAck: true, sender: { kind: "gateway" }, asker, correlationId };
}

function* noWays(): Generator<OutboxRequest> {}
