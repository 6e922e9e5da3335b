/** What the page knows of the gateway. Each list is loaded as a whole, and patched by events. */
import { computed, signal } from "@preact/signals";
import { call, callAll } from "../api/call.ts";
import type { AlertView, NodeView, PluginSummary, StatusView } from "../api/types.ts";
import { valueOrTell } from "./notices.ts";
import { setServerTime } from "./time.ts";

export const status = signal<StatusView | null>(null);
export const alerts = signal<readonly AlertView[]>([]);
export const plugins = signal<readonly PluginSummary[] | null>(null);
export const nodes = signal<ReadonlyMap<string, NodeView>>(new Map());

export const openAlerts = computed(() => alerts.value.filter((alert) => alert.acknowledged_at === null));
export const waitingPlugins = computed(() => (plugins.value ?? []).filter(isWaiting));

/** The gateway takes part in a region, or is to. */
export const hasRegion = computed(() => status.value?.region !== undefined);

/** It waits for the operator to accept what it asks for. */
export const isWaiting = (plugin: PluginSummary): boolean => plugin.state === "awaiting_approval" || Boolean(plugin.pending);

/** Whether the gateway let us in. */
export async function loadStatus(): Promise<boolean> {
  const loaded = valueOrTell(await call<StatusView>("GET", "status"));
  if (loaded === null) return false;
  setServerTime(Date.parse(loaded.started_at) + loaded.uptime_s * 1000);
  status.value = loaded;
  return true;
}

export async function loadAlerts(): Promise<void> {
  const loaded = valueOrTell(await callAll<AlertView>("alerts"));
  // Newest first; an alarm of a person before any trouble of a machine.
  const rank = (alert: AlertView) => (alert.code === "emergency" ? 1 : 0);
  if (loaded !== null) alerts.value = loaded.sort((a, b) => rank(b) - rank(a) || b.time.localeCompare(a.time));
}

export async function loadPlugins(): Promise<void> {
  const loaded = valueOrTell(await callAll<PluginSummary>("plugins"));
  if (loaded !== null) plugins.value = loaded;
}

export async function loadNodes(): Promise<void> {
  const loaded = valueOrTell(await callAll<NodeView>("nodes"));
  if (loaded !== null) nodes.value = new Map(loaded.map((node) => [node.id, node]));
}

const NODES_EVERY_MS = 1_000;
const heard = new Map<string, NodeView>();

/** A busy mesh names nodes many times a second: the list changes once a second. */
export function nodeSeen(node: NodeView): void {
  if (heard.size === 0) setTimeout(takeHeard, NODES_EVERY_MS);
  heard.set(node.id, node);
}

function takeHeard(): void {
  nodes.value = new Map([...nodes.value, ...heard]);
  heard.clear();
}

/** The name of a node, its number when it told none. */
export function nodeName(id: string): string {
  return nodes.value.get(id)?.long_name ?? id;
}

export function channelName(link: string, index: number): string {
  const { links } = status.value ?? { links: [] };
  const name = links.find((each) => each.name === link)?.channels.find((channel) => channel.index === index)?.name;
  return name === undefined || name === "" ? `Channel ${index}` : name;
}

export async function acknowledge(alert: AlertView): Promise<void> {
  valueOrTell(await call("POST", `alerts/${encodeURIComponent(alert.id)}/ack`), "Acknowledging");
  await Promise.all([loadAlerts(), loadStatus()]);
}
