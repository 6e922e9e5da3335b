import type { Json } from "zephyrgate";

export interface Quake {
  readonly id: string;
  readonly magnitude: number;
  readonly place: string;
  /** ms since 1970. */
  readonly time: number;
}

/** What of a GeoJSON feed can be used; anything else in it is left out. */
export function quakesOf(feed: Json): Quake[] {
  return listAt(feed, "features").flatMap((feature) => {
    const [id, facts] = [at(feature, "id"), at(feature, "properties")];
    const [magnitude, place, time] = [at(facts, "mag"), at(facts, "place"), at(facts, "time")];
    if (typeof id !== "string" || typeof magnitude !== "number" || typeof time !== "number") return [];
    return [{ id, magnitude, place: typeof place === "string" ? place : "somewhere", time }];
  });
}

function at(value: Json | undefined, key: string): Json | undefined {
  return isMap(value) ? value[key] : undefined;
}

function listAt(value: Json, key: string): readonly Json[] {
  const found = at(value, key);
  return Array.isArray(found) ? found : [];
}

function isMap(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
