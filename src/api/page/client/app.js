import { byId, call, el, notice, span } from "./dom.js";
import * as messages from "./messages.js";
import { pluginLog, showPlugins } from "./plugins.js";

const REFRESH_MS = 10_000;
const EVENTS = [
  "message_received",
  "message_status",
  "link_state",
  "plugin_started",
  "plugin_stopped",
  "plugin_failed",
  "permission_requested",
  "permission_changed",
  "alert",
  "log",
];

let source = null;
let timer = null;
let waiting = false;

async function start() {
  const token = /^#token=([\w-]+)$/.exec(location.hash)?.[1];
  if (token !== undefined) {
    // Removed first from the address bar and the history.
    history.replaceState(null, "", "./");
    if (!(await signIn(token))) return;
  }
  await enter();
}

async function signIn(token) {
  try {
    await call("POST", "/api/v1/session", { token });
    return true;
  } catch (error) {
    leave(error.status === 401 ? "This token is wrong." : error.message);
    return false;
  }
}

/** Shows the page, or the sign-in form without a session. */
async function enter() {
  try {
    await refresh();
    for (const message of (await call("GET", "/api/v1/messages?limit=50")).items.reverse()) messages.status(message);
  } catch (error) {
    leave(error.status === 401 ? null : error.message);
    return;
  }
  byId("sign-in").hidden = true;
  byId("main").hidden = false;
  byId("sign-out").hidden = false;
  listen();
  clearInterval(timer);
  timer = setInterval(() => {
    if (!document.hidden) soon();
  }, REFRESH_MS);
}

function leave(text) {
  source?.close();
  source = null;
  clearInterval(timer);
  byId("main").hidden = true;
  byId("sign-out").hidden = true;
  byId("sign-in").hidden = false;
  byId("summary").textContent = "";
  byId("messages").replaceChildren();
  notice(text);
  byId("token").focus();
}

function listen() {
  source?.close();
  source = new EventSource(`api/v1/events?types=${EVENTS.join(",")}&level=warn&replay=100`);
  const on = (name, run) => source.addEventListener(name, (event) => run(JSON.parse(event.data)));
  on("message_received", messages.received);
  on("message_status", messages.status);
  on("log", pluginLog);
  on("alert", (alert) => notice(alert.message));
  for (const name of EVENTS.filter((event) => /^(plugin|permission|link)_/.test(event))) on(name, soon);
  source.onerror = () => {
    byId("summary").textContent = "no connection; trying again";
    if (source?.readyState === EventSource.CLOSED) soon();
  };
  source.onopen = soon;
}

/** Reloads all data, once for a burst of events. */
function soon() {
  if (waiting) return;
  waiting = true;
  setTimeout(async () => {
    waiting = false;
    try {
      await refresh();
      if (source?.readyState === EventSource.CLOSED) listen();
    } catch (error) {
      if (error.status === 401) leave("The session has ended.");
      else byId("summary").textContent = "no connection; trying again";
    }
  }, 200);
}

async function refresh() {
  const status = await call("GET", "/api/v1/status");
  const mode = status.safe_mode ? ", SAFE MODE" : "";
  byId("summary").textContent = `${status.version}, up ${span(status.uptime_s)}${mode}, ${status.outbox.queued} messages waiting`;
  byId("links").replaceChildren(...status.links.map(link));
  await showPlugins();
}

function link({ name, type, target, state, reason, own_node, channel_utilization, counters }) {
  const grade = state === "up" ? "good" : state === "stopped" ? "bad" : "warn";
  const busy = channel_utilization === undefined ? null : `channel ${Math.round(channel_utilization * 100)} % busy`;
  const facts = [
    `${type} ${target}`,
    own_node && `node ${own_node}`,
    busy,
    `${counters.packets_in} packets in, ${counters.packets_out} out`,
  ];
  return el(
    "li",
    {},
    el(
      "div",
      { class: "head" },
      el("span", { class: "name" }, name),
      el("span", { class: grade }, state),
      el("span", { class: "facts" }, facts.filter(Boolean).join(", ")),
    ),
    reason ? el("div", { class: "hint text" }, reason) : null,
  );
}

byId("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  notice(null);
  const field = byId("token");
  const token = field.value.trim();
  field.value = "";
  if (await signIn(token)) await enter();
});
byId("sign-out").addEventListener("click", async () => {
  await call("DELETE", "/api/v1/session").catch(() => null);
  leave(null);
});
await start();
