import type { Clock } from "../../clock.ts";
import { fail, type GatewayError } from "../../errors.ts";
import { splitText } from "../codec/text.ts";
import { channelIndex, nodeNumber, type PacketId } from "../ids.ts";
import type { OutboxRequest, Priority } from "../outgoing.ts";
import { type OutMessage, senderKey } from "./message/message.ts";
import type { SendQueue } from "./send-queue.ts";

export const WAITING_MAX = 500;
/** Waiting texts of one plugin in each lane. Few high ones, because they go before everybody's answers. */
export const WAITING_PER_PLUGIN_MAX: Readonly<Record<Exclude<Priority, "emergency">, number>> = { low: 100, normal: 100, high: 10 };
/**
 * Waiting answers of one plugin, or of the gateway itself, to strangers in each lane: anybody can invent a node for each question.
 * The rest of a plugin's room is for askers that are known.
 */
export const WAITING_STRANGERS_MAX = 80;
/** Room kept for emergencies when the queue is full. */
export const EMERGENCY_ROOM = 50;
/** Characters; more than the parts of one message can carry. */
const TEXT_KEPT = 2_000;
const MINUTE_MS = 60_000;
/** A message that could not be sent within this time is no longer of use. */
const DEADLINES_MS: Readonly<Record<Priority, number>> = {
  low: 15 * MINUTE_MS,
  normal: 15 * MINUTE_MS,
  high: 60 * MINUTE_MS,
  emergency: 24 * 60 * MINUTE_MS,
};

/** ms since 1970; an earlier wall clock was never set. */
const CLOCK_SET = Date.UTC(2020, 0);

/** Time that a message of an earlier run has left, ms; 0 when its deadline has passed. */
export function remainingMs(message: OutMessage, now: number): number {
  const age = message.queuedAt > CLOCK_SET && now > CLOCK_SET ? Math.max(0, now - message.queuedAt) : 0; // an unknown age counts as new
  return Math.max(0, DEADLINES_MS[message.request.priority] - age);
}

/** The error with which a request is refused; null when it is accepted. */
export function refusal(request: OutboxRequest, queue: SendQueue, links: readonly string[]): GatewayError | null {
  const { text, to, channel = 0, link, sender, priority } = request;
  if (text.trim() === "") return fail("invalid_argument", "the text is empty").error;
  if (nodeNumber(to) === null) return fail("invalid_argument", `${to} is not a node number`).error;
  if (channelIndex(channel) === null) return fail("invalid_argument", `channel ${channel} is not an index from 0 to 7`).error;
  if (link !== undefined && !links.includes(link)) {
    return fail("not_found", `no interface is called ${JSON.stringify(link)}`, { hint: `the interfaces are: ${links.join(", ")}` }).error;
  }
  const room = WAITING_MAX + (priority === "emergency" ? EMERGENCY_ROOM : 0);
  if (queue.size >= room) {
    return fail("unavailable", `the outbox is full: ${queue.size} messages wait for the radio`, { hint: "try again later" }).error;
  }
  if (priority === "emergency") return null;
  if (request.asker === "strangers" && queue.strangersOf(senderKey(sender), priority) >= WAITING_STRANGERS_MAX) {
    return fail("rate_limited", `${WAITING_STRANGERS_MAX} answers to nodes without a name already wait for the radio`).error;
  }
  if (sender.kind !== "plugin") return null;
  const most = WAITING_PER_PLUGIN_MAX[priority];
  if (queue.countOf(senderKey(sender), priority) >= most) {
    return fail("rate_limited", `${most} messages of ${sender.plugin} with priority ${priority} already wait for the radio`, {
      hint: "send fewer messages, or try again later",
    }).error;
  }
  return null;
}

/** Splits the text and gives each part its packet id. */
export function createMessage(
  { id, request, routes }: Pick<OutMessage, "id" | "request" | "routes">,
  clock: Clock,
  newPacketId: () => PacketId,
): OutMessage {
  const text = request.text.slice(0, TEXT_KEPT).toWellFormed();
  const { packetId } = request;
  const texts = packetId === undefined ? splitText(text) : [text];
  const packetIds = new Set<PacketId>(packetId === undefined ? [] : [packetId]);
  while (packetIds.size < texts.length) packetIds.add(newPacketId());
  const now = clock.now();
  return {
    id,
    request: { ...request, text },
    routes,
    texts,
    packetIds: [...packetIds],
    copies: [],
    state: "queued",
    untold: [],
    announced: null,
    reason: null,
    code: null,
    note: null,
    isRestored: false,
    queuedAt: now,
    updatedAt: now,
    deadline: clock.monotonic() + DEADLINES_MS[request.priority],
    settleAt: null,
    stored: false,
    idsStored: false,
    final: false,
  };
}
