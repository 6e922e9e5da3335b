/**
 * The topics of a region. The sender's id is part of each, so that the broker's access list can keep a user to the topics of its
 * own site: ROOT/VERSION/REGION/SENDER/{site, all, to/RECEIVER, key/RECEIVER}. `site` and `key` are kept by the broker.
 */
import { isSiteId } from "../keys/identity.ts";
import type { SiteId } from "../ports.ts";

export const ROOT = "zephyrgate";
export const WIRE_VERSION = 1;

export type Place =
  | { readonly kind: "site" | "all"; readonly from: SiteId }
  | { readonly kind: "to" | "key"; readonly from: SiteId; readonly to: SiteId };

export const rootOf = (region: string) => `${ROOT}/${WIRE_VERSION}/${region}`;

export function topicOf(region: string, place: Place): string {
  const head = `${rootOf(region)}/${place.from}/${place.kind}`;
  return place.kind === "to" || place.kind === "key" ? `${head}/${place.to}` : head;
}

/** Presence is read in every version, to name sites that speak another one. */
export function filtersOf(region: string, self: SiteId): string[] {
  const root = rootOf(region);
  return [`${ROOT}/+/${region}/+/site`, `${root}/+/all`, `${root}/+/to/${self}`, `${root}/+/key/${self}`];
}

/** Null: no topic of this version of a region. */
export function readTopic(region: string, topic: string): Place | null {
  const root = `${rootOf(region)}/`;
  if (!topic.startsWith(root)) return null;
  const [from, kind, to, more] = topic.slice(root.length).split("/");
  if (!isSiteId(from) || more !== undefined) return null;
  if ((kind === "site" || kind === "all") && to === undefined) return { kind, from };
  return (kind === "to" || kind === "key") && isSiteId(to) ? { kind, from, to } : null;
}
