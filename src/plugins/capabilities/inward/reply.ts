import { fail, ok, type Result } from "../../../errors.ts";
import { BROADCAST } from "../../../mesh/ids.ts";
import type { Reply } from "../../../mesh/outgoing.ts";
import type { Plugin } from "../../plugin/plugin.ts";
import type { WayIn } from "../call/capability.ts";
import type { OutboxPort } from "../call/ports.ts";
import { namedChannel } from "./heard-message.ts";

export const reply: WayIn = {
  asks: ["send_messages"],
  words: "answers whoever asked it",
  methods: ["registerCommand", "registerMenuItem"],
};

export interface ReplyDeps {
  readonly outbox: Pick<OutboxPort, "enqueue">;
  plugin(name: string): Pick<Plugin, "instance" | "metrics"> | null;
  channelName(index: number): string | undefined;
}

/**
 * Queues an answer. A plugin's needs `send_messages`, whatever its scope; without it the handler has run, and what it
 * said is dropped and counted. The gateway's own answers need no permission.
 */
export function sendReply(deps: ReplyDeps, answer: Reply): Result<null> {
  if (answer.plugin === null) return enqueue(deps, answer, { kind: "gateway" });
  const plugin = deps.plugin(answer.plugin);
  const capabilitySet = plugin?.instance?.capabilitySet;
  if (plugin === null || capabilitySet === undefined) return fail("realm_gone", `${answer.plugin} is no longer running`);
  const channel = namedChannel(answer.channel, deps.channelName(answer.channel));
  const kind = answer.to === BROADCAST ? "broadcast" : "direct";
  const ask = { permission: "send_messages", kind, channel, parts: answer.parts, isReply: true } as const;
  const decision = capabilitySet.checkOwn(ask, answer.correlationId);
  if (!decision.allowed) {
    plugin.metrics.repliesDropped += 1;
    return fail("permission_denied", `${answer.plugin} may not send: its reply was dropped`, { hint: decision.hint });
  }
  const queued = enqueue(deps, answer, { kind: "plugin", plugin: answer.plugin });
  if (queued.ok) plugin.metrics.messagesSent += 1;
  return queued;
}

type Sender = Parameters<OutboxPort["enqueue"]>[0]["sender"];

function enqueue({ outbox }: ReplyDeps, answer: Reply, sender: Sender): Result<null> {
  const { text, to, channel, link, replyId, priority, wantAck, correlationId } = answer;
  const queued = outbox.enqueue({
    text,
    to,
    channel,
    ...(link === undefined ? {} : { link }),
    ...(replyId === undefined ? {} : { replyId }),
    priority,
    wantAck,
    sender,
    correlationId,
  });
  return queued.ok ? ok(null) : queued;
}
