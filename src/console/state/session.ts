/** Whether we are signed in, whether the gateway answers, and what brings the facts up to date. */
import { signal } from "@preact/signals";
import { call, eventData, isAlive } from "../api/call.ts";
import { alerts, loadAlerts, loadNodes, loadPlugins, loadStatus, nodeSeen, nodes, plugins, status } from "./facts.ts";
import { logLineAdded } from "./log-lines.ts";
import { loadMe } from "./me.ts";
import {
  forgetMessages,
  loadMessages,
  loadWaiting,
  messageChanged,
  messageProcessed,
  messageReceived,
  replySuppressed,
} from "./messages.ts";
import { whenSignedOut } from "./notices.ts";
import { tick } from "./time.ts";
import { loadTraffic } from "./traffic.ts";

export const session = signal<"unknown" | "out" | "in">("unknown");
/** Why the sign-in form is shown, when it is not the first time. */
export const signedOutBecause = signal<string | null>(null);
/** Since when the gateway has not answered, ms of the browser's clock; null while it does. */
export const goneSince = signal<number | null>(null);

/** Asked so often, and given so long: an absent gateway is noticed within four seconds. */
const ASK_MS = 2_000;
const ANSWER_MS = 2_000;
const REFRESH_MS = 15_000;
const SOON_MS = 200;

let source: EventSource | null = null;
let refreshedAt = 0;

export async function begin(): Promise<void> {
  const token = /^#token=([\w.-]+)$/.exec(location.hash)?.[1];
  if (token !== undefined) {
    // Removed first from the address bar and the history.
    history.replaceState(null, "", "./");
    if (!(await signIn("token", token))) return;
  } else await enter();
  whenSignedOut(() => leave("The session has ended. Sign in to go on."));
  setInterval(tick, 1_000);
  setInterval(() => void watch().catch(console.error), ASK_MS);
  document.addEventListener("visibilitychange", () => void watch().catch(console.error));
}

export type Credential = "token" | "password";

/** Whether the token or the password was right. */
export async function signIn(by: Credential, text: string): Promise<boolean> {
  const answer = await call("POST", "session", { [by]: text });
  if (answer.ok) return enter();
  leave(answer.problem.status === 401 ? `This ${by} is wrong.` : answer.problem.text);
  return false;
}

export async function signOut(): Promise<void> {
  await call("DELETE", "session");
  forgetMessages();
  status.value = null;
  alerts.value = [];
  plugins.value = null;
  nodes.value = new Map();
  leave(null);
}

async function enter(): Promise<boolean> {
  const signedIn = await loadMe();
  // Without an answer the page waits for the gateway; the watch goes on asking.
  if (signedIn === null) goneSince.value ??= Date.now();
  else if (!signedIn) leave(session.value === "in" ? "The session has ended. Sign in to go on." : null);
  if (signedIn !== true || !(await loadStatus())) return false;
  session.value = "in";
  signedOutBecause.value = null;
  listen();
  await refreshAll();
  return true;
}

function leave(because: string | null): void {
  source?.close();
  source = null;
  session.value = "out";
  signedOutBecause.value = because;
}

async function refreshAll(): Promise<void> {
  refreshedAt = Date.now();
  await Promise.all([loadAlerts(), loadPlugins(), loadNodes(), loadMessages(), loadTraffic()]);
}

async function watch(): Promise<void> {
  if (document.hidden) return;
  if (!(await isAlive(ANSWER_MS))) {
    goneSince.value ??= Date.now();
    return;
  }
  const wasGone = goneSince.value !== null;
  goneSince.value = null;
  if (session.value === "out") return;
  if (wasGone || session.value === "unknown") await enter();
  else if (Date.now() - refreshedAt > REFRESH_MS) {
    refreshedAt = Date.now();
    await Promise.all([loadStatus(), loadAlerts(), loadPlugins(), loadTraffic()]);
  }
  if (session.value === "in") await loadWaiting();
  if (session.value === "in" && source?.readyState === EventSource.CLOSED) listen();
}

/** Each list is loaded once for a burst of events. */
const due = new Set<() => Promise<unknown>>();
function soon(...loads: readonly (() => Promise<unknown>)[]): void {
  if (due.size === 0) setTimeout(runDue, SOON_MS);
  for (const load of loads) due.add(load);
}

function runDue(): void {
  const loads = [...due];
  due.clear();
  for (const load of loads) load().catch(console.error);
}

const RELOADS: Readonly<Record<string, readonly (() => Promise<unknown>)[]>> = {
  link_state: [loadStatus],
  plugin_started: [loadPlugins, loadAlerts],
  plugin_stopped: [loadPlugins],
  plugin_failed: [loadPlugins, loadAlerts],
  permission_requested: [loadPlugins],
  permission_changed: [loadPlugins],
  config_changed: [loadPlugins],
  alert: [loadAlerts, loadStatus],
  alert_changed: [loadAlerts, loadStatus],
};

function listen(): void {
  source?.close();
  const types = [
    ...Object.keys(RELOADS),
    "message_received",
    "message_processed",
    "message_status",
    "reply_suppressed",
    "node_seen",
    "log",
  ];
  const stream = new EventSource(`./api/v1/events?types=${types.join(",")}&level=info`);
  source = stream;
  for (const [name, loads] of Object.entries(RELOADS)) stream.addEventListener(name, () => soon(...loads));
  stream.addEventListener("message_received", (event) => messageReceived(eventData(event)));
  stream.addEventListener("message_processed", (event) => messageProcessed(eventData(event)));
  stream.addEventListener("reply_suppressed", (event) => replySuppressed(eventData(event)));
  stream.addEventListener("message_status", (event) => messageChanged(eventData(event)));
  stream.addEventListener("node_seen", (event) => nodeSeen(eventData(event)));
  stream.addEventListener("log", (event) => logLineAdded(eventData(event)));
  // What happened between two streams is in no event: the lists are loaded again.
  stream.addEventListener("open", () => soon(loadStatus, loadAlerts, loadPlugins, loadMessages, loadNodes));
}
