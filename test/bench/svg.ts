/** A cost curve as a picture: one panel for each figure, both axes logarithmic, so that proportional growth is the dashed slope. */
import { type Curve, exponent, type Point } from "./curves.ts";

const WIDTH = 250;
const HEIGHT = 200;
const LEFT = 46;
const RIGHT = 12;
const TOP = 34;
const BOTTOM = 34;
const PANELS = [
  ["ready", "ready, ms"],
  ["p99", "command p99, ms"],
  ["memory", "memory, MB"],
] as const;

const short = (value: number) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(0) : value.toFixed(1));

export function plot({ name, unit, points }: Curve): string {
  const panels = PANELS.filter(([key]) => points.every((point) => point[key] !== null));
  const drawn = panels.map(([key, title], index) => panel(points, { at: index * WIDTH, title, unit, of: (point) => point[key] ?? 1 }));
  const size = `width="${WIDTH * panels.length}" height="${HEIGHT}" viewBox="0 0 ${WIDTH * panels.length} ${HEIGHT}"`;
  const style =
    "text{font:11px sans-serif;fill:#555}.t{font-weight:bold}.a{stroke:#999}.d{stroke:#999;stroke-dasharray:4 3}.c{stroke:#0a7a5c;stroke-width:2}";
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-label="cost by ${name}"><style>path{fill:none}${style}</style>${drawn.join("")}</svg>\n`;
}

interface Panel {
  readonly at: number;
  readonly title: string;
  readonly unit: string;
  readonly of: (point: Point) => number;
}

function panel(points: readonly Point[], { at, title, unit, of }: Panel): string {
  const values = points.map(of);
  const [low, high] = [Math.min(...values) / 2, Math.max(...values) * 2];
  const [from, to] = [points[0]?.at ?? 1, points.at(-1)?.at ?? 1];
  const x = (value: number) => at + LEFT + (Math.log(value / from) / Math.log(to / from)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number) => HEIGHT - BOTTOM - (Math.log(value / low) / Math.log(high / low)) * (HEIGHT - TOP - BOTTOM);
  const path = (pairs: readonly (readonly [number, number])[]) => `M${pairs.map(([a, b]) => `${a.toFixed(1)} ${b.toFixed(1)}`).join("L")}`;
  const curve = path(points.map((point) => [x(point.at), y(of(point))]));
  const first = values[0] ?? 1;
  // Proportional growth leaves the panel at its upper edge.
  const end = Math.min(to, (from * high) / first);
  const dashed = path([
    [x(from), y(first)],
    [x(end), y((first * end) / from)],
  ]);
  const label = (text: string, across: number, down: number, anchor: string, kind = "") =>
    `<text x="${across.toFixed(1)}" y="${down.toFixed(1)}" text-anchor="${anchor}"${kind}>${text}</text>`;
  return [
    label(`${title} (exponent ${exponent(points, of).toFixed(2)})`, at + LEFT, 18, "start", ' class="t"'),
    `<path class="a" d="M${at + LEFT} ${TOP}V${HEIGHT - BOTTOM}H${at + WIDTH - RIGHT}"/>`,
    `<path class="d" d="${dashed}"/><path class="c" d="${curve}"/>`,
    ...points.map((point) => label(point.at.toLocaleString("en"), x(point.at), HEIGHT - BOTTOM + 14, "middle")),
    ...points.map((point) => label(short(of(point)), x(point.at), y(of(point)) - 6, "middle")),
    label(unit, at + WIDTH - RIGHT, HEIGHT - 4, "end"),
  ].join("");
}
