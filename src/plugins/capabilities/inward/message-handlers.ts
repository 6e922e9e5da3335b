import type { Handle } from "../../../ids.ts";
import type { Json } from "../../../json.ts";
import type { MeshMessage } from "../../../mesh/message.ts";
import type { HandlerCall, HandlerOutcome, HandlerPort } from "../../../router/ports.ts";
import type { Dispatch } from "../../calls/dispatch.ts";
import type { Plugin } from "../../plugin/plugin.ts";
import { channelOf, mayHearMessage } from "./heard-message.ts";

export interface MessageHandlersDeps {
  readonly dispatch: Pick<Dispatch, "invoke">;
  plugin(name: string): Pick<Plugin, "instance" | "timeoutS" | "candidate"> | null;
  /** "" when it has none. */
  channelName(link: string, index: number): string;
  /** See {@link HandlerPort.starting}. */
  starting(command: string): Promise<void> | null;
  /** Seconds that a handler may take if the plugin's own limit is not known. */
  defaultTimeoutS(): number;
}

/** How the router's messages reach the plugins' handlers: directly, through the plugins' dispatcher. */
export class MessageHandlers implements HandlerPort {
  constructor(private readonly deps: MessageHandlersDeps) {}

  async invoke({ plugin, handle, args, context, timeoutMs, link, what, dialogue }: HandlerCall): Promise<HandlerOutcome> {
    const origin = { correlationId: context.correlationId, context, link };
    const withContext = [...args, context as unknown as Json];
    const answers = dialogue === undefined ? {} : { dialogue };
    const outcome = await this.deps.dispatch.invoke({ plugin, handle, args: withContext, timeoutMs, origin, what, ...answers });
    if (!outcome.ok) return { ok: false, cause: outcome.cause };
    const { value, session, ask, lost } = outcome;
    const more = { ...(session === undefined ? {} : { session }), ...(ask === undefined ? {} : { ask }) };
    return { ok: true, value, ...more, ...(lost === undefined ? {} : { lost }) };
  }

  timeoutOf(plugin: string): number {
    return (this.deps.plugin(plugin)?.timeoutS ?? this.deps.defaultTimeoutS()) * 1000;
  }

  keyOf(plugin: string, handle: Handle): string | null {
    return this.#registered(plugin).find((entry) => entry.handle === handle)?.key ?? null;
  }

  handleOf(plugin: string, key: string): Handle | null {
    return this.#registered(plugin).find((entry) => entry.key === key)?.handle ?? null;
  }

  placeOf(plugin: string): string {
    return this.deps.plugin(plugin)?.candidate.path ?? "";
  }

  #registered(plugin: string) {
    return [...(this.deps.plugin(plugin)?.instance?.registrations.entries() ?? [])];
  }

  starting(command: string): Promise<void> | null {
    return this.deps.starting(command);
  }

  mayHear(plugin: string, message: MeshMessage): boolean {
    const capabilitySet = this.deps.plugin(plugin)?.instance?.capabilitySet;
    const channel = channelOf(message, this.deps.channelName);
    return capabilitySet !== undefined && mayHearMessage(capabilitySet, message, channel, message.correlationId);
  }
}
