import { byId, call, clock, el, notice, size, span } from "./dom.js";

const GRADE = { running: "good", failed: "bad", disabled: "bad", backing_off: "warn", awaiting_approval: "warn" };
const MAX_LINES = 100;

/** Names whose details are open, and their log lines. */
const open = new Map();
let known = new Map();

export async function showPlugins() {
  const { items } = await call("GET", "/api/v1/plugins");
  known = new Map(items.map((plugin) => [plugin.name, plugin]));
  const list = byId("plugins");
  // Elements are kept by name, so that a button keeps the focus when the list is updated.
  const there = new Map([...list.children].map((child) => [child.dataset.name, child]));
  for (const plugin of items) {
    const item = there.get(plugin.name) ?? el("li", { "data-name": plugin.name });
    there.delete(plugin.name);
    const signature = JSON.stringify([plugin, open.get(plugin.name)?.version]);
    if (item.dataset.signature === signature) continue;
    const focus = item.contains(document.activeElement) ? document.activeElement.dataset.action : null;
    item.dataset.signature = signature;
    item.replaceChildren(...contents(plugin));
    if (!item.isConnected) list.append(item);
    if (focus) item.querySelector(`[data-action="${focus}"]`)?.focus();
  }
  for (const gone of there.values()) gone.remove();
}

/** A live log line of a plugin whose details are open. */
export function pluginLog(line) {
  const details = open.get(line.plugin);
  if (details === undefined) return;
  details.lines.push(line);
  if (details.lines.length > MAX_LINES) details.lines.shift();
  details.log.append(logLine(line));
  while (details.log.children.length > MAX_LINES) details.log.firstChild.remove();
}

function contents(plugin) {
  const details = open.get(plugin.name);
  const waits = plugin.state === "awaiting_approval" || plugin.pending;
  const state = el("span", { class: GRADE[plugin.state] ?? "" }, plugin.state.replace("_", " "));
  const head = el("div", { class: "head" }, el("span", { class: "name" }, plugin.name), plugin.version, state, health(plugin));
  const reason = plugin.reason ?? (plugin.disabled_by ? `disabled by ${plugin.disabled_by}` : null);
  const actions = el(
    "div",
    { class: "actions" },
    waits ? button(plugin, "review", "Review request", () => review(plugin)) : null,
    plugin.state === "disabled" || plugin.state === "failed" || plugin.state === "stopped"
      ? button(plugin, "enable", "Enable", () => act(plugin, "enable"))
      : button(plugin, "disable", "Disable", () => act(plugin, "disable")),
    button(plugin, "restart", "Restart", () => act(plugin, "restart")),
    button(plugin, "details", details ? "Hide details" : "Details", () => toggle(plugin), {
      "aria-expanded": details !== undefined ? "true" : "false",
    }),
  );
  return [
    head,
    reason ? el("div", { class: "hint text" }, reason) : null,
    actions,
    details ? metrics(plugin) : null,
    details?.log ?? null,
  ].filter(Boolean);
}

function health({ health, failures }) {
  if (health.status === "unknown") return null;
  const text = health.status + (failures > 0 ? `, ${failures} failures` : "");
  return el("span", { class: health.status === "healthy" ? "facts" : "bad" }, text);
}

function button(plugin, action, text, run, more = {}) {
  return el("button", { type: "button", "data-action": action, "aria-label": `${text}: ${plugin.name}`, onclick: run, ...more }, text);
}

async function act(plugin, verb, body) {
  notice(null);
  try {
    await call("POST", `/api/v1/plugins/${plugin.name}/${verb}`, body);
  } catch (error) {
    notice(`${plugin.name}: ${error.message}`);
  }
  await showPlugins();
}

async function toggle(plugin) {
  if (open.delete(plugin.name)) return showPlugins();
  const log = el("div", { class: "log", role: "log", tabindex: "0", "aria-label": `Warnings and errors of ${plugin.name}` });
  const details = { version: Date.now(), lines: [], log };
  open.set(plugin.name, details);
  await showPlugins();
  const { items } = await call("GET", `/api/v1/plugins/${plugin.name}/logs?level=warn&limit=${MAX_LINES}`);
  log.replaceChildren(...(items.length === 0 ? ["No warnings and no errors."] : items.map(logLine)));
}

function logLine(line) {
  const error = line.error_message ? `: ${line.error_type ?? "Error"}: ${line.error_message}` : "";
  const trace = line.stack_trace ? `\n${line.stack_trace}` : "";
  return el("div", { class: line.level === "ERROR" ? "bad" : "warn" }, clock(line.timestamp), ` ${line.message}${error}${trace}`);
}

function metrics({ metrics }) {
  const milliseconds = (seconds) => (seconds === null ? "-" : `${(seconds * 1000).toFixed(2)} ms`);
  const facts = {
    Uptime: span(metrics.uptime_s),
    Restarts: metrics.restarts,
    Calls: metrics.calls,
    "Failed calls": metrics.call_errors,
    "Latency, median": milliseconds(metrics.latency_p50_s),
    "Latency, 99 %": milliseconds(metrics.latency_p99_s),
    "CPU time": `${metrics.cpu_s.toFixed(2)} s`,
    Memory: size(metrics.memory_bytes),
    Storage: size(metrics.storage_bytes),
    Queue: metrics.queue_depth,
    "Messages sent": metrics.messages_sent,
    "Replies dropped": metrics.replies_dropped,
    "HTTP requests": metrics.http_requests,
  };
  return el("dl", {}, ...Object.entries(facts).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

/** Shows the requested permissions with their risks, and accepts exactly that set. */
async function review(plugin) {
  const permissions = await call("GET", `/api/v1/plugins/${plugin.name}/permissions`);
  const entries = permissions.explained.flatMap(({ words, risk }) => [el("dt", { class: "text" }, words), el("dd", {}, risk)]);
  const dialog = el(
    "dialog",
    { "aria-label": `What ${plugin.name} asks for`, onclose: () => dialog.remove() },
    el("h2", {}, `${plugin.name} ${plugin.pending?.version ?? plugin.version} asks for`),
    entries.length === 0 ? el("p", {}, "no permissions") : el("dl", { class: "request" }, ...entries),
    el(
      "div",
      { class: "actions" },
      el("button", { type: "button", onclick: () => dialog.close() }, "Not now"),
      el(
        "button",
        { type: "button", "data-action": "accept", onclick: () => accept(plugin, permissions.permission_hash, dialog) },
        "Accept and enable",
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
}

async function accept(plugin, hash, dialog) {
  dialog.close();
  await act(known.get(plugin.name) ?? plugin, "enable", { accept: hash });
}
