import type { Json } from "../../../json.ts";
import type { MeshMessage } from "../../../mesh/message.ts";
import type { HandlerCall, HandlerOutcome, HandlerPort } from "../../../router/ports.ts";
import type { Dispatch } from "../../calls/dispatch.ts";
import type { Plugin } from "../../plugin/plugin.ts";
import { channelOf, mayHearMessage } from "./heard-message.ts";

export interface MessageHandlersDeps {
  readonly dispatch: Pick<Dispatch, "invoke">;
  plugin(name: string): Pick<Plugin, "instance" | "timeoutS"> | null;
  /** "" when it has none. */
  channelName(link: string, index: number): string;
  /** Seconds that a handler may take if the plugin's own limit is not known. */
  defaultTimeoutS(): number;
}

/** How the router's messages reach the plugins' handlers: directly, through the plugins' dispatcher. */
export class MessageHandlers implements HandlerPort {
  constructor(private readonly deps: MessageHandlersDeps) {}

  async invoke({ plugin, handle, args, context, timeoutMs, link, what }: HandlerCall): Promise<HandlerOutcome> {
    const origin = { correlationId: context.correlationId, context, link };
    const withContext = [...args, context as unknown as Json];
    const outcome = await this.deps.dispatch.invoke({ plugin, handle, args: withContext, timeoutMs, origin, what });
    if (!outcome.ok) return { ok: false, cause: outcome.cause };
    return { ok: true, value: outcome.value, ...(outcome.session === undefined ? {} : { session: outcome.session }) };
  }

  timeoutOf(plugin: string): number {
    return (this.deps.plugin(plugin)?.timeoutS ?? this.deps.defaultTimeoutS()) * 1000;
  }

  mayHear(plugin: string, message: MeshMessage): boolean {
    const capabilitySet = this.deps.plugin(plugin)?.instance?.capabilitySet;
    const channel = channelOf(message, this.deps.channelName);
    return capabilitySet !== undefined && mayHearMessage(capabilitySet, message, channel, message.correlationId);
  }
}
