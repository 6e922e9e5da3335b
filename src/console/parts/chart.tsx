import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export interface Series {
  readonly label: string;
  /** A custom property of the style sheet: `--accent`. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
  readonly unit?: string;
}

interface ChartProps {
  /** What a screen reader reads in place of the picture. */
  readonly label: string;
  /** s since 1970, ascending. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  readonly bars?: boolean;
  readonly height?: number;
  readonly from0?: boolean;
}

const FONT = "12px system-ui, sans-serif";
const colourOf = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function optionsOf({ series, bars = false, height = 170, from0 = true }: ChartProps, width: number): uPlot.Options {
  const axis = { stroke: colourOf("--soft"), font: FONT, grid: { stroke: colourOf("--line"), width: 1 }, ticks: { show: false } };
  const paths = bars ? uPlot.paths.bars?.({ size: [0.7, 40], align: 0 }) : undefined;
  return {
    width,
    height,
    cursor: { drag: { x: false, y: false }, points: { size: 6 } },
    legend: { live: true },
    hooks: { setLegend: [showLast] },
    scales: { x: { time: true }, y: from0 ? { range: (_, __, max) => [0, Math.max(1, max * 1.1)] } : {} },
    axes: [axis, { ...axis, size: 44 }],
    series: [
      { value: (_, at) => (at === null ? "" : new Date(at * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })) },
      ...series.map(({ label, colour, unit }) => ({
        label,
        stroke: colourOf(colour),
        fill: bars ? colourOf(colour) : `${colourOf(colour)}22`,
        width: bars ? 0 : 1.6,
        points: { show: false },
        spanGaps: true,
        ...(paths === undefined ? {} : { paths }),
        value: (_: uPlot, value: number | null) =>
          value === null || value === undefined ? "" : `${Math.round(value * 10) / 10}${unit ?? ""}`,
      })),
    ],
  };
}

/** Without a pointer over the plot its legend tells the last values. */
function showLast(plot: uPlot): void {
  if (plot.legend.idx === null || plot.legend.idx === undefined) plot.setLegend({ idx: plot.data[0].length - 1 }, false);
}

/** A plot over time, as wide as its place. It is drawn again when the place, the data or the colours change. */
export function Chart(props: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data = [props.times, ...props.series.map(({ values }) => values)] as unknown as uPlot.AlignedData;
  const shape = JSON.stringify(props.series.map(({ label, colour }) => [label, colour]));
  const latest = useRef({ props, data });
  latest.current = { props, data };
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const draw = () => {
      plot.current?.destroy();
      const made = new uPlot(optionsOf(latest.current.props, element.clientWidth), latest.current.data, element);
      plot.current = made;
      showLast(made);
    };
    draw();
    const resized = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (width > 0 && width !== plot.current?.width) plot.current?.setSize({ width, height: plot.current.height });
    });
    resized.observe(element);
    addEventListener("themechange", draw);
    return () => {
      resized.disconnect();
      removeEventListener("themechange", draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape]);
  useEffect(() => {
    plot.current?.setData(data);
    if (plot.current !== null) showLast(plot.current);
  }, [JSON.stringify(data)]);
  return <div class="chart" ref={place} role="img" aria-label={props.label} />;
}
