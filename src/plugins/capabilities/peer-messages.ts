import type { Handle } from "../../ids.ts";
import type { Json } from "../../json.ts";
import { AdmissionLimit } from "../calls/admission-limit.ts";
import type { Dispatch } from "../calls/dispatch.ts";
import type { Plugin } from "../plugin/plugin.ts";
import type { PeerAnswer, PeerPort } from "./ports.ts";

export interface PeersDeps {
  readonly dispatch: Dispatch;
  plugins(): readonly Plugin[];
  readonly nextId: () => string;
  readonly now: () => number;
  /** May `from` reach `to`? Asked for each receiver of a broadcast. */
  mayReach(from: string, to: string, correlationId: string): boolean;
}

/** Messages that may be with one plugin at once: from all others together, and from one of them. */
const MAX_WAITING = 24;
const MAX_OF_ONE = 8;

/** Messages between plugins: handlers in order, the first answer counts. Receiving needs no permission, sending does. */
export class Peers implements PeerPort {
  readonly #lines = new AdmissionLimit(MAX_WAITING, MAX_OF_ONE);

  constructor(private readonly deps: PeersDeps) {}

  /** What plugins may know of each other, `capabilities.provides` included (requirement 11.4). */
  list(): Json {
    return this.deps.plugins().map((plugin) => ({
      name: plugin.name,
      version: plugin.candidate.manifest.version,
      description: plugin.candidate.manifest.description,
      state: plugin.state,
      provides: [...(plugin.candidate.manifest.capabilities?.provides ?? [])],
    }));
  }

  async send(from: string, to: string, type: string, data: Json, timeoutMs: number, correlationId: string): Promise<PeerAnswer> {
    const target = this.deps.plugins().find((plugin) => plugin.name === to);
    if (target === undefined || target.state !== "running") {
      return { ok: false, code: "not_found", message: `no plugin called ${JSON.stringify(to)} is running` };
    }
    return this.#ask(
      target,
      { id: this.deps.nextId(), type, source: from, target: to, timestamp: this.deps.now(), data, correlationId },
      timeoutMs,
    );
  }

  async broadcast(from: string, type: string, data: Json, timeoutMs: number, correlationId: string): Promise<Json> {
    const targets = this.deps
      .plugins()
      .filter((plugin) => plugin.name !== from && plugin.state === "running" && handlesOf(plugin).length > 0)
      .filter((plugin) => this.deps.mayReach(from, plugin.name, correlationId));
    const id = this.deps.nextId();
    const answers = await Promise.all(
      targets.map(async (target) => {
        const message = { id, type, source: from, target: target.name, timestamp: this.deps.now(), data, correlationId };
        const answer = await this.#ask(target, message, timeoutMs);
        if (answer.ok) return answer.value === null ? [] : [{ plugin: target.name, ok: true, data: answer.value }];
        return [{ plugin: target.name, ok: false, error: answer.message }];
      }),
    );
    return answers.flat();
  }

  async #ask(target: Plugin, message: { [key: string]: Json }, timeoutMs: number): Promise<PeerAnswer> {
    const from = String(message.source);
    if (!this.#lines.enter(target.name, from)) {
      return { ok: false, code: "rate_limited", message: `too many messages wait for ${target.name} already` };
    }
    try {
      return await this.#inOrder(target, message, timeoutMs);
    } finally {
      this.#lines.leave(target.name, from);
    }
  }

  async #inOrder(target: Plugin, message: { [key: string]: Json }, timeoutMs: number): Promise<PeerAnswer> {
    const correlationId = String(message.correlationId);
    for (const handle of handlesOf(target)) {
      const origin = { correlationId, context: null, link: null };
      const outcome = await this.deps.dispatch.invoke(target.name, handle, [message], timeoutMs, origin, {
        plugin_message: message.type ?? "",
      });
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
