/** Router, menus and schedule, connected to the plugins: they call handlers, send replies and hold registrations. */

import { live } from "../../config/reload.ts";
import { correlationId } from "../../correlation.ts";
import { Menus } from "../../menu/menus.ts";
import { MenuRegistry } from "../../menu/registry.ts";
import { SessionData } from "../../menu/session-data.ts";
import { routesTo } from "../../mesh/routes.ts";
import type { LiveCapabilitySet } from "../../permissions/capability-set.ts";
import type { Dispatch } from "../../plugins/calls/dispatch.ts";
import { MessageHandlers } from "../../plugins/capabilities/inward/message-handlers.ts";
import { type ReplyDeps, sendReply } from "../../plugins/capabilities/inward/reply.ts";
import { minIntervalS } from "../../plugins/capabilities/inward/task.ts";
import type { Plugin } from "../../plugins/plugin/plugin.ts";
import type { RegistrarOf } from "../../plugins/registrations/registrations.ts";
import type { JoinedRegion } from "../../region/ports.ts";
import { parseCommand } from "../../router/match/parse.ts";
import { Registry } from "../../router/match/registry.ts";
import { Router } from "../../router/router.ts";
import { runStore } from "../../schedule/run-store.ts";
import { Schedule } from "../../schedule/schedule.ts";
import { gatewayTexts } from "../../texts/texts.ts";
import type { GatewayContext } from "../context/context.ts";
import type { Storage } from "../context/storage.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { makeClaims } from "./claims.ts";
import { menuRegistrar, routerRegistrar, scheduleRegistrar } from "./registrars.ts";
import { whenStarted } from "./starting-commands.ts";

export interface RoutingPeers {
  readonly storage: Storage;
  readonly mesh: Mesh;
  readonly dispatch: Dispatch;
  /** Null: the gateway is alone. */
  readonly joined: JoinedRegion | null;
  plugin(name: string): Plugin | null;
  plugins(): readonly Plugin[];
}

export interface Routing {
  readonly router: Router;
  readonly schedule: Schedule;
  readonly menuRegistry: MenuRegistry;
  readonly registrarOf: RegistrarOf;
  /** Deletes what a plugin keeps for nodes. */
  forgetSessions(plugin: string): void;
  stop(): Promise<void>;
}

export function makeRouting(context: GatewayContext, peers: RoutingPeers): Routing {
  const { clock } = context;
  const commands = live(() => context.config().commands);
  const menuRegistry = new MenuRegistry();
  const placeOf = (name: string) => peers.plugin(name)?.candidate.path ?? "";
  const sessionData = new SessionData({
    clock,
    get idleS() {
      return context.config().menu.idle_s;
    },
    database: peers.storage.database,
    placeOf,
  });
  const registry = new Registry(() => commands.prefix);
  const menus = makeMenus(context, { registry, menuRegistry, sessionData });
  const handlers = new MessageHandlers({
    dispatch: peers.dispatch,
    plugin: peers.plugin,
    channelName: (link, index) => peers.mesh.names.channelOn(link, index),
    starting: whenStarted.bind(null, { clock, bus: context.bus, plugins: peers.plugins }),
    defaultTimeoutS: () => context.config().plugins.limits.timeout_s,
  });
  const schedule = makeSchedule(context, peers, handlers);
  const router = makeRouter(context, peers, { registry, handlers, menus, sessionData });
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
    forgetSessions: (plugin) => sessionData.forget(plugin),
    stop: async () => {
      await router.stop();
      schedule.stop();
    },
  };
}

interface MenuPieces {
  readonly registry: Registry;
  readonly menuRegistry: MenuRegistry;
  readonly sessionData: SessionData;
}

function makeMenus(context: GatewayContext, { registry, menuRegistry, sessionData }: MenuPieces): Menus {
  const { clock } = context;
  const commands = live(() => context.config().commands);
  return new Menus({
    clock,
    registry: menuRegistry,
    sessionData,
    get idleS() {
      return context.config().menu.idle_s;
    },
    get prefix() {
      return commands.prefix;
    },
    say: gatewayTexts(() => context.config().language),
    isCommand: (word, isAdmin) => registry.answers(parseCommand(word, [commands.prefix, commands.direct_prefix])?.name ?? "", isAdmin),
  });
}

function makeSchedule(context: GatewayContext, peers: RoutingPeers, handlers: MessageHandlers): Schedule {
  return new Schedule({
    clock: context.clock,
    log: context.log.logger.child("schedule"),
    store: runStore(peers.storage.database),
    run: async ({ plugin, name, handle, reason }) => {
      const origin = { correlationId: correlationId(context.random), context: null, link: null };
      const timeoutMs = handlers.timeoutOf(plugin);
      const outcome = await peers.dispatch.invoke({ plugin, handle, args: [{ name, reason }], timeoutMs, origin, what: { task: name } });
      return outcome.ok ? { ok: true } : { ok: false, error: outcome.error.message };
    },
  });
}

interface RouterPieces {
  readonly registry: Registry;
  readonly handlers: MessageHandlers;
  readonly menus: Menus;
  readonly sessionData: SessionData;
}

function makeRouter(context: GatewayContext, peers: RoutingPeers, { registry, handlers, menus, sessionData }: RouterPieces): Router {
  const { clock, random, bus } = context;
  const commands = live(() => context.config().commands);
  const { nodes, names, outbox } = peers.mesh;
  if (context.config().operators.length > 0) sayWhoIsOperator(context, commands.admin_commands);
  const replies: ReplyDeps = {
    outbox,
    plugin: peers.plugin,
    routesOf: ({ to, link, channel }) => routesTo(to, { link, channel }, { nodes, links: () => names.links() }),
  };
  return new Router({
    clock,
    random,
    log: context.log.logger.child("router"),
    database: peers.storage.database,
    settings: commands,
    registry,
    get operators() {
      return context.config().operators;
    },
    say: gatewayTexts(() => context.config().language),
    handlers,
    claims: makeClaims(context, peers.joined, peers.mesh),
    menu: menus,
    sessions: sessionData,
    nodes: {
      get: (number) => nodes.get(number) ?? null,
      channelName: (link, index) => names.channelOn(link, index),
      ownNode: (link) => names.links().find(({ name }) => name === link)?.ownNode ?? null,
    },
    reply: sendReply.bind(null, replies),
    processed: (event) => bus.emit("message_processed", event),
    suppressed: (reply) => bus.emit("reply_suppressed", reply),
  });
}

/** Said at start, because an operator whose radio has no key is otherwise told that the command is unknown. */
function sayWhoIsOperator({ log }: GatewayContext, admin: "encrypted" | "any"): void {
  if (admin === "encrypted") {
    log.logger.info("admin commands count only in direct messages that are encrypted to this gateway's key", {
      hint: "commands: { admin_commands: any } accepts them from an operator's node number alone, which anybody can forge",
    });
    return;
  }
  log.logger.warn("admin commands count in any message of an operator's node: anybody who knows the channel can forge its number", {
    hint: "commands: { admin_commands: encrypted } accepts them only in direct messages that are encrypted to this gateway's key",
  });
}

function capabilitySetOf(peers: RoutingPeers, plugin: string): LiveCapabilitySet | null {
  return peers.plugin(plugin)?.instance?.capabilitySet ?? null;
}
