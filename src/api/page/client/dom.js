// Everything is built from elements and text nodes, so texts from the mesh never become markup.

/** An element with properties (`class`, `on...` listeners, attributes) and children; strings become text. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined).map(printable));
  return element;
}

/** Bidirectional and invisible characters are shown as a replacement sign. */
function printable(child) {
  return child instanceof Node ? child : String(child).replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\u25af");
}

export function byId(id) {
  return document.getElementById(id);
}

/** Calls the API, below the path of the page. Throws an Error with the problem's text and its `status`. */
export async function call(method, path, body) {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  const response = await fetch(`.${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  if (response.status === 204) return null;
  const answer = await response.json();
  if (response.ok) return answer;
  const error = new Error([answer.where, answer.detail, answer.hint && `(${answer.hint})`].filter(Boolean).join(" "));
  error.status = response.status;
  throw error;
}

export function clock(time) {
  const at = new Date(time);
  return el("time", { datetime: time }, at.toLocaleTimeString());
}

export function span(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

export function size(bytes) {
  return bytes < 1048576 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1048576).toFixed(1)} MB`;
}

/** Shows an error where a screen reader announces it; null removes it. */
export function notice(text) {
  const place = byId("notice");
  place.hidden = text === null;
  place.textContent = text ?? "";
}
