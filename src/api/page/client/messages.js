import { byId, clock, el } from "./dom.js";

const MAX_SHOWN = 200;
const GRADE = { delivered: "good", relayed: "good", failed: "bad", queued: "warn" };

/** Elements of our own messages by id, whose state changes. */
const sent = new Map();

/** A received text. */
export function received(message) {
  if (message.kind !== "text") return;
  const place = message.is_direct ? "direct" : `channel ${message.channel}`;
  const how = [
    place,
    message.hops_away === undefined ? null : `${message.hops_away} hops`,
    message.snr === undefined ? null : `SNR ${message.snr} dB`,
  ];
  add(
    el(
      "li",
      {},
      el(
        "div",
        { class: "head" },
        clock(message.received_at),
        el("span", { class: "name" }, `from ${message.from}`),
        el("span", { class: "facts" }, how.filter(Boolean).join(", ")),
      ),
      el("div", { class: "text" }, message.text),
    ),
  );
}

/** One of our own messages, new or in a new state. */
export function status(message) {
  const { id, state, reason } = message;
  const word = el("span", { class: GRADE[state] ?? "" }, reason ? `${state}: ${reason}` : state);
  const shown = sent.get(id);
  if (shown !== undefined) {
    shown.querySelector(".state").replaceChildren(word);
    return;
  }
  const by = message.sender.plugin ?? message.sender.kind;
  const place = message.to === "broadcast" ? `channel ${message.channel}` : message.to;
  const item = el(
    "li",
    {},
    el(
      "div",
      { class: "head" },
      clock(message.queued_at),
      el("span", { class: "name" }, `to ${place}`),
      el("span", { class: "facts" }, `by ${by}`),
      el("span", { class: "state" }, word),
    ),
    el("div", { class: "text" }, message.text),
  );
  item.dataset.id = id;
  sent.set(id, item);
  add(item);
}

function add(item) {
  const list = byId("messages");
  list.prepend(item);
  while (list.children.length > MAX_SHOWN) {
    sent.delete(list.lastChild.dataset.id);
    list.lastChild.remove();
  }
}
