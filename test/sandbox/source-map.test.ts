import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Segment, SourceMapLines } from "../../src/sandbox/loader/source-map.ts";
import { stackMapper } from "../../src/sandbox/loader/stack.ts";

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

function number(value: number): string {
  let rest = value < 0 ? (-value << 1) | 1 : value << 1;
  let text = "";
  do {
    text += DIGITS[(rest & 31) | (rest > 31 ? 32 : 0)];
    rest >>>= 5;
  } while (rest > 0);
  return text;
}

type Plain = Omit<Segment, "isInherited">;

/** A map of these lines, as the format counts: each number as the difference from the one before. */
function encode(lines: readonly (readonly Plain[])[]): string {
  let before = { source: 0, sourceLine: 0, sourceColumn: 0 };
  return lines
    .map((segments) => {
      let column = 0;
      return segments
        .map((segment) => {
          const moved = [
            segment.column - column,
            segment.source - before.source,
            segment.sourceLine - before.sourceLine,
            segment.sourceColumn - before.sourceColumn,
          ];
          column = segment.column;
          before = segment;
          return moved.map(number).join("");
        })
        .join(",");
    })
    .join(";");
}

const small = fc.nat(5000);
const line = fc
  .array(fc.record({ column: small, source: fc.nat(9), sourceLine: small, sourceColumn: small }), { maxLength: 6 })
  .map((segments) => segments.sort((a, b) => a.column - b.column));

test("every line has the places that were written, in whatever order it is asked", () => {
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 20 }), fc.boolean(), (lines, backwards) => {
      const segmentsOf = new SourceMapLines(encode(lines)).use();
      const order = [...lines.keys()];
      for (const at of backwards ? order.reverse() : order) {
        const plain = segmentsOf(at)?.map(({ isInherited: _, ...segment }) => segment);
        expect(plain).toEqual([...(lines[at] ?? [])]);
      }
      expect(segmentsOf(lines.length)).toBeUndefined();
    }),
  );
});

test("a large map is reached in parts", () => {
  const lines = Array.from({ length: 150_000 }, (_, at) => [{ column: 0, source: 0, sourceLine: at, sourceColumn: 3 }]);
  const map = new SourceMapLines(encode(lines));
  expect(map.use()(149_999)).toBeUndefined();
  let uses = 1;
  while (map.use()(149_999) === undefined && uses < 10) uses++;
  expect(uses).toBeLessThan(10);
  expect(map.use()(149_999)?.[0]).toMatchObject({ sourceLine: 149_999, sourceColumn: 3 });
});

const MB = 1024 * 1024;
/** Twenty milliseconds are meant; a busy machine gets five times as much. */
const MOST_MS = 100;

test.each([
  ["of one line", "AAAA,CACA,".repeat((4 * MB) / 10)],
  ["of empty lines", ";".repeat(4 * MB)],
  ["of short lines", "AAAA;".repeat((4 * MB) / 5)],
  ["of one number without end", "g".repeat(4 * MB)],
  ["of what no map holds", "\u20ac!".repeat(2 * MB)],
  ["of long lines", `${"AAAA,".repeat(20_000)};`.repeat(40)],
])("a map of four megabytes %s holds nobody up", (_name, mappings) => {
  const mapped = stackMapper(JSON.stringify({ version: 3, sources: ["plugin:plugin.ts"], mappings }), "x.js");
  const stack = Array.from({ length: 50 }, (_unused, at) => `at x (x.js:${at * 16_000 + 1}:1)`).join("\n");
  mapped(stack); // Whatever is compiled first is not meant.
  const started = process.cpuUsage();
  expect(mapped(stack).split("\n")).toHaveLength(50);
  const { user, system } = process.cpuUsage(started);
  expect((user + system) / 1000).toBeLessThan(MOST_MS);
});
