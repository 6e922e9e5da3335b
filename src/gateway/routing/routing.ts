/** Router, menus and schedule, connected to the plugins: they call handlers, send replies and hold registrations. */

import type { CallOutcome } from "../../bridge/realm-spec.ts";
import { correlationId } from "../../correlation.ts";
import { fail, ok, type Result } from "../../errors.ts";
import type { Json } from "../../json.ts";
import { Menus } from "../../menu/menus.ts";
import { MenuRegistry } from "../../menu/registry.ts";
import { SessionData } from "../../menu/session-data.ts";
import { BROADCAST } from "../../mesh/ids.ts";
import type { MeshMessage } from "../../mesh/message.ts";
import type { Reply } from "../../mesh/outgoing.ts";
import type { Dispatch } from "../../plugins/calls/dispatch.ts";
import type { PluginServices } from "../../plugins/capabilities/ports.ts";
import type { Plugin } from "../../plugins/plugin/plugin.ts";
import type { RegistrarOf } from "../../plugins/registrations/registrations.ts";
import type { HandlerOutcome } from "../../router/ports.ts";
import { Router } from "../../router/router.ts";
import { runStore } from "../../schedule/run-store.ts";
import { Schedule } from "../../schedule/schedule.ts";
import type { GatewayContext } from "../context/context.ts";
import type { Storage } from "../context/storage.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { menuRegistrar, routerRegistrar, scheduleRegistrar } from "./registrars.ts";

export interface RoutingPeers {
  readonly storage: Storage;
  readonly mesh: Mesh;
  readonly dispatch: Dispatch;
  plugin(name: string): Plugin | null;
}

export interface Routing {
  readonly router: Router;
  readonly schedule: Schedule;
  readonly menuRegistry: MenuRegistry;
  readonly registrars: PluginServices["registrars"];
  readonly registrarOf: RegistrarOf;
  stop(): Promise<void>;
}

export function makeRouting(context: GatewayContext, peers: RoutingPeers): Routing {
  const { clock, bus } = context;
  const { menu, commands } = context.config();
  const menuRegistry = new MenuRegistry();
  const sessionData = new SessionData({ clock, idleS: menu.idle_s });
  bus.on("plugin_stopped", ({ plugin }) => sessionData.forget(plugin));
  const menus = new Menus({ clock, registry: menuRegistry, sessionData, idleS: menu.idle_s, prefix: commands.prefix });
  const schedule = makeSchedule(context, peers);
  const router = makeRouter(context, peers, menus, sessionData);
  const registrars = {
    router: routerRegistrar(router.registry),
    menu: menuRegistrar(menuRegistry),
    schedule: scheduleRegistrar(schedule, (plugin) => minIntervalS(peers, plugin)),
  };
  return {
    router,
    schedule,
    menuRegistry,
    registrars,
    registrarOf: (kind) => {
      if (kind === "command" || kind === "keyword" || kind === "message") return registrars.router;
      return kind === "menu" ? registrars.menu : kind === "task" ? registrars.schedule : null;
    },
    stop: async () => {
      await router.stop();
      schedule.stop();
    },
  };
}

function makeSchedule(context: GatewayContext, peers: RoutingPeers): Schedule {
  return new Schedule({
    clock: context.clock,
    log: context.log.logger.child("schedule"),
    store: runStore(peers.storage.database),
    run: async ({ plugin, name, handle, reason }) => {
      const origin = { correlationId: correlationId(context.random), context: null, link: null };
      const timeoutMs = timeoutOf(context, peers, plugin);
      const outcome = await peers.dispatch.invoke(plugin, handle, [{ name, reason }], timeoutMs, origin, { task: name });
      return outcome.ok ? { ok: true } : { ok: false, error: outcome.error.message };
    },
  });
}

function makeRouter(context: GatewayContext, peers: RoutingPeers, menus: Menus, sessionData: SessionData): Router {
  const { clock, random, bus } = context;
  const { commands, operators } = context.config();
  const { nodes, names } = peers.mesh;
  return new Router({
    clock,
    random,
    log: context.log.logger.child("router"),
    database: peers.storage.database,
    settings: commands,
    operators,
    handlers: {
      invoke: async ({ plugin, handle, args, context: handled, timeoutMs, link, what }) => {
        const origin = { correlationId: handled.correlationId, context: handled, link };
        const called = [...args, handled as unknown as Json];
        return handlerOutcome(await peers.dispatch.invoke(plugin, handle, called, timeoutMs, origin, { ...what }));
      },
      timeoutOf: (plugin) => timeoutOf(context, peers, plugin),
      mayHear: (plugin, message) => mayHear(peers, plugin, message),
    },
    menu: menus,
    sessions: sessionData,
    nodes: {
      get: (number) => nodes.get(number) ?? null,
      isOwn: (number) => names.ownNodes().includes(number),
      channelName: (link, index) => names.channelOn(link, index),
    },
    reply: (reply) => sendReply(peers, reply),
    received: (message) => bus.emit("message_received", message),
    processed: (event) => bus.emit("message_processed", event),
    alert: (event) => bus.emit("alert", event),
  });
}

/** Milliseconds that a handler of this plugin may take. */
function timeoutOf(context: GatewayContext, peers: RoutingPeers, plugin: string): number {
  return (peers.plugin(plugin)?.timeoutS ?? context.config().plugins.limits.timeout_s) * 1000;
}

function handlerOutcome(outcome: CallOutcome): HandlerOutcome {
  if (!outcome.ok) return { ok: false, cause: outcome.cause };
  return { ok: true, value: outcome.value, ...(outcome.session === undefined ? {} : { session: outcome.session }) };
}

/** The scope of schedule_tasks, for cron patterns too; 0 without one. */
function minIntervalS(peers: RoutingPeers, plugin: string): number {
  const granted = peers.plugin(plugin)?.instance?.capabilitySet.states().granted ?? [];
  const scopes = granted.flatMap((entry) =>
    typeof entry === "object" && entry !== null && "schedule_tasks" in entry ? [entry.schedule_tasks] : [],
  );
  if (granted.includes("schedule_tasks") || scopes.length === 0) return 0;
  return Math.min(...scopes.map((scope) => Number((scope as { min_interval_s?: number }).min_interval_s ?? 0)));
}

function mayHear(peers: RoutingPeers, plugin: string, message: MeshMessage): boolean {
  const capabilitySet = peers.plugin(plugin)?.instance?.capabilitySet;
  const name = peers.mesh.names.channelName(message.channel);
  const channel = name === undefined ? { index: message.channel } : { index: message.channel, name };
  return (
    capabilitySet?.checkOwn({ permission: "receive_messages", isDirect: message.isDirect, channel }, message.correlationId).allowed === true
  );
}

/** An answer needs send_messages, whatever its scope; without it the handler ran and its words are dropped, and counted. */
function sendReply(peers: RoutingPeers, reply: Reply): Result<unknown> {
  const { plugin } = reply;
  const known = plugin === null ? null : peers.plugin(plugin);
  if (plugin !== null) {
    const capabilitySet = known?.instance?.capabilitySet;
    if (capabilitySet === undefined) return fail("realm_gone", `${plugin} is gone`);
    const name = peers.mesh.names.channelName(reply.channel);
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
  const queued = peers.mesh.outbox.enqueue({
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
