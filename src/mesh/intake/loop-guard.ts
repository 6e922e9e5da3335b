import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log/logger.ts";
import { ALERT_MARKS } from "../../texts/texts.ts";
import { splitText } from "../codec/text.ts";
import { BROADCAST, formatNodeId, type NodeNumber, type PacketId } from "../ids.ts";
import type { TextMessage } from "../message.ts";
import type { MessageStatus } from "../outgoing.ts";
import { asWritten } from "../words.ts";

export interface LoopGuardDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** What a command on a channel begins with. */
  readonly prefix: string;
  /** Other gateways of the same operator. */
  readonly peers: readonly NodeNumber[];
}

/** `bot`: a text that a program wrote; it is not answered. `muted`: from a node that does so without end. */
export type Author = "person" | "bot" | "muted";

/** A person does not read a text and write another in this time. */
const QUICK_MS = 8_000;
const MINUTE_MS = 60_000;
const REMEMBERED_MS = 10 * MINUTE_MS;
const MUTE_MS = 10 * MINUTE_MS;
const REMEMBERED_MAX = 500;
const NODES_MAX = 1_000;
/** Quick texts after ours within a minute: more of them were written by a program. */
const QUICK_MAX = 4;
/** The same for long texts, which nobody types so quickly. */
const QUICK_LONG_MAX = 1;
/** Texts by programs within a minute after which the node is muted. */
const BOT_TEXTS_MAX = 4;
/** Characters. What is shorter can be a person's choice in a menu. */
const SHORT = 2;
const LONG = 20;
/** Characters of a text on a channel that a person hardly repeats by chance. */
const DISTINCT = 8;
const PART_MARK = /^\(\d\/\d\) /;

interface Traffic {
  /** When each came; monotonic. */
  quick: number[];
  bot: number[];
  mutedUntil: number;
}

/**
 * Recognises other programs on the mesh, so that two of them do not answer each other for ever. A text that begins with the
 * command prefix is always taken for a person's, because programs answer and do not ask.
 */
export class LoopGuard {
  /** Texts not answered because a program wrote them, and texts of muted nodes. */
  readonly counts = { bot: 0, muted: 0 };
  /** Parts of the gateway's own texts, and when they were sent. */
  readonly #texts = new Map<string, number>();
  readonly #packets = new Map<PacketId, number>();
  /** When the gateway last sent to a node or a channel. */
  readonly #sentTo = new Map<string, number>();
  readonly #nodes = new Map<NodeNumber, Traffic>();

  constructor(private readonly deps: LoopGuardDeps) {}

  /** The outbox reports about one of the gateway's texts. */
  sent({ state, text, packets, to, link, channel }: Pick<MessageStatus, "state" | "text" | "packets" | "to" | "link" | "channel">): void {
    if (state !== "sent") return;
    const now = this.deps.clock.monotonic();
    for (const part of splitText(text)) remember(this.#texts, part, now, REMEMBERED_MAX);
    for (const packet of packets) remember(this.#packets, packet, now, REMEMBERED_MAX);
    remember(this.#sentTo, to === BROADCAST ? `channel ${link}/${channel}` : `node ${to}`, now, NODES_MAX);
  }

  judge(message: TextMessage): Author {
    const traffic = this.#nodes.get(message.from);
    const now = this.deps.clock.monotonic();
    if (traffic !== undefined && now < traffic.mutedUntil) {
      this.counts.muted++;
      return "muted";
    }
    if (!this.#isBot(message, now)) return "person";
    this.counts.bot++;
    const { bot } = this.#note(message.from, "bot", now);
    if (bot.length > BOT_TEXTS_MAX) this.#mute(message, now);
    return "bot";
  }

  #isBot(message: TextMessage, now: number): boolean {
    const text = asWritten(message.text);
    if (text.startsWith(this.deps.prefix) || text.length <= SHORT) return false;
    if (PART_MARK.test(text) || ALERT_MARKS.some((mark) => text.startsWith(`${mark} `))) return true;
    const isPeersAnswer = this.deps.peers.includes(message.from) && message.replyId !== undefined;
    return isPeersAnswer || this.#isEcho(message, text, now) || this.#alternates(message, text, now);
  }

  #isEcho({ isDirect }: TextMessage, text: string, now: number): boolean {
    return text.length >= (isDirect ? LONG : DISTINCT) && isRecent(this.#texts.get(text), now, REMEMBERED_MS);
  }

  /** Texts that come at once after ours, or that reply to ours on a channel. A person who replies to a program there wants no keyword answered. */
  #alternates({ from, isDirect, link, channel, replyId }: TextMessage, text: string, now: number): boolean {
    const isReply = replyId !== undefined && isRecent(this.#packets.get(replyId), now, REMEMBERED_MS);
    const isQuick = isRecent(this.#sentTo.get(isDirect ? `node ${from}` : `channel ${link}/${channel}`), now, QUICK_MS);
    if (!isDirect && isReply) return true;
    if (!isQuick || (isDirect && !isReply)) return false;
    const { quick } = this.#note(from, "quick", now);
    return quick.length > (isDirect && text.length > LONG ? QUICK_LONG_MAX : QUICK_MAX);
  }

  #note(node: NodeNumber, kind: "quick" | "bot", now: number): Traffic {
    const known = this.#nodes.get(node) ?? { quick: [], bot: [], mutedUntil: Number.NEGATIVE_INFINITY };
    known[kind] = [...known[kind].filter((at) => now - at < MINUTE_MS), now].slice(-(QUICK_MAX + BOT_TEXTS_MAX));
    remember(this.#nodes, node, known, NODES_MAX);
    return known;
  }

  #mute(message: TextMessage, now: number): void {
    const traffic = this.#note(message.from, "bot", now);
    traffic.mutedUntil = now + MUTE_MS;
    this.deps.log.warn(`${formatNodeId(message.from)} answers the gateway's answers: it is ignored for ${MUTE_MS / MINUTE_MS} minutes`, {
      correlation_id: message.correlationId,
      hint: "another program answers on this mesh; if it is yours, list its node under commands.peers",
    });
  }
}

function isRecent(at: number | undefined, now: number, windowMs: number): boolean {
  return at !== undefined && now - at < windowMs;
}

/** Puts it last, and forgets the oldest. */
function remember<K, V>(map: Map<K, V>, key: K, value: V, most: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= most) break;
    map.delete(oldest);
  }
}
