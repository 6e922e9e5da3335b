import type { Json } from "../json.ts";
import { countParts } from "../mesh/codec/text.ts";
import { placeOf } from "../mesh/describe.ts";
import { BROADCAST, formatNodeId, type NodeNumber } from "../mesh/ids.ts";
import type { TextMessage } from "../mesh/message.ts";
import type { Priority, Reply, SuppressedReply } from "../mesh/outgoing.ts";
import { OncePerSender, SenderBuckets } from "../mesh/sender-limits.ts";
import { compareRates, type Rate, TokenBucket } from "../rates.ts";
import { cutToBytes } from "../texts/fit.ts";
import { askerOf } from "./asker.ts";
import type { PeerTurns } from "./peer-turns.ts";
import { readRate } from "./rate.ts";
import type { RouterDeps, RouterSettings } from "./router-deps.ts";

const HINT_MS = 3_600_000;
const MINUTE_MS = 60_000;
const PARTS_PER_COMMAND = 5;
const SHOWN_MAX = 32;
/** How often a sender is told that it sends too much, or that a plugin is too busy: then there is silence. */
const NOTICE_MS = 10 * MINUTE_MS;
/** Such notices to all senders together. */
const NOTICES: Rate = { count: 6, periodS: 60, text: "6/min" };
/** Parts that are answered on one channel, where `channel_rate` says nothing. */
const CHANNEL_RATE: Rate = { count: 30, periodS: 60, text: "30/min" };
const CHANNELS_MAX = 100;

/** Sends answers: handlers' replies within their sender's budget, and the gateway's own notices, which are limited. */
export class Answers {
  readonly counts = { replies: 0, repliesDropped: 0, leftToPeers: 0 };
  #budget: SenderBuckets;
  readonly #limitedOnce: OncePerSender;
  readonly #busyOnce: OncePerSender;
  readonly #notices: TokenBucket;
  #channelRate: Rate;
  /** The settings of which the limits were made. */
  #limits: string;
  readonly #channels = new Map<string, TokenBucket>();
  readonly #failedOnce: OncePerSender;
  readonly #unknownOnce: OncePerSender;

  /** Throws `config_invalid` when a rate is none. */
  constructor(
    private readonly deps: Pick<RouterDeps, "clock" | "random" | "log" | "settings" | "nodes" | "say" | "reply" | "suppressed">,
    private readonly turns: Pick<PeerTurns, "isAnswered">,
    /** A plugin's answer to a node was taken for sending. */
    private readonly sent: (to: NodeNumber, plugin: string, text: string) => void,
  ) {
    const { clock, settings } = deps;
    const { budget, channelRate } = limitsOf(settings);
    this.#budget = new SenderBuckets(clock, budget);
    this.#channelRate = channelRate;
    this.#limits = limitsText(settings);
    this.#limitedOnce = new OncePerSender(clock, NOTICE_MS);
    this.#busyOnce = new OncePerSender(clock, NOTICE_MS);
    this.#notices = new TokenBucket(clock, NOTICES);
    this.#failedOnce = new OncePerSender(clock, MINUTE_MS);
    this.#unknownOnce = new OncePerSender(clock, HINT_MS);
  }

  /** Answers a message where it came from; `plugin` is null for the gateway's own answers. */
  respond(message: TextMessage, plugin: string | null, text: string, priority: Priority = "normal"): void {
    if (this.turns.isAnswered(message)) {
      this.leave(message, undefined, plugin);
      return;
    }
    const direct = message.isDirect || this.deps.settings.channel_replies === "direct";
    const to = direct ? message.from : BROADCAST;
    const { channel, link, correlationId, packetId } = message;
    const replyId = packetId === 0 ? {} : { replyId: packetId };
    const asker = askerOf(message.from, this.deps.nodes.get(message.from));
    const isSent = this.send(
      { plugin, text, parts: countParts(text), to, channel, link, ...replyId, priority, wantAck: direct, asker, correlationId },
      message.from,
    );
    if (isSent && plugin !== null) this.sent(message.from, plugin, text);
  }

  /** `asker`: whose budget it is charged to; null for answers without a budget. False: it was dropped, and that was logged. */
  send(reply: Reply, asker: NodeNumber | null): boolean {
    const { log } = this.deps;
    this.#followSettings();
    const fields = { ...(reply.plugin === null ? {} : { plugin: reply.plugin }), correlation_id: reply.correlationId };
    if (asker !== null && reply.priority !== "emergency" && !this.#budget.take(asker, reply.parts)) {
      this.counts.repliesDropped++;
      log.warn("a reply was dropped: the budget of the node it is for is used up", { ...fields, to: formatNodeId(asker) });
      this.suppress(reply, reply.plugin, "sender_budget");
      return false;
    }
    if (!this.#takeChannel(reply)) {
      this.counts.repliesDropped++;
      log.warn("a reply was dropped: the channel's rate is used up", { ...fields, link: reply.link, channel: reply.channel });
      this.suppress(reply, reply.plugin, "channel_rate");
      return false;
    }
    const sent = this.deps.reply(reply);
    if (sent.ok) this.counts.replies++;
    else {
      this.counts.repliesDropped++;
      log.warn(`a reply was dropped: ${sent.error.summary()}`, fields);
      this.suppress(reply, reply.plugin, "refused", sent.error.summary());
    }
    return sent.ok;
  }

  #followSettings(): void {
    const { clock, settings } = this.deps;
    if (limitsText(settings) === this.#limits) return;
    const { budget, channelRate } = limitsOf(settings);
    this.#limits = limitsText(settings);
    this.#budget = new SenderBuckets(clock, budget);
    this.#channelRate = channelRate;
    this.#channels.clear();
  }

  /** Programs that answer each other on a channel must not be able to fill it. */
  #takeChannel({ to, link, channel, parts, priority }: Reply): boolean {
    if (to !== BROADCAST || priority === "emergency") return true;
    const key = `${link ?? ""}/${channel}`;
    const bucket = this.#channels.get(key) ?? new TokenBucket(this.deps.clock, this.#channelRate);
    if (this.#channels.size < CHANNELS_MAX) this.#channels.set(key, bucket);
    return bucket.take(parts) === 0;
  }

  /** Another gateway of the operator answers; `by` says which, as far as it is known. */
  leave(message: TextMessage, by?: string, plugin: string | null = null): void {
    this.counts.leftToPeers++;
    this.suppress(message, plugin, "answered_elsewhere", by);
  }

  /** Tells who looks later why an answer is not sent. */
  suppress(of: { readonly correlationId: string }, plugin: string | null, reason: SuppressedReply["reason"], detail?: string): void {
    this.deps.suppressed?.({ correlationId: of.correlationId, plugin, reason, ...(detail === undefined ? {} : { detail }) });
  }

  /** Tells a sender that a plugin has too much to do, seldom; on a channel nobody is told. */
  notifyBusy(message: TextMessage): void {
    this.suppress(message, null, "busy");
    if (!message.isDirect || !this.#busyOnce.first(message.from) || this.#notices.take(1) > 0) return;
    this.respond(message, null, this.deps.say("busy"));
  }

  /** Tells a sender that it is over its rate; then there is silence for ten minutes. */
  notifyLimited(message: TextMessage): void {
    this.suppress(message, null, "sender_rate", this.deps.settings.sender_rate);
    if (!this.#limitedOnce.first(message.from)) return;
    this.deps.log.info(`more commands than ${this.deps.settings.sender_rate} from ${placeOf(message)}`, {
      correlation_id: message.correlationId,
    });
    if (message.isDirect && this.#notices.take(1) === 0) this.respond(message, null, this.deps.say("limited"));
  }

  /**
   * Tells the sender that a handler failed, in a direct message, once a minute. The text holds a reference instead of the
   * error, which only the operator's log has.
   */
  notifyFailed(message: TextMessage, plugin: string | null, what: string): void {
    const ref = (this.deps.random.u32() & 0xffff).toString(16).padStart(4, "0");
    this.deps.log.warn(`${what} failed (ref ${ref}) for ${placeOf(message)}`, {
      ...(plugin === null ? {} : { plugin }),
      ref,
      correlation_id: message.correlationId,
    });
    this.suppress(message, plugin, "failed", `${what} failed (ref ${ref})`);
    if (message.isDirect && this.#failedOnce.first(message.from))
      this.respond(message, null, cutToBytes(this.deps.say("failed", { what, ref })));
  }

  /** Tells a sender that there is no such command, once an hour. */
  notifyUnknown(message: TextMessage): void {
    if (!this.#unknownOnce.first(message.from)) {
      this.suppress(message, null, "unknown_command");
      return;
    }
    const [word = ""] = message.text.trim().split(/\s+/, 1);
    this.respond(message, null, this.deps.say("unknown_command", { word: [...word].slice(0, SHOWN_MAX).join("") }));
  }
}

/** A handler's result as text. White space, null and undefined are no reply. */
export function replyText(value: Json | undefined): string | null {
  if (value === null || value === undefined) return null;
  const text = typeof value === "string" ? value : typeof value === "object" ? JSON.stringify(value) : String(value);
  return text.trim() === "" ? null : text;
}

const limitsText = ({ sender_rate, channel_rate }: RouterSettings) => `${sender_rate} ${channel_rate ?? ""}`;

/** Throws `config_invalid` when a rate is none. */
function limitsOf({ sender_rate, channel_rate }: RouterSettings): { readonly budget: Rate; readonly channelRate: Rate } {
  const rate = readRate(sender_rate);
  const usual = compareRates(rate, CHANNEL_RATE) > 0 ? rate : CHANNEL_RATE;
  return {
    budget: { ...rate, count: rate.count * PARTS_PER_COMMAND },
    channelRate: channel_rate === undefined ? usual : readRate(channel_rate),
  };
}
