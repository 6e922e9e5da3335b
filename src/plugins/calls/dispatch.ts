import type { CallOutcome } from "../../bridge/realm-spec.ts";
import type { Handle } from "../../ids.ts";
import type { Json } from "../../json.ts";
import type { Logger } from "../../log/logger.ts";
import { type Attempt, type CallOrigin, goneOutcome, type Instance } from "../plugin/instance.ts";
import type { Plugin } from "../plugin/plugin.ts";

/** How long a call waits for a plugin that is on its way back. */
const RETURN_MS = 5_000;

export interface DispatchDeps {
  readonly log: Logger;
  plugin(name: string): Plugin | null;
  failed(plugin: Plugin, source: "handler" | "task", message: string): void;
}

/** The one way from the gateway's rooms into a plugin's handlers: waits for its return, counts, logs in the author's lines. */
export class Dispatch {
  constructor(private readonly deps: DispatchDeps) {}

  async invoke(
    name: string,
    handle: Handle,
    args: readonly Json[],
    timeoutMs: number,
    origin: CallOrigin,
    what: { [key: string]: Json },
  ): Promise<CallOutcome> {
    const plugin = this.deps.plugin(name);
    const instance = (await plugin?.ready(Math.min(timeoutMs, RETURN_MS))) ?? null;
    if (plugin === null || instance === null) return goneOutcome(`${name} is not running`);
    const outcome = await instance.invoke(handle, args, timeoutMs, origin);
    const second = await this.#again(plugin, instance, outcome, (next) => next.invoke(handle, args, timeoutMs, origin));
    if (second !== null) {
      this.#account(plugin, second.instance, second.outcome, origin, what);
      return second.outcome;
    }
    this.#account(plugin, instance, outcome, origin, what);
    return outcome;
  }

  /**
   * Its host was killed for another plugin's fault while the call waited there: once the plugin is back it is asked again,
   * unless the first attempt had already begun to act.
   */
  async #again(plugin: Plugin, instance: Instance, first: Attempt, ask: (next: Instance) => Promise<Attempt>) {
    if (first.ok || first.cause !== "gone" || first.acted) return null;
    const next = await plugin.returned(instance, RETURN_MS);
    return next === null ? null : { instance: next, outcome: await ask(next) };
  }

  #account(plugin: Plugin, instance: Instance, outcome: CallOutcome, origin: CallOrigin, what: { [key: string]: Json }): void {
    if (outcome.ok) {
      plugin.health.succeeded();
      return;
    }
    if (outcome.cause === "timeout") plugin.metrics.timeouts += 1;
    const error = instance.inAuthorsLines(outcome.error);
    // What to add to the manifest, where that is the mend.
    const hint = error.hint === undefined || error.message.includes(error.hint) ? "" : ` (${error.hint.replaceAll(/\s*\n\s*/g, " ")})`;
    this.deps.log.error(`${describeWhat(what)} failed: ${error.name}: ${error.message}${hint}`, {
      ...what,
      plugin: plugin.name,
      error,
      correlation_id: origin.correlationId,
    });
    // A realm that is gone was counted when it went; an overload is the mesh's doing and not the plugin's fault.
    if (outcome.cause === "gone" || outcome.cause === "overloaded") return;
    // Another plugin chose what was in it, and is told: it must not be able to have this one restarted.
    if (what.plugin_message !== undefined && outcome.cause === "threw") return;
    this.deps.failed(plugin, what.task === undefined ? "handler" : "task", error.message);
  }
}

function describeWhat(what: { [key: string]: Json }): string {
  const [kind, name] = Object.entries(what)[0] ?? ["handler", ""];
  return `${kind} ${String(name)}`;
}
