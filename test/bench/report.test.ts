import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Curve, exponent } from "./curves.ts";
import { lineOf, type Report, writeDocs } from "./report.ts";
import { isMet, row, spreadOf } from "./row.ts";
import { plot } from "./svg.ts";

const dir = mkdtempSync(join(tmpdir(), "zg-report-"));
afterAll(() => rmSync(dir, { recursive: true }));

const slow = row({ id: "ready.10", figure: "ready, 10 plugins", values: [300, 100, 200], unit: "ms", target: 150 });
const rate = row({
  id: "rate",
  section: "peers",
  figure: "commands",
  values: [5],
  unit: "/s",
  better: "higher",
  target: 4,
  note: "none lost",
});
const curve: Curve = {
  name: "plugins",
  unit: "plugins",
  points: [
    { at: 1, ready: 100, p99: 1, memory: 50 },
    { at: 100, ready: 1_000, p99: 1, memory: 100 },
  ],
};
const report: Report = {
  ...{ date: "2026-01-02", machine: "2 cores", commit: "abc", walls: "def", bun: "1.4.5", minutes: 7.4 },
  ...{ rows: [slow, rate], curves: [curve] },
};

test("a row is the median of its rounds, met or not, with its spread", () => {
  expect([slow.measured, isMet(slow), spreadOf(slow)]).toEqual([200, false, "100 to 300"]);
  expect([isMet(rate), spreadOf(rate), isMet(row({ id: "x", figure: "x", values: [1], unit: "ms" }))]).toEqual([true, "", null]);
  expect(lineOf(slow)).toMatch(/ready, 10 plugins +200 ms +<= 150 ms NO {2}100 to 300$/);
});

test("the page's tables are filled, each from its section, again and again; what has no rows stays", () => {
  const page = join(dir, "page.md");
  const before =
    "# Page\n<!-- bench:run -->\nold\n<!-- /bench -->\ntext\n<!-- bench:aims -->\n<!-- /bench -->\n<!-- bench:board -->\nkept\n<!-- /bench -->\n";
  writeFileSync(page, before);
  writeDocs(report, page);
  const once = readFileSync(page, "utf8");
  writeDocs(report, page);
  expect(readFileSync(page, "utf8")).toBe(once);
  expect(once).toContain("walls of def");
  expect(once).toContain("0 of 1 aims are met");
  expect(once).toContain("| ready, 10 plugins | 200 ms | 100 to 300 | <= 150 ms | no |  |");
  expect(once).not.toContain("commands");
  expect(once).not.toContain("old");
  expect(once).toContain("\nkept\n");
});

test("docs/performance.md has a place for each table", () => {
  const page = readFileSync(join(import.meta.dir, "../../docs/performance.md"), "utf8");
  for (const name of ["run", "aims", "further", "peers", "board", "hops"]) expect(page).toContain(`<!-- bench:${name} -->\n`);
});

test("a curve is drawn with its exponents, and a figure that does not depend on it is left out", () => {
  expect(exponent(curve.points, ({ ready }) => ready ?? 1)).toBeCloseTo(0.5);
  const picture = plot(curve);
  expect(picture).toContain("ready, ms (exponent 0.50)");
  expect(picture.match(/class="c"/g)).toHaveLength(3);
  expect(picture).not.toContain("NaN");
  const partial = plot({ ...curve, points: curve.points.map((point) => ({ ...point, ready: null })) });
  expect(partial.match(/class="c"/g)).toHaveLength(2);
});
