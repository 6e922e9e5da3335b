/** `bun run bench`: the table of speed and size, measured now. docs/performance.md says what each option does. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Curve, curves } from "./curves.ts";
import { region } from "./region.ts";
import { aboutThisRun, HEADING, lineOf, type Report, writeDocs } from "./report.ts";
import type { Row, Settings } from "./row.ts";
import { attacks, killed } from "./rows/attacks.ts";
import { board } from "./rows/board.ts";
import { hops, latency, throughput } from "./rows/commands.ts";
import { jail } from "./rows/jail.ts";
import { mesh } from "./rows/mesh.ts";
import { peers } from "./rows/peers.ts";
import { quiet } from "./rows/quiet.ts";
import { size } from "./rows/size.ts";
import { all, start } from "./rows/start.ts";
import { storage } from "./rows/storage.ts";
import { plot } from "./svg.ts";

const PARTS = { start, all, latency, hops, throughput, storage, killed, attacks, quiet, size, jail, mesh, board, peers, region } as const;
type Part = keyof typeof PARTS;
/** Minutes of presence between a hundred sites are no part of the table. */
const ONLY_WHEN_NAMED: readonly string[] = ["region"];
const ROOT = join(import.meta.dir, "../..");

const { values } = parseArgs({
  options: {
    full: { type: "boolean", default: false },
    curves: { type: "boolean", default: false },
    rounds: { type: "string", default: "5" },
    only: { type: "string" },
    binary: { type: "string" },
    json: { type: "string" },
    from: { type: "string" },
    "write-docs": { type: "boolean", default: false },
  },
});

const report = values.from === undefined ? await run() : read(values.from);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
if (values["write-docs"]) writeDocs(report);
if (values.curves || (values["write-docs"] && report.curves.length > 0))
  for (const curve of report.curves) writeFileSync(join(ROOT, `docs/images/cost-${curve.name}.svg`), plot(curve));
process.exit(0);

function read(file: string): Report {
  const before: Report = JSON.parse(readFileSync(file, "utf8"));
  return before;
}

async function run(): Promise<Report> {
  const started = performance.now();
  const settings: Settings = { binary: await program(), full: values.full, rounds: Number(values.rounds) };
  const about = aboutThisRun();
  console.log(`commit ${about.commit}, walls of ${about.walls}, Bun ${about.bun}, ${about.machine}; medians of ${settings.rounds}`);
  const rows: Row[] = [];
  const wanted = parts();
  if (wanted.length > 0) console.log(HEADING);
  for (const part of wanted) {
    await PARTS[part](settings, (row) => {
      rows.push(row);
      console.log(lineOf(row));
    });
  }
  const found: Curve[] = values.curves || values.full ? await curves(settings) : [];
  return { ...about, minutes: (performance.now() - started) / 60_000, rows, curves: found };
}

/** With --curves alone, nothing but the curves. */
function parts(): Part[] {
  const names =
    values.only?.split(",") ?? (values.curves && !values.full ? [] : Object.keys(PARTS).filter((name) => !ONLY_WHEN_NAMED.includes(name)));
  const isPart = (name: string): name is Part => Object.hasOwn(PARTS, name);
  const unknown = names.filter((name) => !isPart(name));
  if (unknown.length === 0) return names.filter(isPart);
  console.error(`no such rows: ${unknown.join(", ")}; there are ${Object.keys(PARTS).join(", ")}`);
  process.exit(2);
}

/** The compiled program, made anew: what is measured is what this tree says. */
async function program(): Promise<string> {
  if (values.binary !== undefined) {
    if (existsSync(values.binary)) return values.binary;
    console.error(`there is no ${values.binary}`);
    process.exit(2);
  }
  const built = await Bun.spawn([process.execPath, "run", "build"], { cwd: ROOT, stdout: "ignore", stderr: "inherit" }).exited;
  if (built !== 0) process.exit(1);
  return join(ROOT, "dist/zephyrgate");
}
