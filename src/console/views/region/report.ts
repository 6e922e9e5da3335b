/** What another site says about itself. It may be of another version, or lie: only what has the expected form is shown. */
import type { RegionView } from "../../api/types.ts";

export type RegionSite = RegionView["sites"][number];

export interface SiteLink {
  readonly name: string;
  readonly type: string;
  readonly state: string;
  readonly reason: string | null;
}

export interface SiteAlert {
  /** RFC 3339, by that site's clock; null: it named none. */
  readonly time: string | null;
  readonly code: string;
  readonly message: string;
}

export interface SiteReport {
  readonly uptimeS: number | null;
  readonly degraded: readonly string[];
  readonly links: readonly SiteLink[];
  readonly alerts: readonly SiteAlert[];
  readonly plugins: readonly (readonly [state: string, count: number])[];
  readonly queued: number | null;
  readonly oldestS: number | null;
  /** Of the whole machine, by processor. */
  readonly load: number | null;
  readonly memoryMb: number | null;
  readonly nodes: number | null;
  readonly isSilenced: boolean;
}

/** More than a site of this version tells. */
const MOST = 16;
const TEXT = 200;

/** Null: it tells nothing, or nothing that can be read. */
export function readReport(report: unknown): SiteReport | null {
  const told = record(report);
  if (told === null) return null;
  const queue = record(told.queue) ?? {};
  return {
    uptimeS: figure(told.uptime_s),
    degraded: list(told.degraded).flatMap((each) => (typeof each === "string" ? [text(each)] : [])),
    links: list(told.links).flatMap((each) => linkOf(record(each))),
    alerts: list(told.alerts).flatMap((each) => alertOf(record(each))),
    plugins: Object.entries(record(told.plugins) ?? {})
      .slice(0, MOST)
      .flatMap(([state, count]) => (figure(count) === null ? [] : [[text(state), figure(count) ?? 0] as const])),
    queued: figure(queue.queued),
    oldestS: figure(queue.oldest_s),
    load: figure(told.load),
    memoryMb: figure(told.memory_mb),
    nodes: figure(told.nodes),
    isSilenced: told.silenced === true,
  };
}

function linkOf(link: Readonly<Record<string, unknown>> | null): SiteLink[] {
  if (link === null || typeof link.name !== "string" || typeof link.state !== "string") return [];
  const reason = typeof link.reason === "string" ? text(link.reason) : null;
  return [{ name: text(link.name), type: typeof link.type === "string" ? text(link.type) : "", state: text(link.state), reason }];
}

function alertOf(alert: Readonly<Record<string, unknown>> | null): SiteAlert[] {
  if (alert === null || typeof alert.message !== "string") return [];
  const time = typeof alert.time === "string" && Number.isFinite(Date.parse(alert.time)) ? alert.time : null;
  return [{ time, code: typeof alert.code === "string" ? text(alert.code) : "", message: text(alert.message) }];
}

function record(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : null;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, MOST) : [];
}

const text = (value: string) => value.slice(0, TEXT);

function figure(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : null;
}
