/** Each view has its own address, behind the `#`: it works below any path of a proxy, and no server's log has it. */
import { computed, signal } from "@preact/signals";

export const VIEWS = ["overview", "messages", "nodes", "plugins", "region", "log", "settings"] as const;
export type ViewName = (typeof VIEWS)[number];

const hash = signal(location.hash);
addEventListener("hashchange", () => {
  hash.value = location.hash;
});

const parts = computed(() => {
  const [path = "", query = ""] = hash.value.replace(/^#\/?/, "").split("?", 2);
  return { path: path.split("/").map(decoded), query: new URLSearchParams(query) };
});

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // An address that somebody typed: it names nothing.
  }
}

export const view = computed<ViewName>(() => VIEWS.find((name) => name === parts.value.path[0]) ?? "overview");
/** What follows the view's name: `["c", "sim", "0"]`. */
export const rest = computed<readonly string[]>(() => parts.value.path.slice(1).filter((part) => part !== ""));
export const query = computed(() => parts.value.query);

export function addressOf(name: ViewName, ...more: readonly string[]): string {
  return `#/${[name, ...more.map(encodeURIComponent)].join("/")}`;
}

/** Another query at the same view: it is kept in the address, and adds nothing to the browser's history. */
export function setQuery(values: Readonly<Record<string, string>>): void {
  const [path = ""] = location.hash.split("?", 1);
  const words = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== "")).toString();
  history.replaceState(history.state, "", words === "" ? path : `${path}?${words}`);
  hash.value = location.hash;
}

export function go(name: ViewName, ...more: readonly string[]): void {
  location.hash = addressOf(name, ...more);
}
