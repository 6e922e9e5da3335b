import { signal } from "@preact/signals";
import type { NodeView } from "../../api/types.ts";

/** Whether positions are shown as they were told. Off: others who see this screen learn where somebody is only roughly. */
export const isExact = signal(false);

export interface Place {
  readonly node: NodeView;
  readonly latitude: number;
  readonly longitude: number;
}

/** In units of the world: 0 to 1 from west to east and from north to south, in the projection of web maps. */
interface Bounds {
  readonly east: number;
  readonly south: number;
  readonly latitude: number;
  /** What must be in view. */
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
/** Of the world's width. */
const LEAST = 0.005 / 360;
const MARGIN_PX = 48;
const KM_AROUND = 40_075.016;
/** Beyond it this projection has no map. */
const MOST_LATITUDE = 85.05;

const rounded = (degrees: number) => Math.round(degrees / GRID) * GRID;

/** Web Mercator. */
function worldOf({ latitude, longitude }: { readonly latitude: number; readonly longitude: number }): { east: number; south: number } {
  const north = (Math.min(MOST_LATITUDE, Math.max(-MOST_LATITUDE, latitude)) * Math.PI) / 180;
  return { east: (longitude + 180) / 360, south: (1 - Math.asinh(Math.tan(north)) / Math.PI) / 2 };
}

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
  const worlds = places.map(worldOf);
  const middle = (values: readonly number[]) => (values.length === 0 ? 0.5 : (Math.min(...values) + Math.max(...values)) / 2);
  const spread = (values: readonly number[]) => (values.length === 0 ? 0 : Math.max(...values) - Math.min(...values));
  const [easts, souths] = [worlds.map(({ east }) => east), worlds.map(({ south }) => south)];
  return {
    east: middle(easts),
    south: middle(souths),
    latitude: places.length === 0 ? 0 : middle(places.map(({ latitude }) => latitude)),
    high: Math.max(LEAST, spread(souths)),
    wide: Math.max(LEAST, spread(easts)),
  };
}

/** px for the width of the world. */
function scaleOf({ width, height, high, wide, zoom }: Frame): number {
  return Math.min(Math.max(1, width - 2 * MARGIN_PX) / wide, Math.max(1, height - 2 * MARGIN_PX) / high) * zoom;
}

export function project(place: Place, frame: Frame): { readonly x: number; readonly y: number } {
  const scale = scaleOf(frame);
  const { east, south } = worldOf(place);
  return {
    x: Math.round((frame.width / 2 + (east - frame.east) * scale + frame.x) * 10) / 10,
    y: Math.round((frame.height / 2 + (south - frame.south) * scale + frame.y) * 10) / 10,
  };
}

/** A round length of about a hundred pixels. */
export function scaleBar(frame: Frame): { readonly px: number; readonly text: string } {
  const kmPerPx = (KM_AROUND * Math.cos((Math.min(MOST_LATITUDE, Math.abs(frame.latitude)) * Math.PI) / 180)) / scaleOf(frame);
  const rough = kmPerPx * 110;
  const power = 10 ** Math.floor(Math.log10(rough));
  const km = ([5, 2, 1].find((step) => step * power <= rough) ?? 1) * power;
  return { px: Math.round(km / kmPerPx), text: km < 1 ? `${Math.round(km * 1000)} m` : `${km} km` };
}

export interface Tile {
  readonly z: number;
  readonly x: number;
  readonly y: number;
  /** Of x, without going round the world. */
  readonly column: number;
  readonly left: number;
  readonly top: number;
  readonly size: number;
}

const TILE_PX = 256;
/** A wide screen needs about forty. */
const MOST_TILES = 120;

/** The tiles that cover the frame, at the zoom whose tiles are nearest to their own size. */
export function tilesOf(frame: Frame, maxZoom: number): Tile[] {
  const scale = scaleOf(frame);
  const z = Math.min(maxZoom, Math.max(0, Math.round(Math.log2(scale / TILE_PX))));
  const count = 2 ** z;
  const size = scale / count;
  const [left, top] = [frame.width / 2 + frame.x - frame.east * scale, frame.height / 2 + frame.y - frame.south * scale];
  const tiles: Tile[] = [];
  for (let y = Math.max(0, Math.floor(-top / size)); y < count && top + y * size < frame.height; y++) {
    for (let x = Math.floor(-left / size); left + x * size < frame.width; x++) {
      if (tiles.length >= MOST_TILES) return tiles;
      // Beyond 180 degrees the world goes on from its other end.
      tiles.push({ z, x: ((x % count) + count) % count, y, column: x, left: left + x * size, top: top + y * size, size });
    }
  }
  return tiles;
}
