import { parseLinkIndex } from "../../../channels.ts";
import { fail, ok, type Result } from "../../../errors.ts";
import { BROADCAST, channelIndex, type NodeNumber } from "../../../mesh/ids.ts";
import { broadcastRoutes, channelsOf, type Place, placeOn, type Route, type RouteBook, routesTo } from "../../../mesh/routes.ts";
import type { SendArgs } from "../../../sdk/boundary/wire.ts";
import type { CallOrigin } from "../../plugin/instance.ts";
import type { NodePort } from "../call/ports.ts";

/** Where a message goes, resolved to the mesh's own numbers. Each route is used once. */
export interface Address {
  readonly to: NodeNumber;
  readonly routes: readonly Route[];
}

export interface AddressBook extends RouteBook {
  readonly nodes: NodePort;
}

type Origin = Pick<CallOrigin, "context" | "link">;

/** sendMessage's destination and channel; with neither, the place the handled message came from. */
export function resolveAddress(args: Pick<SendArgs, "destination" | "channel">, origin: Origin, book: AddressBook): Result<Address> {
  const { destination, channel } = args;
  if (destination === undefined && channel === undefined) return originAddress(origin, book);
  const to = destination === undefined ? ok(BROADCAST) : book.nodes.resolve(destination);
  if (!to.ok) return to;
  if (to.value === BROADCAST) return broadcastAddress(channel, origin, book);
  if (channel === undefined) return addressed(to.value, routesTo(to.value, {}, book));
  if (typeof channel === "number") {
    if (channelIndex(channel) === null) return noIndex(channel);
    return addressed(to.value, routesTo(to.value, { channel, link: origin.link ?? book.nodes.get(to.value)?.link }, book));
  }
  const places = namedPlaces(channel, book);
  return places.ok ? addressed(to.value, [heardFirst(places.value, book.nodes.get(to.value)?.link)]) : places;
}

/** No link that told its channels has one of this name. */
export function isUnknownChannel(address: Result<Address>, { channel }: Pick<SendArgs, "channel">): boolean {
  return !address.ok && address.error.code === "not_found" && typeof channel === "string";
}

function addressed(to: NodeNumber, routes: readonly Route[]): Result<Address> {
  return routes.length > 0 ? ok({ to, routes }) : fail("not_found", "no interface is configured");
}

function originAddress(origin: Origin, book: AddressBook): Result<Address> {
  const { context, link } = origin;
  if (context === null) {
    return fail("invalid_argument", "sendMessage needs a destination here: no message from the mesh is being handled", {
      hint: 'give {destination: "broadcast"}, {destination: "!0a0b0c0d"} or {channel: 0}',
    });
  }
  const to = context.isDirect ? Number.parseInt(context.senderId.slice(1), 16) : BROADCAST;
  return addressed(to, routesTo(to, { link: link ?? undefined, channel: context.channel }, book));
}

function broadcastAddress(channel: SendArgs["channel"], origin: Origin, book: AddressBook): Result<Address> {
  if (channel === undefined) {
    // Where the handled message came from, else the first channel of every link.
    const wanted = origin.context === null ? {} : { link: origin.link ?? undefined, channel: origin.context.channel };
    return addressed(BROADCAST, routesTo(BROADCAST, wanted, book));
  }
  const places = typeof channel === "number" ? indexedPlace(channel, origin, book) : namedPlaces(channel, book);
  return places.ok ? addressed(BROADCAST, broadcastRoutes(places.value, book)) : places;
}

/** A bare index: of the link that the handled message came from, else of the only link. */
function indexedPlace(index: number, { link }: Origin, book: AddressBook): Result<Place[]> {
  if (channelIndex(index) === null) return noIndex(index);
  const links = book.links();
  const from = links.find(({ name }) => name === link) ?? (links.length === 1 ? links[0] : undefined);
  if (from !== undefined) return ok([placeOn(from, index)]);
  const candidates = links.map((each) => shown(placeOn(each, index))).join(", ");
  return fail("conflict", `channel ${index} is another channel on each link`, { hint: `name one of: ${candidates}` });
}

/** `LINK/INDEX`, or the exact name on each link that has it. */
function namedPlaces(name: string, book: AddressBook): Result<Place[]> {
  const links = book.links();
  const one = parseLinkIndex(name);
  const link = one === null ? undefined : links.find((each) => each.name === one.link);
  if (one !== null && link !== undefined) return ok([placeOn(link, one.index)]);
  const all = links.flatMap((each) => channelsOf(each).map((channel) => placeOn(each, channel.index)));
  const found = all.filter((place) => one === null && name !== "" && place.name === name);
  // One channel of a link under a name; the radio allows two, and the first is meant.
  const first = found.filter((place, at) => found.findIndex(({ link: of }) => of === place.link) === at);
  if (first.length > 0) return ok(first);
  const named = all
    .filter((place) => place.name !== undefined)
    .map(({ name: of, link: on, index }) => (links.length === 1 ? of : `${of} (${on}/${index})`));
  const silent = links.filter(({ channels }) => channels.length === 0).map((each) => each.name);
  const unknown = silent.length === 0 ? "" : `; not known yet, because their radios were never connected: ${silent.join(", ")}`;
  return fail("not_found", `no channel is called ${JSON.stringify(name)}`, {
    hint: `known: ${named.join(", ") || "none with a name"}${unknown}; or use an index 0-7`,
  });
}

function heardFirst(places: readonly Place[], link: string | undefined): Route {
  return [...places.filter((place) => place.link === link), ...places.filter((place) => place.link !== link)];
}

const shown = ({ link, index, name }: Place) => (name === undefined ? `${link}/${index}` : `${link}/${index} (${name})`);

function noIndex(channel: number): Result<never> {
  return fail("invalid_argument", `channel ${channel} is not an index from 0 to 7`);
}
