/** From an engine's stack, in lines of the bundle, to the author's own files and lines. */
import * as v from "valibot";
import { type JsonLimits, parseJson } from "../../json-reader.ts";
import { type Segment, SourceMapLines } from "./source-map.ts";

const MAX_STACK = 16_384;
const MAX_FRAMES = 50;
/** A plugin of usual size has a few kilobytes. */
const MAX_MAPPINGS = 4 * 1024 * 1024;
const MAP_LIMITS: JsonLimits = { chars: 32 * 1024 * 1024, depth: 8, nodes: 20_000 };
const mapSchema = v.object({ sources: v.array(v.string()), mappings: v.string() });

interface Mapped {
  readonly sources: readonly string[];
  readonly lines: SourceMapLines;
}

/**
 * Maps a stack's `bundleFile:line:column` to `plugin.ts:line:column` with the loader's source map. The map is read at
 * the first use, in parts when it is large. A place that the map does not know stays as it is; a stack is cut at 50 lines and 16 KB.
 */
export function stackMapper(map: string, bundleFile: string): (stack: string) => string {
  let mapped: Mapped | undefined;
  const place = new RegExp(`${bundleFile.replace(/[.*+?^${"$"}{}()|[\\]\\\\]/g, "\\$&")}:(\\d{1,8})(?::(\\d{1,8}))?`, "g");
  return (stack) => {
    mapped ??= read(map);
    const { sources } = mapped;
    const segmentsOf = mapped.lines.use();
    const lines = stack.slice(0, MAX_STACK).split("\n", MAX_FRAMES);
    return lines
      .map((line) =>
        line.replace(
          place,
          (whole, row: string, column?: string) => find({ sources, segmentsOf }, Number(row), Number(column ?? 1)) ?? whole,
        ),
      )
      .join("\n");
  };
}

interface Place {
  readonly sources: readonly string[];
  /** Of a line of the bundle, from 0. */
  segmentsOf(line: number): readonly Segment[] | undefined;
}

/** Author's place for a place of the bundle, both counted from 1. */
function find(map: Place, line: number, column: number): string | undefined {
  const segments = map.segmentsOf(line - 1);
  // The engine gives the module's first line, which is the bundler's own, for whatever fails at top level without a call.
  if (line === 1 && segments?.length === 0 && map.sources.length === 1) return `${map.sources[0]}:1:1`;
  if (segments === undefined || segments.length === 0) return undefined;
  let [low, high] = [0, segments.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((segments[middle]?.column ?? 0) <= column - 1) low = middle;
    else high = middle - 1;
  }
  const found = segments[low];
  // What has no place of its own (reading a property has none) the engine puts before the function's name.
  const segment =
    found?.isInherited === true ? (segments[low + 1] ?? map.segmentsOf(line)?.find((next) => !next.isInherited) ?? found) : found;
  const source = segment === undefined ? undefined : map.sources[segment.source];
  return segment === undefined || source === undefined ? undefined : `${source}:${segment.sourceLine + 1}:${segment.sourceColumn + 1}`;
}

/** A map that is too large, or is not a map (it comes from the bundler's process), maps nothing. */
function read(text: string): Mapped {
  const map = parse(text);
  if (map === null || map.mappings.length > MAX_MAPPINGS) return { sources: [], lines: new SourceMapLines("") };
  return { sources: map.sources.map((source) => source.replace(/^plugin:/, "")), lines: new SourceMapLines(map.mappings) };
}

function parse(text: string): { sources: string[]; mappings: string } | null {
  // Not JSON, or another form: the stack is shown as the engine gave it.
  const parsed = parseJson(text, MAP_LIMITS);
  const checked = parsed.ok ? v.safeParse(mapSchema, parsed.value) : null;
  return checked?.success === true ? checked.output : null;
}
