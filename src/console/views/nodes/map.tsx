import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { MapView, NodeView } from "../../api/types.ts";
import { Empty } from "../../parts/card.tsx";
import { span } from "../../parts/format.tsx";
import { useLoaded } from "../../parts/loaded.ts";
import { printable } from "../../parts/printable.ts";
import { go } from "../../state/address.ts";
import { nodes } from "../../state/facts.ts";
import { may } from "../../state/me.ts";
import { now } from "../../state/time.ts";
import { filtered, search, sort } from "./choice.ts";
import { boundsOf, type Frame, isExact, type Place, placeOf, project, scaleBar } from "./projection.ts";
import { hostOf, Tiles } from "./tiles.tsx";

const HEIGHT = 480;
const ZOOM = 1.5;
const FRESH_MS = 3_600_000;
const OLD_MS = 24 * FRESH_MS;
const LABELS_MOST = 40;
/** What is left of a longer name. */
const LABEL_CHARS = 22;

/** A plot of positions; on tiles only where the operator has configured a host for them. */
export function NodeMap() {
  const tiles = useLoaded<MapView>("map").value?.tiles ?? null;
  const [tilesFail, setTilesFail] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(600);
  const [view, setView] = useState({ zoom: 1, x: 0, y: 0 });
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const resized = new ResizeObserver(() => setWidth(element.clientWidth));
    resized.observe(element);
    return () => resized.disconnect();
  }, []);
  const shown = filtered(nodes.value, search.value, sort.value);
  const places = shown.flatMap((node) => placeOf(node, isExact.value) ?? []);
  const frame: Frame = { ...boundsOf(places), width, height: HEIGHT, ...view };
  const zoom = (by: number) => setView((old) => ({ ...old, zoom: Math.min(200, Math.max(0.5, old.zoom * by)) }));
  return (
    <div class="map">
      <div class="row map-tools">
        <button type="button" aria-label="Zoom in" onClick={() => zoom(ZOOM)}>
          +
        </button>
        <button type="button" aria-label="Zoom out" onClick={() => zoom(1 / ZOOM)}>
          −
        </button>
        <button type="button" onClick={() => setView({ zoom: 1, x: 0, y: 0 })}>
          All
        </button>
        {may("operate") && (
          <label class="row">
            <input type="checkbox" checked={isExact.value} onChange={(event) => (isExact.value = event.currentTarget.checked)} /> Exact
            positions
          </label>
        )}
        <span class="hint">
          {places.length} of {shown.length} nodes have told a position
          {isExact.value ? "" : may("operate") ? "; rounded to about a kilometre" : "; rounded by the gateway"}
        </span>
        {tiles !== null && tilesFail && (
          <span class="hint" role="status">
            The map from {hostOf(tiles.url)} does not load.
          </span>
        )}
      </div>
      <div ref={box} class="map-box">
        {places.length === 0 ? (
          <Empty>No node has told its position.</Empty>
        ) : (
          <Plot places={places} frame={frame} move={setView} zoom={zoom}>
            {tiles !== null && <Tiles of={tiles} frame={frame} failed={setTilesFail} />}
          </Plot>
        )}
        {tiles !== null && places.length > 0 && <p class="map-source">{printable(tiles.attribution ?? hostOf(tiles.url))}</p>}
      </div>
    </div>
  );
}

interface PlotProps {
  readonly places: readonly Place[];
  readonly frame: Frame;
  move(change: (old: { zoom: number; x: number; y: number }) => { zoom: number; x: number; y: number }): void;
  zoom(by: number): void;
  /** Below the points. */
  readonly children: ComponentChildren;
}

function Plot({ places, frame, move, zoom, children }: PlotProps) {
  const dragged = useRef<{ x: number; y: number } | null>(null);
  const svg = useRef<SVGSVGElement>(null);
  useEffect(() => {
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2);
    };
    const element = svg.current;
    element?.addEventListener("wheel", wheel, { passive: false });
    return () => element?.removeEventListener("wheel", wheel);
  }, []);
  const drag = (event: PointerEvent) => {
    const from = dragged.current;
    if (from === null) return;
    dragged.current = { x: event.clientX, y: event.clientY };
    move((old) => ({ ...old, x: old.x + event.clientX - from.x, y: old.y + event.clientY - from.y }));
  };
  const bar = scaleBar(frame);
  const points = places.map((place) => ({ place, ...project(place, frame) }));
  const labelled = chooseLabels(points);
  return (
    <svg
      ref={svg}
      width={frame.width}
      height={frame.height}
      role="group"
      aria-label={`Positions of ${places.length} nodes, north above`}
      onPointerDown={(event) => {
        dragged.current = { x: event.clientX, y: event.clientY };
      }}
      onPointerMove={drag}
      onPointerUp={() => (dragged.current = null)}
      onPointerLeave={() => (dragged.current = null)}
    >
      {children}
      {points.map(({ place, x, y }) => (
        <Point key={place.node.id} node={place.node} x={x} y={y} />
      ))}
      <g class="labels">
        {points
          .filter(({ place }) => labelled.has(place.node.id))
          .map(({ place: { node }, x, y }) => (
            <text key={node.id} x={x + 9} y={y + 4}>
              {printable(node.long_name ?? node.id).slice(0, LABEL_CHARS)}
            </text>
          ))}
      </g>
      <g transform={`translate(14 ${frame.height - 16})`} class="scale">
        <path d={`M0 -5V0H${bar.px}V-5`} />
        <text x={bar.px + 8} y={2}>
          {bar.text}
        </text>
      </g>
    </svg>
  );
}

function Point({ node, x, y }: { readonly node: NodeView; readonly x: number; readonly y: number }) {
  const age = now.value - Date.parse(node.last_heard ?? "");
  const tone = node.is_own ? "own" : age < FRESH_MS ? "fresh" : age < OLD_MS ? "recent" : "old";
  const name = printable(node.long_name ?? node.id);
  const heard = node.is_own ? "this gateway" : Number.isNaN(age) ? "never heard" : `heard ${span(age / 1000)} ago`;
  const open = () => go("nodes", node.id);
  return (
    <g
      class={`point ${tone}`}
      role="button"
      tabIndex={0}
      aria-label={`${name}, ${heard}`}
      transform={`translate(${x} ${y})`}
      onClick={open}
      onKeyDown={(event) => event.key === "Enter" && open()}
    >
      <title>{`${name}, ${heard}`}</title>
      <circle r={12} class="reach" />
      <circle r={node.is_own ? 8 : 5.5} />
    </g>
  );
}

/** Labels that cover no other one; the gateway's own and the latest heard first. */
function chooseLabels(points: readonly { readonly place: Place; readonly x: number; readonly y: number }[]): ReadonlySet<string> {
  const taken = points.map(({ x, y }) => ({ x: x - 5, y, width: 10 }));
  const chosen = new Set<string>();
  const rank = ({ place: { node } }: { readonly place: Place }) => (node.is_own ? "~" : (node.last_heard ?? ""));
  for (const { place, x, y } of points.toSorted((a, b) => rank(b).localeCompare(rank(a)))) {
    const width = Math.min(LABEL_CHARS, (place.node.long_name ?? place.node.id).length) * 7.5 + 18;
    const start = x + 8;
    const isFree = taken.every((other) => Math.abs(other.y - y) > 14 || other.x + other.width < start || start + width < other.x);
    if (!isFree || chosen.size >= LABELS_MOST) continue;
    taken.push({ x: start, y, width });
    chosen.add(place.node.id);
  }
  return chosen;
}
