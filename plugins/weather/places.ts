import type { Context, Plugin } from "zephyrgate";
import { cached } from "./cache.ts";
import type { Config } from "./config.types.ts";
import type { Place } from "./model.ts";
import { findPlace } from "./services/open_meteo.ts";
import { wordsOf } from "./words.ts";

/** A place, or what to say in place of an answer. */
export type Where = { readonly place: Place } | { readonly say: string };

/** Exact enough for weather, and no more than a service needs to know of somebody. */
const rounded = (degrees: number) => Math.round(degrees * 100) / 100;

/** Some 25 km to each side. */
const NEAR_DEGREES = 0.25;

/** The place that is named, else where the sender is, else the default of the configuration. */
export async function whereIs(plugin: Plugin<Config>, name: string, context: Context | null, command: string): Promise<Where> {
  const t = wordsOf(plugin);
  if (name !== "") return named(plugin, name);
  const position = context?.senderProfile?.position;
  if (position !== undefined && (position.latitude !== 0 || position.longitude !== 0))
    return { place: withRegion(plugin, { name: t("here"), latitude: rounded(position.latitude), longitude: rounded(position.longitude) }) };
  return (await defaultPlace(plugin)) ?? { say: t("no_place", { command }) };
}

/** Null: the configuration names none. */
export async function defaultPlace(plugin: Plugin<Config>): Promise<Where | null> {
  const [latitude, longitude] = [plugin.getConfig("latitude"), plugin.getConfig("longitude")];
  const name = plugin.getConfig("place");
  if (latitude !== undefined && longitude !== undefined)
    return {
      place: withRegion(plugin, {
        name: name ?? wordsOf(plugin)("default_place"),
        latitude: rounded(latitude),
        longitude: rounded(longitude),
      }),
    };
  return name === undefined ? null : named(plugin, name);
}

/** Country and areas of the configuration hold at the default place, and near it. */
function withRegion(plugin: Plugin<Config>, place: Place): Place {
  const region = plugin.getConfig("warnings");
  const [north, east] = [plugin.getConfig("latitude"), plugin.getConfig("longitude")];
  if (region === undefined || north === undefined || east === undefined) return place;
  const isNear = Math.abs(place.latitude - north) < NEAR_DEGREES && Math.abs(place.longitude - east) < NEAR_DEGREES;
  return isNear ? { ...place, country: region.country, areas: region.areas } : place;
}

async function named(plugin: Plugin<Config>, name: string): Promise<Where> {
  const t = wordsOf(plugin);
  const shown = name.slice(0, 40);
  const place = await cached(plugin, `place.${name.toLowerCase().slice(0, 100)}`, () => findPlace(plugin, name.slice(0, 100)));
  if (!place.ok) return { say: place.why === "nothing" ? t("no_such_place", { name: shown }) : t("places_no_answer") };
  const { latitude, longitude, name: official, country, areas = [] } = place.value.value;
  const known = country === undefined ? {} : { country, areas };
  return { place: { name: official.slice(0, 40), latitude: rounded(latitude), longitude: rounded(longitude), ...known } };
}
