import { signal } from "@preact/signals";
import type { NodeView } from "../../api/types.ts";

/** Whether positions are shown as they were told. Off: others who see this screen learn where somebody is only roughly. */
export const isExact = signal(false);

export interface Place {
  readonly node: NodeView;
  readonly latitude: number;
  readonly longitude: number;
}

interface Bounds {
  readonly latitude: number;
  readonly longitude: number;
  /** Degrees of latitude that must be in view, and of longitude, as wide as those. */
  readonly high: number;
  readonly wide: number;
}

export interface Frame extends Bounds {
  readonly width: number;
  readonly height: number;
  readonly zoom: number;
  readonly x: number;
  readonly y: number;
}

/** About a kilometre of latitude. */
const GRID = 0.01;
const LEAST = 0.005;
const MARGIN_PX = 48;
const KM_PER_DEGREE = 111.32;

const narrowing = (latitude: number) => Math.max(0.05, Math.cos((latitude * Math.PI) / 180));
const rounded = (degrees: number) => Math.round(degrees / GRID) * GRID;

/** A point of the cell of its own for each node, so that those of one cell do not cover each other: from the id, not from the position. */
function offsetOf(number: number): { readonly x: number; readonly y: number } {
  const mixed = Math.imul(number ^ (number >>> 15), 0x2c1b3c6d) >>> 0;
  return { x: ((mixed & 0xff) / 255 - 0.5) * GRID * 0.9, y: (((mixed >>> 8) & 0xff) / 255 - 0.5) * GRID * 0.9 };
}

/** Where a node is drawn; null: it told no position, or one that is none. */
export function placeOf(node: NodeView, exact: boolean): Place | null {
  const { latitude, longitude } = node.position ?? {};
  if (latitude === undefined || longitude === undefined || Math.abs(latitude) > 90 || Math.abs(longitude) > 180) return null;
  // 0, 0 is what a radio without a fix tells.
  if (latitude === 0 && longitude === 0) return null;
  if (exact || node.is_own) return { node, latitude, longitude };
  const offset = offsetOf(node.number);
  return { node, latitude: rounded(latitude) + offset.y, longitude: rounded(longitude) + offset.x };
}

export function boundsOf(places: readonly Place[]): Bounds {
  const latitudes = places.map((place) => place.latitude);
  const longitudes = places.map((place) => place.longitude);
  const middle = (values: readonly number[]) => (values.length === 0 ? 0 : (Math.min(...values) + Math.max(...values)) / 2);
  const spread = (values: readonly number[]) => (values.length === 0 ? 0 : Math.max(...values) - Math.min(...values));
  const latitude = middle(latitudes);
  return {
    latitude,
    longitude: middle(longitudes),
    high: Math.max(LEAST, spread(latitudes)),
    wide: Math.max(LEAST, spread(longitudes) * narrowing(latitude)),
  };
}

/** px for one degree of latitude. */
function scaleOf({ width, height, high, wide, zoom }: Frame): number {
  return Math.min(Math.max(1, width - 2 * MARGIN_PX) / wide, Math.max(1, height - 2 * MARGIN_PX) / high) * zoom;
}

export function project({ latitude, longitude }: Place, frame: Frame): { readonly x: number; readonly y: number } {
  const scale = scaleOf(frame);
  return {
    x: Math.round((frame.width / 2 + (longitude - frame.longitude) * narrowing(frame.latitude) * scale + frame.x) * 10) / 10,
    y: Math.round((frame.height / 2 - (latitude - frame.latitude) * scale + frame.y) * 10) / 10,
  };
}

/** A round length of about a hundred pixels. */
export function scaleBar(frame: Frame): { readonly px: number; readonly text: string } {
  const kmPerPx = KM_PER_DEGREE / scaleOf(frame);
  const rough = kmPerPx * 110;
  const power = 10 ** Math.floor(Math.log10(rough));
  const km = ([5, 2, 1].find((step) => step * power <= rough) ?? 1) * power;
  return { px: Math.round(km / kmPerPx), text: km < 1 ? `${Math.round(km * 1000)} m` : `${km} km` };
}
