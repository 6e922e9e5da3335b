import type { CallOutcome } from "../../bridge/realm-spec.ts";
import type { Handle } from "../../ids.ts";
import type { Json } from "../../json.ts";
import type { Logger } from "../../log/logger.ts";
import { isStorageTrouble } from "../plugin/health.ts";
import { type Attempt, type CallOrigin, goneOutcome, type Instance } from "../plugin/instance.ts";
import type { Plugin } from "../plugin/plugin.ts";

/** How long a call waits for a plugin that is on its way back. */
const RETURN_MS = 5_000;

/** One call of a registered handler. */
export interface HandlerCall {
  readonly plugin: string;
  readonly handle: Handle;
  readonly args: readonly Json[];
  readonly timeoutMs: number;
  readonly origin: CallOrigin;
  /** The question that `args` answer: the handler that asked it goes on. */
  readonly dialogue?: number;
  /** For logs: what is being handled, as `{task: "hourly"}`. */
  readonly what: { readonly [key: string]: Json };
}

interface Attempted {
  readonly instance: Instance;
  readonly outcome: Attempt;
}

export interface DispatchDeps {
  readonly log: Logger;
  plugin(name: string): Plugin | null;
  failed(plugin: Plugin, source: "handler" | "task", message: string): void;
  /** What it keeps cannot be read or written now: `data_unusable` when its database is damaged. */
  storageTrouble?(plugin: Plugin, code: string): void;
}

/** The one way from the gateway's rooms into a plugin's handlers: waits for a plugin that is on its way back, counts, and logs failures in the author's lines. */
export class Dispatch {
  constructor(private readonly deps: DispatchDeps) {}

  /** Never rejects for what the plugin does: the outcome is a value. */
  async invoke(call: HandlerCall): Promise<CallOutcome> {
    const plugin = this.deps.plugin(call.plugin);
    const instance = (await plugin?.ready(Math.min(call.timeoutMs, RETURN_MS))) ?? null;
    if (plugin === null || instance === null) return goneOutcome(`${call.plugin} is not running`);
    const ask = (of: Instance) =>
      call.dialogue === undefined
        ? of.invoke(call.handle, call.args, call.timeoutMs, call.origin)
        : of.answer(call.dialogue, call.args, call.timeoutMs, call.origin);
    const first = { instance, outcome: await ask(instance) };
    const last = (await this.#again(plugin, first, ask)) ?? first;
    this.#account(plugin, last, call);
    return last.outcome;
  }

  /**
   * Where the host was killed for another plugin's fault while the call waited there, the plugin is asked again once it
   * is back, unless the first attempt had already begun to act.
   */
  async #again(plugin: Plugin, { instance, outcome }: Attempted, ask: (next: Instance) => Promise<Attempt>): Promise<Attempted | null> {
    if (outcome.ok || outcome.cause !== "gone" || outcome.acted) return null;
    const next = await plugin.returned(instance, RETURN_MS);
    return next === null ? null : { instance: next, outcome: await ask(next) };
  }

  #account(plugin: Plugin, { instance, outcome }: Attempted, { origin, what }: HandlerCall): void {
    if (outcome.ok) {
      plugin.health.succeeded();
      return;
    }
    if (outcome.cause === "timeout") plugin.metrics.timeouts += 1;
    const error = instance.inAuthorsLines(outcome.error);
    // The line to add to the manifest, where that is the fix.
    const hint = error.hint === undefined || error.message.includes(error.hint) ? "" : ` (${error.hint.replaceAll(/\s*\n\s*/g, " ")})`;
    this.deps.log.error(`${describeWhat(what)} failed: ${error.name}: ${error.message}${hint}`, {
      ...what,
      plugin: plugin.name,
      error,
      correlation_id: origin.correlationId,
    });
    // A realm that is gone was counted when it went; an overload is caused by the mesh, not by the plugin.
    if (outcome.cause === "gone" || outcome.cause === "overloaded") return;
    // The disk is full or the database damaged: restarting the plugin would change nothing.
    if (isStorageTrouble(outcome.error.code)) {
      if (outcome.error.code !== undefined) this.deps.storageTrouble?.(plugin, outcome.error.code);
      return;
    }
    // Another plugin wrote the message and learns of the failure: it must not be able to have this one restarted.
    if (what.plugin_message !== undefined && outcome.cause === "threw") return;
    this.deps.failed(plugin, what.task === undefined ? "handler" : "task", error.message);
  }
}

function describeWhat(what: { readonly [key: string]: Json }): string {
  const [kind, name] = Object.entries(what)[0] ?? ["handler", ""];
  return `${kind} ${String(name)}`;
}
