import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log/logger.ts";
import type { Rate } from "../../rates.ts";
import { countParts } from "../codec/text.ts";
import { nameOf, placeOf } from "../describe.ts";
import { formatNodeId, type NodeNumber, type PacketId } from "../ids.ts";
import type { TextMessage } from "../message.ts";
import type { MeshNode } from "../node.ts";
import type { Reply } from "../outgoing.ts";
import { SenderBuckets } from "../sender-limits.ts";
import type { EmergencyCall } from "./words.ts";

export interface EmergencyDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly operators: readonly NodeNumber[];
  node(number: NodeNumber): MeshNode | null;
  /** Announces it to the rest of the gateway. */
  alert(event: { readonly code: "emergency"; readonly message: string }): void;
  /** False: it could not be queued. */
  reply(reply: Reply): boolean;
}

/** How many emergencies of one sender are acted on; more are only logged, so that nobody can jam the mesh with alerts. */
const RATE: Rate = { count: 5, periodS: 600, text: "5 in 10 min" };
const OLD_S = 120;

/** What the gateway itself does about an emergency word: it always raises an alert, and it answers when no plugin did. */
export class EmergencyAlerts {
  readonly #rate: SenderBuckets;

  constructor(private readonly deps: EmergencyDeps) {
    this.#rate = new SenderBuckets(deps.clock, RATE);
  }

  /** Raises the alert. False: the sender is over its rate, so the message is only logged. */
  raise(message: TextMessage, emergency: EmergencyCall): boolean {
    if (!this.#rate.take(message.from)) {
      this.deps.log.warn("an emergency was ignored: its sender is over the rate", {
        sender: formatNodeId(message.from),
        text: message.text,
        correlation_id: message.correlationId,
      });
      return false;
    }
    this.#raise(message, emergency, "");
    return true;
  }

  /** For a banned sender: raises the alert for the operator and sends nothing. */
  raiseForBanned(message: TextMessage, emergency: EmergencyCall): void {
    if (this.#rate.take(message.from)) this.#raise(message, emergency, " (this node is banned: nothing is answered)");
  }

  /** Sends the alert to the operators' nodes, and tells the sender how many it was sent to. */
  alertOperators(message: TextMessage, emergency: EmergencyCall): void {
    const text = this.#describe(message, emergency);
    const others = this.deps.operators.filter((operator) => operator !== message.from);
    const alerted = others.filter((to) => this.deps.reply(this.#urgent(message, to, text, {}))).length;
    const who = alerted === 1 ? "the operator" : `${alerted} operators`;
    const word = emergency.word.toUpperCase();
    const answer =
      alerted > 0
        ? `${word} received, alerting ${who}. Send where you are and what you need.`
        : `${word} received, but this gateway has nobody to alert by radio. Seek help by other ways too.`;
    const replyId = message.packetId === 0 ? {} : { replyId: message.packetId };
    if (!this.deps.reply(this.#urgent(message, message.from, answer, replyId))) {
      this.deps.log.error("an emergency could not be confirmed to its sender", {
        sender: formatNodeId(message.from),
        correlation_id: message.correlationId,
      });
    }
  }

  #urgent(message: TextMessage, to: NodeNumber, text: string, more: { readonly replyId?: PacketId }): Reply {
    // The answer goes back over the link that heard the emergency; an operator may be reached by another link.
    const place = to === message.from ? { channel: message.channel, link: message.link } : { channel: 0 };
    const { correlationId } = message;
    return { plugin: null, text, parts: countParts(text), to, ...place, ...more, priority: "emergency", wantAck: true, correlationId };
  }

  #raise(message: TextMessage, emergency: EmergencyCall, note: string): void {
    const text = this.#describe(message, emergency) + note;
    this.deps.log.warn(text, { correlation_id: message.correlationId });
    this.deps.alert({ code: "emergency", message: text });
  }

  #describe(message: TextMessage, { word, rest }: EmergencyCall): string {
    const node = this.deps.node(message.from);
    const name = nameOf(message, node);
    const who = name === formatNodeId(message.from) ? name : `${name} (${formatNodeId(message.from)})`;
    const position = node?.position;
    const where = position === undefined ? "" : `, at ${position.latitude.toFixed(5)} ${position.longitude.toFixed(5)}`;
    const age = message.rxTime === undefined ? 0 : this.deps.clock.now() / 1000 - message.rxTime;
    const when = age > OLD_S && age < 7 * 86_400 ? `, heard ${Math.round(age / 60)} min ago` : "";
    return `${word.toUpperCase()} from ${who}${where}${when}: ${rest === "" ? `(no text, ${placeOf(message)})` : rest}`;
  }
}
