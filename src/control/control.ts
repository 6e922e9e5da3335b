import type {
  Answer,
  AuditControl,
  Control,
  GatewayStatus,
  MessageControl,
  PackageControl,
  PluginControl,
  SimulateControl,
} from "../api/contract/control.ts";
import type { MenuItemView, OutboxView, ScheduleTask } from "../api/contract/views.ts";
import { ok, type Result } from "../errors.ts";
import type { CoreBus } from "../events/core.ts";
import type { LogBook } from "../log/line.ts";
import type { MenuView } from "../menu/items.ts";
import type { LinkStatus } from "../mesh/link-status.ts";
import type { MeshNode } from "../mesh/node.ts";
import type { Outbox } from "../mesh/outbox/outbox.ts";
import type { Supervisor } from "../plugins/supervisor.ts";
import type { TaskStatus } from "../schedule/task-spec.ts";
import type { Alerts } from "./alerts.ts";
import { metricsText } from "./metrics.ts";
import { metricsView, taskView } from "./views.ts";

export interface ControlParts {
  readonly version: string;
  readonly startedAt: number;
  readonly safeMode: boolean;
  readonly events: CoreBus;
  readonly log: LogBook;
  readonly plugins: PluginControl;
  readonly messages: MessageControl;
  readonly audit: AuditControl;
  readonly packages: PackageControl;
  readonly simulate: SimulateControl | undefined;
  readonly supervisor: Supervisor;
  readonly outbox: Outbox;
  readonly alerts: Alerts;
  readonly now: () => number;
  readonly isReady: () => boolean;
  links(): readonly LinkStatus[];
  nodes(): readonly MeshNode[];
  tasks(): readonly TaskStatus[];
  menus(): readonly MenuView[];
  walls(): readonly { readonly wall: string; readonly stands: boolean; readonly detail: string }[];
}

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
  readonly simulate: SimulateControl | undefined;

  constructor(private readonly parts: ControlParts) {
    this.version = parts.version;
    this.startedAt = parts.startedAt;
    this.events = parts.events;
    this.log = parts.log;
    this.plugins = parts.plugins;
    this.messages = parts.messages;
    this.audit = parts.audit;
    this.packages = parts.packages;
    this.simulate = parts.simulate;
  }

  status(): GatewayStatus {
    const counts: Record<string, number> = {};
    for (const plugin of this.parts.supervisor.list()) counts[plugin.state] = (counts[plugin.state] ?? 0) + 1;
    return {
      safeMode: this.parts.safeMode,
      links: this.parts.links(),
      plugins: counts,
      outbox: this.#outbox(),
      walls: this.parts.walls().map(({ wall, stands, detail }) => ({ wall, stands, detail })),
      alerts: this.parts.alerts.list(),
    };
  }

  readiness(): { ready: boolean; reason?: string; links: { name: string; state: string }[] } {
    const links = this.parts.links().map(({ name, state }) => ({ name, state }));
    return this.parts.isReady() ? { ready: true, links } : { ready: false, reason: "the plugins are starting", links };
  }

  metrics(): Answer<string> {
    const { parts } = this;
    const plugins = parts.supervisor
      .list()
      .map((plugin) => ({ name: plugin.name, state: plugin.state, metrics: metricsView(plugin, parts.now()) }));
    return ok(
      metricsText({
        version: this.version,
        startedAt: this.startedAt,
        links: parts.links(),
        outbox: this.#outbox(),
        plugins,
        nodes: parts.nodes().length,
        walls: parts.walls(),
      }),
    );
  }

  nodes(): Result<readonly MeshNode[]> {
    return ok(this.parts.nodes());
  }

  links(): Result<readonly LinkStatus[]> {
    return ok(this.parts.links());
  }

  schedule(): Result<readonly ScheduleTask[]> {
    return ok(this.parts.tasks().map(taskView));
  }

  menus(): Result<readonly MenuItemView[]> {
    return ok(
      this.parts.menus().map(({ menu, label, command, description, plugin, order, parent, adminOnly }) => ({
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
    const { queued, sent, delivered, failed, oldestQueuedS } = this.parts.outbox.stats();
    return { queued, sent, delivered, failed, oldest_queued_s: oldestQueuedS };
  }
}
