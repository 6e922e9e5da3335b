import { join } from "node:path";
import { changedKeys } from "../../config/merge.ts";
import { ok, type Result } from "../../errors.ts";
import type { Egress } from "../../http/egress.ts";
import { CodeStore } from "../../packages/code-store.ts";
import { installedFolder } from "../../packages/installed.ts";
import { GrantStore } from "../../permissions/grants.ts";
import type { StoredApprovals } from "../../plugins/approval/approvals.ts";
import { StoredDecisions } from "../../plugins/approval/decisions.ts";
import { Dispatch } from "../../plugins/calls/dispatch.ts";
import type { AlarmPort } from "../../plugins/capabilities/call/ports.ts";
import { EventFeed } from "../../plugins/capabilities/inward/event.ts";
import { Peers } from "../../plugins/capabilities/inward/plugin-message.ts";
import { Subscribers } from "../../plugins/capabilities/inward/subscribers.ts";
import { answerCapabilityCalls } from "../../plugins/capabilities/table.ts";
import { Hosts } from "../../plugins/lifecycle/hosts.ts";
import type { Bundle } from "../../plugins/plugin/bundle.ts";
import type { Candidate } from "../../plugins/plugin/candidate.ts";
import { Supervisor } from "../../plugins/supervisor.ts";
import type { JoinedRegion } from "../../region/ports.ts";
import { Compiler } from "../../sandbox/loader/compiler.ts";
import { VERSION } from "../../version.ts";
import type { GatewayContext } from "../context/context.ts";
import type { Storage } from "../context/storage.ts";
import { alertChannels } from "../mesh/alert-channels.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { makeRouting, type Routing } from "../routing/routing.ts";
import { makeApprovals } from "./approvals.ts";
import { Catalogue } from "./catalogue.ts";
import { ComeBack } from "./come-back.ts";
import { Databases } from "./databases.ts";
import { makeEgress } from "./egress.ts";
import { FailedFiles } from "./failed-files.ts";
import { compilerLauncher, hostSpawner } from "./host-spawner.ts";
import { makePluginRegion, type PluginRegion } from "./region.ts";
import { SupervisorPort } from "./supervisor-port.ts";

/** Everything that runs plugins, made and not yet started. */
export interface GatewayPlugins {
  readonly supervisor: Supervisor;
  readonly hosts: Hosts;
  readonly approvals: StoredApprovals;
  readonly catalogue: Catalogue;
  readonly decisions: StoredDecisions;
  readonly routing: Routing;
  readonly egress: Egress;
  readonly databases: Databases;
  readonly comeBack: ComeBack;
  readonly peers: Peers;
  readonly region: Pick<PluginRegion, "purge" | "counts">;
}

/** What the supervisor is built from. Each piece reaches the supervisor through `port` alone. */
interface Pieces extends Omit<GatewayPlugins, "supervisor"> {
  readonly port: SupervisorPort;
  readonly dispatch: Dispatch;
  readonly subscribers: Subscribers;
  readonly region: PluginRegion;
}

/** Makes all pieces, then the supervisor, and connects it to the port that the pieces hold. */
export function makePlugins(context: GatewayContext, storage: Storage, mesh: Mesh, joined: JoinedRegion | null): Result<GatewayPlugins> {
  const egress = makeEgress(context);
  if (!egress.ok) return egress;
  const pieces = makePieces(context, storage, mesh, { egress: egress.value, joined });
  const supervisor = makeSupervisor(context, storage, mesh, pieces);
  pieces.port.connect(supervisor);
  context.life.add("plugins", () => supervisor.stop());
  const failedFiles = new FailedFiles({ clock: context.clock, bus: context.bus, log: context.log.logger.child("plugins"), supervisor });
  context.life.add("files of failed plugins", () => failedFiles.stop());
  feedEvents(context, mesh, pieces);
  return ok({ ...pieces, supervisor });
}

interface Outside {
  readonly egress: Egress;
  readonly joined: JoinedRegion | null;
}

function makePieces(context: GatewayContext, storage: Storage, mesh: Mesh, { egress, joined }: Outside): Pieces {
  const { clock, life } = context;
  const log = context.log.logger;
  const port = new SupervisorPort();
  const now = () => clock.now();
  const decisions = new StoredDecisions(storage.database, () => configHash(context), now);
  const grants = new GrantStore(storage.database, clock);
  const moved = grants.movedHome(installedFolder(context.config().data_dir));
  if (moved !== null) storage.note(null, "moved", `the installed plugins were in ${moved} before; they keep what they own`);
  const catalogue = makeCatalogue(context, decisions, grants);
  const dispatch = new Dispatch({
    log: log.child("plugins"),
    plugin: port.get,
    failed: port.failed,
    storageTrouble: ({ name }, code) => {
      if (code === "data_unusable") alertDamaged(context, name);
      else storage.disk.isWritable();
    },
  });
  const routing = makeRouting(context, { storage, mesh, dispatch, joined, plugin: port.get, plugins: port.list });
  life.add("router", () => routing.stop());
  const databases = new Databases(() => context.config().data_dir);
  const approvals = makeApprovals(context, { storage, mesh, catalogue, databases, supervisor: port, schedule: routing.schedule });
  const hosts = makeHosts(context, databases, port);
  const comeBack = makeComeBack(context);
  const peers = new Peers({ dispatch, plugins: port.list, nextId: mesh.newId, now });
  const region = makePluginRegion(context, storage, joined, { dispatch, port });
  return {
    peers,
    comeBack,
    port,
    egress,
    decisions,
    catalogue,
    dispatch,
    routing,
    approvals,
    databases,
    hosts,
    subscribers: new Subscribers(region.subscribed),
    region,
  };
}

function makeSupervisor(context: GatewayContext, storage: Storage, mesh: Mesh, pieces: Pieces): Supervisor {
  const { clock, random, bus } = context;
  const { hosts, approvals, decisions, catalogue, databases, routing, subscribers, region } = pieces;
  return new Supervisor({
    clock,
    random,
    log: context.log.logger.child("plugins"),
    bus,
    hosts,
    answerCapabilityCall: answerCapabilityCalls({
      bus,
      outbox: mesh.outbox,
      egress: pieces.egress,
      nodes: mesh.nodes,
      requests: mesh.requests,
      links: mesh.links,
      channelsTold: mesh.channelsTold,
      alarms: alarmsOf(context, mesh),
      secrets: storage.secrets,
      peers: pieces.peers,
      permissions: approvals,
      region: region.port,
    }),
    registrarOf: (kind) => (kind === "event" ? subscribers : kind === "region" ? region.feed : routing.registrarOf(kind)),
    approvals,
    decisions,
    ...fromCatalogue(catalogue),
    isDiskWritable: () => storage.disk.isWritable(),
    heldBack: ({ bundled }) => pieces.comeBack.heldBack(bundled),
    changedKeys,
    databaseOf: (plugin, key) => databases.pathOf(plugin, key),
    settleData: (plugin, key) => databases.settle(plugin, key),
    wantsOwnHost: (candidate) => isIsolated(context, candidate),
    healthLimits: () => context.config().plugins.health,
    isStrict: context.overrides.isStrict === true,
    autoLoad: () => context.config().plugins.auto_load,
    gatewayVersion: VERSION,
    language: () => context.config().language,
    audit: storage.note,
  });
}

function fromCatalogue(catalogue: Catalogue) {
  return {
    discover: () => catalogue.discover(),
    order: (candidates: readonly Candidate[]) => catalogue.order(candidates),
    build: (candidate: Candidate) => catalogue.build(candidate),
    keep: (candidate: Candidate, bundle: Bundle) => catalogue.keep(candidate, bundle),
    kept: (candidate: Candidate) => catalogue.kept(candidate),
    configOf: (candidate: Candidate) => catalogue.configOf(candidate),
    schemaOf: (candidate: Candidate) => catalogue.schemaOf(candidate),
    limitsOf: (candidate: Candidate) => catalogue.limitsOf(candidate),
    disabledByConfig: (name: string) => catalogue.disabledByConfig(name),
  };
}

function makeCatalogue(context: GatewayContext, decisions: StoredDecisions, grants: GrantStore): Catalogue {
  const { overrides, safe, clock, life } = context;
  const log = context.log.logger.child("bundler");
  const launch = compilerLauncher(() => context.config(), { clock, log });
  const compiler = overrides.compiler ?? new Compiler({ launch, clock });
  life.add("compiler", () => compiler.stop());
  return new Catalogue({
    compiler,
    log: context.log.logger.child("plugins"),
    config: () => context.config(),
    decisions,
    code: new CodeStore(join(context.config().data_dir, "code"), () => clock.now()),
    holder: (plugin) => grants.holder(plugin)?.path ?? null,
    safe,
    withExamples: context.loaded.file === null && context.chosen.allSimulated && !safe,
    ...(overrides.bundled === undefined ? {} : { bundled: overrides.bundled }),
  });
}

function makeHosts(context: GatewayContext, databases: Databases, port: SupervisorPort): Hosts {
  const { clock, life } = context;
  const log = context.log.logger.child("sandbox");
  const spawn = context.overrides.spawnHost ?? hostSpawner(() => context.config(), { clock, log });
  const { hasCulprit, hostExited: onExit } = port;
  const hosts = new Hosts({ clock, log, spawn: (key) => spawn(key, databases.writableBy(key)), hasCulprit, onExit });
  life.add("plugin hosts", () => hosts.stop());
  return hosts;
}

function alarmsOf(context: GatewayContext, mesh: Mesh): AlarmPort {
  return {
    operators: () => context.config().operators,
    channels: () => {
      const channels = alertChannels(context.config().alerts.channels, { nodes: mesh.nodes, links: () => mesh.names.links() });
      const names = channels.flatMap(({ route }) =>
        route.flatMap(({ link, index, name }) => [`${link}/${index}`, ...(name ? [name] : [])]),
      );
      return [...new Set(names)];
    },
  };
}

function alertDamaged({ bus }: GatewayContext, plugin: string): void {
  const fix = `restore a backup, or set it aside and start empty: zephyrgate plugin import ${plugin} --empty`;
  bus.emit("alert", { code: "plugin_data_damaged", message: `the database of ${plugin} is damaged: ${fix}`, plugin });
}

function makeComeBack({ clock, bus, life, log, comeBack }: GatewayContext): ComeBack {
  const deps = { clock, bus, log: log.logger.child("plugins"), plan: comeBack ?? null };
  const made = new ComeBack(deps);
  life.add("return of the plugins", () => made.stop());
  return made;
}

function feedEvents({ bus, life, log }: GatewayContext, { names }: Mesh, { dispatch, port, subscribers }: Pieces): void {
  const feed = new EventFeed({
    bus,
    log: log.logger,
    dispatch,
    plugin: port.get,
    subscribers,
    channelName: (link, index) => names.channelOn(link, index),
  });
  feed.start();
  life.add("events", () => feed.stop());
}

/** Identifies the plugins part of the configuration file: stored decisions hold until that part changes. */
function configHash(context: GatewayContext): string {
  const { enabled_plugins, disabled_plugins, config, permissions } = context.config().plugins;
  const part = JSON.stringify([enabled_plugins ?? null, disabled_plugins, config, permissions]);
  return new Bun.CryptoHasher("sha256").update(part).digest("hex");
}

/** Whether a plugin always has a process of its own: the configuration names it, or it may read secrets. */
function isIsolated(context: GatewayContext, candidate: Candidate): boolean {
  const { own_host } = context.config().plugins.isolation;
  return own_host.includes(candidate.name) || candidate.manifest.permissions.some((entry) => entry.name === "secrets");
}
