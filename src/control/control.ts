import type {
  Actor,
  Answer,
  AuditControl,
  BackupControl,
  Control,
  GatewayStatus,
  MessageControl,
  NodeQuestion,
  PackageControl,
  PluginControl,
  RegionControl,
  RolloutControl,
  SilenceControl,
  SimulateControl,
  TracedRoute,
} from "../api/contract/control.ts";
import type { ConfigurationView, MenuItemView, NodeSampleView, OutboxView, ReloadView, ScheduleTask } from "../api/contract/views.ts";
import { ok, type Result } from "../errors.ts";
import type { CoreBus } from "../events/core.ts";
import type { LogBook } from "../log/line.ts";
import type { MenuView } from "../menu/items.ts";
import type { LinkStatus } from "../mesh/link-status.ts";
import type { MeshNode } from "../mesh/node.ts";
import type { Outbox } from "../mesh/outbox/outbox.ts";
import type { Supervisor } from "../plugins/supervisor.ts";
import type { PublisherStatus } from "../publish/publisher.ts";
import type { TaskStatus } from "../schedule/task-spec.ts";
import type { DiskWatch } from "../storage/disk-watch.ts";
import { type ClockState, reasonOf } from "../timekeeping/own-clock.ts";
import type { Alerts } from "./alerts.ts";
import { degradedBy } from "./degraded.ts";
import { metricsText } from "./metrics.ts";
import { databaseBytes, processUse } from "./processes.ts";
import { regionSummary } from "./region.ts";
import { type RegionCounts, regionFamilies } from "./region-metrics.ts";
import type { TrafficCounts } from "./traffic-counts.ts";
import { metricsView, taskView } from "./views.ts";

export interface ControlDeps {
  readonly version: string;
  readonly startedAt: number;
  /** Since the start, whatever happened to the wall clock. */
  uptimeMs(): number;
  isSafeMode(): boolean;
  readonly disk: Pick<DiskWatch, "state" | "freeBytes">;
  ownClock(): ClockState;
  readonly events: CoreBus;
  readonly log: LogBook;
  readonly plugins: PluginControl;
  readonly messages: MessageControl;
  readonly audit: AuditControl;
  readonly packages: PackageControl;
  readonly backups: BackupControl;
  readonly alerts: Alerts;
  readonly silence: SilenceControl;
  readonly region: RegionControl;
  regionCounts(): RegionCounts;
  readonly rollouts: RolloutControl;
  readonly simulate: SimulateControl | undefined;
  readonly supervisor: Supervisor;
  readonly outbox: Outbox;
  readonly now: () => number;
  readonly isReady: () => boolean;
  links(): readonly LinkStatus[];
  nodes(): readonly MeshNode[];
  traceroute(node: string | number, actor: Actor): Answer<TracedRoute>;
  askNode(node: string | number, what: NodeQuestion, actor: Actor): Answer<null>;
  nodeHistory(node: string | number): Result<readonly NodeSampleView[]>;
  runTask(plugin: string, task: string, actor: Actor): Result<null>;
  configuration?(): Result<ConfigurationView>;
  reload?(actor: Actor): Promise<Result<ReloadView>>;
  /** Since the start: texts that were too old, and messages that came when too many were being handled. */
  unanswered(): { readonly stale: number; readonly overloads: number };
  readonly traffic: TrafficCounts;
  readonly databasePath: string;
  hostPids(): readonly number[];
  /** How often a plugin host ended by itself, by reason. */
  hostExits(): ReadonlyMap<string, number>;
  /** Posts to the webhook since the start. */
  webhook(): { readonly sent: number; readonly failed: number; readonly dropped: number };
  /** Null: nothing is published. */
  publishing(): PublisherStatus | null;
  tasks(): readonly TaskStatus[];
  menus(): readonly MenuView[];
  walls(): readonly { readonly wall: string; readonly stands: boolean; readonly detail: string }[];
}

const HOUR_MS = 3_600_000;
/** The list of all alerts is longer; the status is one screen. */
const STATUS_ALERTS = 20;

/** The gateway as the API sees it: facts from all rooms, in the shapes that the API sends. */
export class GatewayControl implements Control {
  readonly version: string;
  readonly startedAt: number;
  readonly events: CoreBus;
  readonly log: LogBook;
  readonly plugins: PluginControl;
  readonly messages: MessageControl;
  readonly audit: AuditControl;
  readonly packages: PackageControl;
  readonly backups: BackupControl;
  readonly alerts: Alerts;
  readonly silence: SilenceControl;
  readonly region: RegionControl;
  readonly rollouts: RolloutControl;
  readonly simulate: SimulateControl | undefined;
  readonly configuration?: () => Result<ConfigurationView>;
  readonly reload?: (actor: Actor) => Promise<Result<ReloadView>>;

  constructor(private readonly deps: ControlDeps) {
    this.version = deps.version;
    this.startedAt = deps.startedAt;
    this.events = deps.events;
    this.log = deps.log;
    this.plugins = deps.plugins;
    this.messages = deps.messages;
    this.audit = deps.audit;
    this.packages = deps.packages;
    this.backups = deps.backups;
    this.alerts = deps.alerts;
    this.silence = deps.silence;
    this.region = deps.region;
    this.rollouts = deps.rollouts;
    if (deps.configuration !== undefined) this.configuration = deps.configuration;
    if (deps.reload !== undefined) this.reload = deps.reload;
    this.simulate = deps.simulate;
  }

  status(): GatewayStatus {
    const facts = { ...this.#facts(), ...regionSummary(this.region.view()) };
    return { ...facts, degraded: degradedBy(facts) };
  }

  /** Without the region: what this site tells the others. */
  ownStatus(): GatewayStatus {
    const facts = this.#facts();
    return { ...facts, degraded: degradedBy(facts) };
  }

  #facts(): Omit<GatewayStatus, "degraded"> {
    const counts: Record<string, number> = {};
    for (const plugin of this.deps.supervisor.list()) counts[plugin.state] = (counts[plugin.state] ?? 0) + 1;
    return {
      uptime_s: Math.round(this.deps.uptimeMs() / 1000),
      safeMode: this.deps.isSafeMode(),
      silence: this.silence.get(),
      disk: { state: this.deps.disk.state, free_bytes: this.deps.disk.freeBytes },
      clock: { state: this.deps.ownClock().kind, reason: reasonOf(this.deps.ownClock()) },
      links: this.deps.links(),
      plugins: counts,
      outbox: this.#outbox(),
      stale_texts: this.deps.unanswered().stale,
      publishing: this.deps.publishing(),
      walls: this.deps.walls().map(({ wall, stands, detail }) => ({ wall, stands, detail })),
      alerts: this.deps.alerts
        .list()
        .filter((alert) => alert.acknowledged_at === null)
        .slice(0, STATUS_ALERTS)
        .map(({ time, code, message, plugin }) => ({ time, code, message, ...(plugin === undefined ? {} : { plugin }) })),
    };
  }

  readiness(): ReturnType<Control["readiness"]> {
    const { degraded, links: all } = this.status();
    const links = all.map(({ name, state }) => ({ name, state }));
    return this.deps.isReady() ? { ready: true, degraded, links } : { ready: false, reason: "the plugins are starting", degraded, links };
  }

  metrics(): Answer<string> {
    const { deps } = this;
    const nodes = deps.nodes();
    const plugins = deps.supervisor
      .list()
      .map((plugin) => ({ name: plugin.name, state: plugin.state, metrics: metricsView(plugin, deps.now()) }));
    return ok(
      metricsText({
        version: this.version,
        startedAt: this.startedAt,
        links: deps.links(),
        outbox: this.#outbox(),
        staleTexts: deps.unanswered().stale,
        overloads: deps.unanswered().overloads,
        plugins,
        nodes: nodes.length,
        nodesHeard: nodes.filter(({ isOwn, lastHeard }) => !isOwn && lastHeard !== undefined && deps.now() - lastHeard < HOUR_MS).length,
        processes: processUse(deps.hostPids()),
        hostExits: deps.hostExits(),
        databaseBytes: databaseBytes(deps.databasePath),
        held: deps.outbox.held(),
        traffic: deps.traffic.families(),
        webhook: deps.webhook(),
        publishing: deps.publishing(),
        safeMode: deps.isSafeMode(),
        silenced: this.silence.get().silenced,
        disk: { isWritable: ["ok", "low"].includes(deps.disk.state), freeBytes: deps.disk.freeBytes },
        walls: deps.walls(),
        alerts: { open: deps.alerts.list(), ...deps.alerts.counts() },
        region: regionFamilies(this.region.view(), deps.regionCounts()),
      }),
    );
  }

  traceroute(node: string | number, actor: Actor): Answer<TracedRoute> {
    return this.deps.traceroute(node, actor);
  }

  nodes(): Result<readonly MeshNode[]> {
    return ok(this.deps.nodes());
  }

  links(): Result<readonly LinkStatus[]> {
    return ok(this.deps.links());
  }

  askNode(node: string | number, what: NodeQuestion, actor: Actor): Answer<null> {
    return this.deps.askNode(node, what, actor);
  }

  nodeHistory(node: string | number): Result<readonly NodeSampleView[]> {
    return this.deps.nodeHistory(node);
  }

  runTask(plugin: string, task: string, actor: Actor): Result<null> {
    return this.deps.runTask(plugin, task, actor);
  }

  schedule(): Result<readonly ScheduleTask[]> {
    return ok(this.deps.tasks().map(taskView));
  }

  menus(): Result<readonly MenuItemView[]> {
    return ok(
      this.deps.menus().map(({ menu, label, command, description, plugin, order, parent, adminOnly }) => ({
        menu,
        label,
        command,
        description,
        plugin,
        order,
        parent,
        admin_only: adminOnly,
      })),
    );
  }

  #outbox(): OutboxView {
    const { queued, sent, delivered, failed, oldestQueuedS } = this.deps.outbox.stats();
    const { total, plugins, channels, links } = this.deps.outbox.airtime();
    const airtime = { total_s: total, plugins: { ...plugins }, channels: { ...channels }, links: { ...links } };
    return { queued, sent, delivered, failed, oldest_queued_s: oldestQueuedS, airtime };
  }
}
