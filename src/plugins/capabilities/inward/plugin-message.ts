import type { Handle } from "../../../ids.ts";
import type { Json } from "../../../json.ts";
import { AdmissionLimit } from "../../calls/admission-limit.ts";
import type { Dispatch } from "../../calls/dispatch.ts";
import type { Plugin } from "../../plugin/plugin.ts";
import type { WayIn } from "../call/capability.ts";
import type { PeerAnswer, PeerMessage, PeerPort } from "../call/ports.ts";

/** Receiving needs no permission: the sender's was decided by `send_to_plugin` or `broadcast_to_plugins`. */
export const pluginMessage: WayIn = { asks: [], words: "answers messages of other plugins", methods: [] };

export interface PeersDeps {
  readonly dispatch: Pick<Dispatch, "invoke">;
  plugins(): readonly Plugin[];
  readonly nextId: () => string;
  readonly now: () => number;
}

/** Source of a message that the operator sent. No plugin can have this name. */
export const OPERATOR = "@operator";

/** Messages that may be with one plugin at once: from all others together, and from one of them. */
const MAX_WAITING = 24;
const MAX_OF_ONE = 8;

/** Delivers messages between plugins: handlers in order, the first answer counts. */
export class Peers implements PeerPort {
  readonly #limit = new AdmissionLimit(MAX_WAITING, MAX_OF_ONE);

  constructor(private readonly deps: PeersDeps) {}

  /** What plugins may know of each other, `capabilities.provides` included. */
  list(): Json {
    return this.deps.plugins().map((plugin) => ({
      name: plugin.name,
      version: plugin.candidate.manifest.version,
      description: plugin.candidate.manifest.description,
      state: plugin.state,
      provides: [...(plugin.candidate.manifest.capabilities?.provides ?? [])],
    }));
  }

  async send(to: string, message: PeerMessage): Promise<PeerAnswer> {
    const target = this.deps.plugins().find((plugin) => plugin.name === to);
    if (target === undefined || target.state !== "running") {
      return { ok: false, code: "not_found", message: `no plugin called ${JSON.stringify(to)} is running` };
    }
    return this.#ask(target, message, this.deps.nextId());
  }

  async broadcast(message: PeerMessage, mayReach: (to: string) => boolean): Promise<Json> {
    const targets = this.deps
      .plugins()
      .filter((plugin) => plugin.name !== message.from && plugin.state === "running" && handlesOf(plugin).length > 0)
      .filter((plugin) => mayReach(plugin.name));
    const id = this.deps.nextId();
    const answers = await Promise.all(
      targets.map(async (target) => {
        const answer = await this.#ask(target, message, id);
        if (answer.ok) return answer.value === null ? [] : [{ plugin: target.name, ok: true, data: answer.value }];
        return [{ plugin: target.name, ok: false, error: answer.message }];
      }),
    );
    return answers.flat();
  }

  async #ask(target: Plugin, message: PeerMessage, id: string): Promise<PeerAnswer> {
    if (!this.#limit.enter(target.name, message.from)) {
      return { ok: false, code: "rate_limited", message: `too many messages wait for ${target.name} already` };
    }
    try {
      return await this.#inOrder(target, message, id);
    } finally {
      this.#limit.leave(target.name, message.from);
    }
  }

  async #inOrder(target: Plugin, { from, type, data, timeoutMs, correlationId }: PeerMessage, id: string): Promise<PeerAnswer> {
    const args = [{ id, type, source: from, target: target.name, timestamp: this.deps.now(), data, correlationId }];
    const origin = { correlationId, context: null, link: null };
    for (const handle of handlesOf(target)) {
      const call = { plugin: target.name, handle, args, timeoutMs, origin, what: { plugin_message: type } };
      const outcome = await this.deps.dispatch.invoke(call);
      if (!outcome.ok) {
        const code = outcome.cause === "timeout" ? "timeout" : "plugin_failed";
        return { ok: false, code, message: `${target.name} ${code === "timeout" ? "did not answer in time" : "failed to answer"}` };
      }
      if (outcome.value !== null) return { ok: true, value: outcome.value };
    }
    return { ok: true, value: null };
  }
}

function handlesOf(plugin: Plugin): Handle[] {
  const entries = [...(plugin.instance?.registrations.entries() ?? [])];
  return entries.filter((entry) => entry.registration.kind === "plugin_message").map((entry) => entry.handle);
}
