import { namesChannel } from "../../channels.ts";
import type { AlertChannel } from "../../mesh/emergency/alert.ts";
import { broadcastRoutes, channelsOf, placeOn, type RouteBook } from "../../mesh/routes.ts";

/** The channels of `alerts.channels`, one for each separate mesh. A name or an index stands for that channel of each link, `LINK/INDEX` for one. */
export function alertChannels(wanted: readonly (number | string)[], book: RouteBook): AlertChannel[] {
  const places = book
    .links()
    .flatMap((link) => channelsOf(link).map(({ index }) => placeOn(link, index)))
    .filter((place) => wanted.some((word) => namesChannel(word, place)));
  return broadcastRoutes(places, book).map((route) => ({ name: nameOf(route[0]), route }));
}

function nameOf(place: AlertChannel["route"][number] | undefined): string {
  return place === undefined ? "" : (place.name ?? `${place.link}/${place.index}`);
}
