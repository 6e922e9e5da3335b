import type { Words } from "./words.ts";

export interface Point {
  readonly latitude: number;
  readonly longitude: number;
}

/** Mean radius of the earth, m. */
const EARTH_M = 6_371_008.8;
const METRES_PER_MILE = 1609.344;
const FEET_PER_METRE = 3.28084;
const radians = (degrees: number) => (degrees * Math.PI) / 180;

/** Along the great circle, m. */
export function distance(from: Point, to: Point): number {
  const [a, b] = [radians(from.latitude), radians(to.latitude)];
  const halfLatitude = Math.sin((b - a) / 2);
  const halfLongitude = Math.sin(radians(to.longitude - from.longitude) / 2);
  const haversine = halfLatitude ** 2 + Math.cos(a) * Math.cos(b) * halfLongitude ** 2;
  return 2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(haversine)));
}

/** Where to go at the start, degrees from north, 0 to 359. */
export function bearing(from: Point, to: Point): number {
  const [a, b] = [radians(from.latitude), radians(to.latitude)];
  const across = radians(to.longitude - from.longitude);
  const east = Math.sin(across) * Math.cos(b);
  const north = Math.cos(a) * Math.sin(b) - Math.sin(a) * Math.cos(b) * Math.cos(across);
  return (Math.round((Math.atan2(east, north) * 180) / Math.PI) + 360) % 360;
}

/** One of the eight directions, in the words of the language. */
export function direction(t: Words, degrees: number): string {
  return t("bearings").split(" ")[Math.round(degrees / 45) % 8] ?? "";
}

export function distanceText(t: Words, metres: number, units: "metric" | "imperial"): string {
  if (units === "metric") {
    return metres < 1000 ? t("metres", { count: Math.round(metres / 10) * 10 }) : t("kilometres", { count: short(t, metres / 1000) });
  }
  const miles = metres / METRES_PER_MILE;
  return miles < 0.2 ? t("feet", { count: Math.round((metres * FEET_PER_METRE) / 10) * 10 }) : t("miles", { count: short(t, miles) });
}

const short = (t: Words, value: number) => (value < 100 ? value.toFixed(1).replace(".", t("decimal")) : String(Math.round(value)));
