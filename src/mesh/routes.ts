/** Where a text goes: over which links, and on which channel of each. */
import { BROADCAST, type ChannelIndex, type NodeNumber } from "./ids.ts";
import type { Channel, LinkStatus } from "./link-status.ts";
import type { MeshNode } from "./node.ts";

/** One channel of one link. An index alone names nothing: each radio numbers its own channels. */
export interface Place {
  readonly link: string;
  readonly index: ChannelIndex;
  /** Absent when the radio names no such channel. */
  readonly name?: string;
}

/**
 * Places of which one is used: the first whose link is up. Never empty. A second place of one link is for a text that the
 * first could not carry, for want of a key or the channel.
 */
export type Route = readonly Place[];

/** What is known about links and nodes. */
export interface RouteBook {
  readonly nodes: {
    get(number: NodeNumber): MeshNode | undefined;
    /** Whether the two links hear the same nodes. */
    shareMesh(a: string, b: string): boolean;
  };
  links(): readonly Pick<LinkStatus, "name" | "channels">[];
}

/** What was asked for: both may be open. */
export interface WantedPlace {
  readonly link?: string | undefined;
  readonly channel?: ChannelIndex | undefined;
}

/** The channels of a link that are in use. */
export function channelsOf(link: Pick<LinkStatus, "channels">): readonly Channel[] {
  return link.channels.filter((channel) => channel.role !== "disabled");
}

export function placeOn(link: Pick<LinkStatus, "name" | "channels">, index: ChannelIndex): Place {
  const name = channelsOf(link).find((channel) => channel.index === index)?.name ?? "";
  return { link: link.name, index, ...(name === "" ? {} : { name }) };
}

/**
 * The routes of a text: one for a node, one for each separate mesh of a broadcast. Empty when no such link is configured
 * and no other can be used.
 */
export function routesTo(to: NodeNumber, wanted: WantedPlace, book: RouteBook): readonly Route[] {
  return to === BROADCAST ? broadcastRoutes(wantedPlaces(wanted, book), book) : nodeRoutes(to, wanted, book);
}

function wantedPlaces({ link, channel = 0 }: WantedPlace, book: RouteBook): Place[] {
  const links = book.links();
  return links.filter(({ name }) => link === undefined || name === link).map((each) => placeOn(each, channel));
}

/**
 * The link that was asked for or heard the node last, then all others. Without a key the channel matters: the one asked for,
 * those on which the node was heard, and on another link the channel of the same name.
 */
function nodeRoutes(to: NodeNumber, wanted: WantedPlace, book: RouteBook): Route[] {
  const links = book.links();
  const node = book.nodes.get(to);
  const preferred = [wanted.link, node?.link].find((name) => links.some((link) => link.name === name)) ?? links[0]?.name;
  const first = links.find(({ name }) => name === preferred);
  if (first === undefined) return [];
  const heardOn = node?.link === first.name ? node.channel : undefined;
  const place = placeOn(first, wanted.channel ?? heardOn ?? 0);
  const here = (node?.link === first.name ? (node.heardOn ?? []) : [])
    .filter((index) => index !== place.index && channelsOf(first).some((channel) => channel.index === index))
    .map((index) => placeOn(first, index));
  const others = links.filter((link) => link !== first).map((link) => sameNamed(link, place) ?? placeOn(link, 0));
  return [[place, ...here, ...others]];
}

/**
 * A route as it is now that a link has told its channels: its places there move to where their names are. A named channel that it does
 * not have takes no broadcast. The same object where nothing changed.
 */
export function placesNow(route: Route, link: Pick<LinkStatus, "name" | "channels">, isBroadcast: boolean): Route {
  const isRight = (place: Place) => place.link !== link.name || place.name === undefined || placeOn(link, place.index).name === place.name;
  if (route.every(isRight)) return route;
  return route.flatMap((place) => {
    if (isRight(place)) return [place];
    const moved = sameNamed(link, place);
    return moved === null && isBroadcast ? [] : [moved ?? place];
  });
}

/** One route for each separate mesh; links that hear the same nodes and have the same channel stand in for each other. */
export function broadcastRoutes(places: readonly Place[], book: RouteBook): Route[] {
  const routes: Place[][] = [];
  for (const place of places) {
    const known = routes.find((route) => route.some((each) => each.link === place.link || isOneChannel(each, place, book)));
    if (known === undefined) routes.push([place]);
    else if (known.every(({ link }) => link !== place.link)) known.push(place);
  }
  return routes.map((route) => [...route, ...alternatives(route, book)]);
}

function alternatives(route: readonly Place[], book: RouteBook): Place[] {
  const [first] = route;
  if (first === undefined) return [];
  return book.links().flatMap((link) => {
    if (route.some((place) => place.link === link.name)) return [];
    const place = sameNamed(link, first);
    return place !== null && isOneChannel(first, place, book) ? [place] : [];
  });
}

function isOneChannel(a: Place, b: Place, book: RouteBook): boolean {
  return a.name !== undefined && a.name === b.name && book.nodes.shareMesh(a.link, b.link);
}

function sameNamed(link: Pick<LinkStatus, "name" | "channels">, { name }: Place): Place | null {
  const found = name === undefined ? undefined : channelsOf(link).find((channel) => channel.name === name);
  return found === undefined ? null : { link: link.name, index: found.index, name: found.name };
}
