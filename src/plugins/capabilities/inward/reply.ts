import { fail, ok, type Result } from "../../../errors.ts";
import type { Reply } from "../../../mesh/outgoing.ts";
import type { Route } from "../../../mesh/routes.ts";
import type { Ask } from "../../../permissions/grammar/types.ts";
import type { Plugin } from "../../plugin/plugin.ts";
import type { WayIn } from "../call/capability.ts";
import type { OutboxPort } from "../call/ports.ts";
import { queueText } from "../mesh/queue-text.ts";

export const reply: WayIn = {
  asks: ["send_messages"],
  words: "answers whoever asked it",
  methods: ["registerCommand", "registerMenuItem"],
};

export interface ReplyDeps {
  readonly outbox: Pick<OutboxPort, "enqueue">;
  plugin(name: string): Pick<Plugin, "instance" | "metrics"> | null;
  /** The places to which a reply may go, the one it is for first. */
  routesOf(reply: Pick<Reply, "to" | "channel" | "link">): readonly Route[];
}

/**
 * Queues a reply. A plugin's reply needs `send_messages` with any scope; without it the reply is dropped and counted, though
 * the handler has run. The gateway's own replies need no permission.
 */
export function sendReply(deps: ReplyDeps, answer: Reply): Result<unknown> {
  const { plugin: name, parts, ...request } = answer;
  if (name === null) return deps.outbox.enqueue({ ...request, sender: { kind: "gateway" } });
  const plugin = deps.plugin(name);
  const capabilitySet = plugin?.instance?.capabilitySet;
  if (plugin === null || capabilitySet === undefined) return fail("realm_gone", `${name} is no longer running`);
  const decide = (ask: Ask) => capabilitySet.checkOwn(ask, answer.correlationId);
  const queued = queueText(deps.outbox, decide, {
    ...answer,
    plugin: name,
    routes: deps.routesOf(answer),
    priority: () => answer.priority,
    isReply: true,
  });
  if (queued.state === "denied") {
    plugin.metrics.repliesDropped += 1;
    return fail("permission_denied", `${name} may not send: its reply was dropped`, { hint: queued.decision.hint });
  }
  if (queued.state === "refused") return { ok: false, error: queued.error };
  plugin.metrics.messagesSent += 1;
  return ok(null);
}
