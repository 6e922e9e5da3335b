/** Router, menus and schedule joined to the plugins: messages in, replies out, and where registrations go. */

import type { CallOutcome } from "../../bridge/realm-spec.ts";
import type { Clock, Random } from "../../clock.ts";
import type { Config } from "../../config/schema.ts";
import { correlationId } from "../../correlation.ts";
import { fail, ok, type Result } from "../../errors.ts";
import type { CoreBus } from "../../events/core.ts";
import type { Json } from "../../json.ts";
import type { Logger } from "../../log/logger.ts";
import { Menus } from "../../menu/menus.ts";
import { MenuRegistry } from "../../menu/registry.ts";
import { SessionData } from "../../menu/session-data.ts";
import { BROADCAST } from "../../mesh/ids.ts";
import type { MeshMessage } from "../../mesh/message.ts";
import type { NodeDirectory } from "../../mesh/nodes/directory.ts";
import type { Outbox } from "../../mesh/outbox/outbox.ts";
import type { Reply } from "../../mesh/outgoing.ts";
import type { Dispatch } from "../../plugins/calls/dispatch.ts";
import type { PluginServices } from "../../plugins/capabilities/ports.ts";
import type { RegistrarOf } from "../../plugins/registrations/registrations.ts";
import type { Supervisor } from "../../plugins/supervisor.ts";
import type { HandlerOutcome } from "../../router/ports.ts";
import { Router } from "../../router/router.ts";
import { runStore } from "../../schedule/run-store.ts";
import { Schedule } from "../../schedule/schedule.ts";
import type { CoreDatabase } from "../../storage/core.ts";
import { menuRegistrar, routerRegistrar, scheduleRegistrar } from "./registrars.ts";

export interface ConversationDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly bus: CoreBus;
  config(): Config;
  readonly database: CoreDatabase;
  readonly nodes: NodeDirectory;
  readonly outbox: Outbox;
  readonly dispatch: Dispatch;
  supervisor(): Supervisor;
  channelName(index: number): string | undefined;
  channelOn(link: string, index: number): string;
  ownNodes(): readonly number[];
}

export interface Conversation {
  readonly schedule: Schedule;
  readonly menuRegistry: MenuRegistry;
  readonly registrars: PluginServices["registrars"];
  readonly registrarOf: RegistrarOf;
  take(message: MeshMessage): void;
  answerers(command: string): readonly string[];
  stop(): Promise<void>;
}

export function makeConversation(deps: ConversationDeps): Conversation {
  const { clock, log, database } = deps;
  const config = deps.config();
  const menuRegistry = new MenuRegistry();
  const idleS = config.menu.idle_s;
  const sessionData = new SessionData({ clock, idleS });
  const menus = new Menus({ clock, registry: menuRegistry, sessionData, idleS, prefix: config.commands.prefix });
  const timeoutOf = (plugin: string) => (deps.supervisor().get(plugin)?.timeoutS ?? config.plugins.limits.timeout_s) * 1000;
  const schedule = new Schedule({
    clock,
    log: log.child("schedule"),
    store: runStore(database),
    run: async ({ plugin, name, handle, reason }) => {
      const origin = { correlationId: correlationId(deps.random), context: null, link: null };
      const outcome = await deps.dispatch.invoke(plugin, handle, [{ name, reason }], timeoutOf(plugin), origin, { task: name });
      return outcome.ok ? { ok: true } : { ok: false, error: outcome.error.message };
    },
  });
  const router = new Router({
    clock,
    random: deps.random,
    log: log.child("router"),
    database,
    settings: config.commands,
    operators: config.operators,
    handlers: {
      invoke: async (plugin, handle, args, context, timeoutMs, { link, what }) => {
        const origin = { correlationId: context.correlationId, context, link };
        const called = [...args, context as unknown as Json];
        return handlerOutcome(await deps.dispatch.invoke(plugin, handle, called, timeoutMs, origin, { ...what }));
      },
      timeoutOf,
      mayHear: (plugin, message) => mayHear(deps, plugin, message),
    },
    menu: menus,
    sessions: sessionData,
    nodes: {
      get: (number) => deps.nodes.get(number) ?? null,
      isOwn: (number) => deps.ownNodes().includes(number),
      channelName: (link, index) => deps.channelOn(link, index),
    },
    reply: (reply) => sendReply(deps, reply),
    received: (message) => deps.bus.emit("message_received", message),
    processed: (event) => deps.bus.emit("message_processed", event),
    alert: (event) => deps.bus.emit("alert", event),
  });
  deps.bus.on("plugin_stopped", ({ plugin }) => sessionData.forget(plugin));
  const registrars = {
    router: routerRegistrar(router.registry),
    menu: menuRegistrar(menuRegistry),
    schedule: scheduleRegistrar(schedule, (plugin) => minIntervalS(deps, plugin)),
  };
  return {
    schedule,
    menuRegistry,
    registrars,
    registrarOf: (kind) => {
      if (kind === "command" || kind === "keyword" || kind === "message") return registrars.router;
      return kind === "menu" ? registrars.menu : kind === "task" ? registrars.schedule : null;
    },
    take: (message) => router.handle(message),
    answerers: (command) => router.registry.others("", command),
    stop: async () => {
      await router.stop();
      schedule.stop();
    },
  };
}

function handlerOutcome(outcome: CallOutcome): HandlerOutcome {
  if (!outcome.ok) return { ok: false, cause: outcome.cause };
  return { ok: true, value: outcome.value, ...(outcome.session === undefined ? {} : { session: outcome.session }) };
}

/** The scope of schedule_tasks, for cron patterns too; 0 without one. */
function minIntervalS(deps: ConversationDeps, plugin: string): number {
  const granted = deps.supervisor().get(plugin)?.instance?.capabilitySet.states().granted ?? [];
  const scopes = granted.flatMap((entry) =>
    typeof entry === "object" && entry !== null && "schedule_tasks" in entry ? [entry.schedule_tasks] : [],
  );
  if (granted.includes("schedule_tasks") || scopes.length === 0) return 0;
  return Math.min(...scopes.map((scope) => Number((scope as { min_interval_s?: number }).min_interval_s ?? 0)));
}

function mayHear(deps: ConversationDeps, plugin: string, message: MeshMessage): boolean {
  const capabilitySet = deps.supervisor().get(plugin)?.instance?.capabilitySet;
  const name = deps.channelName(message.channel);
  const channel = name === undefined ? { index: message.channel } : { index: message.channel, name };
  return (
    capabilitySet?.checkOwn({ permission: "receive_messages", isDirect: message.isDirect, channel }, message.correlationId).allowed === true
  );
}

/** An answer needs send_messages, whatever its scope; without it the handler ran and its words are dropped, and counted. */
function sendReply(deps: ConversationDeps, reply: Reply): Result<unknown> {
  const { plugin } = reply;
  const known = plugin === null ? null : deps.supervisor().get(plugin);
  if (plugin !== null) {
    const capabilitySet = known?.instance?.capabilitySet;
    if (capabilitySet === undefined) return fail("realm_gone", `${plugin} is gone`);
    const name = deps.channelName(reply.channel);
    const channel = name === undefined ? { index: reply.channel } : { index: reply.channel, name };
    const kind = reply.to === BROADCAST ? "broadcast" : "direct";
    const decision = capabilitySet.checkOwn(
      { permission: "send_messages", kind, channel, parts: reply.parts, isReply: true },
      reply.correlationId,
    );
    if (!decision.allowed) {
      if (known !== null && known !== undefined) known.metrics.repliesDropped += 1;
      return fail("permission_denied", `${plugin} may not send: its reply was dropped`, { hint: decision.hint });
    }
  }
  const { text, to, channel, link, replyId, priority, wantAck } = reply;
  const queued = deps.outbox.enqueue({
    text,
    to,
    channel,
    ...(link === undefined ? {} : { link }),
    ...(replyId === undefined ? {} : { replyId }),
    priority,
    wantAck,
    sender: plugin === null ? { kind: "gateway" } : { kind: "plugin", plugin },
    correlationId: reply.correlationId,
  });
  if (!queued.ok) return queued;
  if (known !== null && known !== undefined) known.metrics.messagesSent += 1;
  return ok(null);
}
