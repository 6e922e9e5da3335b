import { type Context, cutText, fitLines, type NodeInfo, type Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";
import { bearing, direction, distance, distanceText, type Point } from "./geo.ts";
import { ageOf, type Words, wordsOf } from "./words.ts";

const HOUR_MS = 3_600_000;
const POWERED = 101;
/** Closer than this two nodes are at one place, m: positions are not exact. */
const SAME_PLACE_M = 10;
const NAME_WORDS = 8;
const ME: ReadonlySet<string> = new Set(["me", "ich", "mich"]);

type Found = { readonly node: NodeInfo } | { readonly why: string };

/** Who is on the mesh, and where. */
export class People {
  constructor(private readonly plugin: Plugin<Config>) {}

  async info(): Promise<string> {
    const t = wordsOf(this.plugin);
    const nodes = await this.#others();
    const { links } = await this.plugin.getNetworkStatus();
    const states = links.map(({ name, state }) => t(state === "up" ? "link_up" : "link_down", { name })).join(", ");
    const values = { version: this.plugin.gatewayVersion, nodes: nodes.length, heard: heardWithin(nodes, HOUR_MS), links: states };
    return cutText(t("info", values));
  }

  async count(): Promise<string> {
    const nodes = await this.#others();
    const t = wordsOf(this.plugin);
    return t("nodes", { nodes: nodes.length, hour: heardWithin(nodes, HOUR_MS), day: heardWithin(nodes, 24 * HOUR_MS) });
  }

  async lastHeard(args: readonly string[]): Promise<string> {
    const t = wordsOf(this.plugin);
    const nodes = (await this.#others()).filter(({ lastHeard }) => lastHeard !== undefined);
    const from = Math.max(1, Math.floor(Number(args[0])) || 1);
    const lines = nodes
      .slice(from - 1)
      .map((node) => t("lheard", { name: nameOf(node), age: ageOf(t, node.lastHeard ?? 0), how: howHeard(t, node) }));
    if (lines.length === 0) return nodes.length === 0 ? t("lheard_none") : t("lheard_end", { count: nodes.length });
    return fitLines(lines, { more: (shown) => t("lheard_more", { from: from + shown }) }).text;
  }

  whoAmI({ senderId, senderName, senderProfile, message }: Context): string {
    const t = wordsOf(this.plugin);
    const { hopsAway, snr } = message;
    const hops = hopsAway === undefined ? "" : hopsAway === 0 ? t("whoami_direct") : t("whoami_hops", { count: hopsAway });
    const signal = snr === undefined || hopsAway !== 0 ? "" : t("whoami_signal", { snr });
    const place = senderProfile?.position === undefined ? "" : t("whoami_place", written(senderProfile.position));
    return t("whoami", { name: senderName, id: senderId, how: hops + signal, place });
  }

  async whoIs(args: readonly string[], { senderId }: Context): Promise<string> {
    const t = wordsOf(this.plugin);
    if (args.length === 0) return t("usage_whois");
    const found = await this.#find(args.join(" "), senderId);
    if ("why" in found) return found.why;
    const { node } = found;
    const { shortName, hardware, role, batteryLevel, lastHeard } = node;
    const facts = [
      shortName === undefined ? "" : t("fact_short", { short: shortName }),
      hardware === undefined ? "" : t("fact_hardware", { hardware }),
      role === undefined ? "" : t("fact_role", { role }),
      batteryLevel === undefined ? "" : batteryLevel >= POWERED ? t("fact_powered") : t("fact_battery", { percent: batteryLevel }),
      lastHeard === undefined ? t("fact_never") : t("fact_heard", { age: ageOf(t, lastHeard) }) + howHeard(t, node),
    ];
    return cutText(t("whois", { name: nameOf(node), id: node.id, facts: facts.join("") }));
  }

  async whereIs(args: readonly string[], { senderId, senderProfile }: Context): Promise<string> {
    const t = wordsOf(this.plugin);
    if (args.length === 0) return t("usage_whereis");
    const found = await this.#find(args.join(" "), senderId);
    if ("why" in found) return found.why;
    const { node } = found;
    const { position } = node;
    if (position === undefined) return t("no_place", { name: nameOf(node) });
    const own = senderProfile?.position;
    const isOther = own !== undefined && node.id !== senderId;
    return t("whereis", {
      name: nameOf(node),
      ...written(position),
      age: position.time === undefined ? "" : t("whereis_age", { age: ageOf(t, position.time * 1000) }),
      distance: isOther ? t("whereis_distance", this.#way(own, position)) : "",
    });
  }

  async howFar(args: readonly string[], { senderId, senderProfile }: Context): Promise<string> {
    const t = wordsOf(this.plugin);
    if (args.length === 0) return t("usage_howfar");
    const both = args.length > 1 ? await this.#two(args, senderId) : null;
    const to = both?.to ?? (await this.#find(args.join(" "), senderId));
    if ("why" in to) return to.why;
    if (both === null && to.node.id === senderId) return t("howfar_self");
    const from = both === null ? senderProfile : both.from.node;
    if (to.node.position === undefined) return t("no_place", { name: nameOf(to.node) });
    if (from?.position === undefined) return both === null ? t("no_place_own") : t("no_place", { name: nameOf(both.from.node) });
    const names = { to: nameOf(to.node), from: both === null ? t("you") : nameOf(both.from.node) };
    // A direction of some metres is an error of the two positions.
    if (distance(from.position, to.node.position) < SAME_PLACE_M) return cutText(t("howfar_same", names));
    const degrees = bearing(from.position, to.node.position);
    return cutText(t("howfar", { ...names, ...this.#way(from.position, to.node.position), degrees }));
  }

  /** Two nodes, unless all words together are one name. Names may have blanks: the first way to divide the words that gives two nodes counts. */
  async #two(
    args: readonly string[],
    senderId: string,
  ): Promise<{ readonly from: { readonly node: NodeInfo }; readonly to: Found } | null> {
    if ("node" in (await this.#find(args.join(" "), senderId))) return null;
    let half: { readonly from: { readonly node: NodeInfo }; readonly to: Found } | null = null;
    for (let at = 1; at < Math.min(args.length, NAME_WORDS); at++) {
      const from = await this.#find(args.slice(0, at).join(" "), senderId);
      if ("why" in from) continue;
      const to = await this.#find(args.slice(at).join(" "), senderId);
      if ("node" in to) return { from, to };
      half ??= { from, to };
    }
    return half;
  }

  #way(from: Point, to: Point): { readonly distance: string; readonly bearing: string } {
    const t = wordsOf(this.plugin);
    return {
      distance: distanceText(t, distance(from, to), this.plugin.getConfig("units")),
      bearing: direction(t, bearing(from, to)),
    };
  }

  async #others(): Promise<NodeInfo[]> {
    return (await this.plugin.getNodes()).filter(({ isOwn }) => !isOwn);
  }

  /** By id, long or short name in any case, else by the beginning of a name; `me` is the sender, where no node has that name. */
  async #find(words: string, senderId: string): Promise<Found> {
    const t = wordsOf(this.plugin);
    const wanted = words
      .trim()
      .toLowerCase()
      .replace(/^@(?=.)/, "");
    const nodes = await this.plugin.getNodes();
    const names = (node: NodeInfo) =>
      [node.id, node.id.slice(1), node.longName ?? "", node.shortName ?? ""].map((name) => name.toLowerCase());
    const named = nodes.filter((node) => names(node).includes(wanted));
    const same = named.length === 0 && ME.has(wanted) ? nodes.filter(({ id }) => id === senderId) : named;
    const found = same.length > 0 ? same : nodes.filter((node) => wanted !== "" && names(node).some((name) => name.startsWith(wanted)));
    const [only] = found;
    if (only === undefined) return { why: cutText(t("unknown", { name: cutText(words.trim(), 60) })) };
    if (found.length > 1) return { why: cutText(t("several", { names: found.map((node) => `${nameOf(node)} ${node.id}`).join(", ") })) };
    return { node: only };
  }
}

export function nameOf({ longName, id }: Pick<NodeInfo, "longName" | "id">): string {
  return longName === undefined || longName === "" ? id : longName;
}

function heardWithin(nodes: readonly NodeInfo[], ms: number): number {
  return nodes.filter(({ lastHeard }) => lastHeard !== undefined && Date.now() - lastHeard <= ms).length;
}

function howHeard(t: Words, { hopsAway, snr }: NodeInfo): string {
  if (hopsAway === undefined) return "";
  if (hopsAway > 0) return t("how_hops", { count: hopsAway });
  return snr === undefined ? "" : t("how_direct", { snr });
}

function written({ latitude, longitude }: Point): { readonly latitude: string; readonly longitude: string } {
  return { latitude: latitude.toFixed(5), longitude: longitude.toFixed(5) };
}
