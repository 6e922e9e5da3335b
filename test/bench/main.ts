/** `bun run bench [--quick | --long] [--only ROWS] [--json FILE]`: DESIGN's table of speed and size, measured now. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { jail } from "./jail.ts";
import { mesh } from "./mesh.ts";
import { region } from "./region.ts";
import { attacks, latency, quiet, type Row, type Settings, size, startAndMemory, storage, throughput } from "./rows.ts";

const PARTS = { start: startAndMemory, latency, throughput, attacks, storage, quiet, size, jail, mesh, region } as const;
const ROOT = join(import.meta.dir, "../..");

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    long: { type: "boolean", default: false },
    only: { type: "string" },
    json: { type: "string" },
    binary: { type: "string" },
  },
});
// Minutes of presence between a hundred sites are no part of the table.
const wanted = values.only?.split(",") ?? Object.keys(PARTS).filter((part) => part !== "region");
const unknown = wanted.filter((part) => !Object.hasOwn(PARTS, part));
if (unknown.length > 0) {
  console.error(`no such rows: ${unknown.join(", ")}; there are ${Object.keys(PARTS).join(", ")}`);
  process.exit(2);
}
const binary = values.binary ?? join(ROOT, "dist/zephyrgate");
if (!existsSync(binary)) {
  console.log("dist/zephyrgate is not there: building it");
  const built = await Bun.spawn([process.execPath, "run", "build"], { cwd: ROOT, stdout: "ignore", stderr: "inherit" }).exited;
  if (built !== 0) process.exit(1);
}

const settings: Settings = { binary, quick: values.quick, long: values.long };
const rows: Row[] = [];
console.log(["figure".padEnd(46), "measured".padStart(14), "target".padStart(14), "   ", "bare counterpart (ratio)"].join(" "));
for (const part of wanted as (keyof typeof PARTS)[]) {
  await PARTS[part](settings, (row) => {
    rows.push(row);
    console.log(lineOf(row));
  });
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
process.exit(0);

function isMet({ measured, target, better }: Row): boolean {
  return better === "lower" ? measured <= target : measured >= target;
}

function lineOf(row: Row): string {
  const { figure, measured, unit, target, better, bare, note } = row;
  const goal = Number.isNaN(target) ? "" : `${better === "lower" ? "<=" : ">="} ${shown(target)} ${unit}`;
  const verdict = goal === "" ? "   " : isMet(row) ? "ok " : "NO ";
  const beside = bare === undefined || unit === "x" ? "" : `${bare.what} ${shown(bare.value)} ${unit} (${shown(measured / bare.value)} x)`;
  const tail = [beside, note ?? ""].filter((text) => text !== "").join("; ");
  return [figure.padEnd(46), `${shown(measured)} ${unit}`.padStart(14), goal.padStart(14), verdict, tail].join(" ");
}

function shown(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
