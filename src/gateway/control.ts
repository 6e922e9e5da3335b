import { by } from "../api/contract/control.ts";
import type { ReloadView } from "../api/contract/views.ts";
import { changedKeys, deepMerge } from "../config/merge.ts";
import { AlertStore } from "../control/alert-store.ts";
import { Alerts } from "../control/alerts.ts";
import { Audit } from "../control/audit.ts";
import { backupControl } from "../control/backups.ts";
import { type ControlDeps, GatewayControl } from "../control/control.ts";
import { Messages } from "../control/messages.ts";
import { nodeRequests } from "../control/node-requests.ts";
import { Packages } from "../control/packages.ts";
import { Plugins } from "../control/plugins.ts";
import { regionControl } from "../control/region.ts";
import { ReplyDecisions } from "../control/reply-decisions.ts";
import { rolloutControl } from "../control/rollouts.ts";
import { silenceControl } from "../control/silence.ts";
import { simulateControl } from "../control/simulate.ts";
import { TrafficCounts } from "../control/traffic-counts.ts";
import { summaryView } from "../control/views.ts";
import { fail, ok, type Result } from "../errors.ts";
import type { Webhook } from "../http/webhook.ts";
import type { Settings } from "../plugins/approval/decisions.ts";
import { OPERATOR } from "../plugins/capabilities/inward/plugin-message.ts";
import type { Publisher } from "../publish/publisher.ts";
import { SharedRows } from "../region/plugins/shared-rows.ts";
import { isSharedStream } from "../region/plugins/shared-store.ts";
import { NodeRows } from "../region/shared/node-rows.ts";
import { deleteOwnRows } from "../storage/plugin-rows.ts";
import { VERSION } from "../version.ts";
import type { Backups } from "./backups.ts";
import type { GatewayContext } from "./context/context.ts";
import type { Storage } from "./context/storage.ts";
import type { Mesh } from "./mesh/mesh.ts";
import type { GatewayPlugins } from "./plugins/plugins.ts";
import type { GatewayRegion } from "./region/region.ts";
import type { Rollouts } from "./region/rollouts.ts";
import type { Sharing } from "./region/sharing.ts";
import { Restores } from "./restores.ts";

/** The gateway's parts that the operator's control reads and changes. */
export interface ControlPeers {
  readonly storage: Storage;
  readonly mesh: Mesh;
  readonly plugins: GatewayPlugins;
  readonly backups: Backups;
  readonly webhook: Webhook;
  /** Null: nothing is published. */
  readonly publisher: Publisher | null;
  /** Null: none is configured. */
  readonly region: GatewayRegion | null;
  readonly sharing: Sharing;
  rollouts(): Rollouts | null;
  isReady(): boolean;
  reload(): Promise<Result<ReloadView>>;
}

/** A plugin has as long to answer the operator as another plugin. */
const ASK_TIMEOUT_MS = 10_000;

/** In this time after the start, and after that in which a link may be down, every cause of an alert shows again. */
const SHOWN_AGAIN_MS = 30 * 60_000;

type AuditNote = (event: string, detail: string) => void;

/** Everything that the API can ask of the gateway. */
export function makeControl(context: GatewayContext, peers: ControlPeers): GatewayControl {
  const { storage, mesh, plugins, isReady } = peers;
  const { supervisor, routing } = plugins;
  const now = () => context.clock.now();
  const audit: AuditNote = (event, detail) => storage.note(null, event, detail);
  return new GatewayControl({
    version: VERSION,
    startedAt: now(),
    uptimeMs: stopwatch(context),
    disk: storage.disk,
    ownClock: () => storage.ownClock.state,
    isSafeMode: () => context.safe || plugins.comeBack.active,
    events: context.bus,
    log: context.log.book,
    plugins: makePluginControl(context, peers),
    messages: makeMessages(context, storage, mesh, audit),
    audit: new Audit(storage.audit, storage.auditDir, context.clock),
    packages: makePackages(context, peers),
    backups: backupControl(peers.backups, new Restores(context, storage, mesh)),
    simulate: simulateControl(mesh.meshes),
    supervisor,
    outbox: mesh.outbox,
    alerts: makeAlerts(context, storage),
    silence: silenceControl(mesh.silence, audit),
    rollouts: rolloutControl({ rollouts: () => peers.rollouts(), audit }),
    ...regionParts(peers, audit),
    now,
    isReady,
    links: mesh.links,
    nodes: () => mesh.nodes.all(),
    ...nodeRequests({ nodes: mesh.nodes, history: mesh.nodeHistory, requests: mesh.requests, audit }),
    runTask: taskRunner(storage, routing),
    ...configurationControl(context, peers, audit),
    unanswered: () => routing.router.stats(),
    traffic: new TrafficCounts(context.bus),
    databasePath: storage.database.path,
    ...hostFacts(plugins),
    webhook: () => peers.webhook.counts,
    publishing: () => peers.publisher?.status() ?? null,
    tasks: () => routing.schedule.status(),
    menus: () => routing.menuRegistry.list(),
  });
}

function regionParts(peers: ControlPeers, audit: AuditNote): Pick<ControlDeps, "region" | "regionCounts"> {
  return {
    region: regionControl(regionDeps(peers, audit)),
    regionCounts: () => ({ records: peers.region?.records?.status() ?? null, ...peers.plugins.region.counts() }),
  };
}

function regionDeps({ region, sharing, storage }: ControlPeers, audit: AuditNote) {
  if (region === null) return null;
  const forget = (all: boolean) => {
    region.records?.forget((stream) => !all && isSharedStream(stream));
    if (all) new SharedRows(storage.database).clear();
    new NodeRows(storage.database).clear();
  };
  return { ...region, audit, elsewhere: () => sharing.nodes?.elsewhere() ?? [], forget };
}

function hostFacts({ hosts }: GatewayPlugins): Pick<ControlDeps, "hostPids" | "hostExits" | "walls"> {
  return {
    hostPids: () => hosts.running().flatMap(({ host }) => host.pid ?? []),
    hostExits: () => hosts.exits,
    walls: () => hosts.running()[0]?.host.walls ?? [],
  };
}

function configurationControl(
  { effective }: GatewayContext,
  peers: ControlPeers,
  audit: AuditNote,
): Pick<ControlDeps, "configuration" | "reload"> {
  const reload: ControlDeps["reload"] = (actor) => {
    audit("reload", by(actor));
    return peers.reload();
  };
  return { reload, ...(effective === undefined ? {} : { configuration: effective }) };
}

/** Milliseconds since now. */
function stopwatch({ clock }: GatewayContext): () => number {
  const startedAt = clock.monotonic();
  return () => clock.monotonic() - startedAt;
}

function taskRunner(storage: Storage, { schedule }: GatewayPlugins["routing"]): ControlDeps["runTask"] {
  return (plugin, task, actor) => {
    storage.note(plugin, "run_task", `${by(actor)}: ${task}`);
    return schedule.runNow(plugin, task);
  };
}

function makeMessages({ bus, clock }: GatewayContext, { database }: Storage, mesh: Mesh, audit: AuditNote): Messages {
  return new Messages({
    outbox: mesh.outbox,
    book: mesh,
    channelsTold: () => mesh.channelsTold(),
    keptTexts: mesh.received,
    decisions: new ReplyDecisions(bus, database),
    now: () => clock.now(),
    correlationId: mesh.newId,
    audit,
  });
}

function makeAlerts({ bus, clock, random, config, life }: GatewayContext, storage: Storage): Alerts {
  const alerts = new Alerts({
    bus,
    now: () => clock.now(),
    newId: () => Buffer.from(random.bytes(4)).toString("hex"),
    audit: (event, detail) => storage.note(null, event, detail),
    store: new AlertStore(storage.database),
  });
  const shown = clock.after(SHOWN_AGAIN_MS + config().alerts.link_down_s * 1000, () => alerts.forgetBefore());
  life.add("alerts of the last run", () => shown.cancel());
  return alerts;
}

function makePluginControl(context: GatewayContext, { storage, mesh, plugins }: ControlPeers): Plugins {
  const { supervisor, approvals, catalogue, routing } = plugins;
  return new Plugins({
    supervisor,
    approvals,
    folderAt: async (path) => {
      await catalogue.discover();
      return catalogue.at(path);
    },
    now: () => context.clock.now(),
    clock: context.clock,
    version: VERSION,
    configOf: (candidate) => catalogue.configOf(candidate),
    ownConfig: (name) => catalogue.userConfig(name),
    schemaOf: (candidate) => catalogue.schemaOf(candidate),
    limitsOf: (candidate) => {
      const { memoryMb, sliceMs, timeoutS, storageMb } = catalogue.limitsOf(candidate);
      return { memory_mb: memoryMb, slice_ms: sliceMs, timeout_s: timeoutS, storage_mb: storageMb };
    },
    saveConfig: (plugin, config) => saveConfig(plugins, plugin.name, config),
    secrets: makeSecretControl(context, storage),
    claimedWords: (plugin, items) => routing.menuRegistry.claimed(plugin, items),
    answerers: (command) => routing.router.registry.others("", command),
    hostPid: (plugin) => plugin.instance?.host?.pid ?? null,
    ask: (plugin, type, data) => {
      const correlationId = mesh.newId();
      return plugins.peers.send(plugin, { from: OPERATOR, type, data, timeoutMs: ASK_TIMEOUT_MS, correlationId });
    },
    audit: storage.note,
  });
}

function makePackages({ clock, config }: GatewayContext, { storage, plugins, mesh }: ControlPeers): Packages {
  const { supervisor, approvals, catalogue, decisions, databases } = plugins;
  return new Packages({
    dataDir: config().data_dir,
    supervisor,
    now: () => clock.now(),
    readManifest: (text, file) => catalogue.readManifest(text, file),
    isReserved: (name) => catalogue.isReserved(name),
    databaseOf: (plugin, key) => databases.pathOf(plugin, key),
    dataFolders: (plugin) => databases.foldersOf(plugin),
    storageMb: (candidate) => catalogue.limitsOf(candidate).storageMb,
    userConfig: (name) => catalogue.userConfig(name),
    saveConfig: (plugin, values) => saveConfig(plugins, plugin.name, values),
    heldElsewhere: (candidate) => approvals.heldElsewhere(candidate)?.path ?? null,
    forget: (candidate, keepsData) => {
      approvals.forget(candidate, keepsData);
      decisions.forget(candidate.name);
      catalogue.forget(candidate.name);
      storage.secrets.removeAll(candidate.name);
      if (keepsData) return;
      plugins.region.purge(candidate.name);
      plugins.routing.forgetSessions(candidate.name);
      deleteOwnRows(storage.database, candidate.name);
    },
    summary: (plugin) => summaryView(plugin, approvals.hash(plugin.offered), clock.now()),
    audit: storage.note,
    ask: async (plugin, type, data) => {
      const answer = await plugins.peers.send(plugin, {
        from: OPERATOR,
        type,
        data,
        timeoutMs: ASK_TIMEOUT_MS,
        correlationId: mesh.newId(),
      });
      return answer.ok ? ok(answer.value) : fail("conflict", answer.message);
    },
  });
}

/** Every secret that is set is also given to the log, which hides it in each line. */
function makeSecretControl({ log, bus }: GatewayContext, { secrets }: Storage) {
  const hidden = new Set<string>();
  const changed = () => {
    if (secrets.unreadable().length === 0) bus.emit("alert_cleared", { code: "secrets_unreadable" });
  };
  return {
    list: (plugin: string) => ok(secrets.list(plugin)),
    values: (plugin: string) =>
      secrets.list(plugin).flatMap((name) => {
        const value = secrets.get(plugin, name);
        return value.ok && value.value !== null ? [value.value] : [];
      }),
    set: (plugin: string, name: string, value: string) => {
      log.setSecrets([...hidden.add(value)]);
      const set = secrets.set(plugin, name, value);
      changed();
      return set;
    },
    remove: (plugin: string, name: string): Result<null> => {
      if (!secrets.remove(plugin, name))
        return fail("not_found", `${plugin} has no secret ${name}`, { hint: `zephyrgate secret list ${plugin}` });
      changed();
      return ok(null);
    },
  };
}

function saveConfig(
  { catalogue, supervisor, decisions }: GatewayPlugins,
  name: string,
  config: Settings,
): Promise<Result<readonly string[]>> {
  return supervisor.reconfigure(name, {
    of: (plugin) => {
      const before = plugin.config ?? catalogue.configOf(plugin.candidate);
      const next = deepMerge(plugin.candidate.manifest.config.defaults ?? {}, config);
      return { next, changed: changedKeys(before, next) };
    },
    save: () => decisions.saveSettings(name, config),
  });
}
