import type { PluginDetail, PluginHealth, PluginMetrics, PluginPermissions, PluginSummary, ScheduleTask } from "../api/contract/views.ts";
import { toEntry } from "../permissions/grammar/descriptor.ts";
import type { Plugin } from "../plugins/plugin/plugin.ts";
import type { TaskStatus } from "../schedule/task-spec.ts";

export const iso = (ms: number): string => new Date(ms).toISOString();
const isoOrNull = (ms: number | null | undefined): string | null => (ms === null || ms === undefined ? null : iso(ms));

export function metricsView(plugin: Plugin, now: number): PluginMetrics {
  const { metrics, health, instance, runningSince } = plugin;
  const usage = instance?.realm?.usage();
  const counted = health.view;
  return {
    uptime_s: runningSince === null ? 0 : (now - runningSince) / 1000,
    failures: counted.totalFailures,
    restarts: counted.totalRestarts,
    cpu_s: (usage?.cpuMs ?? 0) / 1000,
    memory_bytes: usage?.memoryBytes ?? 0,
    storage_bytes: usage?.storageBytes ?? 0,
    storage_calls: metrics.storageCalls,
    timers: usage?.timers ?? 0,
    calls: metrics.calls,
    call_errors: metrics.failures,
    call_timeouts: metrics.timeouts,
    latency_p50_s: metrics.calls === 0 ? null : metrics.percentile(0.5) / 1000,
    latency_p99_s: metrics.calls === 0 ? null : metrics.percentile(0.99) / 1000,
    queue_depth: usage?.queueDepth ?? 0,
    messages_sent: metrics.messagesSent,
    replies_dropped: metrics.repliesDropped,
    http_requests: metrics.httpRequests,
    log_lines_dropped: metrics.logLinesDropped,
    events_dropped: metrics.eventsDropped,
  };
}

function healthView(plugin: Plugin): PluginHealth {
  const { checked, health } = plugin;
  const status = plugin.state !== "running" || checked === null ? "unknown" : checked.healthy ? "healthy" : "unhealthy";
  const detail = checked?.detail === "" ? null : (checked?.detail ?? health.view.lastFailure);
  return { status, checked_at: isoOrNull(checked?.at), consecutive_failures: health.view.failures, detail };
}

/** `hash` belongs to the candidate that waits for approval, else to the running one. */
export function summaryView(plugin: Plugin, hash: string, now: number): PluginSummary {
  const { candidate, status, health, pending } = plugin;
  const { manifest } = candidate;
  return {
    name: plugin.name,
    version: manifest.version,
    description: manifest.description,
    state: status.state,
    reason: status.reason === "" ? null : status.reason,
    since: iso(status.since),
    failures: health.view.failures,
    restarts: health.view.restarts,
    disabled_by: status.disabledBy,
    pending:
      pending === null
        ? null
        : {
            kind: "awaiting_approval",
            reason: pending.reason,
            version: plugin.offered.manifest.version,
            permission_hash: hash,
            added: [...pending.added] as PluginPermissions["requested"],
            removed: [...pending.removed] as PluginPermissions["requested"],
          },
    requests: (plugin.instance?.capabilitySet.requests() ?? []).map(toEntry) as PluginPermissions["requested"],
    bundled: candidate.bundled,
    health: healthView(plugin),
    metrics: metricsView(plugin, now),
  };
}

export interface DetailFacts {
  readonly hash: string;
  readonly permissions: PluginPermissions;
  readonly limits: Record<string, number>;
  readonly hostPid: number | null;
  readonly conflicts: PluginDetail["conflicts"];
}

export function detailView(plugin: Plugin, facts: DetailFacts, now: number): PluginDetail {
  const { manifest, path } = plugin.candidate;
  return {
    ...summaryView(plugin, facts.hash, now),
    author: manifest.author,
    ...(manifest.license === undefined ? {} : { license: manifest.license }),
    ...(manifest.homepage === undefined ? {} : { homepage: manifest.homepage }),
    path,
    host_pid: facts.hostPid,
    permission_hash: facts.hash,
    permissions: facts.permissions,
    capabilities: { ...manifest.capabilities },
    dependencies: { ...manifest.dependencies },
    limits: facts.limits,
    registrations: plugin.instance?.registrations.counts() ?? {},
    conflicts: facts.conflicts,
  };
}

export function taskView(task: TaskStatus): ScheduleTask {
  return {
    plugin: task.plugin,
    name: task.name,
    interval_s: task.intervalS,
    cron: task.cron,
    timezone: task.timezone,
    last_run: isoOrNull(task.lastRun),
    next_run: isoOrNull(task.nextRun),
    runs: task.runCount,
    failures: task.errorCount,
    missed: task.missed,
    skipped: task.skipped,
    running: task.isRunning,
    paused: task.isPaused,
    last_error: task.lastError,
  };
}
