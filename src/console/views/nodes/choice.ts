/** What of the nodes is shown, and in which order; it stays while one looks at other views. */
import { signal } from "@preact/signals";
import type { NodeView } from "../../api/types.ts";

export type SortKey = "name" | "heard" | "snr" | "hops" | "battery" | "link";
export interface Sort {
  readonly key: SortKey;
  readonly descending: boolean;
}

export const search = signal("");
export const sort = signal<Sort>({ key: "heard", descending: true });
export const shape = signal<"table" | "map">("table");

const VALUES: Readonly<Record<SortKey, (node: NodeView) => string | number | undefined>> = {
  name: (node) => (node.long_name ?? node.id).toLowerCase(),
  heard: (node) => (node.is_own ? undefined : node.last_heard),
  snr: (node) => node.snr,
  hops: (node) => node.hops_away,
  battery: (node) => node.battery_level,
  link: (node) => node.link,
};

/** Nodes without a value come last, whichever way the list is sorted. */
export function filtered(all: ReadonlyMap<string, NodeView>, words: string, { key, descending }: Sort): NodeView[] {
  const wanted = words.trim().toLowerCase();
  const matches = ({ id, long_name = "", short_name = "", hardware = "", role = "" }: NodeView) =>
    [id, long_name, short_name, hardware, role].some((text) => text.toLowerCase().includes(wanted));
  const value = VALUES[key];
  return [...all.values()].filter(matches).sort((a, b) => {
    const [left, right] = [value(a), value(b)];
    if (left === right) return a.id.localeCompare(b.id);
    if (left === undefined || right === undefined) return left === undefined ? 1 : -1;
    return (left < right ? -1 : 1) * (descending ? -1 : 1);
  });
}
