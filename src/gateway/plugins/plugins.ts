import { changedKeys } from "../../config/merge.ts";
import { ok, type Result } from "../../errors.ts";
import { Egress } from "../../http/egress.ts";
import { parseRate } from "../../permissions/grammar/rates.ts";
import { GrantStore } from "../../permissions/grants.ts";
import type { StoredApprovals } from "../../plugins/approval/approvals.ts";
import { StoredDecisions } from "../../plugins/approval/decisions.ts";
import { Dispatch } from "../../plugins/calls/dispatch.ts";
import { Feed } from "../../plugins/capabilities/event-feed.ts";
import { Peers } from "../../plugins/capabilities/peer-messages.ts";
import { Subscribers } from "../../plugins/capabilities/subscribers.ts";
import { makeOperator } from "../../plugins/capabilities/table.ts";
import { Hosts } from "../../plugins/lifecycle/hosts.ts";
import type { Candidate } from "../../plugins/plugin/candidate.ts";
import { Supervisor } from "../../plugins/supervisor.ts";
import { Compiler, compilerCommand } from "../../sandbox/loader/compiler.ts";
import { VERSION } from "../../version.ts";
import type { Site } from "../context/context.ts";
import type { Ground } from "../context/storage.ts";
import type { Air } from "../mesh/mesh.ts";
import { type Conversation, makeConversation } from "../routing/routing.ts";
import { makeApprovals } from "./approvals.ts";
import { Catalogue } from "./catalogue.ts";
import { Databases } from "./databases.ts";
import { hostSpawner } from "./host-spawner.ts";

/** Everything that has to do with plugins, made and not yet started. */
export interface Stage {
  readonly supervisor: Supervisor;
  readonly hosts: Hosts;
  readonly approvals: StoredApprovals;
  readonly catalogue: Catalogue;
  readonly decisions: StoredDecisions;
  readonly conversation: Conversation;
  readonly egress: Egress;
  readonly databases: Databases;
}

export function makeStage(site: Site, ground: Ground, air: Air): Result<Stage> {
  const { clock, random, bus, life } = site;
  const log = site.log.logger;
  const egress = makeEgress(site);
  if (!egress.ok) return egress;
  const decisions = new StoredDecisions(
    ground.database,
    () => configHash(site),
    () => clock.now(),
  );
  const catalogue = makeCatalogue(site, decisions, new GrantStore(ground.database.sqlite, clock));
  const dispatch = new Dispatch({
    log: log.child("plugins"),
    plugin: (name) => supervisor.get(name),
    failed: (plugin, source, message) => supervisor.recovery.failed(plugin, source, message),
  });
  const approvals = makeApprovals(site, { ground, air, catalogue, supervisor: () => supervisor, conversation: () => conversation });
  const conversation: Conversation = makeConversation({
    ...air,
    clock,
    random,
    log,
    bus,
    config: () => site.config(),
    database: ground.database,
    dispatch,
    supervisor: () => supervisor,
  });
  life.add("router", () => conversation.stop());
  const peers = new Peers({
    dispatch,
    plugins: () => supervisor.list(),
    nextId: air.newId,
    now: () => clock.now(),
    mayReach: (from, plugin, id) =>
      supervisor.get(from)?.instance?.capabilitySet.checkOwn({ permission: "inter_plugin_messaging", plugin }, id).allowed === true,
  });
  const subscribers = new Subscribers();
  const databases = new Databases(
    () => site.config().data_dir,
    (name) => {
      const candidate = supervisor.get(name)?.candidate;
      return candidate !== undefined && isIsolated(site, candidate);
    },
  );
  const spawn = site.parts.spawnHost ?? hostSpawner(() => site.config(), { clock, log: log.child("sandbox") });
  const hosts = new Hosts({
    clock,
    log: log.child("sandbox"),
    spawn: (key) => spawn(key, databases.writableBy(key)),
    onExit: (key, host, exit) => supervisor.recovery.hostExited(key, host, exit),
  });
  life.add("plugin hosts", () => hosts.stop());
  const supervisor: Supervisor = new Supervisor({
    clock,
    random,
    log: log.child("plugins"),
    bus,
    hosts,
    operate: makeOperator({
      bus,
      outbox: air.outbox,
      egress: egress.value,
      nodes: air.nodes,
      links: air.links,
      secrets: ground.secrets,
      registrars: conversation.registrars,
      peers,
      permissions: approvals,
    }),
    registrarOf: (kind) => (kind === "event" ? subscribers : conversation.registrarOf(kind)),
    approvals,
    decisions,
    discover: () => catalogue.discover(),
    order: (candidates) => catalogue.order(candidates),
    build: (candidate) => catalogue.build(candidate),
    configOf: (candidate) => catalogue.configOf(candidate),
    changedKeys,
    schemaOf: (candidate) => catalogue.schemaOf(candidate),
    limitsOf: (candidate) => catalogue.limitsOf(candidate),
    databaseOf: (candidate) => databases.pathOf(candidate.name),
    disabledByConfig: (name) => catalogue.disabledByConfig(name),
    wantsOwnHost: (candidate) => isIsolated(site, candidate),
    healthLimits: () => site.config().plugins.health,
    autoLoad: site.config().plugins.auto_load,
    gatewayVersion: VERSION,
    audit: ground.note,
  });
  life.add("plugins", () => supervisor.stop());
  feedEvents(site, air, supervisor, dispatch, subscribers);
  return ok({ supervisor, hosts, approvals, catalogue, decisions, conversation, egress: egress.value, databases });
}

function makeCatalogue(site: Site, decisions: StoredDecisions, grants: GrantStore): Catalogue {
  const { parts, safe, clock, life } = site;
  const compiler = parts.compiler ?? new Compiler({ command: compilerCommand(), clock });
  life.add("compiler", () => compiler.stop());
  return new Catalogue({
    compiler,
    log: site.log.logger.child("plugins"),
    config: () => site.config(),
    decisions,
    places: (plugin) => grants.places(plugin),
    safe,
    withExamples: site.loaded.file === null && site.chosen.allSimulated && !safe,
    ...(parts.bundled === undefined ? {} : { bundled: parts.bundled }),
  });
}

function makeEgress({ clock, random, log, parts: { resolve, exchange }, config }: Site): Result<Egress> {
  const rate = parseRate(config().plugins.limits.http);
  if (!rate.ok) return rate;
  const outside = { ...(resolve === undefined ? {} : { resolve }), ...(exchange === undefined ? {} : { exchange }) };
  return ok(new Egress({ clock, random, log: log.logger.child("http"), rate: rate.value, userAgent: `zephyrgate/${VERSION}`, ...outside }));
}

function feedEvents(
  { bus, life, log }: Site,
  { channelName }: Air,
  supervisor: Supervisor,
  dispatch: Dispatch,
  subscribers: Subscribers,
): void {
  const feed = new Feed({
    bus,
    dispatch,
    plugin: (name) => supervisor.get(name),
    subscribers,
    channelName,
    dropped: (plugin, type) => {
      const known = supervisor.get(plugin);
      if (known !== null) known.metrics.eventsDropped += 1;
      log.logger.debug(`an event ${type} was dropped: too many wait`, { plugin });
    },
  });
  feed.start();
  life.add("events", () => feed.stop());
}

/** Names the plugins part of the configuration file: decisions hold while it stays the same. */
function configHash(site: Site): string {
  const { enabled_plugins, disabled_plugins, config, permissions } = site.config().plugins;
  const part = JSON.stringify([enabled_plugins ?? null, disabled_plugins, config, permissions]);
  return new Bun.CryptoHasher("sha256").update(part).digest("hex");
}

/** Always in a process of its own: named in the configuration, or trusted with secrets. */
function isIsolated(site: Site, candidate: Candidate): boolean {
  const { own_host } = site.config().plugins.isolation;
  return own_host.includes(candidate.name) || candidate.manifest.permissions.some((entry) => entry.name === "secrets");
}
