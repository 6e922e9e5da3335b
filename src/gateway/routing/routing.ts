/** Router, menus and schedule, connected to the plugins: they call handlers, send replies and hold registrations. */

import type { CallOutcome } from "../../bridge/realm-spec.ts";
import { correlationId } from "../../correlation.ts";
import type { Json } from "../../json.ts";
import { Menus } from "../../menu/menus.ts";
import { MenuRegistry } from "../../menu/registry.ts";
import { SessionData } from "../../menu/session-data.ts";
import type { MeshMessage } from "../../mesh/message.ts";
import type { LiveCapabilitySet } from "../../permissions/capability-set.ts";
import type { Dispatch } from "../../plugins/calls/dispatch.ts";
import { mayHearMessage, namedChannel } from "../../plugins/capabilities/inward/heard-message.ts";
import { sendReply } from "../../plugins/capabilities/inward/reply.ts";
import { minIntervalS } from "../../plugins/capabilities/inward/task.ts";
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
    schedule: scheduleRegistrar(schedule, (plugin) => minIntervalS(capabilitySetOf(peers, plugin))),
  };
  return {
    router,
    schedule,
    menuRegistry,
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
      const outcome = await peers.dispatch.invoke({ plugin, handle, args: [{ name, reason }], timeoutMs, origin, what: { task: name } });
      return outcome.ok ? { ok: true } : { ok: false, error: outcome.error.message };
    },
  });
}

function makeRouter(context: GatewayContext, peers: RoutingPeers, menus: Menus, sessionData: SessionData): Router {
  const { clock, random, bus } = context;
  const { commands, operators } = context.config();
  const { nodes, names, outbox } = peers.mesh;
  const replies = { outbox, plugin: peers.plugin, channelName: (index: number) => names.channelName(index) };
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
        return handlerOutcome(await peers.dispatch.invoke({ plugin, handle, args: called, timeoutMs, origin, what }));
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
    reply: (reply) => sendReply(replies, reply),
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

function capabilitySetOf(peers: RoutingPeers, plugin: string): LiveCapabilitySet | null {
  return peers.plugin(plugin)?.instance?.capabilitySet ?? null;
}

function mayHear(peers: RoutingPeers, plugin: string, message: MeshMessage): boolean {
  const capabilitySet = capabilitySetOf(peers, plugin);
  const channel = namedChannel(message.channel, peers.mesh.names.channelName(message.channel));
  return capabilitySet !== null && mayHearMessage(capabilitySet, message, channel, message.correlationId);
}
